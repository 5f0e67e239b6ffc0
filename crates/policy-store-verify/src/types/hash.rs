//! Hashes: 32-byte values that print and parse as lower-case hex. Callers choose the bytes to hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest;

use super::error::Error;

macro_rules! hash_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// The 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Reads 64 lower-case hex digits.
            ///
            /// # Errors
            ///
            /// [`InvalidInput`](crate::Error::InvalidInput) for any other text.
            fn from_str(hex: &str) -> Result<Self, Error> {
                decode_hex(hex).map(Self).ok_or_else(|| {
                    Error::invalid($what, hex, "expected 64 lower-case hex digits").into()
                })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let hex = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                hex.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hash_type! {
    /// A SHA-256 of bytes that clients have, such as `sha` and `manifest_sha`. Any client can recompute it.
    ///
    /// ```
    /// use policy_store_verify::Sha256;
    /// let sha = Sha256::of(b"");
    /// assert_eq!(sha.to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    /// ```
    Sha256, "SHA-256"
}

hash_type! {
    /// The hash of a log entry: the SHA-256 of a zero byte and the entry's bytes, which is the hash of a leaf in RFC 6962.
    /// Each entry has the hash of the entry before it.
    EntryHash, "entry hash"
}

hash_type! {
    /// The root of the Merkle tree over a log, or over its first entries, as RFC 6962 defines it.
    RootHash, "root hash"
}

impl Sha256 {
    /// The SHA-256 of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }
}

impl EntryHash {
    /// The previous hash of a log's first entry: zeros.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of an entry with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into())
    }
}

fn decode_hex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    // 16 for any byte that is no digit.
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => byte - b'0',
        b'a'..=b'f' => byte - b'a' + 10,
        _ => 16,
    };
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if pairs.len() != N || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; N];
    // Without a branch for each digit: manifests have thousands of hashes.
    let mut wrong = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        let (high, low) = (digit(*high), digit(*low));
        wrong |= (high | low) & 16;
        *byte = high << 4 | low;
    }
    (wrong == 0).then_some(bytes)
}

/// Lower-case hex of any bytes, and back, for cursors and log ids.
pub mod hex {
    /// Lower-case hex.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or_default();
        bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
    }

    /// The bytes of lower-case hex.
    #[must_use]
    pub fn decode<const N: usize>(hex: &str) -> Option<[u8; N]> {
        super::decode_hex(hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_print_and_parse_as_lower_case_hex() {
        let empty = Sha256::of(b"");
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(empty.to_string(), hex);
        assert_eq!(hex.parse::<Sha256>().unwrap(), empty);
        assert_eq!(serde_json::to_string(&empty).unwrap(), format!("\"{hex}\""));
        assert_eq!(serde_json::from_str::<Sha256>(&format!("\"{hex}\"")).unwrap(), empty);
    }

    #[test]
    fn anything_but_64_lower_case_digits_is_refused() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        for wrong in
            ["", &hex[1..], &hex.to_uppercase(), &format!("{hex}0"), &hex.replace('e', "g"), &hex.replace('e', "é")]
        {
            assert_eq!(wrong.parse::<Sha256>().unwrap_err().code(), "invalid_input", "{wrong}");
        }
    }
}
