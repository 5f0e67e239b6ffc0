//! The JSON of a manifest as a small tree, without duplicate keys and deep nesting. Does not know its members.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

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
    pub(super) fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let value = Level(DEPTH).deserialize(&mut deserializer)?;
        deserializer.end().map(|()| value)
    }
}

/// Reads a value of up to this many levels.
#[derive(Clone, Copy)]
struct Level(usize);

impl Level {
    fn below<E: serde::de::Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom(format!("nested deeper than {DEPTH} levels")))
    }
}

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let (below, mut array) = (self.below()?, Vec::new());
        while let Some(item) = items.next_element_seed(below)? {
            array.push(item);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let (below, mut object) = (self.below()?, Object::new());
        while let Some(key) = members.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate key `{key}`")));
            }
            let value = members.next_value_seed(below)?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
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
