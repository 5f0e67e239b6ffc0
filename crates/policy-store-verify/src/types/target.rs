//! Targets and modes of bindings. Does not know which bindings exist.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::Result;
use super::id::check_text;
use super::limits;

/// The kind of target of a policy set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum TargetType {
    /// All requests of a zone.
    Zone,
    /// The requests of one user.
    User,
}

text_enum!(TargetType, "target type", { Zone => "zone", User => "user" });

/// The target of a binding: the zone, or one user of the zone.
///
/// ```
/// use policy_store_verify::{Target, TargetType};
/// assert_eq!(Target::user("ann").target_type(), TargetType::User);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// The zone itself.
    Zone,
    /// One user of the zone, by the id that the caller's system uses: 1 to 256 bytes of UTF-8 without control
    /// characters.
    User(String),
}

impl Target {
    /// The user with this id.
    #[must_use]
    pub fn user(id: impl Into<String>) -> Self {
        Self::User(id.into())
    }

    /// The kind of target.
    #[must_use]
    pub fn target_type(&self) -> TargetType {
        match self {
            Self::Zone => TargetType::Zone,
            Self::User(_) => TargetType::User,
        }
    }

    /// Refuses the id of a user that breaks a rule.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) or [`TooLarge`](crate::Error::TooLarge).
    pub fn check(&self) -> Result<()> {
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

/// The part that a binding has in decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum BindingMode {
    /// Decides.
    Active,
    /// Is evaluated on request and never enforced.
    Shadow,
    /// Is enforced together with the active version of every target of the zone. It has `forbid` statements only.
    Guardrail,
}

text_enum!(BindingMode, "binding mode", { Active => "active", Shadow => "shadow", Guardrail => "guardrail" });
