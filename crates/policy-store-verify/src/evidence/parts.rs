//! The parts of the files: JSON with texts as they are, and bytes in base64. Lists are counted before they are kept, so that a
//! file takes little more memory than its bytes. Does not verify anything.

use std::fmt;
use std::marker::PhantomData;

use base64ct::{Base64, Encoding};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::proof::{PROOF_HASHES, ProofError, base64_hash};
use crate::types::checkpoint::Checkpoint;
use crate::types::limits;

/// An entry of a log, and the proof that it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenEntry {
    /// The bytes of the entry.
    #[serde(serialize_with = "bytes_to_text", deserialize_with = "bytes_of_text")]
    pub bytes: Vec<u8>,
    /// The hashes of its inclusion proof.
    #[serde(serialize_with = "hashes_to_text", deserialize_with = "hashes_of_text")]
    pub hashes: Vec<[u8; 32]>,
}

/// The proof that a seal in the store's log has the zone's checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealProof {
    /// The entry of the store's log that has the seal.
    pub entry: ProvenEntry,
    /// The zone's checkpoint.
    pub zone: Checkpoint,
    /// The place of the zone in the seal, counted from 0.
    pub index: u64,
    /// The hashes of the proof that it is there.
    #[serde(serialize_with = "hashes_to_text", deserialize_with = "hashes_of_text")]
    pub hashes: Vec<[u8; 32]>,
}

/// The texts of a policy set version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulesText {
    /// The manifest's canonical JSON.
    pub manifest: String,
    /// The source of the schema.
    pub schema: String,
    /// The Cedar texts of the pinned policy versions, in the order of the manifest.
    #[serde(deserialize_with = "at_most::<_, _, { limits::MANIFEST_ENTRIES }>")]
    pub policies: Vec<String>,
}

/// Refuses a file that is too large, of another type, or of a version that this build does not read. The result is the text of
/// its receipt, if it has one.
pub(super) fn check_head<'t>(
    what: &'static str,
    number: &'static str,
    text: &'t str,
    of_type: &str,
    known: u32,
) -> Result<Option<&'t RawValue>, ProofError> {
    /// The members that say whether this build can read the rest.
    #[derive(Deserialize)]
    struct Head<'t> {
        #[serde(rename = "type")]
        of_type: String,
        v: u32,
        #[serde(borrow, default)]
        receipt: Option<&'t RawValue>,
    }
    ProofError::at_most(what, text.len(), limits::EVIDENCE_BYTES)?;
    let head: Head<'_> = serde_json::from_str(text).map_err(|error| ProofError::malformed(what, error))?;
    if head.of_type != of_type {
        return Err(ProofError::malformed(what, format_args!("`type` is not `{of_type}`")));
    }
    if head.v != known {
        return Err(ProofError::Newer { what: number, found: head.v.into(), known: known.into() });
    }
    Ok(head.receipt)
}

fn bytes_to_text<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&Base64::encode_string(bytes))
}

fn bytes_of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Base64::decode_vec(&text).map_err(|_| serde::de::Error::custom("bytes are not base64"))
}

fn hashes_to_text<S: Serializer>(hashes: &[[u8; 32]], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(hashes.iter().map(|hash| Base64::encode_string(hash)))
}

fn hashes_of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<[u8; 32]>, D::Error> {
    let texts: Vec<String> = at_most::<_, _, PROOF_HASHES>(deserializer)?;
    let hashes = texts.iter().map(|text| base64_hash(text)).collect::<Option<_>>();
    hashes.ok_or_else(|| serde::de::Error::custom("a hash is not 32 bytes in base64"))
}

/// Reads a list, and refuses the first item over the limit.
pub(super) fn at_most<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct AtMost<T, const MOST: usize>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for AtMost<T, MOST> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} items")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
            let mut kept = Vec::new();
            while let Some(item) = items.next_element()? {
                if kept.len() == MOST {
                    return Err(serde::de::Error::custom(format_args!("a list has more than {MOST} items")));
                }
                kept.push(item);
            }
            Ok(kept)
        }
    }

    deserializer.deserialize_seq(AtMost::<T, MOST>(PhantomData))
}
