//! The survey of one zone: the policy versions and policy set versions that a preflight checks. Does not read texts.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::list::scan::in_order;
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::policy_set_version;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::storage::Direction;
use crate::storage::key::RowKind;
use crate::types::error::{ErrorDetail, ErrorKind, Result};
use crate::types::target::{BindingMode, Target};

/// The versions that a preflight checks in a zone, by the positions of their entries.
#[derive(Default)]
pub(super) struct Survey {
    /// The length of the zone's log.
    pub entries: u64,
    /// Policy versions, and whether each is the newest of its policy.
    pub policies: BTreeMap<u64, (PolicyVersionCreated, bool)>,
    pub sets: BTreeMap<u64, SurveyedSet>,
}

/// A policy set version, and its pins.
pub(super) struct SurveyedSet {
    pub body: PolicySetVersionCreated,
    pub uses: Uses,
    /// The keys of the pinned versions in [`Survey::policies`], in the order of the manifest.
    pub pins: Vec<u64>,
}

/// The reasons for checking a policy set version.
#[derive(Default)]
pub(super) struct Uses {
    pub active: Option<Target>,
    pub shadow: Option<Target>,
    pub guardrail: bool,
    pub latest: bool,
}

impl Survey {
    pub(super) fn of(zone: ZoneReader<'_>) -> Result<Self> {
        let mut survey = Self { entries: zone.head(zone.log)?.length, ..Self::default() };
        // The zone itself names everything that is looked up, so "not found" is damage.
        survey.fill(zone).map_err(|error| match error.kind() {
            ErrorKind::NotFound => ErrorDetail::corrupt(format_args!("the index of zone `{}`", zone.id), error).into(),
            _ => error,
        })?;
        Ok(survey)
    }

    fn fill(&mut self, zone: ZoneReader<'_>) -> Result<()> {
        let all = |tag| in_order(&zone, (zone.log, tag), None, Direction::Ascending, usize::MAX, |_, _| Ok(true));
        for (_, id) in all(RowKind::PolicyOrder)? {
            self.newest_of_policy(zone, &id)?;
        }
        for (_, id) in all(RowKind::PolicySetOrder)? {
            self.versions_of_set(zone, &id)?;
        }
        Ok(())
    }

    /// Skips archived versions and policies: nothing new can use them.
    fn newest_of_policy(&mut self, zone: ZoneReader<'_>, id: &str) -> Result<()> {
        let row = zone.policy_row(id)?;
        let (Some(latest), None) = (row.latest, row.archived) else { return Ok(()) };
        let found = VersionRecord::<PolicyVersionCreated>::by_number(zone, id, latest.version)?;
        if found.row.archived.is_none() {
            self.policies.insert(found.row.created, (found.body()?.clone(), true));
        }
        Ok(())
    }

    /// Adds the bound versions, and the newest version unless it is archived.
    fn versions_of_set(&mut self, zone: ZoneReader<'_>, id: &str) -> Result<()> {
        let row = zone.policy_set_row(id)?;
        let mut uses: BTreeMap<u32, Uses> = BTreeMap::new();
        for mode in [BindingMode::Active, BindingMode::Shadow, BindingMode::Guardrail] {
            let Some(position) = row.binding(mode) else { continue };
            let bound = zone.binding_of_set(id, position, mode)?;
            let uses = uses.entry(bound.bound.version).or_default();
            match mode {
                BindingMode::Active => uses.active = Some(bound.target),
                BindingMode::Shadow => uses.shadow = Some(bound.target),
                BindingMode::Guardrail => uses.guardrail = true,
            }
        }
        if let Some(latest) = row.latest {
            uses.entry(latest.version).or_default().latest = true;
        }
        for (version, uses) in uses {
            let found = VersionRecord::<PolicySetVersionCreated>::by_number(zone, id, version)?;
            // A bound version is never archived.
            if row.archived.is_none() && found.row.archived.is_none() {
                let body = found.body()?.clone();
                let pins = self.pins(zone, &body)?;
                self.sets.insert(found.row.created, SurveyedSet { body, uses, pins });
            }
        }
        Ok(())
    }

    /// Adds the policy versions that a policy set version pins, archived ones included.
    fn pins(&mut self, zone: ZoneReader<'_>, set: &PolicySetVersionCreated) -> Result<Vec<u64>> {
        let manifest = policy_set_version::manifest(&zone, set)?;
        let mut pins = Vec::with_capacity(manifest.entries().len());
        for entry in manifest.into_entries() {
            let found = VersionRecord::<PolicyVersionCreated>::by_id(zone, entry.policy_version_id.as_str())?;
            let body = policy_set_version::check_pinned(set, &entry, Some(found.body()?))?;
            pins.push(found.row.created);
            if let Entry::Vacant(place) = self.policies.entry(found.row.created) {
                let newest = zone.policy_row(body.policy_id.as_str())?.latest;
                place.insert((body.clone(), newest.is_some_and(|newest| newest.version == body.version)));
            }
        }
        Ok(pins)
    }
}
