//! The status of a schema version, the reference to one in an entry, and the version of Cedar that validated.

use serde::{Deserialize, Serialize};

use super::hash::Sha256;
use super::id::SchemaName;
use super::syntax::Syntax;

/// The status of a schema version. `Active` and `Deprecated` can change into each other. `Archived` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SchemaStatus {
    /// In use.
    Active,
    /// Still accepted for new versions. Clients should move to another schema version.
    Deprecated,
    /// Refused for new versions. Existing policy set versions still decide by it.
    Archived,
}

text_enum!(SchemaStatus, "schema status", { Active => "active", Deprecated => "deprecated", Archived => "archived" });

/// The version of Cedar that parsed and validated a policy, policy set or schema.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[non_exhaustive]
pub struct CedarVersion {
    /// The version of the `cedar-policy` crate.
    pub sdk: String,
    /// The version of the Cedar language.
    pub language: String,
}

/// The schema version that a policy or policy set was validated against: its name, and the syntax and SHA-256 of its
/// source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct SchemaRef {
    pub version: SchemaName,
    pub syntax: Syntax,
    pub sha: Sha256,
}
