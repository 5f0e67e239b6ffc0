//! The reference to a policy set version in a binding's entry.

use wincode::{SchemaRead, SchemaWrite};

use crate::types::id::{PolicySetId, PolicySetVersionId};

/// The reference to a policy set version in a binding.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct BoundVersion {
    pub policy_set_id: PolicySetId,
    pub version_id: PolicySetVersionId,
    pub version: u32,
}
