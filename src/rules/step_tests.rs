//! The tests of a new policy set version, run over its steps before any of them is taken.

use std::sync::Arc;

use super::steps::Step;
use super::test_demand;
use crate::cedar::ParsedSchema;
use crate::engine::compiler::Compiler;
use crate::engine::compiler::tested::{Member, MemberText, Rules};
use crate::resource::zone::ZoneReader;
use crate::suite::TestSuite;
use crate::types::error::Result;
use crate::types::id::{PolicyId, PolicySetVersionId};
use crate::types::schema::SchemaRef;

/// The suite that a new version gets, and the version that errors name.
pub(crate) struct StepTests {
    pub suite: TestSuite,
    pub of: PolicySetVersionId,
}

impl StepTests {
    /// Refuses steps that do not pass the suite. New policies have their ids: the order of the statements depends on them.
    /// `parsed` is the schema, if it is not published yet.
    pub(crate) fn check(
        &self,
        zone: ZoneReader<'_>,
        compiler: &Compiler,
        (schema, parsed): (&SchemaRef, Option<Arc<ParsedSchema>>),
        steps: &[Step],
    ) -> Result<()> {
        let members = steps.iter().map(member).collect::<Result<_>>()?;
        let rules = Rules::new(self.of.clone(), schema.clone(), members).with_schema(parsed);
        test_demand::check(zone, compiler, &rules, &self.suite)
    }
}

fn member(step: &Step) -> Result<Member> {
    let (policy_id, version) = match step {
        Step::Keep(entry) => {
            let text = MemberText::Pinned(entry.policy_version_id.clone());
            return Ok(Member { policy_id: entry.policy_id.clone(), sha: entry.sha, text });
        }
        Step::Edit(policy_id, version) => (policy_id.clone(), version),
        Step::Create(new, version) => (PolicyId::new(new.id.as_deref().unwrap_or_default())?, version),
    };
    Ok(Member { policy_id, sha: version.sha(), text: MemberText::New(version.content.text.clone()) })
}
