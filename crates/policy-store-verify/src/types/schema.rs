//! The status of a schema version, the reference to one in an entry, and the version of Cedar that validated.

use serde::{Deserialize, Serialize};

use super::hash::Sha256;
use super::id::SchemaName;
use super::syntax::Syntax;

/// The status of a schema version. `Active` and `Deprecated` can change into each other. `Archived` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
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
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[non_exhaustive]
pub struct CedarVersion {
    /// The version of the `cedar-policy` crate.
    pub sdk: String,
    /// The version of the Cedar language.
    pub language: String,
}

impl CedarVersion {
    /// A version of Cedar.
    #[must_use]
    pub fn new(sdk: String, language: String) -> Self {
        Self { sdk, language }
    }
}

/// The schema version that a policy or policy set was validated against: its name, and the syntax and SHA-256 of its
/// source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
pub struct SchemaRef {
    /// The name of the schema version.
    pub version: SchemaName,
    /// The syntax of its source.
    pub syntax: Syntax,
    /// The SHA-256 of its source.
    pub sha: Sha256,
}
