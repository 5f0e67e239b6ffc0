//! The two syntaxes of policies and schemas: Cedar and JSON.

use serde::{Deserialize, Serialize};

/// The syntax of a policy or a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// Cedar's human-readable syntax.
    Cedar,
    /// Cedar's JSON.
    Json,
}

impl Syntax {
    /// The other syntax.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Cedar => Self::Json,
            Self::Json => Self::Cedar,
        }
    }
}

text_enum!(Syntax, "syntax", { Cedar => "cedar", Json => "json" });
