//! The file: JSON with texts as they are, and bytes in base64. Reads and writes it, and checks nothing but its form. Lists
//! are counted before they are kept, so that a file takes little more memory than its bytes.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::proof::{PROOF_HASHES, ProofError, base64_hash};
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
    #[serde(deserialize_with = "at_most::<_, _, { limits::EVIDENCE_ENTRIES }>")]
    pub entries: Vec<ProvenEntry>,
    /// The version that decided.
    pub rules: RulesText,
    /// The guardrail's version, if one took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<RulesText>,
    /// The attestations of the version that decided: each a JWS in flattened JSON.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, { limits::VERSION_ATTESTATIONS }>"
    )]
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
    #[serde(deserialize_with = "at_most::<_, _, { limits::MANIFEST_ENTRIES }>")]
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
        /// The members that say whether this build can read the rest, and the text of the receipt.
        #[derive(Deserialize)]
        struct Head<'t> {
            #[serde(rename = "type")]
            of_type: String,
            v: u32,
            #[serde(borrow, default)]
            receipt: Option<&'t RawValue>,
        }
        let head: Head<'_> = serde_json::from_str(text).map_err(|error| ProofError::malformed(WHAT, error))?;
        if head.of_type != TYPE {
            return Err(ProofError::malformed(WHAT, format_args!("`type` is not `{TYPE}`")));
        }
        if head.v != VERSION {
            return Err(ProofError::Newer { what: "evidence version", found: head.v.into(), known: VERSION.into() });
        }
        // The white space of the file's layout does not count.
        let bytes = |text: &RawValue| text.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        ProofError::at_most("receipt", head.receipt.map_or(0, bytes), limits::RECEIPT_BYTES)?;
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
    let texts: Vec<String> = at_most::<_, _, PROOF_HASHES>(deserializer)?;
    let hashes = texts.iter().map(|text| base64_hash(text)).collect::<Option<_>>();
    hashes.ok_or_else(|| serde::de::Error::custom("a hash is not 32 bytes in base64"))
}

/// Reads a list, and refuses the first item over the limit.
fn at_most<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MOST: usize>(
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::receipt::StatementRef;

    fn file() -> Evidence {
        let rules = RulesText { manifest: String::new(), schema: String::new(), policies: Vec::new() };
        Evidence::new(crate::receipt::tests::receipt(1), String::new(), Vec::new(), rules)
    }

    fn code(evidence: &Evidence) -> &'static str {
        evidence.to_string().parse::<Evidence>().map_or_else(|error| error.code(), |_| "read")
    }

    #[test]
    fn lists_are_limited_before_they_are_kept() {
        let (good, statement) = (
            file(),
            StatementRef {
                layer: crate::receipt::Layer::Target,
                policy_id: "p".parse().unwrap(),
                policy_version_id: "p1".parse().unwrap(),
                statement: 0,
            },
        );
        assert_eq!(code(&good), "read");
        let entry = |hashes: usize| ProvenEntry { bytes: Vec::new(), hashes: vec![[0; 32]; hashes] };
        type Fill = fn(&mut Evidence, usize);
        let fills: [(usize, Fill); 3] = [
            (limits::VERSION_ATTESTATIONS, |file, count| file.attestations = vec![String::new(); count]),
            (limits::MANIFEST_ENTRIES, |file, count| file.rules.policies = vec![String::new(); count]),
            (limits::EVIDENCE_ENTRIES, |file, count| {
                file.entries = vec![ProvenEntry { bytes: Vec::new(), hashes: Vec::new() }; count];
            }),
        ];
        for (most, fill) in fills {
            let mut full = good.clone();
            fill(&mut full, most);
            assert_eq!(code(&full), "read", "{most}");
            fill(&mut full, most + 1);
            assert_eq!(code(&full), "malformed", "{most}");
        }
        let of_entry = |hashes| Evidence { entries: vec![entry(hashes)], ..good.clone() };
        assert_eq!((code(&of_entry(PROOF_HASHES)), code(&of_entry(PROOF_HASHES + 1))), ("read", "malformed"));
        let of_receipt = |count| {
            let receipt = Receipt { determining: vec![statement.clone(); count], ..good.receipt.clone() };
            Evidence { receipt, ..good.clone() }
        };
        // In the layout of the file, this receipt has more bytes than the limit. Its compact JSON does not.
        let layout = serde_json::to_string_pretty(&of_receipt(8_000)).unwrap();
        assert!(layout.len() > limits::RECEIPT_BYTES);
        assert_eq!((code(&of_receipt(8_000)), code(&of_receipt(20_000))), ("read", "too_large"));
    }

    #[test]
    fn a_refusal_is_short_and_plain() {
        let file = file().to_string().replacen("\"seal\"", "", 1);
        let name = format!("\\u001b[2K{}", "x".repeat(1 << 20));
        let refused =
            file.replacen("\"rules\"", &format!("\"{name}\": 1, \"rules\""), 1).parse::<Evidence>().unwrap_err();
        let told = refused.to_string();
        assert!(told.len() < 1_024 && !told.chars().any(char::is_control) && told.contains("line"), "{told}");
    }
}
