//! The steps of a plan that a write carries out. Its checks are done.

use super::given_schema::GivenSchema;
use crate::resource::policy::PolicyUpdate;
use crate::resource::policy_set::{NewPolicySet, PolicySetUpdate};
use crate::rules::steps::Step;
use crate::suite::TestSuite;
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId};
use crate::types::schema::SchemaRef;

/// The steps of a plan, in the order in which they are taken.
pub(crate) struct Steps {
    /// The schema version to publish.
    pub publish: Option<GivenSchema>,
    /// The new name of the set.
    pub rename: Option<(PolicySetId, PolicySetUpdate)>,
    /// The changes of names and descriptions of policies.
    pub updates: Vec<(PolicyId, PolicyUpdate)>,
    /// The version to bind.
    pub version: VersionStep,
    /// The suite to keep with the version.
    pub tests: Option<TestSuite>,
}

/// The version that a plan binds.
pub(crate) enum VersionStep {
    /// An existing one.
    Existing(PolicySetVersionId),
    /// A new version of a set, after the steps for its policies.
    New { set: SetStep, schema: SchemaRef, policies: Vec<Step> },
}

/// The policy set of a new version.
pub(crate) enum SetStep {
    /// An existing one.
    Existing(PolicySetId),
    /// A new one.
    New(NewPolicySet),
}

impl Steps {
    /// The number of entries that the steps write in the zone's log, without the binding.
    pub(crate) fn entries(&self) -> usize {
        let version = match &self.version {
            VersionStep::Existing(_) => 0,
            VersionStep::New { set, policies, .. } => {
                let set = usize::from(matches!(set, SetStep::New(_)));
                policies.iter().map(Step::entries).sum::<usize>() + set + 1
            }
        };
        let others = [self.publish.is_some(), self.rename.is_some(), self.tests.is_some()];
        others.map(usize::from).iter().sum::<usize>() + self.updates.len() + version
    }
}
