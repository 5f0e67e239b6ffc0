//! Reads signed rules: verifies the signatures that a head must have, and all that the rules show. Does not compare them with
//! other rules, nor with the zone and target that somebody asks for.

use policy_store::Timestamp;
use policy_store::evidence::{SignedRules, VerifiedRules};
use policy_store::proof::ProofError;

use crate::error::{Error, Result};
use crate::head::PublicationTrust;

/// Signed rules that were verified.
#[derive(Debug)]
pub(crate) struct Rules {
    pub verified: VerifiedRules,
    /// The time that the publication signed with the checkpoint.
    pub time: Timestamp,
}

/// Verifies the bytes of signed rules.
pub(crate) fn read(trust: &PublicationTrust, object: &str, bytes: &[u8]) -> Result<Rules> {
    let damaged = |problem: ProofError| Error::damaged(object, problem);
    let text = std::str::from_utf8(bytes).map_err(|problem| Error::damaged(object, problem))?;
    let rules: SignedRules = text.parse().map_err(damaged)?;
    let signed = rules.checkpoint.parse().map_err(damaged)?;
    // The time is of heads alone: of the store's log.
    let time = trust.verify(&signed).map_err(|source| Error::NotSigned { object: object.to_owned(), source })?;
    let verified = rules.verify(trust.of_publication()).map_err(damaged)?;
    Ok(Rules { verified, time })
}
