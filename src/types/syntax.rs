//! The two syntaxes of Cedar that policies and schemas are given and read in.

use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use wincode::{SchemaRead, SchemaWrite};

use super::error::{ErrorDetail, Result};

/// The form that a policy or a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, SchemaRead, SchemaWrite)]
#[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
#[serde(rename_all = "snake_case")]
pub enum Syntax {
    /// Cedar's human-readable syntax.
    Cedar,
    /// Cedar's JSON.
    Json,
}

impl Syntax {
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

text_enum!(Syntax, "syntax", { Cedar => "cedar", Json => "json" });

/// Which Cedar representations a read returns. What is not asked for is not read from disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Include {
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

text_enum!(Include, "include", { Both => "both", Cedar => "cedar", Json => "json", Neither => "neither" });

impl Include {
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
