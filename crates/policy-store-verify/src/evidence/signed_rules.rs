//! The file of signed rules. Reads and writes it, and checks nothing but its form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::parts::{ProvenEntry, RulesText, SealProof, at_most, check_head};
use crate::proof::ProofError;
use crate::types::limits;
use crate::types::target::Target;

const WHAT: &str = "signed rules";
const TYPE: &str = "policy_store_rules";
const VERSION: u32 = 1;

/// The rules in force for a target at the end of a signed checkpoint: manifest, schema and Cedar texts, those of the zone's
/// guardrail, and the log entries that show it. Its `Display` is the file, and it parses from it. Nothing in it is verified
/// before [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedRules {
    #[serde(rename = "type")]
    of_type: Type,
    v: u32,
    /// The target.
    pub target: Target,
    /// The signed checkpoint: of the zone's log, or of the store's log if there is a seal.
    pub checkpoint: String,
    /// The proof that the store's log has sealed the zone's checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seal: Option<SealProof>,
    /// Entries of the zone's log, each with its proof.
    #[serde(deserialize_with = "at_most::<_, _, { limits::EVIDENCE_ENTRIES }>")]
    pub entries: Vec<ProvenEntry>,
    /// The version in force.
    pub rules: RulesText,
    /// The guardrail's version, if one is in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<RulesText>,
    /// The attestations of the version in force: each a JWS in flattened JSON.
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
    #[serde(rename = "policy_store_rules")]
    Rules,
}

impl SignedRules {
    /// Signed rules without guardrail, seal and attestations.
    #[must_use]
    pub fn new(target: Target, checkpoint: String, entries: Vec<ProvenEntry>, rules: RulesText) -> Self {
        Self {
            of_type: Type::Rules,
            v: VERSION,
            target,
            checkpoint,
            seal: None,
            entries,
            rules,
            guardrail: None,
            attestations: Vec::new(),
        }
    }
}

impl fmt::Display for SignedRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        writeln!(f, "{json}")
    }
}

impl FromStr for SignedRules {
    type Err = ProofError;

    /// Reads a file of signed rules.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed), [`TooLarge`](ProofError::TooLarge), or [`Newer`](ProofError::Newer).
    fn from_str(text: &str) -> Result<Self, ProofError> {
        check_head(WHAT, "version of signed rules", text, TYPE, VERSION)?;
        serde_json::from_str(text).map_err(|error| ProofError::malformed(WHAT, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_form_is_read() {
        let rules = RulesText { manifest: String::new(), schema: String::new(), policies: Vec::new() };
        let good = SignedRules::new(Target::user("ann"), String::new(), Vec::new(), rules);
        assert_eq!(good.to_string().parse::<SignedRules>(), Ok(good.clone()));
        let code = |from: &str, to: &str| {
            let text = good.to_string().replacen(from, to, 1);
            assert_ne!(text, good.to_string(), "{from}");
            text.parse::<SignedRules>().unwrap_err().code()
        };
        assert_eq!(code("policy_store_rules", "policy_store_evidence"), "malformed");
        assert_eq!(code("\"v\": 1", "\"v\": 2"), "newer_format");
        assert_eq!(code("\"v\": 1", "\"v\": 1, \"receipt\": null"), "malformed");
        assert_eq!(code("\"user\"", "\"group\""), "malformed");
        assert_eq!("[".repeat(1_000_000).parse::<SignedRules>().unwrap_err().code(), "malformed");
        let mut full = good.clone();
        full.entries = vec![ProvenEntry { bytes: Vec::new(), hashes: Vec::new() }; limits::EVIDENCE_ENTRIES + 1];
        assert_eq!(full.to_string().parse::<SignedRules>().unwrap_err().code(), "malformed");
        full.entries.pop();
        assert!(full.to_string().parse::<SignedRules>().is_ok());
        full.attestations = vec![String::new(); limits::VERSION_ATTESTATIONS + 1];
        assert_eq!(full.to_string().parse::<SignedRules>().unwrap_err().code(), "malformed");
    }
}
