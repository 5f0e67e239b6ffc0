//! Checks JSON text before Cedar reads it: size, depth, duplicate keys and numbers.
//!
//! Cedar reads some objects through untagged enums and tries one variant after the other. If the last variant fails,
//! this takes time exponential in the depth. So numbers that Cedar does not support are refused here, and `__extn`,
//! which Cedar reads twice, has a small limit of depth. Does not know the meaning of the JSON.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::stack::{self, on_grown_stack};
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::limits;

/// Checks JSON before it is parsed, and returns its depth. `what` names it in errors.
pub(crate) fn json(what: &'static str, text: &str, max_bytes: usize) -> Result<usize> {
    read(what, text, max_bytes, limits::JSON_DEPTH, Checked { rereads: Some(0) })
}

/// As [`json`], for JSON that Cedar wrote: its escapes add levels.
pub(super) fn exact(what: &'static str, text: &str, max_bytes: usize, max_depth: usize) -> Result<usize> {
    read(what, text, max_bytes, max_depth, Checked { rereads: Some(0) })
}

/// As [`json`], for a policy or a schema. A key may be a name of the author's, so `__extn` is not counted: other files
/// check the structure.
pub(super) fn policy(what: &'static str, text: &str, max_bytes: usize) -> Result<usize> {
    read(what, text, max_bytes, limits::JSON_DEPTH, Checked { rereads: None })
}

fn read(what: &'static str, text: &str, max_bytes: usize, max_depth: usize, checked: Checked) -> Result<usize> {
    at_most(what, text.len(), max_bytes)?;
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(ErrorDetail::Json { what, message: MARKED.to_owned() }.into());
    }
    let depth = depth_within(what, text, max_depth)?;
    let read = on_grown_stack(stack::json(depth, 0), what, || {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        checked.deserialize(&mut deserializer).and_then(|()| deserializer.end())
    })?;
    read.map_err(|error| ErrorDetail::Json { what, message: error.to_string() })?;
    Ok(depth)
}

/// The byte order mark that some editors on Windows write before a text.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// The message for a byte order mark.
pub(super) const MARKED: &str = "unexpected byte order mark (U+FEFF) at the start: remove it";

/// The depth of brackets outside strings. Refuses a depth over [`limits::JSON_DEPTH`].
pub(super) fn depth(what: &'static str, text: &str) -> Result<usize> {
    depth_within(what, text, limits::JSON_DEPTH)
}

fn depth_within(what: &'static str, text: &str, limit: usize) -> Result<usize> {
    let mut deepest = 0;
    for (at, depth) in depths(text) {
        if depth > limit {
            return Err(ErrorDetail::TooDeep { what, limit, offset: at }.into());
        }
        deepest = deepest.max(depth);
    }
    Ok(deepest)
}

/// The depth of brackets outside strings, without a limit.
pub(super) fn nesting(text: &str) -> usize {
    depths(text).map(|(_, depth)| depth).max().unwrap_or(0)
}

/// The offset of each byte, with the number of open brackets after it.
fn depths(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    text.bytes().enumerate().map(move |(at, byte)| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (at, depth)
    })
}

/// Reads and checks one value, and discards it.
#[derive(Clone, Copy)]
struct Checked {
    /// The number of `__extn` keys around the value. None if they are not counted.
    rereads: Option<usize>,
}

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without fractions")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<(), E> {
        i64::try_from(number)
            .map(drop)
            .map_err(|_| E::custom(format!("number {number} is too large: expected a 64-bit integer")))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        Err(E::custom(format!("number {number} is not supported: expected a 64-bit integer")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let rereads = self.rereads.map(|rereads| rereads + usize::from(key == "__extn"));
            if rereads.is_some_and(|rereads| rereads > limits::JSON_REREAD_DEPTH) {
                return Err(A::Error::custom(format!(
                    "`{key}` nests deeper than {} levels",
                    limits::JSON_REREAD_DEPTH
                )));
            }
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("duplicate key `{key}`")));
            }
            entries.next_value_seed(Self { rereads })?;
            keys.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        json("context", text, 1_000).map_or_else(|error| error.code(), |_| "ok")
    }

    #[test]
    fn a_key_may_be_there_once_in_each_object_however_it_is_spelled() {
        assert_eq!(code(r#"{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}"#), "ok");
        assert_eq!(code(r#"{"a": 1, "a": 1}"#), "json");
        assert_eq!(code(r#"{"a": 1, "\u0061": 2}"#), "json");
        assert_eq!(code(r#"[{"x": [{"a": 1, "b": 2, "a": 3}]}]"#), "json");
    }

    #[test]
    fn numbers_are_those_of_cedar() {
        assert_eq!(code("[9223372036854775807, -9223372036854775808]"), "ok");
        for number in ["9223372036854775808", "1.5", "1e3", "-0.0", "99999999999999999999999999"] {
            assert_eq!(code(number), "json", "{number}");
        }
    }

    #[test]
    fn depth_is_bounded_outside_strings_only() {
        assert_eq!(code(&format!("{}{}", "[".repeat(120), "]".repeat(120))), "ok");
        assert_eq!(code(&format!("{}{}", "[".repeat(121), "]".repeat(121))), "too_deep");
        assert_eq!(code(&format!(r#""\"{}""#, "[".repeat(500))), "ok");
        assert_eq!(code(&" ".repeat(1_001)), "too_large");
    }

    #[test]
    fn what_cedar_reads_twice_nests_only_a_little() {
        let nested = |n: usize| format!("{}1{}", r#"{"__extn": {"arg": "#.repeat(n), "}}".repeat(n));
        assert_eq!(code(&nested(4)), "ok");
        assert_eq!(code(&nested(5)), "json");
        // Only in a policy is this key an operator.
        assert_eq!(code(&nested(5).replace("__extn", "has")), "ok");
        assert!(policy("policy", &nested(5), 1_000).is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_named() {
        let error = json("context", "\u{feff}{}", 1_000).unwrap_err();
        assert!(error.to_string().contains("byte order mark"), "{error}");
    }

    #[test]
    fn text_after_the_value_or_before_it_is_refused() {
        for text in ["", "{} {}", "\u{feff}{}", "{}\0", r#"{"a"}"#, "[1,]"] {
            assert_eq!(code(text), "json", "{text:?}");
        }
    }
}
