//! The two syntaxes of policies and schemas: Cedar and JSON. Does not parse or convert them.

use std::sync::Arc;

use policy_store_verify::text_enum;
use serde::{Serialize, Serializer};

pub use policy_store_verify::Syntax;

use super::error::{ErrorDetail, Result};

/// The syntax and the source of the one input that is present. Each input has a name for errors.
pub(crate) fn of_either(
    (first, cedar): (&'static str, Option<String>),
    (second, json): (&'static str, Option<String>),
) -> Result<(Syntax, String)> {
    let given = match (cedar, json) {
        (Some(text), None) => return Ok((Syntax::Cedar, text)),
        (None, Some(json)) => return Ok((Syntax::Json, json)),
        (Some(_), Some(_)) => "both",
        (None, None) => "neither",
    };
    Err(ErrorDetail::ExactlyOne { first, second, given }.into())
}

/// The representations of a policy version or schema version that a read returns. The store reads no others from disk.
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

/// Serializes stored JSON as a JSON value, byte for byte, and not as a string.
pub(crate) fn raw_json<S: Serializer>(json: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(json) = json else { return serializer.serialize_none() };
    let raw: &serde_json::value::RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}
