//! Publishes a store: seals, signs, and puts heads with their deltas and tiles. `docs/replicas.md` describes the objects.
//!
//! Does not read the objects of logs again: it knows them from the store.

mod builder;
mod finish;
mod next;
mod puts;
mod reader;
mod resume;
mod rules;
mod run;
mod sizes;
mod tiles;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use policy_store::attestation::Signer;
use policy_store::note::NoteKey;
use policy_store::{Actor, Checkpoint, LogId, PolicyStore, Timestamp};

pub use self::builder::{PublisherBuilder, Witness};
use self::reader::{Reader, blocking};
use self::resume::State;
use self::rules::ChosenRules;
pub use self::rules::{PublishedRules, RulesOutcome};
use self::sizes::Sizes;
use crate::age::Clock;
use crate::bucket::{Bucket, Created};
use crate::error::{Error, Result};
use crate::head::PublicationTrust;
use crate::object::layout::{self, Tile};

/// Is told every outcome of the loop.
type Observer = Box<dyn Fn(&Result<Published>) + Send + Sync>;

/// The settings of a publisher.
struct Config {
    store: PolicyStore,
    bucket: Bucket,
    key: NoteKey,
    signer: Arc<dyn Signer>,
    actor: Actor,
    trust: PublicationTrust,
    witness: Option<Arc<dyn Witness>>,
    clock: Clock,
    repeat_after: Duration,
    tiles_after: u64,
    poll_every: Duration,
    observer: Observer,
}

/// Publishes a store to a bucket: see the [crate](crate).
///
/// It belongs to the one process that writes the store. It needs the features `rt` and `time` of a tokio runtime. Calls of the
/// store run on the runtime's threads for blocking work.
///
/// It can be killed, or its future dropped, at any point: the next call, or the next publisher, goes on from the bucket.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
///
/// use policy_store::attestation::Ed25519Signer;
/// use policy_store::note::NoteKey;
/// use policy_store::{Actor, PolicyStore};
/// use policy_store_replica::{Bucket, Outcome, Publisher};
///
/// let (store, ops) = (PolicyStore::builder().in_memory()?, Actor::platform("ops")?);
/// store.write(&ops, |w| w.create_zone("acme").map(drop))?;
///
/// let signer = Ed25519Signer::new("2026-a", &[7; 32])?; // use 32 random bytes
/// let key = NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?;
/// let mut publisher = Publisher::builder(&store, Bucket::memory(), key, Arc::new(signer), ops).build()?;
///
/// let published = publisher.publish().await?;
/// assert_eq!((published.number, published.outcome), (0, Outcome::New));
/// assert_eq!(publisher.publish().await?.outcome, Outcome::Unchanged);
/// # Ok(())
/// # }
/// ```
pub struct Publisher {
    config: Arc<Config>,
    /// None after an error, and before the first call.
    state: Option<State>,
    /// A head that was there.
    known: Option<(u64, Bytes)>,
    /// A head that was put without an answer.
    pending: Option<Pending>,
    /// Tiles of a head that is put, which were there with other bytes before. The publisher that had put those may have put them
    /// again before it lost.
    replaced: Vec<(LogId, Tile)>,
    /// The number of commits of the store that the newest head has. None if there may be more.
    commits: Option<u64>,
    /// The end of the last publication of the loop.
    published_at: Option<tokio::time::Instant>,
    rules: Vec<ChosenRules>,
}

/// A head under way.
#[derive(Clone)]
struct Pending {
    number: u64,
    bytes: Bytes,
    replaced: Vec<(LogId, Tile)>,
}

/// The newest head after a call of [`Publisher::publish`].
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Published {
    /// The number of the head.
    pub number: u64,
    /// The checkpoint of the store's log in it.
    pub checkpoint: Checkpoint,
    /// The time in it.
    pub time: Timestamp,
    /// The effect of the call.
    pub outcome: Outcome,
    /// The signed rules of each target that was chosen, in the order of the calls of [`PublisherBuilder::rules`].
    pub rules: Vec<PublishedRules>,
}

/// The effect of a call of [`Publisher::publish`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A head with new entries was put.
    New,
    /// A head without new entries was put, since the last one had become old.
    Repeated,
    /// Nothing was put: the newest head has all entries, and is young.
    Unchanged,
}

impl Publisher {
    /// Sets up a publisher of `store`. `key` is the public key of `signer`, and its name is that of the publication. `actor` is
    /// the one who seals.
    pub fn builder(
        store: &PolicyStore,
        bucket: Bucket,
        key: NoteKey,
        signer: Arc<dyn Signer>,
        actor: Actor,
    ) -> PublisherBuilder {
        PublisherBuilder::new(store.clone(), bucket, key, signer, actor)
    }

    /// Publishes the entries that are new. Without any, puts a head with a new time if the newest one is a minute old.
    ///
    /// The first call finds the newest head, and finishes the work of a publisher that was killed.
    ///
    /// # Errors
    ///
    /// `fork`, `behind`, `fenced` and `rollback`: find out who else publishes, or writes the store. `not_signed`: the publication has
    /// another key. `damaged`: an object of this publication has other bytes. `unavailable`: try again; also if a zone was erased
    /// while it was published. `store`: the store or the signer failed.
    pub async fn publish(&mut self) -> Result<Published> {
        self.commits = None;
        self.put_pending().await?;
        // An error, or a dropped future, leaves the state in the bucket.
        let mut state = match self.state.take() {
            Some(state) => state,
            None => {
                // Another publisher may have put rules meanwhile.
                self.rules.iter_mut().for_each(ChosenRules::forget);
                resume::resume(&self.config, self.known.as_ref()).await?
            }
        };
        self.check_replaced(&state.sizes).await?;
        if state.has_leftovers {
            finish::leftovers(&self.config, &mut state).await?;
        }
        let (mut published, commits) = self.next(&mut state).await?;
        self.known = state.head.as_ref().map(|head| (head.number, head.bytes.clone()));
        (self.state, self.commits) = (Some(state), commits);
        published.rules = self.put_rules(published.outcome).await;
        Ok(published)
    }

    /// Puts the head again whose answer was lost. It can only be there with the same bytes, or lost to another publisher.
    async fn put_pending(&mut self) -> Result<()> {
        let Some(Pending { number, bytes, replaced }) = self.pending.clone() else { return Ok(()) };
        let object = layout::head(number);
        let created = self.config.bucket.create(&object, bytes.clone()).await?;
        self.pending = None;
        match created {
            Created::Yes => {
                self.known = Some((number, bytes));
                self.replaced.extend(replaced);
            }
            Created::Differs => return Err(Error::Fenced { object }),
        }
        Ok(())
    }

    /// Compares the tiles that were replaced once more, and puts those again that differ. Nobody else puts them from now on: the
    /// head is there. `sizes` are those of a head.
    async fn check_replaced(&mut self, sizes: &Sizes) -> Result<()> {
        if self.replaced.is_empty() {
            return Ok(());
        }
        let (store, sizes) = (self.config.store.clone(), sizes.clone());
        let sizes = blocking(move || {
            let now = store.checkpoint()?.size;
            sizes.advance(&store, now)
        });
        let sizes = sizes.await?;
        let mut reader = Reader::new(self.config.store.clone(), sizes.store);
        let kept: Vec<_> =
            self.replaced.iter().filter(|(log_id, _)| !sizes.erased.contains_key(log_id)).copied().collect();
        tiles::put_again(&self.config.bucket, &mut reader, &kept).await?;
        self.replaced.clear();
        Ok(())
    }
}

/// Whether a head with this time is so old that it is repeated. A time that is as far ahead was signed by a wrong clock.
fn is_due(time: Timestamp, now: Timestamp, after: Duration) -> bool {
    u128::from(now.as_micros().abs_diff(time.as_micros())) >= after.as_micros()
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { bucket, key, actor, .. } = &*self.config;
        let newest = self.state.as_ref().and_then(|state| state.head.as_ref()).map(|head| head.number);
        f.debug_struct("Publisher")
            .field("bucket", &bucket.to_string())
            .field("key", key)
            .field("actor", actor)
            .field("newest", &newest)
            .finish_non_exhaustive()
    }
}
