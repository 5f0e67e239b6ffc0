//! Runs test suites over the compiled set of an authorizer, or of any version.

use super::authorizer::Authorizer;
use crate::engine::compiler::Compiled;
use crate::suite::TestSuite;
use crate::suite::report::TestReport;
use crate::suite::run;
use crate::types::error::Result;

impl Compiled {
    /// Runs a suite over the version's own statements.
    pub(crate) fn run_tests(&self, suite: &TestSuite) -> Result<TestReport> {
        let policies: Vec<_> = self.members.iter().map(|(policy_id, _)| policy_id.as_str()).collect();
        run::run(&self.schema, &self.set, &policies, suite)
    }
}

impl Authorizer {
    /// Runs a test suite over the statements of this authorizer's policy set version, with its schema. The guardrail
    /// takes no part, and neither does [`deny_on_forbid_error`](Self::deny_on_forbid_error): the same version and suite
    /// always give the same report. A case whose request or entities do not fit the schema has failed.
    ///
    /// ```
    /// # use policy_store::{Authorizer, Result, TestSuite};
    /// fn passes(authorizer: &Authorizer, json: &str) -> Result<bool> {
    ///     Ok(authorizer.run_tests(&TestSuite::from_json(json)?)?.is_passed())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if the run itself fails in Cedar. A failed case is no error.
    pub fn run_tests(&self, suite: &TestSuite) -> Result<TestReport> {
        self.compiled().run_tests(suite)
    }
}
