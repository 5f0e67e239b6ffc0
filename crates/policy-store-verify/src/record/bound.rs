//! The reference to a policy set version in a binding's entry.

use crate::types::id::{PolicySetId, PolicySetVersionId};

record! {
    /// The reference to a policy set version in a binding.
    pub struct BoundVersion {
        pub policy_set_id: PolicySetId,
        pub version_id: PolicySetVersionId,
        pub version: u32,
    }
}
