//! Deltas: the newest entries and the content that they name, in one JSON object. Its one form is read, and no other.
//!
//! Does not know entries, content or heads.

use std::fmt;

use base64ct::{Base64, Encoding};
use policy_store::LogId;
use policy_store::limits::ENTRY_BYTES;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Malformed, PACKED_BYTES};

/// Bytes of the entries and the content of a delta.
pub const PARTS_BYTES: usize = 256 * 1024;
/// Bytes of a delta's JSON.
pub const DELTA_BYTES: usize = 1024 * 1024;

/// A delta.
///
/// ```
/// use policy_store_replica::object::delta::{Delta, LogDelta};
/// let log = LogDelta { log_id: "0f".repeat(16).parse()?, start: 7, entries: vec![b"entry".to_vec()], content: vec![] };
/// let delta = Delta { tiles: 3, logs: Some(vec![log]) };
/// let json = r#"{"tiles":3,"logs":[{"log_id":"0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f","start":7,"entries":["ZW50cnk="],"content":[]}]}"#;
/// assert_eq!(delta.write()?, json);
/// assert_eq!(Delta::read(json.as_bytes(), 5)?, delta);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The newest head, up to and with that of this delta, whose tiles are there.
    pub tiles: u64,
    /// The logs that have grown since the head before, in the order of their ids. None if that is too much for a delta.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs: Option<Vec<LogDelta>>,
}

/// The growth of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogDelta {
    /// The log.
    pub log_id: LogId,
    /// The position of the first entry.
    pub start: u64,
    /// The bytes of the entries.
    #[serde(with = "base64_list")]
    pub entries: Vec<Vec<u8>>,
    /// The packed values of the content that they name, each once, in the order of the entries. Larger pieces are objects of
    /// their own.
    #[serde(with = "base64_list")]
    pub content: Vec<Vec<u8>>,
}

impl LogDelta {
    /// The bytes of the entries and the content.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.entries.iter().chain(&self.content).map(Vec::len).sum()
    }

    /// The size of the log after the last entry; none beyond 64 bits.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.start.checked_add(u64::try_from(self.entries.len()).ok()?)
    }
}

impl Delta {
    /// The JSON.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for parts that no delta has: see [`read`](Self::read).
    pub fn write(&self) -> Result<String, Malformed> {
        self.check()?;
        let json = serde_json::to_string(self).map_err(|problem| Malformed::new(problem.to_string()))?;
        if json.len() > DELTA_BYTES {
            return Err(Malformed::new(format!("{} bytes, limit {DELTA_BYTES}", json.len())));
        }
        Ok(json)
    }

    /// Reads the delta of the head `number`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] for JSON that is not in the form that [`write`](Self::write) makes, for logs that are not in the order of
    /// their ids, a log without an entry, parts over their limits, tiles of a later head, and a delta without `logs` whose
    /// head has no tiles.
    pub fn read(bytes: &[u8], number: u64) -> Result<Self, Malformed> {
        if bytes.len() > DELTA_BYTES {
            return Err(Malformed::new(format!("{} bytes, limit {DELTA_BYTES}", bytes.len())));
        }
        // Without the text of the problem: it quotes the input, at any length and with control characters.
        let delta: Self = serde_json::from_slice(bytes).map_err(|problem| {
            Malformed::new(format!("not a delta in JSON: line {}, column {}", problem.line(), problem.column()))
        })?;
        if delta.write()?.as_bytes() != bytes {
            return Err(Malformed::new("not in the form that a publisher writes"));
        }
        if delta.tiles > number || delta.logs.is_none() && delta.tiles != number {
            return Err(Malformed::new(format!("tiles of head {} in the delta of head {number}", delta.tiles)));
        }
        Ok(delta)
    }

    fn check(&self) -> Result<(), Malformed> {
        let logs = self.logs.as_deref().unwrap_or_default();
        if !logs.is_sorted_by(|one, next| one.log_id < next.log_id) {
            return Err(Malformed::new("logs are not in the order of their ids"));
        }
        for log in logs {
            let is_wrong = |parts: &[Vec<u8>], most| parts.iter().any(|part| part.is_empty() || part.len() > most);
            let id = log.log_id;
            if log.entries.is_empty() || log.end().is_none() {
                return Err(Malformed::new(format!("log {id} has no entry, or too many")));
            }
            if is_wrong(&log.entries, ENTRY_BYTES) || is_wrong(&log.content, PACKED_BYTES) {
                return Err(Malformed::new(format!("log {id} has an empty part, or one over its limit")));
            }
        }
        let bytes: usize = logs.iter().map(LogDelta::bytes).sum();
        if bytes > PARTS_BYTES {
            return Err(Malformed::new(format!("parts of {bytes} bytes, limit {PARTS_BYTES}")));
        }
        Ok(())
    }
}

/// A list of bytes as a list of base64.
mod base64_list {
    use super::{Base64, Deserialize as _, Deserializer, Encoding as _, Part, Serializer};

    pub(super) fn serialize<S: Serializer>(parts: &[Vec<u8>], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(parts.iter().map(|part| Base64::encode_string(part)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Vec<u8>>, D::Error> {
        Ok(Vec::<Part>::deserialize(deserializer)?.into_iter().map(|Part(bytes)| bytes).collect())
    }
}

struct Part(Vec<u8>);

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Base64::decode_vec(&text).map(Self).map_err(|_| D::Error::custom("expected base64"))
    }
}

impl fmt::Display for Delta {
    /// The number of its logs and bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.logs {
            None => write!(f, "tiles only"),
            Some(logs) => {
                write!(f, "{} logs, {} bytes", logs.len(), logs.iter().map(LogDelta::bytes).sum::<usize>())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    fn log(id: u8, entries: Vec<Vec<u8>>, content: Vec<Vec<u8>>) -> LogDelta {
        LogDelta { log_id: LogId([id; 16]), start: 7, entries, content }
    }

    fn json(delta: &Delta) -> String {
        delta.write().unwrap()
    }

    #[test]
    fn only_the_one_form_is_read() {
        let delta = Delta { tiles: 5, logs: Some(vec![log(1, vec![b"e".to_vec()], vec![b"c".to_vec()])]) };
        let text = json(&delta);
        assert_eq!(Delta::read(text.as_bytes(), 5).unwrap(), delta);
        assert_eq!(json(&Delta { tiles: 0, logs: None }), r#"{"tiles":0}"#);
        assert_eq!(json(&Delta { tiles: 0, logs: Some(vec![]) }), r#"{"tiles":0,"logs":[]}"#);
        for (from, to) in [
            ("{\"tiles", "{ \"tiles"),
            ("\"tiles\":5", "\"tiles\":5.0"),
            ("\"tiles\":5", "\"tiles\":-5"),
            ("\"tiles\":5", "\"tiles\":6"),
            ("\"tiles\":5", "\"tiles\":5,\"tiles\":5"),
            ("\"tiles\":5,", ""),
            ("\"start\":7", "\"start\":7,\"more\":7"),
            ("\"start\":7", "\"start\":18446744073709551615"),
            ("\"ZQ==\"", "\"ZQ\""),
            ("\"ZQ==\"", "\"ZR==\""),
            ("\"ZQ==\"", "\"\\u005aQ==\""),
            ("\"ZQ==\"", "\"\""),
            ("[\"ZQ==\"]", "[]"),
            ("\"Yw==\"", "\"\""),
            (",\"content\":[\"Yw==\"]", ""),
            ("\"logs\":[", "\"logs\":null,\"x\":["),
        ] {
            assert!(text.contains(from), "{from}");
            let wrong = text.replace(from, to);
            assert!(Delta::read(wrong.as_bytes(), 5).is_err(), "{wrong}");
        }
        assert!(Delta::read(format!("{text}\n").as_bytes(), 5).is_err());
        assert!(Delta::read(br#"{"tiles":4,"logs":null}"#, 4).is_err());
        assert!(Delta::read(br#"{"tiles":4}"#, 4).is_ok() && Delta::read(br#"{"tiles":4}"#, 5).is_err());
    }

    #[test]
    fn an_error_does_not_quote_the_input() {
        let wrong = br#"{"tiles":4,"x\u0007\n":1}"#;
        assert_eq!(Delta::read(wrong, 4).unwrap_err().to_string(), "not a delta in JSON: line 1, column 22");
    }

    #[test]
    fn order_and_limits_hold() {
        let entry = || vec![b"e".to_vec()];
        let refused = |logs| Delta { tiles: 0, logs: Some(logs) }.write().unwrap_err().to_string();
        let order = "logs are not in the order of their ids";
        assert_eq!(refused(vec![log(2, entry(), vec![]), log(1, entry(), vec![])]), order);
        assert_eq!(refused(vec![log(1, entry(), vec![]), log(1, entry(), vec![])]), order);
        assert!(refused(vec![log(1, vec![], vec![])]).contains("has no entry"));
        assert!(refused(vec![log(1, entry(), vec![vec![0; PACKED_BYTES + 1]])]).contains("over its limit"));
        let parts = vec![vec![0; PACKED_BYTES]; 4];
        assert_eq!(refused(vec![log(1, entry(), parts)]), "parts of 262145 bytes, limit 262144");
        let long = format!("{{\"tiles\":0{}}}", " ".repeat(DELTA_BYTES));
        assert!(Delta::read(long.as_bytes(), 0).unwrap_err().to_string().ends_with("limit 1048576"));
    }

    proptest! {
        #[test]
        fn a_written_delta_is_read_again(
            tiles in 0_u64..9,
            logs in btree_map(any::<u8>(), (vec(vec(any::<u8>(), 1..40), 1..5), vec(vec(any::<u8>(), 1..40), 0..5)), 0..5),
        ) {
            let logs = logs.into_iter().map(|(id, (entries, content))| log(id, entries, content)).collect();
            let delta = Delta { tiles, logs: Some(logs) };
            prop_assert_eq!(Delta::read(json(&delta).as_bytes(), 9), Ok(delta));
        }
    }
}
