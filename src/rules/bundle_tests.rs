//! The tests of the version that a bundle makes: those of the version that it starts from.

use super::step_tests::StepTests;
use super::test_demand;
use crate::resource::contents::Contents;
use crate::resource::zone::ZoneReader;
use crate::types::error::Result;
use crate::types::target::Target;

/// None if the zone demands no tests. The suite is that of the version that the bundle replaces; of a user's first bundle, that of
/// the zone's version.
pub(crate) fn demanded(zone: ZoneReader<'_>, target: &Target) -> Result<Option<StepTests>> {
    if zone.tests_demanded_by()?.is_none() {
        return Ok(None);
    }
    let start = zone.bundle_start(target)?.map(|binding| Contents::of(zone, &binding)).transpose()?;
    let start = start.map(|contents| contents.version);
    let suite = test_demand::demanded(zone, start.as_ref())?;
    Ok(suite.zip(start).map(|(suite, start)| StepTests { suite, of: start.version_id }))
}
