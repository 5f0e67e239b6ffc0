//! A zone as it is read: the handle that finds, lists and decides in one zone.

use std::sync::Arc;

use crate::decide::authorizer::Authorizer;
use crate::engine::Engine;
use crate::engine::validation::{Validated, Validation};
use crate::engine::versions::Name;
use crate::list;
use crate::list::cursor::ListName;
use crate::list::filter::{BindingFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
use crate::list::page::{Page, PageRequest, among};
use crate::list::scan::rows_from;
use crate::preflight::{self, Candidate, ZonePreflight};
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::{self, At, Binding, BindingRecord};
use crate::resource::history::HistoryEntry;
use crate::resource::not_found::not_found;
use crate::resource::policy::{self, Policy};
use crate::resource::policy_set::{self, PolicySet};
use crate::resource::policy_set_version::{self, PolicySetVersion};
use crate::resource::policy_version::{self, PolicyVersion};
use crate::resource::schema::ZoneSchema;
use crate::resource::version::{VersionRecord, Versioned};
use crate::resource::zone::{self, ZoneInfo, ZoneRef};
use crate::rules::guardrail;
use crate::rules::precondition::Precondition;
use crate::storage::{Direction, Snapshot, VersionRow, first_entry, key, wrong_row};
use crate::types::error::Result;
use crate::types::id::{IdempotencyKey, SchemaName, ZoneId};
use crate::types::syntax::Include;
use crate::types::target::{BindingMode, Target};
#[cfg(feature = "attestation")]
use crate::types::time::Timestamp;

/// One zone, for reading. Cheap to clone, and to be shared between threads; every call sees the newest state.
///
/// Policy versions come behind an [`Arc`], shared with the cache that they are kept in: [`Arc::unwrap_or_clone`] gives one
/// of your own. One that you hold keeps its memory, beyond the cache's budget. In a write they are owned, as nothing is
/// kept of what is not committed.
///
/// # Errors
///
/// Every call that names something returns [`NotFound`](crate::ErrorKind::NotFound) for an id that the zone does not have,
/// and every list [`Invalid`](crate::ErrorKind::Invalid) for a limit or a cursor that it cannot take. Any call may return
/// [`Corrupt`](crate::ErrorKind::Corrupt) or [`Unavailable`](crate::ErrorKind::Unavailable).
#[derive(Clone)]
pub struct Zone {
    store: Arc<Engine>,
    zone: ZoneRef,
}

impl std::fmt::Debug for Zone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Zone({})", self.zone.id)
    }
}

impl Zone {
    pub(crate) fn new(store: Arc<Engine>, zone: ZoneRef) -> Self {
        Self { store, zone }
    }

    /// The zone's id.
    pub fn id(&self) -> &ZoneId {
        &self.zone.id
    }

    /// What the store keeps of the zone itself.
    pub fn info(&self) -> Result<ZoneInfo> {
        self.read(|snapshot| zone::info_of(snapshot, &self.zone))
    }

    /// The policy `id`.
    pub fn policy(&self, id: impl AsRef<str>) -> Result<Policy> {
        self.read(|snapshot| policy::load(snapshot, &self.zone, id.as_ref()))
    }

    /// The policies of the zone that `filter` lets pass.
    pub fn policies(&self, filter: &PolicyFilter, list: &PageRequest) -> Result<Page<Policy>> {
        let wanted = filter.check()?;
        self.read(|snapshot| list::policies::page(snapshot, &self.zone, &wanted, list))
    }

    /// The policy version `id`, with the Cedar representations asked for.
    pub fn policy_version(&self, id: impl AsRef<str>, include: Include) -> Result<Arc<PolicyVersion>> {
        self.policy_version_named(Name::Id(id.as_ref()), include)
    }

    /// Version `version` of the policy `policy_id`, with the Cedar representations asked for.
    pub fn policy_version_numbered(
        &self,
        policy_id: impl AsRef<str>,
        version: u32,
        include: Include,
    ) -> Result<Arc<PolicyVersion>> {
        self.policy_version_named(Name::Number(policy_id.as_ref(), version), include)
    }

    fn policy_version_named(&self, name: Name<&str>, include: Include) -> Result<Arc<PolicyVersion>> {
        let Engine { storage, versions, .. } = &*self.store;
        let (log, commits) = (self.zone.log_id, storage.commits()?);
        if let Some(version) = commits.and_then(|commits| versions.named(log, name, include, commits)) {
            return Ok(version);
        }
        let version = self.read(|snapshot| {
            let found = match name {
                Name::Id(id) => VersionRecord::by_id(snapshot, &self.zone, id)?,
                Name::Number(policy, number) => VersionRecord::by_number(snapshot, &self.zone, policy, number)?,
            };
            self.load_policy_version(snapshot, &found, include)
        })?;
        if let Some(commits) = commits {
            versions.keep_name(log, name, include, commits, &version);
        }
        Ok(version)
    }

    fn load_policy_version(
        &self,
        snapshot: &Snapshot<'_>,
        found: &VersionRecord<PolicyVersionCreated>,
        include: Include,
    ) -> Result<Arc<PolicyVersion>> {
        let (versions, log) = (&self.store.versions, self.zone.log_id);
        if let Some(version) = versions.at_row(log, &found.row, include) {
            return Ok(version);
        }
        let version = Arc::new(policy_version::load(snapshot, &self.zone, found, include)?);
        versions.keep(log, &found.row, include, version.clone());
        Ok(version)
    }

    /// The versions of the policy `policy_id`, with the Cedar representations asked for.
    pub fn policy_versions(
        &self,
        policy_id: impl AsRef<str>,
        include: Include,
        list: &PageRequest,
    ) -> Result<Page<Arc<PolicyVersion>>> {
        let policy_id = policy_id.as_ref();
        self.versions::<PolicyVersionCreated, _>(policy_id, list, |snapshot, number, row| {
            match self.store.versions.at_row(self.zone.log_id, &row, include) {
                Some(version) if version.policy_id == *policy_id && version.version == number => Ok(version),
                // A row that leads astray is refused here.
                _ => self.load_policy_version(
                    snapshot,
                    &VersionRecord::at_row(snapshot, &self.zone, policy_id, number, row)?,
                    include,
                ),
            }
        })
    }

    /// The policy set `id`.
    pub fn policy_set(&self, id: impl AsRef<str>) -> Result<PolicySet> {
        self.read(|snapshot| policy_set::load(snapshot, &self.zone, id.as_ref()))
    }

    /// The policy sets of the zone that `filter` lets pass. They can be [sorted](crate::PageRequest::sort) by status.
    pub fn policy_sets(&self, filter: &PolicySetFilter, list: &PageRequest) -> Result<Page<PolicySet>> {
        let wanted = filter.check()?;
        self.read(|snapshot| list::policy_sets::page(snapshot, &self.zone, &wanted, list))
    }

    /// The policy set version `id`.
    pub fn policy_set_version(&self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        self.read(|snapshot| {
            policy_set_version::load(snapshot, &self.zone, &VersionRecord::by_id(snapshot, &self.zone, id.as_ref())?)
        })
    }

    /// Version `version` of the policy set `policy_set_id`.
    pub fn policy_set_version_numbered(
        &self,
        policy_set_id: impl AsRef<str>,
        version: u32,
    ) -> Result<PolicySetVersion> {
        self.read(|snapshot| {
            let found = VersionRecord::by_number(snapshot, &self.zone, policy_set_id.as_ref(), version)?;
            policy_set_version::load(snapshot, &self.zone, &found)
        })
    }

    /// The versions of the policy set `policy_set_id`.
    pub fn policy_set_versions(
        &self,
        policy_set_id: impl AsRef<str>,
        list: &PageRequest,
    ) -> Result<Page<PolicySetVersion>> {
        let set_id = policy_set_id.as_ref();
        self.versions::<PolicySetVersionCreated, _>(set_id, list, |snapshot, number, row| {
            policy_set_version::load(
                snapshot,
                &self.zone,
                &VersionRecord::at_row(snapshot, &self.zone, set_id, number, row)?,
            )
        })
    }

    /// The policy versions that the policy set version `id` pins, with the Cedar representations asked for.
    pub fn pinned_policy_versions(
        &self,
        id: impl AsRef<str>,
        include: Include,
        list: &PageRequest,
    ) -> Result<Page<Arc<PolicyVersion>>> {
        self.read(|snapshot| {
            let found = VersionRecord::<PolicySetVersionCreated>::by_id(snapshot, &self.zone, id.as_ref())?;
            let pinned = policy_set_version::pinned(
                snapshot,
                &self.zone,
                &policy_set_version::manifest(snapshot, found.body()?)?,
            )?;
            let page = ListName::new(snapshot.store()?.cursor_key, self.zone.log_id, "pinned", id.as_ref()).page(
                list,
                || Ok(u64::try_from(pinned.len()).unwrap_or(u64::MAX)),
                |from, direction, count| Ok(among(&pinned, from, direction, count)),
            )?;
            page.try_map(|id| {
                self.load_policy_version(snapshot, &VersionRecord::by_id(snapshot, &self.zone, id.as_str())?, include)
            })
        })
    }

    /// The schema version `version`, with the forms asked for, and whether it is the zone's default.
    pub fn schema(&self, version: impl AsRef<str>, include: Include) -> Result<ZoneSchema> {
        self.read(|snapshot| list::schemas::of_zone(snapshot, &self.zone, version.as_ref(), include))
    }

    /// The schema versions that `filter` lets pass, with the forms asked for. They are the store's, for all zones; which
    /// of them is the default is the zone's.
    pub fn schemas(&self, filter: &SchemaFilter, include: Include, list: &PageRequest) -> Result<Page<ZoneSchema>> {
        self.read(|snapshot| list::schemas::page_of_zone(snapshot, &self.zone, filter, include, list))
    }

    /// What is in force for `target` now: which version, since when and by whom. Nothing bound is an error of the
    /// kind [`NotBound`](crate::ErrorKind::NotBound).
    pub fn in_force(&self, target: Target) -> Result<Binding> {
        self.in_force_at(target, At::Now)
    }

    /// What was in force for `target` at an earlier position of the log or at an earlier time. A time that is still to come
    /// answers as of now.
    pub fn in_force_at(&self, target: Target, at: impl Into<At>) -> Result<Binding> {
        self.read(|snapshot| binding::bound(snapshot, &self.zone, &target, BindingMode::Active, at.into()))
    }

    /// What is under observation for `target` now: decided by a [shadow authorizer](Zone::shadow_authorizer) and never
    /// enforced. Nothing is an error of the kind [`NotBound`](crate::ErrorKind::NotBound).
    pub fn observed(&self, target: Target) -> Result<Binding> {
        self.observed_at(target, At::Now)
    }

    /// What was under observation for `target` at an earlier position of the log or at an earlier time.
    pub fn observed_at(&self, target: Target, at: impl Into<At>) -> Result<Binding> {
        self.read(|snapshot| binding::bound(snapshot, &self.zone, &target, BindingMode::Shadow, at.into()))
    }

    /// The zone's guardrail now: which version, since when and by whom; none if it has none.
    pub fn guardrail(&self) -> Result<Option<Binding>> {
        self.guardrail_at(At::Now)
    }

    /// The zone's guardrail at an earlier position of the log or at an earlier time.
    pub fn guardrail_at(&self, at: impl Into<At>) -> Result<Option<Binding>> {
        self.read(|snapshot| binding::guardrail(snapshot, &self.zone, at.into()))
    }

    /// Parses and validates a version ahead of [`bind_guardrail`](crate::ZoneTransaction::bind_guardrail), on any thread and without
    /// holding up writes. The write checks it again, and finds what was parsed and validated at hand.
    ///
    /// # Errors
    ///
    /// Those of binding it, but for the actor's.
    pub fn prepare_guardrail(&self, policy_set_version_id: impl AsRef<str>) -> Result<()> {
        let compiler = &self.store.compiler;
        self.read(|snapshot| {
            let found =
                VersionRecord::<PolicySetVersionCreated>::by_id(snapshot, &self.zone, policy_set_version_id.as_ref())?;
            compiler.set(snapshot, &self.zone, &found)?;
            let known = Validated::default();
            guardrail::check_version(snapshot, &Validation::ahead(compiler, &known), &self.zone, found.body()?)
        })
    }

    /// The bindings that the zone has or had and that `filter` lets pass: what was bound when and by whom, what it replaced,
    /// and how it ended. The filter's targets and modes do not change; whether a binding has ended is as of reading.
    pub fn bindings(&self, filter: &BindingFilter, list: &PageRequest) -> Result<Page<BindingRecord>> {
        let wanted = filter.check()?;
        self.read(|snapshot| list::bindings::page(snapshot, &self.zone, &wanted, list))
    }

    /// The zone's default schema: a hint for clients, without effect on decisions. None once it is archived.
    pub fn default_schema(&self) -> Result<Option<SchemaName>> {
        self.read(|snapshot| zone::default_schema(snapshot, &self.zone))
    }

    /// The policy bundle of what is in force for `target` now. Nothing bound is an error of the kind
    /// [`NotBound`](crate::ErrorKind::NotBound).
    #[cfg(feature = "bundle")]
    pub fn bundle(&self, target: Target) -> Result<crate::bundle::Bundle> {
        self.read(|snapshot| crate::bundle::export::in_force(snapshot, &self.zone, &target))
    }

    /// The policy bundle that a user would edit: of what is in force for the user, or else for the zone, which the bundle
    /// then names as its target. Decisions know no such step from user to zone.
    #[cfg(feature = "bundle")]
    pub fn effective_bundle(&self, user: impl Into<String>) -> Result<crate::bundle::Bundle> {
        let user = Target::User(user.into());
        self.read(|snapshot| crate::bundle::export::effective(snapshot, &self.zone, &user))
    }

    /// An authorizer for what is in force for `target` now, and for the zone's guardrail if it has one: an immutable snapshot,
    /// cheap enough to take per request.
    pub fn authorizer(&self, target: Target) -> Result<Authorizer> {
        self.authorizer_at(target, At::Now)
    }

    /// An authorizer for what was in force for `target` at an earlier position of the log or at an earlier time.
    pub fn authorizer_at(&self, target: Target, at: impl Into<At>) -> Result<Authorizer> {
        let at = at.into();
        Authorizer::bound(&self.store, &self.zone, target, BindingMode::Active, at)
    }

    /// An authorizer for what is under observation for `target` now. It tells what would be decided if its version were in
    /// force: compare with [`Answer::difference`](crate::Answer::difference). Its receipts say that they are a shadow's. If
    /// its schema is another than that of what is in force, requests and entities have to be read by each of the two.
    pub fn shadow_authorizer(&self, target: Target) -> Result<Authorizer> {
        Authorizer::bound(&self.store, &self.zone, target, BindingMode::Shadow, At::Now)
    }

    /// An authorizer for a policy set version, whether or not it is or ever was in force. It decides as if the version were in
    /// force now: the zone's guardrail of now takes part.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the guardrail does not validate against the version's schema.
    pub fn authorizer_of_version(&self, policy_set_version_id: impl AsRef<str>) -> Result<Authorizer> {
        Authorizer::of_version(&self.store, &self.zone, policy_set_version_id.as_ref())
    }

    /// Which policy versions and policy set versions of the zone would still validate with a schema: one that could be
    /// published, or a published version of any status. All is seen as it was at one moment; nothing is written, and it
    /// works in a suspended zone too.
    ///
    /// It does not hold all texts of the zone: of those, no more than 64 at a time, which have at most 24 MiB, and the
    /// statements of 256 KiB of them. What grows with the zone are some hundred bytes for each version that is checked, as in
    /// the answer, and a few for each pin. Findings and warnings have a
    /// [bound](crate::limits::PREFLIGHT_FINDINGS_BYTES): those beyond it are [counted](crate::PolicyVersionCheck::omitted).
    ///
    /// # Errors
    ///
    /// What [`publish_schema`](crate::WriteTransaction::publish_schema) would say of a new schema, its name being taken included;
    /// [`NotFound`](crate::ErrorKind::NotFound) for the name of none that is published. That a policy would not validate, or
    /// that this build's Cedar does not take its text any more, is a finding and no error; and so is that it would be [too
    /// costly](crate::Builder::validation_limit) to validate.
    pub fn preflight(&self, candidate: impl Into<Candidate>) -> Result<ZonePreflight> {
        preflight::of_zone(&self.store, &self.zone, candidate.into())
    }

    /// The first entry that was written under a request id; none if no request with that id was carried out in the zone.
    /// Tells whether a call would only be answered again, so that nothing has to be prepared for it, and what it created.
    pub fn entry_for_key(&self, key: IdempotencyKey) -> Result<Option<HistoryEntry>> {
        self.read(|snapshot| Ok(first_entry(snapshot, self.zone.log, key)?.map(|first| HistoryEntry::new(&first))))
    }

    /// Refuses a demand that does not hold now, before something is prepared for a call. It can be otherwise by the time of
    /// the write, which checks it again.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it does not hold.
    pub fn check(&self, precondition: &Precondition) -> Result<()> {
        self.read(|snapshot| precondition.check(snapshot, &self.zone))
    }

    /// What happened in the zone: its log as a list.
    pub fn history(&self, list: &PageRequest) -> Result<Page<HistoryEntry>> {
        self.read(|snapshot| list::history::page(snapshot, self.zone.log, list))
    }

    /// Reads the zone's log while it is there, and no other that has its number: after a recovery, the number may be another
    /// zone's.
    fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.store.storage.read(|snapshot| {
            zone::check(snapshot, &self.zone)?;
            f(snapshot)
        })
    }

    /// Reads with room on the stack for Cedar.
    pub(crate) fn read_with_room<T>(&self, f: impl FnOnce(&Snapshot<'_>, &Engine, &ZoneRef) -> Result<T>) -> Result<T> {
        crate::cedar::with_room(|| self.read(|snapshot| f(snapshot, &self.store, &self.zone)))
    }

    #[cfg(feature = "attestation")]
    pub(crate) fn now(&self) -> Timestamp {
        self.store.environment.now()
    }

    /// A list of the versions of `parent`, each read from its number and its row.
    fn versions<V: Versioned, T>(
        &self,
        parent: &str,
        list: &PageRequest,
        load: impl Fn(&Snapshot<'_>, u32, VersionRow) -> Result<T>,
    ) -> Result<Page<T>> {
        self.read(|snapshot| {
            let zone = &self.zone;
            if !snapshot.has_row(&key::by_id(zone.log, V::PARENT, parent))? {
                return Err(not_found(snapshot, zone, V::PARENT_RESOURCE, parent));
            }
            let range = key::versions(zone.log, V::BY_NUMBER, parent);
            let by_number = |number| key::by_version(zone.log, V::BY_NUMBER, parent, number);
            let fetch = |from: Option<u64>, direction, count| {
                let from = from.map(|from| by_number(u32::try_from(from).unwrap_or(u32::MAX)));
                rows_from(snapshot, range.clone(), from, direction, count, |row_key, row: VersionRow| {
                    let number = key::version(row_key).ok_or_else(|| wrong_row(V::BY_NUMBER, parent))?;
                    Ok(Some((u64::from(number), (number, row))))
                })
            };
            // Numbers have no gaps, so the last is the number of all.
            let count = || Ok(fetch(None, Direction::Descending, 1)?.first().map_or(0, |(number, _)| *number));
            let name = ListName::new(snapshot.store()?.cursor_key, zone.log_id, V::BY_NUMBER.name(), parent);
            let page = name.page(list, count, fetch)?;
            page.try_map(|(number, row)| load(snapshot, number, row))
        })
    }
}
