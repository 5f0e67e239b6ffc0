//! The test suite of a plan: the desired one, or that of the version in force if the zone demands tests.

use std::sync::Arc;

use super::steps::{Steps, VersionStep};
use super::value::{PlannedPolicySet, PlannedTests, PolicySetPlan};
use crate::engine::compiler::Compiler;
use crate::engine::compiler::tested::Rules;
use crate::record::PolicySetVersionCreated;
use crate::resource::contents::Contents;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::rules::ownership::check_changeable;
use crate::rules::step_tests::StepTests;
use crate::rules::test_demand;
use crate::suite::TestSuite;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::PolicySetVersionId;
use crate::types::target::BindingMode;

/// The name of a version that a plan creates, in errors.
const PLANNED: &str = "planned";

/// The suite that a plan keeps with its version.
pub(super) struct KeptTests {
    pub suite: TestSuite,
    pub planned: PlannedTests,
}

/// The suite of the version: the desired one; or else, for a new active version of a zone that demands tests, the suite of the
/// version in force for the target, which is `base`.
pub(super) fn of_version(
    zone: ZoneReader<'_>,
    actor: &Actor,
    desired: Option<&TestSuite>,
    version: &PlannedPolicySet,
    base: Option<&Contents>,
) -> Result<Option<KeptTests>> {
    let existing = version.policy_set_version_id.as_ref();
    let suite = match desired {
        Some(suite) => Some(suite.clone()),
        None if existing.is_none() => in_force(zone, base)?,
        None => None,
    };
    let Some(suite) = suite else { return Ok(None) };
    let keep = existing.map_or(Ok(true), |id| differs(zone, actor, id, &suite))?;
    let cases = u32::try_from(suite.len()).unwrap_or(u32::MAX);
    let planned = PlannedTests { sha: suite.sha(), cases, keep };
    Ok(Some(KeptTests { suite, planned }))
}

/// The suite of the version in force, if the zone demands tests. If it has none, only applying the plan is refused.
fn in_force(zone: ZoneReader<'_>, base: Option<&Contents>) -> Result<Option<TestSuite>> {
    let (Some(base), Some(_)) = (base, zone.tests_demanded_by()?) else { return Ok(None) };
    zone.test_suite(&base.version)
}

/// Whether a suite is not the newest one of a version. Refuses an actor who may not keep it.
fn differs(zone: ZoneReader<'_>, actor: &Actor, id: &PolicySetVersionId, suite: &TestSuite) -> Result<bool> {
    let found = VersionRecord::<PolicySetVersionCreated>::named(zone, id.as_str())?;
    if zone.tests_sha(found.body()?)? == Some(suite.sha()) {
        return Ok(false);
    }
    let owner = found.entry.envelope.actor.owner_type();
    check_changeable(actor, Resource::PolicySetVersion, id.as_str(), owner, found.row.archived.is_some())?;
    Ok(true)
}

/// Refuses the steps of a plan whose version does not pass its tests, if the zone demands them. New policies have their ids.
pub(crate) fn check(zone: ZoneReader<'_>, compiler: &Compiler, plan: &PolicySetPlan, steps: &Steps) -> Result<()> {
    if !plan.binds || plan.mode != BindingMode::Active || zone.tests_demanded_by()?.is_none() {
        return Ok(());
    }
    match &steps.version {
        VersionStep::Existing(id) => {
            let found = VersionRecord::<PolicySetVersionCreated>::named(zone, id.as_str())?;
            match &steps.tests {
                Some(suite) => test_demand::check(zone, compiler, &Rules::of_version(zone, found.body()?)?, suite),
                None => test_demand::check_version(zone, compiler, found.body()?),
            }
        }
        VersionStep::New { schema, policies, .. } => {
            let zone_id = zone.id.to_string();
            let policy_set_version_id = plan.base.as_ref().map(|base| base.policy_set_version_id.to_string());
            let missing = || ErrorDetail::TestsMissing { zone_id, policy_set_version_id };
            let suite = steps.tests.clone().ok_or_else(missing)?;
            let parsed = steps.publish.as_ref().map(|given| Arc::clone(&given.parsed));
            let tests = StepTests { suite, of: PolicySetVersionId::new(PLANNED)? };
            tests.check(zone, compiler, (schema, parsed), policies)
        }
    }
}
