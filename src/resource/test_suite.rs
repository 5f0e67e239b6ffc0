//! The test suites that are kept with policy set versions, and the demand of a zone for them. Does not run them.

use crate::record::{Body, ContentId, ContentKind, PolicySetVersionCreated, TestsRequired};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::wrong_row;
use crate::suite::TestSuite;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;

impl ZoneReader<'_> {
    /// The SHA-256 of the newest suite that was kept with a version.
    pub(crate) fn tests_sha(self, version: &PolicySetVersionCreated) -> Result<Option<Sha256>> {
        let position = self.newest_tests(self.log, version.policy_set_id.as_str(), version.version)?;
        let Some(position) = position else { return Ok(None) };
        match &self.entry(self.log, position)?.body {
            Body::TestsKept(body) if body.version_id == version.version_id => Ok(Some(body.sha)),
            _ => Err(wrong_row(RowKind::TestsKept, version.version_id.as_str())),
        }
    }

    /// The newest suite that was kept with a version.
    pub(crate) fn test_suite(self, version: &PolicySetVersionCreated) -> Result<Option<TestSuite>> {
        let Some(sha) = self.tests_sha(version)? else { return Ok(None) };
        let json = self.content(&ContentId::one(ContentKind::TestSuite, sha))?;
        let suite = TestSuite::from_json(json);
        suite.map(Some).map_err(|error| ErrorDetail::corrupt(format_args!("test suite {sha}"), error).into())
    }

    /// The actor who demands that the tests of a version pass before it is put in force; none without a demand.
    pub(crate) fn tests_demanded_by(self) -> Result<Option<Actor>> {
        let Some(position) = self.tests_required(self.log)? else { return Ok(None) };
        let entry = self.entry(self.log, position)?;
        match &entry.body {
            Body::TestsRequired(TestsRequired { required: true }) => Ok(Some(entry.envelope.actor.clone())),
            _ => Err(wrong_row(RowKind::TestsRequired, self.id.as_str())),
        }
    }
}
