//! The demand of a zone that the tests of a version pass before it is put in force.

use crate::engine::compiler::Compiler;
use crate::engine::compiler::tested::Rules;
use crate::record::PolicySetVersionCreated;
use crate::resource::zone::ZoneReader;
use crate::suite::TestSuite;
use crate::types::actor::{Actor, OwnerType};
use crate::types::error::{ErrorDetail, Result};

/// Refuses a version that does not pass its own suite, if the zone demands tests.
pub(crate) fn check_version(
    zone: ZoneReader<'_>,
    compiler: &Compiler,
    version: &PolicySetVersionCreated,
) -> Result<()> {
    match demanded(zone, Some(version))? {
        None => Ok(()),
        Some(suite) => check(zone, compiler, &Rules::of_version(zone, version)?, &suite),
    }
}

/// The suite that is to pass: that of `version`. None if the zone demands no tests.
pub(crate) fn demanded(zone: ZoneReader<'_>, version: Option<&PolicySetVersionCreated>) -> Result<Option<TestSuite>> {
    if zone.tests_demanded_by()?.is_none() {
        return Ok(None);
    }
    let suite = version.map(|version| zone.test_suite(version)).transpose()?.flatten();
    suite.map(Some).ok_or_else(|| {
        let policy_set_version_id = version.map(|version| version.version_id.to_string());
        ErrorDetail::TestsMissing { zone_id: zone.id.to_string(), policy_set_version_id }.into()
    })
}

/// Refuses rules that do not pass a suite.
pub(crate) fn check(zone: ZoneReader<'_>, compiler: &Compiler, rules: &Rules, suite: &TestSuite) -> Result<()> {
    let report = compiler.test(zone, rules, suite)?;
    if report.is_passed() {
        return Ok(());
    }
    Err(ErrorDetail::TestsFailed {
        zone_id: zone.id.to_string(),
        policy_set_version_id: rules.version.to_string(),
        failed: report.failed(),
        cases: report.cases,
        first: report.failures.first().map(ToString::to_string).unwrap_or_default(),
    }
    .into())
}

/// Whether a demand changes anything: that of a platform actor stands above that of a customer. Refuses a customer who
/// would lift the platform's.
pub(crate) fn changes(zone: ZoneReader<'_>, actor: &Actor, required: bool) -> Result<bool> {
    let by = zone.tests_demanded_by()?.map(|by| by.owner_type());
    match (by, required, actor.owner_type()) {
        (None, required, _) => Ok(required),
        (Some(OwnerType::Platform), false, OwnerType::Customer) => {
            Err(ErrorDetail::TestsReserved { zone_id: zone.id.to_string() }.into())
        }
        (Some(_), false, _) => Ok(true),
        (Some(by), true, actor) => Ok(by == OwnerType::Customer && actor == OwnerType::Platform),
    }
}
