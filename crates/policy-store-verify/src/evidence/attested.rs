//! The attestations of a policy set version, each one that an entry of the log names.

use std::fmt;

use super::log::ProvenLog;
use super::parts::RulesText;
use crate::attestation::{Attestation, Expected, ExpectedManifest, ExpectedSchema, VerificationError};
use crate::note::Trust;
use crate::proof::ProofError;
use crate::record::{Attested, Body, PolicySetVersionCreated};
use crate::types::hash::Sha256;
use crate::types::id::ZoneId;
use crate::types::plain;

/// Verifies the attestations of a version. With the keys of attesters, one must be good.
pub(super) fn verify(
    attestations: &[String],
    log: &ProvenLog,
    zone_id: &ZoneId,
    (created, rules): (&PolicySetVersionCreated, &RulesText),
    trust: &Trust,
) -> Result<Vec<Attestation>, ProofError> {
    let refused = |reason: &dyn fmt::Display| ProofError::Attestation { reason: plain::message(&reason.to_string()) };
    let mut good = Vec::new();
    for text in attestations {
        let (sha, is_of) = (Sha256::of(text.as_bytes()), |body: &Attested| body.version_id == created.version_id);
        let entry = log.iter().find_map(|entry| match &entry.body {
            Body::Attested(body) if body.sha == sha && is_of(body) => Some((entry, body)),
            _ => None,
        });
        let (entry, body) = entry.ok_or_else(|| ProofError::missing("entry of an attestation"))?;
        let Some(verifier) = trust.attestation_verifier() else {
            good.push(Attestation::parse_unverified(text).map_err(|error| refused(&error))?);
            continue;
        };
        let expected = Expected {
            zone_id: zone_id.as_str(),
            log_id: entry.envelope.log_id,
            policy_set_id: created.policy_set_id.as_str(),
            policy_set_version: created.version,
            manifest: ExpectedManifest::Canonical(&rules.manifest),
            schema: ExpectedSchema::Source(&rules.schema),
        };
        // One by a key that is not known, such as a later one, does not count.
        match verifier.verify(text, &expected, body.previous) {
            Ok(attestation) => good.push(attestation),
            Err(VerificationError::UnknownKey { .. }) => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    if good.is_empty() && trust.attestation_verifier().is_some() {
        return Err(refused(&"the version has none by a trusted key"));
    }
    Ok(good)
}
