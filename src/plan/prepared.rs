//! The parsed and validated content of a plan, made before its write. Not a part of the plan's value.

use std::collections::BTreeMap;
use std::fmt;

use super::given_schema::GivenSchema;
use super::steps::{Steps, VersionStep};
use crate::engine::validation::Validated;
use crate::resource::policy_version::PreparedPolicyVersion;
use crate::rules::steps::Step;
use crate::types::hash::Sha256;

/// The parsed and validated content of a plan.
#[derive(Default)]
pub(crate) struct Prepared {
    /// The schema version to publish; none if the plan names a published one.
    pub schema: Option<GivenSchema>,
    /// The new policy versions, by the SHA-256 of their texts.
    pub versions: BTreeMap<Sha256, PreparedPolicyVersion>,
    /// The validations of existing versions against the schema.
    pub validated: Validated,
}

impl Prepared {
    /// The same with what a plan has parsed and validated.
    pub(crate) fn with(&self, steps: Option<Steps>, validated: Validated) -> Self {
        let mut versions = self.versions.clone();
        if let Some(Steps { version: VersionStep::New { policies, .. }, .. }) = steps {
            let made = policies.into_iter().filter_map(Step::into_version);
            versions.extend(made.map(|version| (version.sha(), version)));
        }
        Self { schema: self.schema.clone(), versions, validated }
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prepared({} versions)", self.versions.len())
    }
}

/// Two plans are equal whether or not their content was parsed.
impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Prepared {}
