//! The settings of a publisher, and witnesses. Does not publish.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use policy_store::attestation::Signer;
use policy_store::note::{NoteKey, NoteSignature, SignedCheckpoint};
use policy_store::{Actor, PolicyStore, Target, Timestamp};

use super::rules::ChosenRules;
use super::{Config, Observer, Published, Publisher};
use crate::age::Clock;
use crate::bucket::Bucket;
use crate::error::{Error, Result};
use crate::head::PublicationTrust;

/// The largest distance of heads with tiles. A new follower reads as many deltas.
const TILES_AFTER: u64 = 1_000;

/// Cosigns the checkpoints that a publisher is about to publish: a client of witnesses
/// ([C2SP tlog-witness](https://c2sp.org/tlog-witness)).
pub trait Witness: Send + Sync {
    /// The cosignatures of a checkpoint of the store's log. [`PolicyStore::consistency_proof`] has the proof that a witness
    /// wants. It may block, and takes its time: the head waits for it.
    ///
    /// # Errors
    ///
    /// Any: the head is not published.
    fn cosign(&self, checkpoint: &SignedCheckpoint) -> Result<Vec<NoteSignature>, Box<dyn StdError + Send + Sync>>;
}

/// Sets up a [`Publisher`].
#[must_use]
pub struct PublisherBuilder {
    store: PolicyStore,
    bucket: Bucket,
    key: NoteKey,
    signer: Arc<dyn Signer>,
    actor: Actor,
    former: Vec<NoteKey>,
    witness: Option<Arc<dyn Witness>>,
    clock: Clock,
    repeat_after: Duration,
    tiles_after: u64,
    poll_every: Duration,
    observer: Observer,
    rules: Vec<(String, Target)>,
}

impl PublisherBuilder {
    pub(super) fn new(store: PolicyStore, bucket: Bucket, key: NoteKey, signer: Arc<dyn Signer>, actor: Actor) -> Self {
        Self {
            store,
            bucket,
            key,
            signer,
            actor,
            former: Vec::new(),
            witness: None,
            clock: Arc::new(Timestamp::now),
            repeat_after: Duration::from_secs(60),
            tiles_after: 64,
            poll_every: Duration::from_millis(200),
            observer: Box::new(|_| {}),
            rules: Vec::new(),
        }
    }

    /// Goes on after heads that an earlier key of the publication has signed. Followers must know both keys.
    pub fn former_key(mut self, key: NoteKey) -> Self {
        self.former.push(key);
        self
    }

    /// Puts only heads that this client of witnesses has got cosigned.
    pub fn witness(self, witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..self }
    }

    /// Sets the clock of the heads' times. By default, the operating system's clock.
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Repeats the newest checkpoint after this time without new entries: one minute by default. Followers that demand a young
    /// head should allow for some times as much.
    pub fn repeat_after(self, repeat_after: Duration) -> Self {
        Self { repeat_after, ..self }
    }

    /// Puts tiles with every head of this distance: 64 by default, 1,000 at most. Between them, new followers read one delta for
    /// each head.
    pub fn tiles_after(self, heads: u64) -> Self {
        Self { tiles_after: heads, ..self }
    }

    /// Sets how close heads of [`Publisher::run`] follow each other, at most 200 ms, which is the default. A commit wakes the loop;
    /// commits within this time after a head share the next one. Also how often the loop looks at its clock.
    pub fn poll_every(self, poll_every: Duration) -> Self {
        Self { poll_every, ..self }
    }

    /// Puts the signed rules of a target after each head that changes them, for an [`Edge`](crate::Edge): those in force at the
    /// head. While they stay the same, they are put again with a newer time, so that they are at most twice as old as
    /// [`repeat_after`](Self::repeat_after). Call it for each target.
    ///
    /// A target without rules in force has no signed rules: the object of the ones before stays, and becomes old. To deny all
    /// requests everywhere, put a version with an empty manifest in force. An error of one target is in
    /// [`Published::rules`], and is tried again; heads do not wait for it.
    pub fn rules(mut self, zone_id: impl Into<String>, target: Target) -> Self {
        self.rules.push((zone_id.into(), target));
        self
    }

    /// Tells every outcome of [`Publisher::run`], also the errors after which it tries again.
    pub fn observer(self, observer: impl Fn(&Result<Published>) + Send + Sync + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// The publisher. It has not read the bucket yet.
    ///
    /// # Errors
    ///
    /// `store` with the detail `invalid_input` for the key of a witness, for a former key of another name, for a zone or user id
    /// that breaks a rule, and for a distance of tiles over 1,000.
    pub fn build(self) -> Result<Publisher> {
        if self.tiles_after > TILES_AFTER {
            let reason = "expected at most 1,000";
            return Err(Error::invalid("heads between tiles", &self.tiles_after.to_string(), reason));
        }
        let trust = PublicationTrust::new(self.key.clone())?;
        let trust = self.former.into_iter().try_fold(trust, PublicationTrust::key)?;
        let mut rules: Vec<ChosenRules> = Vec::new();
        for (zone_id, target) in self.rules {
            let chosen = ChosenRules::new(zone_id, target)?;
            if rules.iter().all(|other| other.name() != chosen.name()) {
                rules.push(chosen);
            }
        }
        let config = Config {
            store: self.store,
            bucket: self.bucket,
            key: self.key,
            signer: self.signer,
            actor: self.actor,
            trust,
            witness: self.witness,
            clock: self.clock,
            repeat_after: self.repeat_after,
            tiles_after: self.tiles_after,
            poll_every: self.poll_every,
            observer: self.observer,
        };
        Ok(Publisher {
            config: Arc::new(config),
            state: None,
            known: None,
            pending: None,
            replaced: Vec::new(),
            commits: None,
            published_at: None,
            rules,
        })
    }
}

impl fmt::Debug for PublisherBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublisherBuilder")
            .field("bucket", &self.bucket.to_string())
            .field("key", &self.key)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}
