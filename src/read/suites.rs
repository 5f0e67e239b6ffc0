//! The test suites of a zone's policy set versions, and their runs.

use super::moment::Moment;
use super::zone::Zone;
use crate::engine::compiler::tested::Rules;
use crate::record::PolicySetVersionCreated;
use crate::resource::version::VersionRecord;
use crate::suite::TestSuite;
use crate::suite::report::TestReport;
use crate::types::error::Result;

/// Test suites.
impl<M: Moment> Zone<M> {
    /// The newest test suite that was kept with a policy set version; none if it has none.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version.
    pub fn test_suite(&self, policy_set_version_id: impl AsRef<str>) -> Result<Option<TestSuite>> {
        self.read(|zone| {
            zone.test_suite(
                VersionRecord::<PolicySetVersionCreated>::by_id(zone, policy_set_version_id.as_ref())?.body()?,
            )
        })
    }

    /// Runs a version's newest test suite over the version's own statements, without the guardrail; none if it has no suite.
    /// A suite that passes is remembered, so that a write that [demands](crate::ZoneTransaction::require_tests) it only
    /// looks it up: run the tests before the write. Inside a write, the version may be of that write.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version; [`Unavailable`](crate::ErrorKind::Unavailable) if
    /// this build's Cedar does not parse a pinned policy any more. A failed case is no error.
    pub fn run_tests(&self, policy_set_version_id: impl AsRef<str>) -> Result<Option<TestReport>> {
        self.read(|zone| {
            let found = VersionRecord::<PolicySetVersionCreated>::by_id(zone, policy_set_version_id.as_ref())?;
            let version = found.body()?;
            let Some(suite) = zone.test_suite(version)? else { return Ok(None) };
            self.engine.compiler.test(zone, &Rules::of_version(zone, version)?, &suite).map(Some)
        })
    }
}
