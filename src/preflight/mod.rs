//! Preflights: which of the policies that matter would still validate with another schema.
//!
//! What a preflight tells, and its order of work: the schema first, then one zone after the other. Each zone is surveyed in
//! one snapshot; its texts, which do not change, are read in others, a group at a time, and parsed and validated when those
//! have ended. Nothing is written, and nothing is locked.

mod survey;
mod texts;

use std::sync::Arc;

use serde::Serialize;
use survey::Survey;
use texts::{GROUP, Texts};

use crate::cedar::ParsedSchema;
use crate::engine::Engine;
use crate::list::scan::in_order;
use crate::resource::schema::{self, NewSchema};
use crate::resource::zone::{self, ZoneReader, ZoneRef};
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{Direction, Snapshot};
use crate::types::error::{Diagnostic, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::limits;
use crate::types::target::Target;

/// The schema that a preflight is made with.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Candidate {
    /// One that could be published.
    New(NewSchema),
    /// The published version of this name, whatever its status.
    Published(String),
}

impl From<NewSchema> for Candidate {
    fn from(new: NewSchema) -> Self {
        Self::New(new)
    }
}

impl From<&str> for Candidate {
    fn from(version: &str) -> Self {
        Self::Published(version.to_owned())
    }
}

impl From<&String> for Candidate {
    fn from(version: &String) -> Self {
        Self::Published(version.clone())
    }
}

impl From<&SchemaName> for Candidate {
    fn from(version: &SchemaName) -> Self {
        Self::Published(version.to_string())
    }
}

impl From<SchemaName> for Candidate {
    fn from(version: SchemaName) -> Self {
        Self::Published(version.into())
    }
}

impl From<String> for Candidate {
    fn from(version: String) -> Self {
        Self::Published(version)
    }
}

/// What would still validate with a schema, in all zones of a store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// The schema's name.
    pub schema_version: SchemaName,
    /// Each zone, in the order of their creation.
    pub zones: Vec<ZonePreflight>,
}

impl Preflight {
    /// Whether all that was checked would still validate.
    pub fn is_clean(&self) -> bool {
        self.failing().next().is_none()
    }

    /// The zones where something would not validate any more.
    pub fn failing(&self) -> impl Iterator<Item = &ZonePreflight> {
        self.zones.iter().filter(|zone| !zone.is_clean())
    }
}

/// What would still validate with a schema, in one zone.
///
/// Checked are the newest version of each policy and of each policy set, unless it or what it is a version of is archived;
/// every policy set version that is in force or under observation; and every policy version that one of those pins.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZonePreflight {
    /// The zone.
    pub zone_id: ZoneId,
    /// The schema's name.
    pub schema_version: SchemaName,
    /// How many entries the zone's log had when it was looked at.
    pub entries: u64,
    /// The policy versions that were checked, each once, oldest first.
    pub policy_versions: Vec<PolicyVersionCheck>,
    /// The policy set versions that are made of them, oldest first.
    pub policy_set_versions: Vec<PolicySetVersionCheck>,
}

impl ZonePreflight {
    /// Whether all that was checked would still validate.
    pub fn is_clean(&self) -> bool {
        self.failing().next().is_none()
    }

    /// The policy versions that would not validate any more.
    pub fn failing(&self) -> impl Iterator<Item = &PolicyVersionCheck> {
        self.policy_versions.iter().filter(|version| !version.valid)
    }

    /// The policy set versions that could not be made any more.
    pub fn failing_sets(&self) -> impl Iterator<Item = &PolicySetVersionCheck> {
        self.policy_set_versions.iter().filter(|version| !version.valid)
    }
}

/// Whether a policy version would still validate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyVersionCheck {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version's id.
    pub id: PolicyVersionId,
    /// The version's number.
    pub version: u32,
    /// The schema version that it was validated against when it was created.
    pub schema_version: SchemaName,
    /// Whether it is the newest version of its policy.
    pub latest: bool,
    /// Whether it would still validate, in strict mode.
    pub valid: bool,
    /// Every finding with its place in the Cedar text; if this build's Cedar does not take the text any more, why not.
    pub findings: Arc<[Diagnostic]>,
    /// What Cedar would warn of; nothing if it does not validate.
    pub warnings: Arc<[Diagnostic]>,
    /// How many findings or warnings are left out, because those of one preflight are over
    /// [their limit](crate::limits::PREFLIGHT_FINDINGS_BYTES).
    pub omitted: usize,
}

/// Whether a policy set version could still be made, with the schema in the place of its own.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySetVersionCheck {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version's id.
    pub id: PolicySetVersionId,
    /// The version's number.
    pub version: u32,
    /// The schema version that it is evaluated with.
    pub schema_version: SchemaName,
    /// What it is in force for.
    pub active: Option<Target>,
    /// What it is under observation for.
    pub shadow: Option<Target>,
    /// Whether it is the zone's guardrail, which has to validate against the schema of all that is bound.
    pub guardrail: bool,
    /// Whether it is the newest version of its policy set.
    pub latest: bool,
    /// Whether all that it pins would still validate.
    pub valid: bool,
    /// The pinned policy versions that would not, sorted by the ids of their policies.
    pub failing: Vec<PolicyVersionId>,
}

/// A preflight under way.
struct Check<'a> {
    store: &'a Engine,
    version: SchemaName,
    schema: Arc<ParsedSchema>,
    texts: Texts,
}

/// Checks all zones.
pub(crate) fn of_store(store: &Engine, candidate: Candidate) -> Result<Preflight> {
    let mut check = Check::new(store, candidate)?;
    let zones = store.storage.read(|snapshot| {
        let order = (STORE_LOG, RowKind::ZoneOrder);
        let ids = in_order(snapshot, order, None, Direction::Ascending, usize::MAX, |_, _| Ok(true))?;
        ids.into_iter().map(|(_, id)| zone::find(snapshot, &id)).collect::<Result<Vec<_>>>()
    })?;
    let checked = zones.iter().filter_map(|zone| {
        let checked = check.zone(|snapshot| match zone::find(snapshot, zone.id.as_str()) {
            // It is gone since.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        });
        checked.transpose()
    });
    let zones = checked.collect::<Result<_>>()?;
    Ok(Preflight { schema_version: check.version, zones })
}

/// Checks one zone.
pub(crate) fn of_zone(store: &Engine, zone: &ZoneRef, candidate: Candidate) -> Result<ZonePreflight> {
    let gone = || ErrorDetail::not_found(Resource::Zone, zone.id.as_str()).into();
    let checked = Check::new(store, candidate)?
        .zone(|snapshot| ZoneReader::new(snapshot, zone).check_exists().map(|()| Some(zone.clone())));
    checked?.ok_or_else(gone)
}

impl<'a> Check<'a> {
    /// With a candidate that is published, or that could be.
    fn new(store: &'a Engine, candidate: Candidate) -> Result<Self> {
        let (version, schema) = match candidate {
            Candidate::New(new) => {
                let version = store.storage.read(|snapshot| schema::free_name(snapshot, &new.version))?;
                (version, Arc::new(store.compiler.limited(new.convert()?.0)))
            }
            Candidate::Published(version) => store.storage.read(|snapshot| {
                let reference = schema::find(snapshot, &version)?.reference();
                let parsed = store.compiler.schema(snapshot, &reference)?;
                Ok((reference.version, parsed))
            })?,
        };
        Ok(Self { store, version, schema, texts: Texts::new(limits::PREFLIGHT_FINDINGS_BYTES) })
    }

    /// Checks the zone that `find` finds, as it is in one snapshot. None if there is none, or it is erased meanwhile.
    fn zone(&mut self, find: impl FnOnce(&Snapshot<'_>) -> Result<Option<ZoneRef>>) -> Result<Option<ZonePreflight>> {
        let surveyed = self.store.storage.read(|snapshot| {
            let Some(zone) = find(snapshot)? else { return Ok(None) };
            let survey = Survey::of(ZoneReader::new(snapshot, &zone))?;
            Ok(Some((zone, survey)))
        })?;
        let Some((zone, survey)) = surveyed else { return Ok(None) };
        let missing = self.texts.missing(survey.policies.values().map(|(body, _)| body.text));
        for group in missing.chunks(GROUP) {
            let environment = self.store.storage.read(|snapshot| {
                if !snapshot.has_zone(zone.id.as_str(), zone.log, zone.log_id)? {
                    return Ok(None);
                }
                Texts::read(snapshot, &self.store.compiler, group).map(Some)
            })?;
            let Some(environment) = environment else { return Ok(None) };
            self.texts.validate(environment, &self.schema, self.version.as_str())?;
        }
        self.tell(&zone, survey).map(Some)
    }

    /// What was found of all that a survey names.
    fn tell(&self, zone: &ZoneRef, survey: Survey) -> Result<ZonePreflight> {
        let mut policy_versions = Vec::with_capacity(survey.policies.len());
        for (body, latest) in survey.policies.values() {
            let found = self.texts.of(body.text)?;
            policy_versions.push(PolicyVersionCheck {
                policy_id: body.policy_id.clone(),
                id: body.version_id.clone(),
                version: body.version,
                schema_version: body.schema.version.clone(),
                latest: *latest,
                valid: found.valid,
                findings: found.findings.clone(),
                warnings: found.warnings.clone(),
                omitted: found.omitted,
            });
        }
        let failing = |pin: &u64| {
            let pinned = survey.policies.get(pin).ok_or_else(texts::lost);
            pinned.and_then(|(body, _)| Ok((!self.texts.of(body.text)?.valid).then(|| body.version_id.clone())))
        };
        let mut policy_set_versions = Vec::with_capacity(survey.sets.len());
        for set in survey.sets.into_values() {
            let failing = set.pins.iter().filter_map(|pin| failing(pin).transpose()).collect::<Result<Vec<_>>>()?;
            policy_set_versions.push(PolicySetVersionCheck {
                policy_set_id: set.body.policy_set_id,
                id: set.body.version_id,
                version: set.body.version,
                schema_version: set.body.schema.version,
                active: set.uses.active,
                shadow: set.uses.shadow,
                guardrail: set.uses.guardrail,
                latest: set.uses.latest,
                valid: failing.is_empty(),
                failing,
            });
        }
        let (zone_id, schema_version, entries) = (zone.id.clone(), self.version.clone(), survey.entries);
        Ok(ZonePreflight { zone_id, schema_version, entries, policy_versions, policy_set_versions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, NewPolicy, NewPolicyVersion, PolicyStore};

    /// The survey still sees the zone, and what is read after it does not.
    #[test]
    fn a_zone_that_is_erased_under_a_preflight_is_none_of_it_and_not_damaged() {
        let (store, actor) = (PolicyStore::builder().in_memory().unwrap(), Actor::customer("ann").unwrap());
        let filled = store.write(&actor, |w| {
            w.publish_schema(NewSchema::cedar("s", "entity U;"))?;
            let mut zone = w.create_zone("a")?;
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            zone.create_policy_version(policy.id, NewPolicyVersion::cedar("s", "permit(principal, action, resource);"))
        });
        filled.unwrap();
        let candidate = Candidate::New(NewSchema::cedar("next", "entity U;"));
        let mut check = Check::new(&store.engine, candidate).unwrap();
        let checked = check.zone(|snapshot| {
            let found = zone::find(snapshot, "a")?;
            store.erase_zone(&actor, "a")?;
            Ok(Some(found))
        });
        assert_eq!(checked.unwrap(), None);
        assert!(store.verify().unwrap().is_clean());
    }
}
