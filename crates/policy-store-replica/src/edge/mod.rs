//! Decides by the signed rules of one target, which it reads from a bucket: without a store, a file, or lists of objects.
//!
//! Refuses by name, and keeps its rules: older ones, another history, an object that is not signed rules of its target. Does
//! not know heads and logs.

mod state;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::lock::Mutex;
use policy_store::{Authorizer, Checkpoint, Sha256, Target, Timestamp, ZoneId};

use self::state::State;
use crate::age::{self, Clock};
use crate::bucket::{Bucket, Fetched};
use crate::error::{Error, Result};
use crate::head::PublicationTrust;
use crate::object::rules::{self, RULES_BYTES};

/// Decides by the newest signed rules of one target that a publisher [puts](crate::PublisherBuilder::rules).
///
/// [`poll`](Self::poll) looks once; [`run`](Self::run) looks at intervals. Share it between threads: a request takes the
/// [`authorizer`](Self::authorizer), whatever is read meanwhile. [`status`](Self::status) tells the age of the rules. The caller
/// decides how old they may be.
///
/// It refuses older rules than those that it has. A new one has none, and shows by the time alone how old its first rules are:
/// set [`max_age`](Self::max_age). If nothing is in force any more for the target, no newer rules are published, and the
/// rules become old.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use policy_store::attestation::Ed25519Signer;
/// use policy_store::cedar_policy::{Decision, Entities};
/// use policy_store::note::NoteKey;
/// use policy_store::{Actor, Target};
/// use policy_store_replica::{Bucket, Edge, PublicationTrust, Publisher};
/// # use policy_store::{NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore};
/// # let store = PolicyStore::builder().in_memory()?;
/// # store.write(&Actor::customer("ann")?, |w| {
/// #     let schema = "entity User; action view appliesTo { principal: User, resource: User };";
/// #     w.publish_schema(NewSchema::cedar("1", schema))?;
/// #     let mut zone = w.create_zone("acme")?;
/// #     let policy = zone.create_policy(NewPolicy::named("self"))?;
/// #     let text = "permit (principal, action, resource) when { principal == resource };";
/// #     let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("1", text))?;
/// #     let set = zone.create_policy_set(NewPolicySet::named("production"))?;
/// #     let live = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("1").pin(&version))?;
/// #     zone.activate(&live.id)
/// # })?;
/// # let bucket = Bucket::memory();
/// # let signer = Ed25519Signer::new("2026-a", &[7; 32])?;
/// let key = NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?;
///
/// // The process that writes the store.
/// let ops = Actor::platform("publisher")?;
/// let publisher = Publisher::builder(&store, bucket.clone(), key.clone(), Arc::new(signer), ops);
/// publisher.rules("acme", Target::Zone).build()?.publish().await?;
///
/// // A function, with the public key alone.
/// let edge = Edge::new(bucket, PublicationTrust::new(key)?, "acme", Target::Zone)?.max_age(Duration::from_secs(300));
/// assert!(edge.poll().await?);
/// let authorizer = edge.authorizer().ok_or("no rules yet")?;
/// let request = authorizer.request(("User", "ann"), r#"Action::"view""#, ("User", "ann"), "{}")?;
/// assert_eq!(authorizer.is_authorized(&request, &Entities::empty())?.decision(), Decision::Allow);
/// # Ok(())
/// # }
/// ```
pub struct Edge {
    bucket: Bucket,
    max_age: Option<Duration>,
    clock: Clock,
    settings: Settings,
    state: Arc<State>,
    /// The version of the object that the rules are of. Its lock makes polls wait for each other.
    version: Mutex<Option<Version>>,
}

#[derive(Clone)]
struct Settings {
    trust: PublicationTrust,
    zone_id: ZoneId,
    target: Target,
    object: String,
    deny_on_forbid_error: bool,
}

struct Version {
    tag: Option<String>,
    hash: Sha256,
}

/// The rules that an [`Edge`] decides by.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeStatus {
    /// The checkpoint of the zone's log that they are of.
    pub checkpoint: Checkpoint,
    /// The time that the publisher signed: they were in force then.
    pub time: Timestamp,
    /// The age of that time now, by the edge's clock; zero if it is in the future.
    pub age: Duration,
}

impl Edge {
    /// Decides by the rules of a target of a zone. Has read nothing yet, and calls no age too old.
    ///
    /// # Errors
    ///
    /// `store` with the detail `invalid_input` for the id of a zone or a user that breaks a rule.
    pub fn new(bucket: Bucket, trust: PublicationTrust, zone_id: impl Into<String>, target: Target) -> Result<Self> {
        let zone_id = ZoneId::new(zone_id).map_err(policy_store::Error::from)?;
        target.check().map_err(policy_store::Error::from)?;
        let object = rules::name(&zone_id, &target);
        let settings = Settings { trust, zone_id, target, object, deny_on_forbid_error: false };
        let (clock, state): (Clock, _) = (Arc::new(Timestamp::now), Arc::default());
        Ok(Self { bucket, max_age: None, clock, settings, state, version: Mutex::new(None) })
    }

    /// The age from which on a poll fails as `frozen`. With the defaults of a publisher, rules are up to two minutes old, so some
    /// minutes are a good value.
    #[must_use]
    pub fn max_age(self, max_age: Duration) -> Self {
        Self { max_age: Some(max_age), ..self }
    }

    /// Sets the clock. By default, the operating system's clock.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self }
    }

    /// Denies whenever a `forbid` fails to evaluate: see [`Authorizer::deny_on_forbid_error`].
    #[must_use]
    pub fn deny_on_forbid_error(mut self) -> Self {
        self.settings.deny_on_forbid_error = true;
        // Rules that it has already are read again.
        Self { state: Arc::default(), version: Mutex::new(None), ..self }
    }

    /// The authorizer by the newest rules; none before the first poll that finds rules. Take it once for each request: a kept
    /// one goes on deciding by its rules.
    #[must_use]
    pub fn authorizer(&self) -> Option<Arc<Authorizer>> {
        self.state.authorizer()
    }

    /// The rules of [`authorizer`](Self::authorizer), and their age; none before the first.
    #[must_use]
    pub fn status(&self) -> Option<EdgeStatus> {
        let (checkpoint, time) = self.state.newest()?;
        Some(EdgeStatus { checkpoint, time, age: age::age(time, (self.clock)()) })
    }

    /// Refuses to call the rules fresh: there are none yet, their time is older than `max_age`, or it is in the future.
    ///
    /// # Errors
    ///
    /// `frozen` if it is older, or if there is none; `clock` if it is more than five minutes in the future.
    pub fn check_fresh(&self, max_age: Duration) -> Result<()> {
        let time = self.state.newest().map_or(Timestamp::EPOCH, |(_, time)| time);
        age::check(self.settings.object.clone(), time, (self.clock)(), max_age)
    }

    /// Looks for newer rules, verifies them, and takes them over. False if there are none, and if nothing was published yet.
    /// Rules that are compiled already, and bytes that were read already, cost little.
    ///
    /// # Errors
    ///
    /// The edge keeps its rules. `rollback`: the rules are older than its own, or gone. `fork`: they are of another history.
    /// `not_signed`: a signature of the publication's key, its time, or the witnesses are missing. `damaged`: the object is not signed
    /// rules of this zone and target. `unavailable` if the storage does not answer. `store` if this build's Cedar does not parse
    /// a policy. With `frozen` and `clock`, which say that the rules are too old or from the future, newer ones were taken over
    /// all the same.
    pub async fn poll(&self) -> Result<bool> {
        let is_newer = self.read().await?;
        match self.max_age.filter(|_| self.state.newest().is_some()) {
            Some(max_age) => self.check_fresh(max_age).map(|()| is_newer),
            None => Ok(is_newer),
        }
    }

    /// Polls, and again after each interval, until `stop` is ready. Passes each outcome to `observe`. A poll that is under way
    /// ends first.
    pub async fn run(
        &self,
        interval: Duration,
        stop: impl Future<Output = ()>,
        mut observe: impl FnMut(&Result<bool>),
    ) {
        let mut stop = std::pin::pin!(stop);
        loop {
            observe(&self.poll().await);
            if tokio::time::timeout(interval, &mut stop).await.is_ok() {
                return;
            }
        }
    }

    async fn read(&self) -> Result<bool> {
        let object = &self.settings.object;
        let mut version = self.version.lock().await;
        let known = version.as_ref().and_then(|version| version.tag.as_deref());
        let (bytes, tag) = match self.bucket.get_changed(object, RULES_BYTES, known).await? {
            Fetched::Bytes(bytes, tag) => (bytes, tag),
            Fetched::Unchanged => return Ok(false),
            Fetched::Absent if self.state.newest().is_none() => return Ok(false),
            Fetched::Absent => {
                let problem = "the rules are gone".to_owned();
                return Err(Error::Rollback { object: object.clone(), problem });
            }
        };
        let hash = Sha256::of(&bytes);
        let is_newer = match &*version {
            Some(version) if version.hash == hash => false,
            _ => self.take(bytes).await?,
        };
        *version = Some(Version { tag, hash });
        Ok(is_newer)
    }

    /// Verifies and compiles where that may block.
    async fn take(&self, bytes: Bytes) -> Result<bool> {
        let (state, settings, now) = (self.state.clone(), self.settings.clone(), (self.clock)());
        let taking = tokio::task::spawn_blocking(move || state.take(&settings, &bytes, now));
        taking.await.map_err(|problem| Error::unavailable(&self.settings.object, problem))?
    }
}

impl fmt::Debug for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Edge")
            .field("bucket", &self.bucket.to_string())
            .field("object", &self.settings.object)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
