//! The changes of a prepared bundle, as values.

use crate::types::id::{PolicyId, PolicySetId};
use crate::types::manifest_entry::ManifestEntry;

/// What applying a bundle would do, against what was in force when it was prepared. The write checks anew: if something
/// else is in force by then, it does what is right then.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BundleChanges {
    /// Whether all of it is in force already, under the same schema version: then nothing is written.
    pub in_force: bool,
    /// The policy set that gets a version; none if one is created.
    pub policy_set_id: Option<PolicySetId>,
    /// The names of the policies that are created.
    pub created: Vec<String>,
    /// The policies that get a new version.
    pub updated: Vec<PolicyId>,
    /// Versions that exist and are not in force: they are pinned.
    pub pinned: Vec<ManifestEntry>,
    /// Entries in force whose policies the bundle leaves out.
    pub unpinned: Vec<ManifestEntry>,
    /// Entries in force that stay.
    pub unchanged: Vec<ManifestEntry>,
}
