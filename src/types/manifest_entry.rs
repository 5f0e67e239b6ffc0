//! One entry of a policy set version's manifest.

use serde::{Deserialize, Serialize};

use super::hash::Sha256;
use super::id::{PolicyId, PolicyVersionId};

/// One entry of a manifest: which version of which policy, and the SHA-256 of its Cedar text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// The policy; a manifest has at most one entry for each.
    pub policy_id: PolicyId,
    /// The version of it that is pinned.
    pub policy_version_id: PolicyVersionId,
    /// The SHA-256 of the version's Cedar text.
    pub sha: Sha256,
}
