//! Targets of bindings, and how a binding takes part in decisions.

use std::fmt;

use serde::{Deserialize, Serialize};
use wincode::{SchemaRead, SchemaWrite};

use super::error::Result;
use super::id::check_text;
use super::limits;

/// What kind of target a policy set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// All requests of a zone.
    Zone,
    /// The requests of one user.
    User,
}

text_enum!(TargetType, "target type", { Zone => "zone", User => "user" });

/// What a policy set version is bound to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Target {
    /// The zone itself.
    Zone,
    /// One user of the zone, by the id that the frontend knows.
    User(String),
}

impl Target {
    /// The user with this id.
    pub fn user(id: impl Into<String>) -> Self {
        Self::User(id.into())
    }

    /// The kind of target.
    pub fn target_type(&self) -> TargetType {
        match self {
            Self::Zone => TargetType::Zone,
            Self::User(_) => TargetType::User,
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Zone => Ok(()),
            Self::User(id) => check_text("target id", id, limits::TARGET_ID_BYTES),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Zone => f.write_str("the zone"),
            Self::User(id) => write!(f, "user `{id}`"),
        }
    }
}

/// How a binding takes part in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BindingMode {
    /// It decides.
    Active,
    /// It is observed and never enforced.
    Shadow,
    /// It is enforced beside what is active, for every target of the zone: it can only take away.
    Guardrail,
}

text_enum!(BindingMode, "binding mode", { Active => "active", Shadow => "shadow", Guardrail => "guardrail" });
