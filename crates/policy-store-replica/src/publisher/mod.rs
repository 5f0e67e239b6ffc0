//! Publishes a store: seals, signs, and puts heads with their deltas and tiles. `docs/replicas.md` describes the objects.
//!
//! Does not read the objects of logs again: it knows them from the store.

mod builder;
mod finish;
mod puts;
mod reader;
mod resume;
mod run;
mod sizes;
mod tiles;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use policy_store::attestation::Signer;
use policy_store::note::NoteKey;
use policy_store::{Actor, Checkpoint, PolicyStore, Timestamp};

pub use self::builder::{PublisherBuilder, Witness};
use self::reader::{Reader, blocking};
use self::resume::State;
use self::sizes::{Growth, Sizes};
use crate::bucket::{Bucket, Created};
use crate::error::{Error, Result};
use crate::head::{self, Head, PublicationTrust};
use crate::object::delta::{Delta, LogDelta};

/// Zones in one entry of a seal.
const ZONES_OF_ENTRY: u64 = 1_000;

/// The settings of a publisher.
struct Config {
    store: PolicyStore,
    bucket: Bucket,
    key: NoteKey,
    signer: Arc<dyn Signer>,
    actor: Actor,
    trust: PublicationTrust,
    witness: Option<Arc<dyn Witness>>,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    repeat_after: Duration,
    tiles_after: u64,
    poll_every: Duration,
    observer: Box<dyn Fn(&Result<Published>) + Send + Sync>,
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
    /// A head that is known to be there, or 0.
    known: u64,
    /// A head that was put without an answer.
    pending: Option<(u64, Bytes)>,
    /// The number of entries in the store when it was published last.
    entries: Option<u64>,
}

/// The newest head after a call of [`Publisher::publish`].
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The number of the head.
    pub number: u64,
    /// The checkpoint of the store's log in it.
    pub checkpoint: Checkpoint,
    /// The time in it.
    pub time: Timestamp,
    /// The effect of the call.
    pub outcome: Outcome,
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
    #[must_use]
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
        self.entries = None;
        self.put_pending().await?;
        // An error, or a dropped future, leaves the state in the bucket.
        let mut state = match self.state.take() {
            Some(state) => state,
            None => resume::resume(&self.config, self.known).await?,
        };
        if state.has_leftovers {
            finish::leftovers(&self.config, &mut state).await?;
        }
        let (published, entries) = self.next(&mut state).await?;
        self.known = published.number;
        (self.state, self.entries) = (Some(state), entries);
        Ok(published)
    }

    /// Puts the head again whose answer was lost. It can only be there with the same bytes, or lost to another publisher.
    async fn put_pending(&mut self) -> Result<()> {
        let Some((number, bytes)) = self.pending.clone() else { return Ok(()) };
        let object = crate::object::layout::head(number);
        let created = self.config.bucket.create(&object, bytes).await?;
        self.pending = None;
        match created {
            Created::Yes => self.known = number,
            Created::Differs => return Err(Error::Fenced { object }),
        }
        Ok(())
    }

    /// Puts the next head, if there is a reason for one. Also returns the entries of the store, if all of them are in the newest head.
    async fn next(&mut self, state: &mut State) -> Result<(Published, Option<u64>)> {
        let config = self.config.clone();
        // A cosignature has whole seconds.
        let now = (config.clock)();
        let now = Timestamp::from_micros(now.as_micros() - now.as_micros() % 1_000_000);
        let before = state.sizes.clone();
        let (store, actor) = (config.store.clone(), config.actor.clone());
        let (to, sizes, entries) = blocking(move || seal(&store, &actor, before)).await?;
        let outcome = match &state.head {
            Some(head) if head.checkpoint == to && !is_due(head.time, now, config.repeat_after) => {
                let published =
                    Published { number: head.number, checkpoint: to, time: head.time, outcome: Outcome::Unchanged };
                return Ok((published, entries));
            }
            Some(head) if head.checkpoint == to => Outcome::Repeated,
            _ => Outcome::New,
        };
        let number = state.head.as_ref().map_or(Some(0), |head| head.number.checked_add(1));
        let number = number.ok_or_else(|| Error::damaged("heads", "no number is left"))?;
        let (tiles, logs) = put_logs(&config, state, number, outcome, to, &sizes).await?;
        let delta = Delta {
            tiles: if tiles { number } else { state.tiles.as_ref().map_or(number, |tiles| tiles.number) },
            logs,
        };

        let signing = config.clone();
        let bytes = blocking(move || sign(&signing, to, now)).await?;
        let head = Head { number, checkpoint: to, time: now, bytes };
        let name = head.delta_name();
        let delta = delta.write().map_err(|problem| Error::damaged(&name, problem))?;
        config.bucket.create_same(&name, delta.into()).await?;
        self.pending = Some((number, head.bytes.clone()));
        self.put_pending().await?;

        let published = Published { number, checkpoint: to, time: now, outcome };
        advance(&config, state, head, sizes, tiles).await?;
        Ok((published, entries))
    }
}

/// Seals, and reads the sizes of all logs. Also counts the entries of the store, if none but the seal's came meanwhile.
fn seal(store: &PolicyStore, actor: &Actor, before: Sizes) -> Result<(Checkpoint, Sizes, Option<u64>)> {
    let entries_before = store.stats()?.entries;
    let seal = store.seal(actor)?;
    let entries = store.stats()?.entries;
    // A wrong count only means that the next call is made earlier.
    let own = seal.grown.map_or(0, |zones| zones.div_ceil(ZONES_OF_ENTRY).max(1));
    let sizes = before.advance(store, seal.checkpoint.size)?;
    Ok((seal.checkpoint, sizes, Some(entries).filter(|entries| *entries == entries_before + own)))
}

/// Whether a head with this time is so old that it is repeated. A time that is as far ahead was signed by a wrong clock.
fn is_due(time: Timestamp, now: Timestamp, after: Duration) -> bool {
    u128::from(now.as_micros().abs_diff(time.as_micros())) >= after.as_micros()
}

/// Puts the objects of the logs that the head `number` needs. Returns whether its tiles are there, and the logs of its delta.
async fn put_logs(
    config: &Config,
    state: &State,
    number: u64,
    outcome: Outcome,
    to: Checkpoint,
    sizes: &Sizes,
) -> Result<(bool, Option<Vec<LogDelta>>)> {
    let mut reader = Reader::new(config.store.clone(), to.size);
    let grown: Vec<Growth> = sizes.since(&state.sizes, to.log_id);
    let logs = tiles::parts(&config.bucket, &mut reader, &grown).await?;
    let are_old = state.tiles.as_ref().is_none_or(|tiles| number - tiles.number >= config.tiles_after);
    let has_erased = !sizes.erased_since(&state.sizes).is_empty();
    let tiles = logs.is_none() || are_old || has_erased || outcome == Outcome::Repeated;
    if tiles {
        // The parts of a delta were read as a whole, with their larger pieces of content.
        let new = if logs.is_some() { [].as_slice() } else { grown.as_slice() };
        tiles::put(&config.bucket, &mut reader, &sizes.since(&state.tiled, to.log_id), new).await?;
    }
    Ok((tiles, logs))
}

/// The bytes of a head: signed, with the time, and cosigned by witnesses.
fn sign(config: &Config, to: Checkpoint, now: Timestamp) -> Result<Bytes> {
    let mut signed = head::sign(&to, &config.key, &*config.signer)?;
    head::sign_time(&mut signed, &config.key, &*config.signer, now)?;
    if let Some(witness) = &config.witness {
        let cosigned = witness.cosign(&signed).map_err(|source| Error::unavailable("witness", source))?;
        for signature in cosigned {
            signed.add(signature).map_err(|source| Error::unavailable("witness", source))?;
        }
    }
    Ok(signed.to_string().into())
}

/// Takes a head into the state, and does the work after it.
async fn advance(config: &Config, state: &mut State, head: Head, sizes: Sizes, has_tiles: bool) -> Result<()> {
    let erased = sizes.erased_since(&state.sizes);
    if has_tiles {
        finish::put_checkpoints(config, &state.noted, &sizes, head.checkpoint).await?;
        let kept = state.tiles.as_ref().filter(|_| erased.is_empty()).map_or(head.number, |tiles| tiles.number);
        finish::prune(&config.bucket, kept, &[&head]).await?;
        finish::erase(&config.bucket, &erased).await?;
        (state.tiled, state.noted) = (sizes.clone(), sizes.clone());
        state.tiles = Some(head.clone());
    }
    (state.head, state.sizes) = (Some(head), sizes);
    Ok(())
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
