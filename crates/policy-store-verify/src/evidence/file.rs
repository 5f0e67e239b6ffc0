//! The file: JSON with texts as they are, and bytes in base64. Reads and writes it, and checks nothing but its form.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::proof::{ProofError, base64_hash};
use crate::receipt::Receipt;
use crate::types::checkpoint::Checkpoint;
use crate::types::limits;

const WHAT: &str = "evidence";
const TYPE: &str = "policy_store_evidence";
const VERSION: u32 = 1;

/// The evidence for one decision. Its `Display` is the file, and it parses from it. Nothing in it is verified before
/// [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    #[serde(rename = "type")]
    of_type: Type,
    v: u32,
    /// The receipt of the decision.
    pub receipt: Receipt,
    /// The signed checkpoint: of the zone's log, or of the store's log if there is a seal.
    pub checkpoint: String,
    /// The proof that the store's log has sealed the zone's checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealProof>,
    /// Entries of the zone's log, each with its proof.
    pub entries: Vec<ProvenEntry>,
    /// The version that decided.
    pub rules: RulesText,
    /// The guardrail's version, if one took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<RulesText>,
    /// The attestations of the version that decided: each a JWS in flattened JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attestations: Vec<String>,
}

/// The type of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Type {
    #[serde(rename = "policy_store_evidence")]
    Evidence,
}

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
    pub policies: Vec<String>,
}

impl Evidence {
    /// Evidence without guardrail, seal and attestations.
    #[must_use]
    pub fn new(receipt: Receipt, checkpoint: String, entries: Vec<ProvenEntry>, rules: RulesText) -> Self {
        Self {
            of_type: Type::Evidence,
            v: VERSION,
            receipt,
            checkpoint,
            seal: None,
            entries,
            rules,
            guardrail: None,
            attestations: Vec::new(),
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{json}")
    }
}

impl FromStr for Evidence {
    type Err = ProofError;

    /// Reads an evidence file.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed), [`TooLarge`](ProofError::TooLarge), or [`Newer`](ProofError::Newer).
    fn from_str(text: &str) -> Result<Self, ProofError> {
        ProofError::at_most(WHAT, text.len(), limits::EVIDENCE_BYTES)?;
        /// The members that say whether this build can read the rest.
        #[derive(Deserialize)]
        struct Head {
            #[serde(rename = "type")]
            of_type: String,
            v: u32,
        }
        let head: Head = serde_json::from_str(text).map_err(|error| ProofError::malformed(WHAT, error))?;
        if head.of_type != TYPE {
            return Err(ProofError::malformed(WHAT, format_args!("`type` is not `{TYPE}`")));
        }
        if head.v != VERSION {
            return Err(ProofError::Newer { what: "evidence version", found: head.v.into(), known: VERSION.into() });
        }
        serde_json::from_str(text).map_err(|error| ProofError::malformed(WHAT, error))
    }
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
    let texts = Vec::<String>::deserialize(deserializer)?;
    let hashes = texts.iter().map(|text| base64_hash(text)).collect::<Option<_>>();
    hashes.ok_or_else(|| serde::de::Error::custom("a hash is not 32 bytes in base64"))
}
