//! The JSON of a manifest as a small tree, without duplicate keys and deep nesting. Does not know its members.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::types::json as types;

/// Limit on the nesting of arrays and objects. A manifest has 3 levels; unknown members may have the rest.
const DEPTH: usize = 16;

pub(super) type Object = BTreeMap<String, Json>;

/// A value. Numbers and booleans are not kept, because no known member has one.
#[derive(Debug, PartialEq)]
pub(super) enum Json {
    Null,
    Other,
    Text(String),
    Array(Vec<Json>),
    Object(Object),
}

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        // Refuses what follows the value, too.
        let value: &RawValue = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Self::read(value.get(), DEPTH)
    }

    /// Reads a value that may have so many levels.
    fn read(json: &str, levels: usize) -> Result<Self, String> {
        let failed = |error: serde_json::Error| error.to_string();
        let below = || levels.checked_sub(1).ok_or_else(|| format!("nested deeper than {DEPTH} levels"));
        Ok(match json.bytes().next() {
            Some(b'{') => {
                let levels = below()?;
                let types::Object { members, duplicate } = serde_json::from_str(json).map_err(failed)?;
                if let Some(key) = duplicate {
                    return Err(format!("duplicate key `{key}`"));
                }
                let read = |(key, value): (String, &RawValue)| Ok((key, Self::read(value.get(), levels)?));
                Self::Object(members.into_iter().map(read).collect::<Result<_, String>>()?)
            }
            Some(b'[') => {
                let levels = below()?;
                let items: Vec<&RawValue> = serde_json::from_str(json).map_err(failed)?;
                Self::Array(items.into_iter().map(|item| Self::read(item.get(), levels)).collect::<Result<_, _>>()?)
            }
            Some(b'"') => Self::Text(serde_json::from_str(json).map_err(failed)?),
            Some(b'n') => Self::Null,
            _ => Self::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_there_once_in_each_object_however_it_is_spelled() {
        let error = |text| Json::parse(text).unwrap_err().to_string();
        assert!(Json::parse(r#"{"a": [{"b": 1}, {"b": 1.5e3}], "b": {"a": true}}"#).is_ok());
        for text in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "\u0061": 1}"#, r#"[{"x": {"a": 1, "b": 2, "a": 3}}]"#] {
            assert!(error(text).contains("duplicate key `a`"), "{text}");
        }
    }

    #[test]
    fn nothing_is_deep_and_nothing_follows() {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(Json::parse(&nested(16)).is_ok());
        assert!(Json::parse(&nested(17)).unwrap_err().to_string().contains("deeper than 16"));
        for text in ["", "{} {}", "\u{feff}{}", "{}\0", "{\"a\"}", "[1,]", "\"\\ud800\""] {
            assert!(Json::parse(text).is_err(), "{text:?}");
        }
    }
}
