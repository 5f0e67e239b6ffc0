//! Follows a publication: finds the newest head, verifies it, and brings a replica to it in one commit.
//!
//! Refuses by name, and keeps its state: an older head than one that it has applied, another history, an object that is not
//! the one that the head says. Decides nothing: the replica's store does.

mod fetch;
mod history;
mod status;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use policy_store::{Applied, Checkpoint, ErrorDetail, PolicyStore, Replica, Timestamp, ZoneChoice};
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::fetch::{Fetch, required};
pub use self::status::{Status, StatusHandle};
use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::head::{HEAD_BYTES, Head, PublicationTrust};
use crate::object::delta::{DELTA_BYTES, Delta, LogDelta};
use crate::object::layout;
use crate::search::{Newest, newest};

/// Deltas that are read at once.
const DELTAS_AT_ONCE: usize = 8;
/// Deltas that a follower reads: no publisher lets its tiles grow older.
const DELTAS: u64 = 1_000;
/// Bytes of all deltas that a follower keeps.
const DELTAS_BYTES: usize = 64 * 1024 * 1024;

/// A follower of a publication, with a store of its own.
///
/// [`poll`](Self::poll) looks once; [`run`](Self::run) looks at intervals. Decisions go through [`store`](Self::store), on any
/// thread, at any time. [`status`](Self::status) tells the age of the rules. The caller decides how old they may be.
///
/// A future of it that is dropped in the middle of a poll leaves the replica as it was, or at the new head.
#[derive(Debug)]
pub struct Follower {
    bucket: Bucket,
    trust: PublicationTrust,
    replica: Replica,
    zones: ZoneChoice,
    max_age: Option<Duration>,
    status: StatusHandle,
    /// Whether the replica may need more than the heads have that come after the one that was applied.
    from_tiles: bool,
    /// A damaged head, and whether its log is of another history.
    diagnosed: Option<(Head, bool)>,
}

/// The outcome of a poll without an error.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing was published since the last poll.
    Unchanged,
    /// There is no publication yet.
    Empty,
    /// The replica is at a newer head.
    Applied(Applied),
}

impl Follower {
    /// A follower of all zones, that calls no age too old.
    #[must_use]
    pub fn new(bucket: Bucket, trust: PublicationTrust, replica: Replica) -> Self {
        let status = StatusHandle::new(Arc::new(Timestamp::now));
        Self {
            bucket,
            trust,
            replica,
            zones: ZoneChoice::All,
            max_age: None,
            status,
            from_tiles: true,
            diagnosed: None,
        }
    }

    /// Follows chosen zones.
    #[must_use]
    pub fn zones(self, zones: ZoneChoice) -> Self {
        // The newest head has to be applied again.
        Self { zones, from_tiles: true, ..self }
    }

    /// The age from which on a poll fails as `frozen`. A publisher repeats its newest head each minute by default, so a few
    /// minutes are a good value.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Sets the clock. By default, the operating system's clock.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { status: StatusHandle::new(Arc::new(clock)), ..self }
    }

    /// The store, for reading and deciding. It refuses writes.
    #[must_use]
    pub fn store(&self) -> &PolicyStore {
        self.replica.store()
    }

    /// The state of this follower, for other threads.
    #[must_use]
    pub fn status(&self) -> StatusHandle {
        self.status.clone()
    }

    /// Looks for a newer head, and applies the newest.
    ///
    /// # Errors
    ///
    /// The replica keeps its state. `rollback`, `fork`, `not_signed` and `damaged` name the object; the follower tries again
    /// with the next poll. `unavailable` if the storage does not answer. With `frozen` and `clock`, which say that the newest
    /// head is too old or from the future, what was published was applied all the same. `store` if the replica's own file
    /// fails.
    pub async fn poll(&mut self) -> Result<Polled> {
        let polled = self.follow().await?;
        match polled {
            Polled::Empty => Ok(polled),
            _ => self.status.check_fresh(self.max_age.unwrap_or(Duration::MAX)).map(|()| polled),
        }
    }

    /// Polls, and again after each interval, until `stop` is ready. Passes each outcome to `observe`. A poll that is under way
    /// ends first.
    pub async fn run(
        &mut self,
        interval: Duration,
        stop: impl Future<Output = ()>,
        mut observe: impl FnMut(&Result<Polled>),
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            observe(&self.poll().await);
            if tokio::time::timeout(interval, &mut stop).await.is_ok() {
                return;
            }
        }
    }

    async fn follow(&mut self) -> Result<Polled> {
        let mut failed: Option<(u64, Error)> = None;
        loop {
            let Some(head) = self.find().await? else { return Ok(Polled::Empty) };
            if !self.from_tiles && self.status.head().as_ref() == Some(&head) {
                return Ok(Polled::Unchanged);
            }
            // The publisher removes what belongs to old heads: only of the same head an error is final.
            if let Some((_, error)) = failed.take_if(|(number, _)| *number == head.number) {
                return Err(if self.is_of_another_history(&head).await {
                    let problem = "its log does not begin with the entries of the replica".to_owned();
                    Error::Fork { object: head.name(), problem }
                } else {
                    error
                });
            }
            match self.bring_to(&head).await {
                Ok(applied) => {
                    self.status.set(head);
                    self.from_tiles = false;
                    return Ok(Polled::Applied(applied));
                }
                Err(error @ Error::Damaged { .. }) => failed = Some((head.number, error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The newest head, verified and not older than the one that was applied. None if there is no publication yet.
    async fn find(&mut self) -> Result<Option<Head>> {
        let (seen, own) = (self.status.head(), self.replica.checkpoint()?);
        let known = seen.as_ref().map_or(0, |seen| seen.number);
        let Some(Newest { number, bytes, known: now }) = newest(&self.bucket, known).await? else {
            return match own {
                None => Ok(None),
                Some(_) => Err(Error::Rollback {
                    object: layout::head(known),
                    problem: "it was applied, and is gone".to_owned(),
                }),
            };
        };
        let head = self.trust.read(number, bytes)?;
        if let Some(own) = own {
            compare(&head, &own)?;
        }
        if seen.is_some_and(|seen| seen.bytes != now) {
            // The bucket was put back, and the publisher went on: the logs show whether it is the same history.
            self.from_tiles = true;
        }
        Ok(Some(head))
    }

    /// Brings the replica to a head.
    async fn bring_to(&self, head: &Head) -> Result<Applied> {
        let deltas = self.deltas(head).await?;
        let (replica, zones, to) = (self.replica.clone(), self.zones.clone(), head.checkpoint);
        let applied = self.fetching(head, deltas, move |fetch| {
            let applied = replica.apply(&to, &zones, fetch);
            applied.map_err(|error| fetch.failed.take().unwrap_or_else(|| named(error, &to)))
        });
        applied.await.map_err(|error| match error {
            Error::Rollback { problem, .. } => Error::Rollback { object: head.name(), problem },
            Error::Fork { problem, .. } => Error::Fork { object: head.name(), problem },
            error => error,
        })
    }

    /// Whether the store's log of a damaged head does not begin with that of the replica. Reads the whole log, once for a head.
    async fn is_of_another_history(&mut self, head: &Head) -> bool {
        if let Some((_, is_other)) = self.diagnosed.as_ref().filter(|(diagnosed, _)| diagnosed == head) {
            return *is_other;
        }
        let is_other = self.compare_history(head).await.unwrap_or(false);
        self.diagnosed = Some((head.clone(), is_other));
        is_other
    }

    async fn compare_history(&self, head: &Head) -> Result<bool> {
        let Some(own) = self.replica.checkpoint()? else { return Ok(false) };
        let (deltas, to) = (self.deltas_from(head, None).await?, head.checkpoint);
        let begins = self.fetching(head, deltas, move |fetch| history::begins_with(fetch, &own, &to));
        Ok(!begins.await?)
    }

    /// Runs work that reads and blocks, on a thread where it may. If the future is dropped, the work ends with its next read.
    async fn fetching<T: Send + 'static>(
        &self,
        head: &Head,
        deltas: Vec<LogDelta>,
        work: impl FnOnce(&mut Fetch) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (_wanted, wanted) = watch::channel(());
        let mut fetch = Fetch::new(self.bucket.clone(), Handle::current(), Arc::new(deltas), wanted);
        let working = tokio::task::spawn_blocking(move || work(&mut fetch));
        working.await.map_err(|problem| Error::unavailable(head.name(), problem))?
    }

    /// The entries of a head that the replica does not have, as far as deltas have them.
    async fn deltas(&self, head: &Head) -> Result<Vec<LogDelta>> {
        // Before the first poll it is not known which head the replica is at, and more zones may have been chosen.
        let seen = self.status.head().filter(|_| !self.from_tiles);
        self.deltas_from(head, seen.map(|seen| seen.number.saturating_add(1))).await
    }

    /// The entries of a head from the head `next` on, or those that its tiles do not have. The names of deltas depend on heads that are not verified: a wrong one gives entries that do not lead to the head.
    async fn deltas_from(&self, head: &Head, next: Option<u64>) -> Result<Vec<LogDelta>> {
        let newest = self.delta(&head.delta_name(), head.number).await?;
        let Some(logs) = newest.logs else { return Ok(Vec::new()) };
        let after_tiles = newest.tiles.saturating_add(1);
        let first = match next {
            Some(next) if next == head.number => next,
            Some(next) => next.max(after_tiles),
            None => after_tiles,
        };
        if first > head.number {
            return Ok(Vec::new());
        }
        let too_many =
            || Error::damaged(head.delta_name(), format!("too many entries since the tiles of head {}", newest.tiles));
        if head.number - first > DELTAS {
            return Err(too_many());
        }
        let read = (first..head.number).map(|number| async move {
            let name = layout::head(number);
            let bytes = required(&self.bucket, &name, HEAD_BYTES).await?;
            Ok::<_, Error>(self.delta(&layout::delta(number, &bytes), number).await?.logs.unwrap_or_default())
        });
        let (mut deltas, mut bytes) = (Vec::new(), 0_usize);
        let mut read = std::pin::pin!(futures_util::stream::iter(read).buffered(DELTAS_AT_ONCE));
        while let Some(logs) = read.next().await {
            let logs = logs?;
            bytes = bytes.saturating_add(logs.iter().map(LogDelta::bytes).sum());
            if bytes > DELTAS_BYTES {
                return Err(too_many());
            }
            deltas.extend(logs);
        }
        deltas.extend(logs);
        Ok(deltas)
    }

    async fn delta(&self, name: &str, number: u64) -> Result<Delta> {
        let bytes = required(&self.bucket, name, DELTA_BYTES).await?;
        Delta::read(&bytes, number).map_err(|problem| Error::damaged(name, problem))
    }
}

/// Refuses a head that is not later than a checkpoint.
fn compare(head: &Head, own: &Checkpoint) -> Result<()> {
    let to = &head.checkpoint;
    if to.log_id != own.log_id {
        let problem = format!("of log {}, the replica follows {}", to.log_id, own.log_id);
        return Err(Error::Fork { object: head.name(), problem });
    }
    if to.size < own.size {
        let problem = format!("{} entries, the replica has {}", to.size, own.size);
        return Err(Error::Rollback { object: head.name(), problem });
    }
    if to.size == own.size && to.root != own.root {
        let problem = format!("another root of {} entries than the replica has", to.size);
        return Err(Error::Fork { object: head.name(), problem });
    }
    Ok(())
}

/// The error of this crate for an error of the replica.
fn named(error: policy_store::Error, to: &Checkpoint) -> Error {
    let (object, problem) = (layout::log(to.log_id), error.to_string());
    match error.detail() {
        ErrorDetail::Replicated { log_id, .. } => Error::damaged(layout::log(*log_id), problem),
        ErrorDetail::ReplicaFork { .. } => Error::Fork { object, problem },
        ErrorDetail::ReplicaRollback { .. } => Error::Rollback { object, problem },
        _ => Error::Store(error),
    }
}
