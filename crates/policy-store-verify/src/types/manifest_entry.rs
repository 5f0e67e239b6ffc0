//! One entry of a policy set version's manifest.

use serde::{Deserialize, Serialize};

use super::hash::Sha256;
use super::id::{PolicyId, PolicyVersionId};

/// One entry of a manifest: a policy, the version of it that is pinned, and the SHA-256 of the version's Cedar text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// The policy. A manifest has at most one entry for each policy.
    pub policy_id: PolicyId,
    /// The pinned version of the policy.
    pub policy_version_id: PolicyVersionId,
    /// The SHA-256 of the version's Cedar text.
    pub sha: Sha256,
}
