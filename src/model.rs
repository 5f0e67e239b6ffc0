//! The small words of the domain that both the disk and the API speak: forms, statuses, targets, modes.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use wincode::{SchemaRead, SchemaWrite};

use crate::error::{ErrorDetail, Result};
use crate::hash::{Address, Sha256};
use crate::id::{PolicyId, PolicyVersionId, SchemaName, check_text};
use crate::limits;

/// The form that a policy or a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Cedar's human-readable syntax.
    Cedar,
    /// Cedar's JSON.
    Json,
}

impl Form {
    /// The form and the source of whichever is given, Cedar's syntax or JSON; each comes with its name.
    pub(crate) fn of_either(
        (first, cedar): (&'static str, Option<String>),
        (second, json): (&'static str, Option<String>),
    ) -> Result<(Self, String)> {
        let given = match (cedar, json) {
            (Some(text), None) => return Ok((Self::Cedar, text)),
            (None, Some(json)) => return Ok((Self::Json, json)),
            (Some(_), Some(_)) => "both",
            (None, None) => "neither",
        };
        Err(ErrorDetail::ExactlyOne { first, second, given }.into())
    }

    /// The other of the two forms.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Cedar => Self::Json,
            Self::Json => Self::Cedar,
        }
    }
}

words!(Form, "form", { Cedar => "cedar", Json => "json" });

/// Which Cedar representations a read returns. What is not asked for is not read from disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forms {
    /// Text and JSON.
    #[default]
    Both,
    /// The text only.
    Cedar,
    /// The JSON only.
    Json,
    /// Neither: metadata only.
    Neither,
}

words!(Forms, "forms", { Both => "both", Cedar => "cedar", Json => "json", Neither => "neither" });

impl Forms {
    pub(crate) fn cedar(self) -> bool {
        matches!(self, Self::Both | Self::Cedar)
    }

    pub(crate) fn json(self) -> bool {
        matches!(self, Self::Both | Self::Json)
    }
}

/// Prints stored JSON as the value that it is, not as a string, and byte for byte.
pub(crate) fn raw_json<S: Serializer>(json: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(json) = json else { return serializer.serialize_none() };
    let raw: &serde_json::value::RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

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

words!(SchemaStatus, "schema status", { Active => "active", Deprecated => "deprecated", Archived => "archived" });

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

words!(TargetType, "target type", { Zone => "zone", User => "user" });

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

words!(BindingMode, "binding mode", { Active => "active", Shadow => "shadow", Guardrail => "guardrail" });

/// The Cedar that parsed and validated something.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub struct CedarVersion {
    /// The version of the `cedar-policy` crate.
    pub sdk: String,
    /// The version of the Cedar language.
    pub language: String,
}

/// One entry of a manifest: which version of which policy, and the SHA-256 of its Cedar text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestEntry {
    /// The policy; a manifest has at most one entry for each.
    pub policy_id: PolicyId,
    /// The version of it that is pinned.
    pub policy_version_id: PolicyVersionId,
    /// The SHA-256 of the version's Cedar text.
    pub sha: Sha256,
}

/// Which schema something was validated against: the name, and the address of the source that the name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
pub(crate) struct SchemaRef {
    pub version: SchemaName,
    pub form: Form,
    pub source: Address,
}
