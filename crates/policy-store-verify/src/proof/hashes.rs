//! Lines of proofs: hashes in base64, and decimal numbers.

use base64ct::{Base64, Encoding};

use super::PROOF_HASHES;
use super::error::ProofError;
use crate::record::NodeHash;

/// A decimal number without a sign and without leading zeros.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}

/// A hash in base64.
pub(crate) fn base64_hash(text: &str) -> Option<NodeHash> {
    let mut hash = [0; 32];
    (Base64::decode(text, &mut hash).ok()?.len() == 32).then_some(hash)
}

/// Hashes in base64, one in each line.
pub(crate) fn hash_lines<'t>(
    what: &'static str,
    lines: impl Iterator<Item = &'t str>,
) -> Result<Vec<NodeHash>, ProofError> {
    let mut hashes = Vec::new();
    for line in lines {
        ProofError::at_most("hashes of the proof", hashes.len() + 1, PROOF_HASHES)?;
        let wrong = || ProofError::malformed(what, format_args!("hash {} is not 32 bytes in base64", hashes.len()));
        hashes.push(base64_hash(line).ok_or_else(wrong)?);
    }
    Ok(hashes)
}
