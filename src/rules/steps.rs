//! The step for one policy of a new policy set version.

use crate::resource::policy::NewPolicy;
use crate::resource::policy_version::PreparedPolicyVersion;
use crate::types::id::PolicyId;
use crate::types::manifest_entry::ManifestEntry;

/// The step for one policy of a new policy set version.
pub(crate) enum Step {
    /// Pins an existing version.
    Keep(ManifestEntry),
    /// Creates the next version of an existing policy.
    Edit(PolicyId, PreparedPolicyVersion),
    /// Creates a policy with its first version.
    Create(NewPolicy, PreparedPolicyVersion),
}

impl Step {
    /// The version that the step creates; none if it keeps one.
    pub(crate) fn into_version(self) -> Option<PreparedPolicyVersion> {
        match self {
            Self::Keep(_) => None,
            Self::Edit(_, version) | Self::Create(_, version) => Some(version),
        }
    }

    /// The number of entries that the step writes.
    pub(crate) fn entries(&self) -> usize {
        match self {
            Self::Keep(_) => 0,
            Self::Edit(..) => 1,
            Self::Create(..) => 2,
        }
    }
}
