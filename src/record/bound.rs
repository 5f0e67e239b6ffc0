//! A policy set version, as entries name it.

use wincode::{SchemaRead, SchemaWrite};

use crate::types::id::{PolicySetId, PolicySetVersionId};

/// A policy set version, as bindings name it.
#[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct BoundVersion {
    pub policy_set_id: PolicySetId,
    pub version_id: PolicySetVersionId,
    pub version: u32,
}
