//! The verifier: public keys, and the order of checks. It checks the signature first and the signed content after it,
//! so an error never describes unsigned content.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::VerificationKey;
use super::attestation::Attestation;
use super::error::VerificationError;
use super::expected::Expected;
use super::header::Header;
use super::jwks::Jwks;
use super::jws::{Jws, signing_input};
use super::statement::Statement;
use crate::types::error::{Error, Result};
use crate::types::hash::Sha256;
use crate::types::id::check_text;
use crate::types::limits;

/// Verifies attestations with public keys, without a store. The [module](super) has an example.
#[derive(Clone)]
pub struct Verifier {
    keys: BTreeMap<String, Arc<dyn VerificationKey>>,
    /// The ids of keys that were left out of the set, with the reasons.
    left_out: BTreeMap<String, String>,
}

impl Verifier {
    /// A verifier with the keys of a set.
    #[must_use]
    pub fn new(keys: Jwks) -> Self {
        let (keys, left_out) = keys.into_parts();
        let keys = keys.into_iter().map(|key| (key.key_id().to_owned(), Arc::new(key) as Arc<dyn VerificationKey>));
        let left_out = left_out.into_iter().filter_map(|key| Some((key.key_id?, key.reason)));
        Self { keys: keys.collect(), left_out: left_out.collect() }
    }

    /// Adds a key of any algorithm but `none`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for a key id that another key has; [`InvalidInput`](crate::Error::InvalidInput)
    /// or [`TooLarge`](crate::Error::TooLarge) for a key id or algorithm name that breaks a rule.
    pub fn with_key(mut self, key: impl VerificationKey + 'static) -> Result<Self> {
        let key_id = key.key_id().to_owned();
        check_text("key id", &key_id, limits::KEY_ID_BYTES)?;
        check_text("algorithm", key.algorithm(), limits::ALGORITHM_BYTES)?;
        if self.keys.contains_key(&key_id) {
            return Err(Error::invalid("key id", &key_id, "already used by another key"));
        }
        self.keys.insert(key_id, Arc::new(key));
        Ok(self)
    }

    /// Verifies an attestation: one of the keys signed it, every byte is canonical, the content is as `expected`, and
    /// the policy set's previous attestation has the SHA-256 `previous` ([`Attestation::sha`]), or there is none.
    ///
    /// # Errors
    ///
    /// The [`VerificationError`] of the first check that fails.
    pub fn verify(
        &self,
        jws: &str,
        expected: &Expected<'_>,
        previous: Option<Sha256>,
    ) -> Result<Attestation, VerificationError> {
        let Jws { header: signed, payload, signature } = Jws::decode(jws)?;
        let header = Header::decode(&signed)?;
        self.check_signature(&header, signing_input(&signed, &payload).as_bytes(), &signature)?;
        let attestation = Attestation::of(jws, header, Statement::decode(&payload)?)?;
        let header = attestation.header();
        expected.check(header, attestation.statement())?;
        if header.previous_sha != previous {
            return Err(VerificationError::Previous { expected: previous, found: header.previous_sha });
        }
        Ok(attestation)
    }

    /// Verifies the attestations of one policy set, oldest first, each with its expected content. Each must follow the
    /// one before it. The first must follow the attestation with the SHA-256 `previous`, or none.
    ///
    /// A chain cannot show that newer attestations are missing. Compare the last one with another source.
    ///
    /// # Errors
    ///
    /// [`VerificationError::Link`], with the place of the first attestation that is not valid.
    pub fn verify_chain<'a>(
        &self,
        mut previous: Option<Sha256>,
        chain: impl IntoIterator<Item = (&'a str, Expected<'a>)>,
    ) -> Result<Vec<Attestation>, VerificationError> {
        let mut verified = Vec::new();
        for (index, (jws, expected)) in chain.into_iter().enumerate() {
            let attestation = self
                .verify(jws, &expected, previous)
                .map_err(|error| VerificationError::Link { index, source: Box::new(error) })?;
            previous = Some(attestation.sha());
            verified.push(attestation);
        }
        Ok(verified)
    }

    fn check_signature(&self, header: &Header, input: &[u8], signature: &[u8]) -> Result<(), VerificationError> {
        let key_id = header.key_id.clone();
        let Some(key) = self.keys.get(&key_id) else {
            return Err(match self.left_out.get(&key_id).cloned() {
                Some(reason) => VerificationError::UnusableKey { key_id, reason },
                None => VerificationError::UnknownKey { key_id },
            });
        };
        if !key.is_for(&header.algorithm) {
            let (expected, found) = (key.algorithm().to_owned(), header.algorithm.clone());
            return Err(VerificationError::Algorithm { key_id, expected, found });
        }
        if key.verify(input, signature) { Ok(()) } else { Err(VerificationError::Signature { key_id }) }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{KEY_ID, X, attest, expected, parts, signed, signer, subject};
    use super::*;

    fn set(more: &str) -> Jwks {
        let key = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{X}","kid":"{KEY_ID}"{more}}}"#);
        Jwks::parse(&format!(r#"{{"keys":[{key}]}}"#)).unwrap()
    }

    #[test]
    fn an_ed25519_key_verifies_under_both_names_of_its_algorithm() {
        let (header, payload) = parts();
        let renamed = |name: &str| signed(&header.replacen("EdDSA", name, 1), &payload);
        for more in ["", r#","alg":"EdDSA""#, r#","alg":"Ed25519","use":"sig","key_ops":["verify"]"#] {
            let verifier = Verifier::new(set(more));
            verifier.verify(attest(&subject()).as_str(), &expected(), None).unwrap();
            let verified = verifier.verify(&renamed("Ed25519"), &expected(), None).unwrap();
            assert_eq!(verified.header().algorithm, "Ed25519");
            for other in ["Ed448", "ed25519", "ES256"] {
                let refused = verifier.verify(&renamed(other), &expected(), None).unwrap_err();
                assert!(matches!(&refused, VerificationError::Algorithm { found, .. } if found == other), "{refused}");
            }
        }
    }

    #[test]
    fn a_key_that_was_left_out_of_the_set_is_told_from_an_unknown_one() {
        let verifier = Verifier::new(set(r#","use":"enc""#));
        let refused = verifier.verify(attest(&subject()).as_str(), &expected(), None).unwrap_err();
        let reason = "`use` is `enc`, expected `sig`".to_owned();
        assert_eq!(refused, VerificationError::UnusableKey { key_id: KEY_ID.to_owned(), reason });
        let given = verifier.with_key(signer().jwk().clone()).unwrap();
        given.verify(attest(&subject()).as_str(), &expected(), None).unwrap();
    }
}
