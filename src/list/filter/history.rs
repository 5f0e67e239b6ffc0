//! The filter of histories: of a zone, of the store's own log, and of all logs as one timeline.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes};
use crate::record::LogEntry;
use crate::resource::history::{About, ChangeKind};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::id::ZoneId;
use crate::types::limits;
use crate::types::target::{Target, TargetType};
use crate::types::time::Timestamp;

/// A filter of log entries. The default passes all.
///
/// Repeated values of one field are alternatives; different fields must all match. A field without values matches every
/// entry, and each field takes at most [`FILTER_VALUES`](limits::FILTER_VALUES) values.
///
/// Times are found in a few steps, so the entries of a short time are read at the same cost in any log. The other fields
/// have no index: a page reads entries until it is full, in the worst case all of the time. Entries never change, so under
/// any filter pages repeat and skip nothing.
///
/// An entry matches a resource if it is about it: the resource is created, changed or archived, or a version of it.
/// A version that pins a policy is about its policy set, not about the policy. Unknown ids match nothing.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, ChangeKind, HistoryFilter, NewPolicy, PageRequest, PolicyStore, PolicyUpdate};
/// let (store, ann) = (PolicyStore::builder().in_memory()?, Actor::customer("ann")?);
/// store.write(&ann, |w| {
///     let mut zone = w.create_zone("acme")?;
///     zone.create_policy(NewPolicy::named("staff").id("p"))?;
///     zone.update_policy("p", PolicyUpdate::new().name("all staff"))
/// })?;
///
/// let renamed = HistoryFilter::new().policy("p").kind(ChangeKind::PolicyUpdated).by(ann);
/// assert_eq!(store.zone("acme")?.history(&renamed, &PageRequest::new())?.items[0].position, 2);
/// # Ok(())
/// # }
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct HistoryFilter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    actors: BTreeSet<Actor>,
    kinds: BTreeSet<ChangeKind>,
    policies: BTreeSet<String>,
    policy_sets: BTreeSet<String>,
    schemas: BTreeSet<String>,
    zones: BTreeSet<String>,
    targets: BTreeSet<Target>,
}

impl HistoryFilter {
    /// A filter that passes all entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes entries of this time and later ones, by [`created_at`](crate::HistoryEntry::created_at). A second call replaces the first.
    pub fn since(mut self, time: Timestamp) -> Self {
        self.since = Some(time);
        self
    }

    /// Passes entries before this time, and none of this time: so the time of one filter is the [start](Self::since) of the next. A
    /// second call replaces the first.
    pub fn until(mut self, time: Timestamp) -> Self {
        self.until = Some(time);
        self
    }

    /// Passes entries by this author. Of an imported entry, that is the original author.
    pub fn by(mut self, actor: Actor) -> Self {
        self.actors.insert(actor);
        self
    }

    /// Passes entries of this kind.
    pub fn kind(mut self, kind: ChangeKind) -> Self {
        self.kinds.insert(kind);
        self
    }

    /// Passes entries about the policy with this id, its versions included.
    pub fn policy(mut self, id: impl Into<String>) -> Self {
        self.policies.insert(id.into());
        self
    }

    /// Passes entries about the policy set with this id: its versions, their attestations, and the bindings that one of them
    /// began or ended, also if another set's version replaced it.
    pub fn policy_set(mut self, id: impl Into<String>) -> Self {
        self.policy_sets.insert(id.into());
        self
    }

    /// Passes entries about this schema version: its publication and status, and its choice as a zone's default.
    pub fn schema(mut self, version: impl Into<String>) -> Self {
        self.schemas.insert(version.into());
        self
    }

    /// Passes entries of the zone's log, and entries of the store's log that name the zone: its creation, erasure and fork.
    pub fn zone(mut self, id: impl Into<String>) -> Self {
        self.zones.insert(id.into());
        self
    }

    /// Passes the beginnings and ends of bindings of this target, in any mode.
    pub fn target(mut self, target: Target) -> Self {
        self.targets.insert(target);
        self
    }

    pub(crate) fn check(&self) -> Result<WantedHistory<'_>> {
        for (what, count) in [
            ("actors of the filter", self.actors.len()),
            ("policies of the filter", self.policies.len()),
            ("policy sets of the filter", self.policy_sets.len()),
            ("schema versions of the filter", self.schemas.len()),
            ("zones of the filter", self.zones.len()),
            ("targets of the filter", self.targets.len()),
        ] {
            at_most(what, count, limits::FILTER_VALUES)?;
        }
        self.targets.iter().try_for_each(Target::check)?;
        if let (Some(since), Some(until)) = (self.since, self.until)
            && since > until
        {
            return Err(ErrorDetail::invalid("until", &until.to_string(), "must not be before `since`").into());
        }
        Ok(WantedHistory(self))
    }
}

/// A checked filter of log entries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WantedHistory<'a>(&'a HistoryFilter);

impl<'a> WantedHistory<'a> {
    /// The first time that passes.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.0.since
    }

    /// The first time that no longer passes.
    pub(crate) fn until(&self) -> Option<Timestamp> {
        self.0.until
    }

    /// The ids of the zones asked for; none if all are.
    pub(crate) fn zones(&self) -> Option<&'a BTreeSet<String>> {
        Some(&self.0.zones).filter(|zones| !zones.is_empty())
    }

    /// Whether every entry of the filter's time passes.
    pub(crate) fn is_only_by_time(&self) -> bool {
        let HistoryFilter { since: _, until: _, actors, kinds, policies, policy_sets, schemas, zones, targets } =
            self.0;
        let no_ids = [policies, policy_sets, schemas, zones].into_iter().all(BTreeSet::is_empty);
        no_ids && actors.is_empty() && kinds.is_empty() && targets.is_empty()
    }

    /// Whether an entry passes the fields other than time. `zone` is the log's zone; none for the store's log.
    pub(crate) fn takes(&self, zone: Option<&ZoneId>, entry: &LogEntry) -> bool {
        let HistoryFilter { since: _, until: _, actors, kinds, policies, policy_sets, schemas, zones, targets } =
            self.0;
        let of_author = actors.is_empty() || actors.contains(&entry.envelope.actor);
        if !of_author || !(kinds.is_empty() || kinds.contains(&ChangeKind::of(&entry.body))) {
            return false;
        }
        let about = About::of(&entry.body);
        let zone = zone.map(ZoneId::as_str).or(about.zone);
        names(policies, &[about.policy])
            && names(policy_sets, &about.policy_sets)
            && names(schemas, &[about.schema])
            && names(zones, &[zone])
            && (targets.is_empty() || about.target.is_some_and(|target| targets.contains(target)))
    }

    /// The bytes that cursors contain.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let HistoryFilter { since, until, actors, kinds, policies, policy_sets, schemas, zones, targets } = self.0;
        let micros = |time: &Option<Timestamp>| time.map(|time| time.as_micros().to_string());
        let (since, until) = (micros(since), micros(until));
        // No kind of actor has a colon in its word.
        let actors: Vec<_> = actors.iter().map(|actor| format!("{}:{}", actor.owner_type(), actor.id())).collect();
        let users = targets.iter().filter_map(|target| match target {
            Target::User(id) => Some(id.as_str()),
            Target::Zone => None,
        });
        let of_zone = targets.contains(&Target::Zone).then_some(TargetType::Zone.as_str());
        FilterBytes::default()
            .with(Field::TargetType, of_zone)
            .with(Field::User, users)
            .with(Field::Kind, kinds.iter().map(|kind| kind.as_str()))
            .with(Field::Actor, actors.iter().map(String::as_str))
            .with(Field::Since, since.as_deref())
            .with(Field::Until, until.as_deref())
            .with(Field::Policy, policies.iter().map(String::as_str))
            .with(Field::PolicySet, policy_sets.iter().map(String::as_str))
            .with(Field::Schema, schemas.iter().map(String::as_str))
            .with(Field::Zone, zones.iter().map(String::as_str))
            .done()
    }
}

/// Whether there is no condition, or one of the ids meets it.
fn names(wanted: &BTreeSet<String>, ids: &[Option<&str>]) -> bool {
    wanted.is_empty() || ids.iter().flatten().any(|id| wanted.contains(*id))
}
