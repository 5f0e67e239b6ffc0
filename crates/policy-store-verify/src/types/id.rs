//! Ids of resources and logs, names of schema versions, and idempotency keys.
//!
//! Checks the alphabet and the length of an id. Does not know whether an id exists.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::{Error, Result};
use super::hash::hex;
use super::limits;

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// 1 to 64 characters of `A-Z a-z 0-9 . _ : -`, starting with a letter or digit.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
        pub struct $name(String);

        impl $name {
            /// Checks `id` and wraps it.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](crate::Error::InvalidInput) for text that breaks the rules above.
            pub fn new(id: impl Into<String>) -> Result<Self> {
                let id = id.into();
                match broken_rule(&id) {
                    None => Ok(Self(id)),
                    Some(rule) => Err(Error::invalid($what, &id, rule).into()),
                }
            }

            /// The id's text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl From<&$name> for String {
            fn from(id: &$name) -> Self {
                id.0.clone()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// As `new`.
            fn from_str(id: &str) -> Result<Self> {
                Self::new(id)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    };
}

id_type! {
    /// The id of a zone, unique in the store.
    ///
    /// ```
    /// use policy_store_verify::{ErrorKind, ZoneId};
    /// let id: ZoneId = "acme".parse()?;
    /// assert_eq!(id, "acme");
    /// assert_eq!(ZoneId::new("a/b").unwrap_err().kind(), ErrorKind::Invalid);
    /// # Ok::<(), policy_store_verify::Error>(())
    /// ```
    ZoneId, "zone id"
}
id_type! {
    /// The name of a schema version, such as `2026-02-24`, unique in the store.
    SchemaName, "schema version"
}
id_type! {
    /// The id of a policy, unique in its zone.
    PolicyId, "policy id"
}
id_type! {
    /// The id of a policy version, unique in its zone.
    PolicyVersionId, "policy version id"
}
id_type! {
    /// The id of a policy set, unique in its zone.
    PolicySetId, "policy set id"
}
id_type! {
    /// The id of a policy set version, unique in its zone.
    PolicySetVersionId, "policy set version id"
}

/// The rule that `id` breaks, if any.
fn broken_rule(id: &str) -> Option<&'static str> {
    let Some(first) = id.bytes().next() else { return Some("must not be empty") };
    if id.len() > limits::ID_CHARS {
        Some("must have at most 64 characters")
    } else if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b)) {
        Some("only `A-Z a-z 0-9 . _ : -` are allowed")
    } else if !first.is_ascii_alphanumeric() {
        Some("must start with a letter or digit")
    } else {
        None
    }
}

/// The id of a log: 16 random bytes, unique among all stores. Each entry of the log has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
pub struct LogId(pub [u8; 16]);

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

impl FromStr for LogId {
    type Err = Error;

    /// Reads 32 lower-case hex digits.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for any other text.
    fn from_str(hex: &str) -> Result<Self> {
        let invalid = || Error::invalid("log id", hex, "expected 32 lower-case hex digits");
        hex::decode(hex).map(Self).ok_or_else(invalid)
    }
}

impl Serialize for LogId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LogId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The idempotency key of a call: a UUID that the caller chooses. A log takes each key once, and a repeated call with
/// the key gets the first answer.
///
/// ```
/// use policy_store_verify::IdempotencyKey;
/// let key: IdempotencyKey = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e".parse()?;
/// assert_eq!(IdempotencyKey::from(*key.as_bytes()), key);
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
pub struct IdempotencyKey(pub [u8; 16]);

impl IdempotencyKey {
    /// The 16 bytes of the UUID.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl From<[u8; 16]> for IdempotencyKey {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).fmt(f)
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdempotencyKey({self})")
    }
}

impl FromStr for IdempotencyKey {
    type Err = Error;

    /// Reads a UUID, such as `182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for any other text.
    fn from_str(id: &str) -> Result<Self> {
        let uuid = uuid::Uuid::try_parse(id);
        uuid.map(|uuid| Self(uuid.into_bytes())).map_err(|_| Error::invalid("idempotency key", id, "expected a UUID"))
    }
}

impl Serialize for IdempotencyKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Refuses text that is empty, has more than `limit` bytes, or contains a control character. `what` names it in errors.
pub fn check_text(what: &'static str, text: &str, limit: usize) -> Result<()> {
    if text.is_empty() {
        return Err(Error::invalid(what, text, "must not be empty"));
    }
    crate::types::error::at_most(what, text.len(), limit)?;
    if text.chars().any(char::is_control) {
        return Err(Error::invalid(what, text, "control characters are not allowed"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_keep_the_alphabet_and_the_length() {
        let longest = "a".repeat(64);
        for good in ["a", "0", "2026-02-24", "a.b_c:d-e", longest.as_str()] {
            assert_eq!(PolicyId::new(good).unwrap(), good);
        }
        let too_long = "a".repeat(65);
        for bad in ["", "-a", ".a", "_a", ":a", "a b", "a/b", "é", "a\0", too_long.as_str()] {
            let error = PolicyId::new(bad).unwrap_err();
            assert_eq!(error.code(), "invalid_input", "{bad}");
            assert!(error.to_string().contains("policy id"), "{error}");
        }
    }

    #[test]
    fn ids_are_strings_in_json_and_refused_when_wrong() {
        let id: ZoneId = serde_json::from_str("\"acme\"").unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"acme\"");
        assert!(serde_json::from_str::<ZoneId>("\"a b\"").is_err());
    }

    #[test]
    fn log_ids_are_32_lower_case_hex_digits() {
        let text = "000102030405060708090a0b0c0d0eff";
        let id: LogId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        assert_eq!(serde_json::from_str::<LogId>(&format!("\"{text}\"")).unwrap(), id);
        for wrong in ["", &text[1..], &text.to_uppercase(), &format!("{text}00")] {
            assert!(wrong.parse::<LogId>().unwrap_err().to_string().contains("log id"), "{wrong}");
            assert!(serde_json::from_str::<LogId>(&format!("\"{wrong}\"")).is_err(), "{wrong}");
        }
    }
}
