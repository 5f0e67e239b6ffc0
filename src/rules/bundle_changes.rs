//! The changes that a prepared bundle would make, as values.

use crate::types::id::{PolicyId, PolicySetId};
use crate::types::manifest_entry::ManifestEntry;

/// The changes that a bundle would make, relative to the state when it was prepared. The write plans again: if another
/// version is in force by then, its changes differ.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BundleChanges {
    /// Whether the whole bundle is already in force under the same schema version, so that nothing is written.
    pub in_force: bool,
    /// The policy set that gets a version; none if a set is created.
    pub policy_set_id: Option<PolicySetId>,
    /// The names of new policies.
    pub created: Vec<String>,
    /// The policies that get a new version.
    pub updated: Vec<PolicyId>,
    /// Existing versions that are not in force and become pinned.
    pub pinned: Vec<ManifestEntry>,
    /// Entries in force whose policies the bundle leaves out.
    pub unpinned: Vec<ManifestEntry>,
    /// Entries in force that stay pinned.
    pub unchanged: Vec<ManifestEntry>,
}
