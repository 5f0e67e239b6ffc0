//! The zone handle and its reads of resources and lists.

use std::fmt;
use std::sync::Arc;

use super::moment::{Committed, Held, Latest, Moment};
use crate::engine::Engine;
use crate::engine::versions::Name;
use crate::list::filter::{BindingFilter, HistoryFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
use crate::list::history::{self, LogOf};
use crate::list::page::{Page, PageRequest};
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::BindingRecord;
use crate::resource::history::HistoryEntry;
use crate::resource::policy::Policy;
use crate::resource::policy_set::PolicySet;
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::policy_version::PolicyVersion;
use crate::resource::schema::ZoneSchema;
use crate::resource::version::VersionRecord;
use crate::resource::zone::{ZoneInfo, ZoneReader, ZoneRef};
use crate::rules::precondition::Precondition;
use crate::storage::first_entry;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::id::{IdempotencyKey, SchemaName, ZoneId};
use crate::types::syntax::Include;
#[cfg(feature = "bundle")]
use crate::types::target::Target;

/// A zone, for reading.
///
/// `Zone` by itself is [`Zone<Latest>`](Latest): each call reads the newest committed state. A [`ZoneSnapshot`] reads one
/// state at every call, and a [`ZoneAsOf`](crate::ZoneAsOf) the state of an earlier point. A
/// [`ZoneTransaction`](crate::ZoneTransaction) dereferences to a zone that reads what its write has done so far. All of them
/// have the same reads.
///
/// A handle is cheap to clone and can be shared between threads. Policy versions come in an [`Arc`] that is shared with the
/// cache; [`Arc::unwrap_or_clone`] gives an owned one. A version that is held stays in memory, beyond the cache's budget.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, NewPolicy, PageRequest, PolicyFilter, PolicyStore};
/// let store = PolicyStore::builder().in_memory()?;
/// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme")?.create_policy(NewPolicy::named("staff")))?;
///
/// let zone = store.zone("acme")?;
/// let policies = zone.policies(&PolicyFilter::new(), &PageRequest::new())?;
/// assert_eq!(policies.items[0].name, "staff");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Every call returns [`NotFound`](crate::ErrorKind::NotFound) for an id that the zone does not have, or if the zone was
/// erased. Every list returns [`Invalid`](crate::ErrorKind::Invalid) for a limit, order or cursor that it does not take. Every
/// call can return [`Corrupt`](crate::ErrorKind::Corrupt) or [`Unavailable`](crate::ErrorKind::Unavailable).
#[derive(Clone)]
pub struct Zone<M = Latest> {
    pub(crate) engine: Arc<Engine>,
    pub(crate) place: ZoneRef,
    pub(crate) moment: M,
}

/// A zone at one committed state: several reads of one moment.
///
/// [`Zone::snapshot`] takes one. All of its calls, and those of its clones, see the same state, whatever is written
/// meanwhile. While a snapshot is held, the file cannot reuse the pages that it reads, so the file grows under writes: drop
/// it when the reads are done. A zone that is erased meanwhile can be read in the snapshot until it is dropped.
///
/// [`PolicyStore::recover`](crate::PolicyStore::recover) does not wait for snapshots. It closes them: their calls then
/// return [`Unavailable`](crate::ErrorKind::Unavailable) with the code `snapshot_closed`.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, NewPolicy, PageRequest, PolicyFilter, PolicyStore, PolicyUpdate};
/// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
/// store.write(&ann, |w| w.create_zone("acme")?.create_policy(NewPolicy::named("old").id("p")))?;
///
/// let snapshot = store.zone("acme")?.snapshot()?;
/// store.write(&ann, |w| w.zone("acme")?.update_policy("p", PolicyUpdate::new().name("new")))?;
/// assert_eq!(snapshot.policy("p")?.name, "old");
/// assert_eq!(snapshot.policies(&PolicyFilter::new(), &PageRequest::new())?.items[0].name, "old");
/// assert_eq!(store.zone("acme")?.policy("p")?.name, "new");
/// # Ok(())
/// # }
/// ```
pub type ZoneSnapshot = Zone<Held>;

impl<M> fmt::Debug for Zone<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({})", self.place.id)
    }
}

impl Zone {
    pub(crate) fn new(engine: Arc<Engine>, place: ZoneRef) -> Self {
        Self { engine, place, moment: Latest }
    }

    /// Holds the zone's newest committed state for several reads of one moment.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if the zone was erased; otherwise as any read.
    pub fn snapshot(&self) -> Result<ZoneSnapshot> {
        let held = Held(Arc::new(self.engine.storage.hold()?));
        let snapshot = Zone { engine: self.engine.clone(), place: self.place.clone(), moment: held };
        snapshot.read(|_| Ok(()))?;
        Ok(snapshot)
    }
}

impl<M: Committed> Zone<M> {
    /// The size and root of the zone's log, to keep outside the store: see [`Checkpoint`].
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, Checkpoint, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme").map(drop))?;
    ///
    /// let kept = store.zone("acme")?.checkpoint()?.to_string();
    /// let checkpoint: Checkpoint = kept.parse()?;
    /// assert_eq!(checkpoint.size, 1);
    /// assert!(store.verify_since(&[checkpoint])?.is_clean());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As any read.
    pub fn checkpoint(&self) -> Result<Checkpoint> {
        self.read(|reader| reader.checkpoint(reader.log))
    }
}

/// Reads of resources.
impl<M: Moment> Zone<M> {
    pub(crate) fn read<T>(&self, f: impl FnOnce(ZoneReader<'_>) -> Result<T>) -> Result<T> {
        self.moment.read(&self.engine, &self.place, f)
    }

    /// The zone's id.
    pub fn id(&self) -> &ZoneId {
        &self.place.id
    }

    /// The zone itself: when and by whom it was created, whether it is suspended, its default schema.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    pub fn info(&self) -> Result<ZoneInfo> {
        self.read(|zone| if self.moment.is_as_logged() { zone.info_as_logged() } else { zone.info() })
    }

    /// The policy `id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub fn policy(&self, id: impl AsRef<str>) -> Result<Policy> {
        self.read(|zone| zone.policy(id.as_ref()))
    }

    /// The policy version `id`. `include` selects the representations that are read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub fn policy_version(&self, id: impl AsRef<str>, include: Include) -> Result<Arc<PolicyVersion>> {
        self.policy_version_named(Name::Id(id.as_ref()), include)
    }

    /// Version number `version` of the policy `policy_id`. `include` selects the representations that are read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown policy or number.
    pub fn policy_version_numbered(
        &self,
        policy_id: impl AsRef<str>,
        version: u32,
        include: Include,
    ) -> Result<Arc<PolicyVersion>> {
        self.policy_version_named(Name::Number(policy_id.as_ref(), version), include)
    }

    fn policy_version_named(&self, name: Name<&str>, include: Include) -> Result<Arc<PolicyVersion>> {
        let (versions, log) = (&self.engine.versions, self.place.log_id);
        let commits = self.moment.commits(&self.engine)?;
        if let Some(version) = commits.and_then(|commits| versions.named(log, name, include, commits)) {
            return Ok(version);
        }
        let version = self.read(|zone| {
            let found = match name {
                Name::Id(id) => VersionRecord::by_id(zone, id)?,
                Name::Number(policy, number) => VersionRecord::by_number(zone, policy, number)?,
            };
            self.load_policy_version(zone, &found, include)
        })?;
        if let Some(commits) = commits {
            versions.keep_name(log, name, include, commits, &version);
        }
        Ok(version)
    }

    /// Reads a version through the cache if it is committed.
    fn load_policy_version(
        &self,
        zone: ZoneReader<'_>,
        found: &VersionRecord<PolicyVersionCreated>,
        include: Include,
    ) -> Result<Arc<PolicyVersion>> {
        if !M::COMMITTED {
            return zone.policy_version(found, include).map(Arc::new);
        }
        let (versions, log) = (&self.engine.versions, self.place.log_id);
        if let Some(version) = versions.at_row(log, &found.row, include) {
            return Ok(version);
        }
        let version = Arc::new(zone.policy_version(found, include)?);
        versions.keep(log, &found.row, include, version.clone());
        Ok(version)
    }

    /// The policy set `id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub fn policy_set(&self, id: impl AsRef<str>) -> Result<PolicySet> {
        self.read(|zone| zone.policy_set(id.as_ref()))
    }

    /// The policy set version `id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown id.
    pub fn policy_set_version(&self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        self.read(|zone| zone.policy_set_version(&VersionRecord::by_id(zone, id.as_ref())?))
    }

    /// Version number `version` of the policy set `policy_set_id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown policy set or number.
    pub fn policy_set_version_numbered(
        &self,
        policy_set_id: impl AsRef<str>,
        version: u32,
    ) -> Result<PolicySetVersion> {
        self.read(|zone| zone.policy_set_version(&VersionRecord::by_number(zone, policy_set_id.as_ref(), version)?))
    }

    /// The schema version `version`, and whether it is the zone's default. `include` selects the representations that are
    /// read.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<ZoneSchema> {
        self.read(|zone| zone.schema(version.as_ref(), include))
    }

    /// The zone's default schema: a hint for clients, without effect on decisions. None if none was chosen, or if it was
    /// archived.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    pub fn default_schema(&self) -> Result<Option<SchemaName>> {
        self.read(|zone| zone.default_schema())
    }

    /// The policy bundle of the version in force for `target`.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force for the target.
    #[cfg(feature = "bundle")]
    pub fn bundle(&self, target: Target) -> Result<crate::bundle::Bundle> {
        self.read(|zone| zone.bundle(&target))
    }

    /// The policy bundle that a user would edit: of the version in force for the user, or else of the zone's, which the bundle
    /// then names as its target. Decisions never fall back from user to zone.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force for either.
    #[cfg(feature = "bundle")]
    pub fn effective_bundle(&self, user: impl Into<String>) -> Result<crate::bundle::Bundle> {
        let user = Target::User(user.into());
        self.read(|zone| zone.effective_bundle(&user))
    }

    /// The first entry that a call wrote under an idempotency key. None if no call with that key was carried out in the zone.
    /// Tells before anything is prepared whether a call would only repeat its first answer.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    pub fn entry_for_key(&self, key: IdempotencyKey) -> Result<Option<HistoryEntry>> {
        self.read(|zone| {
            let first = first_entry(&zone, zone.log, key)?;
            first.map(|first| HistoryEntry::new(&zone, zone.log, &first)).transpose()
        })
    }

    /// Checks a precondition before anything is prepared for a call. The write checks it again.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it does not hold.
    pub fn check(&self, precondition: &Precondition) -> Result<()> {
        self.read(|zone| precondition.check(zone))
    }
}

/// Lists.
impl<M: Moment> Zone<M> {
    /// A page of the policies that pass `filter`.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) for a filter, limit or cursor that
    /// breaks a rule.
    pub fn policies(&self, filter: &PolicyFilter, page_request: &PageRequest) -> Result<Page<Policy>> {
        let filter = filter.check()?;
        self.read(|zone| zone.policies(&filter, page_request))
    }

    /// A page of the versions of the policy `policy_id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown policy; [`Invalid`](crate::ErrorKind::Invalid) for a limit or
    /// cursor that breaks a rule.
    pub fn policy_versions(
        &self,
        policy_id: impl AsRef<str>,
        include: Include,
        page_request: &PageRequest,
    ) -> Result<Page<Arc<PolicyVersion>>> {
        let policy_id = policy_id.as_ref();
        self.read(|zone| {
            zone.versions::<PolicyVersionCreated>(policy_id, page_request)?.try_map(|(number, row)| {
                let cached = self.engine.versions.at_row(self.place.log_id, &row, include).filter(|_| M::COMMITTED);
                match cached {
                    Some(version) if version.policy_id == *policy_id && version.version == number => Ok(version),
                    // A row that points to another version is refused here.
                    _ => {
                        let found = VersionRecord::at_row(zone, policy_id, number, row)?;
                        self.load_policy_version(zone, &found, include)
                    }
                }
            })
        })
    }

    /// A page of the policy sets that pass `filter`. They can be [sorted](PageRequest::sort) by status.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) for a filter, limit, order or cursor
    /// that breaks a rule.
    pub fn policy_sets(&self, filter: &PolicySetFilter, page_request: &PageRequest) -> Result<Page<PolicySet>> {
        let filter = filter.check()?;
        self.read(|zone| zone.policy_sets(&filter, page_request))
    }

    /// A page of the versions of the policy set `policy_set_id`.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown policy set; [`Invalid`](crate::ErrorKind::Invalid) for a limit
    /// or cursor that breaks a rule.
    pub fn policy_set_versions(
        &self,
        policy_set_id: impl AsRef<str>,
        page_request: &PageRequest,
    ) -> Result<Page<PolicySetVersion>> {
        let set_id = policy_set_id.as_ref();
        self.read(|zone| {
            let page = zone.versions::<PolicySetVersionCreated>(set_id, page_request)?;
            page.try_map(|(number, row)| zone.policy_set_version(&VersionRecord::at_row(zone, set_id, number, row)?))
        })
    }

    /// A page of the policy versions that the policy set version `id` pins, oldest first.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version; [`Invalid`](crate::ErrorKind::Invalid) for a limit or
    /// cursor that breaks a rule.
    pub fn pinned_policy_versions(
        &self,
        id: impl AsRef<str>,
        include: Include,
        page_request: &PageRequest,
    ) -> Result<Page<Arc<PolicyVersion>>> {
        self.read(|zone| {
            let page = zone.pinned(id.as_ref(), page_request)?;
            page.try_map(|id| self.load_policy_version(zone, &VersionRecord::by_id(zone, id.as_str())?, include))
        })
    }

    /// A page of the store's schema versions that pass `filter`. The zone chooses its default among them.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a limit or cursor that breaks a rule.
    pub fn schemas(
        &self,
        filter: &SchemaFilter,
        include: Include,
        page_request: &PageRequest,
    ) -> Result<Page<ZoneSchema>> {
        self.read(|zone| zone.schemas(filter, include, page_request))
    }

    /// A page of the zone's bindings, ended ones included, that pass `filter`: the version bound, when and by whom, the version
    /// it replaced, and its end. Targets and modes never change; an end is as of reading.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) for a filter, limit or cursor that
    /// breaks a rule.
    pub fn bindings(&self, filter: &BindingFilter, page_request: &PageRequest) -> Result<Page<BindingRecord>> {
        let filter = filter.check()?;
        self.read(|zone| zone.bindings(&filter, page_request))
    }

    /// A page of the entries of the zone's log that pass `filter`. Inside a write, the entries so far are listed too, with a
    /// hash of zeros.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) or [`TooLarge`](crate::ErrorKind::TooLarge) for a filter, limit or cursor that
    /// breaks a rule.
    pub fn history(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Result<Page<HistoryEntry>> {
        let filter = filter.check()?;
        self.read(|zone| history::page(&zone, LogOf { log: zone.log, zone: Some(zone.id) }, &filter, page_request))
    }
}
