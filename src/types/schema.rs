//! The status of a schema version, how it is referred to, and the Cedar version that validated against it.

use serde::{Deserialize, Serialize};
use wincode::{SchemaRead, SchemaWrite};

use super::hash::Address;
use super::id::SchemaName;
use super::syntax::Syntax;

/// What a schema version may be used for. `Active` and `Deprecated` change into each other; `Archived` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum SchemaStatus {
    /// In use.
    Active,
    /// Still accepted for new versions, but on its way out.
    Deprecated,
    /// Accepted for nothing new; what was pinned to it still evaluates.
    Archived,
}

text_enum!(SchemaStatus, "schema status", { Active => "active", Deprecated => "deprecated", Archived => "archived" });

/// The Cedar that parsed and validated something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub struct CedarVersion {
    /// The version of the `cedar-policy` crate.
    pub sdk: String,
    /// The version of the Cedar language.
    pub language: String,
}

/// Which schema something was validated against: the name, and the address of the source that the name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct SchemaRef {
    pub version: SchemaName,
    pub syntax: Syntax,
    pub source: Address,
}
