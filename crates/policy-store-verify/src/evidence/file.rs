//! The evidence file. Reads and writes it, and checks nothing but its form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::parts::{ProvenEntry, RulesText, SealProof, at_most, check_head};
use crate::proof::ProofError;
use crate::receipt::Receipt;
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
        let receipt = check_head(WHAT, "evidence version", text, TYPE, VERSION)?;
        // The white space of the file's layout does not count.
        let bytes = |text: &RawValue| text.get().bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        ProofError::at_most("receipt", receipt.map_or(0, bytes), limits::RECEIPT_BYTES)?;
        serde_json::from_str(text).map_err(|error| ProofError::malformed(WHAT, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::PROOF_HASHES;
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
