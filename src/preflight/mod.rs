//! Preflights: checks which policies would still validate with another schema.
//!
//! Defines the report and the order of work: first the schema, then one zone after the other. A zone is surveyed in one
//! snapshot. Its texts are immutable; they are read in other snapshots, one group at a time, and parsed and validated
//! after each of these ends. Nothing is written or locked.

mod survey;
mod texts;

use std::sync::Arc;

use serde::Serialize;
use survey::Survey;
use texts::{GROUP, Texts};

use crate::cedar::ParsedSchema;
use crate::engine::Engine;
use crate::resource::schema::{self, NewSchema};
use crate::resource::zone::{self, ZoneReader, ZoneRef};
use crate::storage::Snapshot;
use crate::types::error::{Diagnostic, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::limits;
use crate::types::progress::{Steps, Watch, Work};
use crate::types::target::Target;

/// The schema of a preflight.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::{Actor, NewPolicy, NewPolicyVersion, NewSchema, PolicyStore};
/// let store = PolicyStore::builder().in_memory()?;
/// let read = "action read appliesTo { principal: User, resource: User };";
/// store.write(&Actor::platform("ops")?, |w| {
///     w.publish_schema(NewSchema::cedar("v1", format!("entity User {{ level: Long }}; {read}")))?;
///     let mut zone = w.create_zone("acme")?;
///     let policy = zone.create_policy(NewPolicy::named("senior"))?;
///     let text = "permit(principal, action, resource) when { principal.level > 5 };";
///     zone.create_policy_version(policy.id, NewPolicyVersion::cedar("v1", text))
/// })?;
///
/// let candidate = NewSchema::cedar("v2", format!("entity User; {read}"));
/// assert!(!store.preflight(candidate)?.is_clean());
/// assert!(store.preflight("v1")?.is_clean()); // by the name of a published schema version
/// # Ok(())
/// # }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Candidate {
    /// A schema that is not published yet.
    New(NewSchema),
    /// The published schema version of this name, in any status.
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

/// The result of a preflight of all zones.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preflight {
    /// The name of the schema version.
    pub schema_version: SchemaName,
    /// The zones, in order of creation.
    pub zones: Vec<ZonePreflight>,
}

impl Preflight {
    /// Whether every checked version would validate.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failing().next().is_none()
    }

    /// The zones with a version that would not validate.
    pub fn failing(&self) -> impl Iterator<Item = &ZonePreflight> {
        self.zones.iter().filter(|zone| !zone.is_clean())
    }
}

/// The result of a preflight of one zone.
///
/// A preflight checks the newest version of each policy and of each policy set, unless the version or its parent is
/// archived; every bound policy set version, in any mode; and every policy version that one of these pins.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZonePreflight {
    /// The zone.
    pub zone_id: ZoneId,
    /// The name of the schema version.
    pub schema_version: SchemaName,
    /// The length of the zone's log at the moment of the survey.
    pub entries: u64,
    /// The checked policy versions, each once, oldest first.
    pub policy_versions: Vec<PolicyVersionCheck>,
    /// The checked policy set versions, oldest first.
    pub policy_set_versions: Vec<PolicySetVersionCheck>,
}

impl ZonePreflight {
    /// Whether every checked version would validate.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.failing().next().is_none()
    }

    /// The policy versions that would not validate.
    pub fn failing(&self) -> impl Iterator<Item = &PolicyVersionCheck> {
        self.policy_versions.iter().filter(|version| !version.valid)
    }

    /// The policy set versions with a pinned version that would not validate.
    pub fn failing_sets(&self) -> impl Iterator<Item = &PolicySetVersionCheck> {
        self.policy_set_versions.iter().filter(|version| !version.valid)
    }
}

/// The result for one policy version.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyVersionCheck {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version's id.
    pub id: PolicyVersionId,
    /// The version's number.
    pub version: u32,
    /// The schema version that it was created for.
    pub schema_version: SchemaName,
    /// Whether it is the newest version of its policy.
    pub latest: bool,
    /// Whether it would validate, in strict mode.
    pub valid: bool,
    /// The findings, with their places in the Cedar text. If this build's Cedar no longer accepts the text, the reason.
    pub findings: Arc<[Diagnostic]>,
    /// Cedar's warnings; empty if the version does not validate.
    pub warnings: Arc<[Diagnostic]>,
    /// The number of findings or warnings left out, because the findings of a preflight exceed [their
    /// limit](crate::limits::PREFLIGHT_FINDINGS_BYTES).
    pub omitted: usize,
}

/// The result for one policy set version, with the schema in place of its own.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySetVersionCheck {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version's id.
    pub id: PolicySetVersionId,
    /// The version's number.
    pub version: u32,
    /// The schema version that it was created for.
    pub schema_version: SchemaName,
    /// The target that it is in force for.
    pub active: Option<Target>,
    /// The target that it is bound to in shadow mode.
    pub shadow: Option<Target>,
    /// Whether it is the zone's guardrail. A guardrail must validate against the schema of every bound version.
    pub guardrail: bool,
    /// Whether it is the newest version of its policy set.
    pub latest: bool,
    /// Whether every pinned policy version would validate.
    pub valid: bool,
    /// The pinned policy versions that would not validate, sorted by policy id.
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
pub(crate) fn of_store(store: &Engine, candidate: Candidate, watch: Watch<'_>) -> Result<Preflight> {
    let mut check = Check::new(store, candidate)?;
    // Each zone with the number of its policies, which is about that of its texts.
    let zones = store.storage.read(|snapshot| {
        let zones = zone::all(snapshot)?.into_iter().map(|zone| {
            let policies = snapshot.zone_state(zone.log)?.map_or(0, |state| state.policies);
            Ok((zone, policies))
        });
        zones.collect::<Result<Vec<_>>>()
    })?;
    let steps =
        watch.begin(Work::Preflight, zones.iter().fold(0, |sum: u64, (_, texts)| sum.saturating_add(*texts)))?;
    let checked = zones.iter().filter_map(|(zone, expected)| {
        let find = |snapshot: &Snapshot<'_>| match zone::find(snapshot, zone.id.as_str()) {
            // The zone was erased meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        };
        check.zone(find, (&steps, *expected)).transpose()
    });
    let zones = checked.collect::<Result<_>>()?;
    steps.end()?;
    Ok(Preflight { schema_version: check.version, zones })
}

/// Checks one zone.
pub(crate) fn of_zone(store: &Engine, zone: &ZoneRef, candidate: Candidate) -> Result<ZonePreflight> {
    let gone = || ErrorDetail::not_found(Resource::Zone, zone.id.as_str()).into();
    let find = |snapshot: &Snapshot<'_>| ZoneReader::new(snapshot, zone).check_exists().map(|()| Some(zone.clone()));
    let steps = Watch::NONE.begin(Work::Preflight, 0)?;
    Check::new(store, candidate)?.zone(find, (&steps, 0))?.ok_or_else(gone)
}

impl<'a> Check<'a> {
    /// Parses the candidate.
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

    /// Checks the zone that `find` returns in one snapshot. `None` if it returns none, or if the zone is erased
    /// meanwhile. `steps` count its texts, and so far have some for it.
    fn zone(
        &mut self,
        find: impl FnOnce(&Snapshot<'_>) -> Result<Option<ZoneRef>>,
        (steps, expected): (&Steps<'_>, u64),
    ) -> Result<Option<ZonePreflight>> {
        let surveyed = self.store.storage.read(|snapshot| {
            let Some(zone) = find(snapshot)? else { return Ok(None) };
            let survey = Survey::of(ZoneReader::new(snapshot, &zone))?;
            Ok(Some((zone, survey)))
        })?;
        let Some((zone, survey)) = surveyed else { return Ok(None) };
        let missing = self.texts.missing(survey.policies.values().map(|(body, _)| body.forms()));
        steps.correct(expected, missing.len() as u64);
        for group in missing.chunks(GROUP) {
            let environment = self.store.storage.read(|snapshot| {
                if !snapshot.has_zone(zone.id.as_str(), zone.log, zone.log_id)? {
                    return Ok(None);
                }
                Texts::read(snapshot, &self.store.compiler, group).map(Some)
            })?;
            let Some(environment) = environment else { return Ok(None) };
            self.texts.validate(environment, &self.schema, self.version.as_str())?;
            steps.add(group.len() as u64)?;
        }
        self.report(&zone, survey).map(Some)
    }

    /// Collects the results for a survey.
    fn report(&self, zone: &ZoneRef, survey: Survey) -> Result<ZonePreflight> {
        let mut policy_versions = Vec::with_capacity(survey.policies.len());
        for (body, latest) in survey.policies.values() {
            let found = self.texts.of(body.sha)?;
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
            pinned.and_then(|(body, _)| Ok((!self.texts.of(body.sha)?.valid).then(|| body.version_id.clone())))
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

    /// The survey still finds the zone; later reads do not.
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
        let find = |snapshot: &Snapshot<'_>| {
            let found = zone::find(snapshot, "a")?;
            store.erase_zone(&actor, "a")?;
            Ok(Some(found))
        };
        let steps = Watch::NONE.begin(Work::Preflight, 1).unwrap();
        assert_eq!(check.zone(find, (&steps, 1)).unwrap(), None);
        assert!(store.verify().unwrap().is_clean());
    }
}
