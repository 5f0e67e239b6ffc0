//! Follows a publication: finds the newest head, verifies it, and brings a replica to it in one commit.
//!
//! Refuses by name, and keeps its state: an older head than one that it has applied, another history, an object that is not
//! the one that the head says. Decides nothing: the replica's store does.

mod fetch;
mod status;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use policy_store::{Applied, Checkpoint, ErrorDetail, PolicyStore, Replica, Timestamp, ZoneChoice};
use tokio::runtime::Handle;

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
    /// A head whose log begins with that of the replica, although an object of it is damaged.
    own_history: Option<u64>,
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
        Self { bucket, trust, replica, zones: ZoneChoice::All, max_age: None, status, own_history: None }
    }

    /// Follows chosen zones.
    #[must_use]
    pub fn zones(self, zones: ZoneChoice) -> Self {
        Self { zones, ..self }
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
        match self.max_age {
            Some(max_age) if polled != Polled::Empty => self.status.check_fresh(max_age).map(|()| polled),
            _ => Ok(polled),
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
            if self.status.head().as_ref() == Some(&head) {
                return Ok(Polled::Unchanged);
            }
            // The publisher removes what belongs to old heads: only of the same head an error is final.
            match failed {
                Some((number, error)) if number == head.number => return Err(error),
                _ => {}
            }
            match self.bring_to(&head).await {
                Ok(applied) => {
                    self.status.set(head);
                    return Ok(Polled::Applied(applied));
                }
                Err(error @ Error::Damaged { .. }) => failed = Some((head.number, error)),
                Err(error) => return Err(error),
            }
        }
    }

    /// The newest head, verified and not older than the one that was applied. None if there is no publication yet.
    async fn find(&self) -> Result<Option<Head>> {
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
        if let Some(seen) = seen.filter(|seen| seen.bytes != now) {
            return Err(self.replaced(&seen, now));
        }
        let head = self.trust.read(number, bytes)?;
        if let Some(own) = own {
            compare(&head, &own)?;
        }
        Ok(Some(head))
    }

    /// The error of a head that was applied, and is another one now.
    fn replaced(&self, seen: &Head, now: bytes::Bytes) -> Error {
        match self.trust.read(seen.number, now) {
            Err(error) => error,
            Ok(head) => compare(&head, &seen.checkpoint).err().unwrap_or_else(|| Error::Fork {
                object: head.name(),
                problem: "it was applied, and is another head now".to_owned(),
            }),
        }
    }

    /// Brings the replica to a head.
    async fn bring_to(&mut self, head: &Head) -> Result<Applied> {
        let deltas = self.deltas(head).await?;
        match self.apply(&self.replica, &self.zones, head, deltas.clone()).await {
            // Entries that do not follow those of the replica: damaged, or of another history.
            Err(error @ Error::Damaged { .. }) if self.own_history != Some(head.number) => {
                match self.has_own_history(head, deltas).await {
                    Ok(false) => {
                        let problem = "its log does not begin with the entries of the replica".to_owned();
                        return Err(Error::Fork { object: head.name(), problem });
                    }
                    Ok(true) => self.own_history = Some(head.number),
                    Err(_) => {}
                }
                Err(error)
            }
            applied => applied,
        }
    }

    /// Whether the store's log of a head begins with that of the replica. Reads the whole log, and verifies it.
    async fn has_own_history(&self, head: &Head, deltas: Vec<LogDelta>) -> Result<bool> {
        let Some(own) = self.replica.checkpoint()? else { return Ok(true) };
        let other = PolicyStore::builder().replica_in_memory()?;
        self.apply(&other, &ZoneChoice::Only([].into()), head, deltas).await?;
        Ok(other.store().snapshot()?.checkpoint_at(own.size)? == own)
    }

    async fn apply(
        &self,
        replica: &Replica,
        zones: &ZoneChoice,
        head: &Head,
        deltas: Vec<LogDelta>,
    ) -> Result<Applied> {
        let handle = Handle::current();
        let (bucket, replica, zones, to) = (self.bucket.clone(), replica.clone(), zones.clone(), head.checkpoint);
        let applying = tokio::task::spawn_blocking(move || {
            let mut fetch = Fetch::new(bucket, handle, deltas);
            let applied = replica.apply(&to, &zones, &mut fetch);
            applied.map_err(|error| {
                fetch.failed.take().unwrap_or_else(|| named(&error, &to).unwrap_or(Error::Store(error)))
            })
        });
        let applied = applying.await.map_err(|problem| Error::unavailable(head.name(), problem))?;
        applied.map_err(|error| match error {
            Error::Rollback { problem, .. } => Error::Rollback { object: head.name(), problem },
            Error::Fork { problem, .. } => Error::Fork { object: head.name(), problem },
            error => error,
        })
    }

    /// The entries of a head that its tiles do not have. The names of deltas depend on heads that are not verified: a wrong
    /// one gives entries that do not lead to the head.
    async fn deltas(&self, head: &Head) -> Result<Vec<LogDelta>> {
        let newest = self.delta(&head.delta_name(), head.number).await?;
        let Some(logs) = newest.logs else { return Ok(Vec::new()) };
        // Before the first poll it is not known which head the replica is at, and more zones may have been chosen.
        let first = match self.status.head().map(|seen| seen.number.saturating_add(1)) {
            Some(next) if next == head.number => next,
            Some(next) => next.max(newest.tiles.saturating_add(1)),
            None => newest.tiles.saturating_add(1),
        };
        if first > head.number {
            return Ok(Vec::new());
        }
        let earlier = first..head.number;
        let read = earlier.map(|number| async move {
            let name = layout::head(number);
            let bytes = required(&self.bucket, &name, HEAD_BYTES).await?;
            Ok::<_, Error>(self.delta(&layout::delta(number, &bytes), number).await?.logs.unwrap_or_default())
        });
        let deltas: Vec<_> = futures_util::stream::iter(read).buffered(DELTAS_AT_ONCE).try_collect().await?;
        Ok(deltas.into_iter().flatten().chain(logs).collect())
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

/// The error of this crate for an error of the replica that is about what it was given.
fn named(error: &policy_store::Error, to: &Checkpoint) -> Option<Error> {
    let object = || layout::log(to.log_id);
    match error.detail() {
        ErrorDetail::Replicated { log_id, .. } => Some(Error::damaged(layout::log(*log_id), error)),
        ErrorDetail::ReplicaFork { .. } => Some(Error::Fork { object: object(), problem: error.to_string() }),
        ErrorDetail::ReplicaRollback { .. } => Some(Error::Rollback { object: object(), problem: error.to_string() }),
        _ => None,
    }
}
