//! The tests of the version that a bundle makes: those of the version that it starts from.

use super::steps::Step;
use super::test_demand;
use crate::engine::compiler::Compiler;
use crate::engine::compiler::tested::{Member, MemberText, Rules};
use crate::record::PolicySetVersionCreated;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::suite::TestSuite;
use crate::types::error::Result;
use crate::types::id::PolicyId;
use crate::types::schema::SchemaRef;
use crate::types::target::Target;

/// The suite that the version of a bundle gets, and the version that has it.
pub(crate) struct BundleTests {
    pub suite: TestSuite,
    of: PolicySetVersionCreated,
}

impl BundleTests {
    /// None if the zone demands no tests. The suite is that of the version that the bundle replaces; of a user's first bundle,
    /// that of the zone's version.
    pub(crate) fn demanded(zone: ZoneReader<'_>, target: &Target) -> Result<Option<Self>> {
        if zone.tests_demanded_by()?.is_none() {
            return Ok(None);
        }
        let start = zone.bundle_start(target)?.map(|binding| {
            let found = VersionRecord::<PolicySetVersionCreated>::named(zone, binding.policy_set_version_id.as_str())?;
            found.body().cloned()
        });
        let start = start.transpose()?;
        let suite = test_demand::demanded(zone, start.as_ref())?;
        Ok(suite.zip(start).map(|(suite, of)| Self { suite, of }))
    }

    /// Refuses steps that do not pass the suite, before any of them is taken. New policies have their ids.
    pub(crate) fn check(
        &self,
        zone: ZoneReader<'_>,
        compiler: &Compiler,
        schema: &SchemaRef,
        steps: &[Step],
    ) -> Result<()> {
        let members = steps.iter().map(member).collect::<Result<_>>()?;
        let rules = Rules::new(self.of.version_id.clone(), schema.clone(), members);
        test_demand::check(zone, compiler, &self.of, &rules, &self.suite)
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
