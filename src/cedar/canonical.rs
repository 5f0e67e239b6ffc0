//! Writes JSON with sorted keys, so that a value has the same bytes in every build.
//!
//! The order of keys in `serde_json` depends on a feature that any crate of the final program can enable.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The JSON of a value: keys sorted, no white space between tokens.
pub(super) fn to_string(value: &Value) -> serde_json::Result<String> {
    serde_json::to_string(&Sorted(value))
}

struct Sorted<'a>(&'a Value);

impl Serialize for Sorted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(entries) => {
                let sorted: BTreeMap<_, _> = entries.iter().map(|(key, value)| (key, Sorted(value))).collect();
                serializer.collect_map(sorted)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Sorted)),
            other => other.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn keys_are_sorted_at_every_level_and_lists_are_not() {
        let value = serde_json::json!({"b": [{"z": 1, "a": null}, 3, 2], "a": "é\"\n", "B": true});
        let expected = r#"{"B":true,"a":"é\"\n","b":[{"a":null,"z":1},3,2]}"#;
        assert_eq!(super::to_string(&value).unwrap(), expected);
    }
}
