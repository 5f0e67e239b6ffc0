//! An attestation: its text, header and statement, and the signing of one. Does not verify.

use super::algorithm::Signer;
use super::error::VerificationError;
use super::header::Header;
use super::jws::{Jws, signing_input};
use super::statement::{Statement, Status};
use crate::types::error::{Error, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::id::{LogId, PolicySetId, ZoneId};
use crate::types::limits;
use crate::types::time::Timestamp;

/// The policy set version to attest, with the log, schema and previous attestation that the attestation is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The zone.
    pub zone_id: ZoneId,
    /// The zone's log.
    pub log_id: LogId,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The number of the policy set version.
    pub policy_set_version: u32,
    /// The SHA-256 of the version's manifest.
    pub manifest_sha: Sha256,
    /// The SHA-256 of the source of the version's schema.
    pub schema_sha: Sha256,
    /// The [SHA-256](Attestation::sha) of the set's previous attestation, of any version; none for the first.
    pub previous_sha: Option<Sha256>,
}

/// An attestation: its text, with the decoded header and statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attestation {
    text: String,
    header: Header,
    statement: Statement,
}

impl Attestation {
    /// Signs an attestation of `subject` by the actor with the id `attested_by`.
    ///
    /// # Errors
    ///
    /// [`Signer`](crate::Error::Signer) if the signer fails; [`InvalidInput`](crate::Error::InvalidInput) for
    /// an empty signature, and for a key id, algorithm or `attested_by` that breaks a rule;
    /// [`TooLarge`](crate::Error::TooLarge) for a text over a limit or an attestation over
    /// [`ATTESTATION_BYTES`](limits::ATTESTATION_BYTES).
    pub fn sign(
        subject: &Subject,
        attested_at: Timestamp,
        attested_by: impl Into<String>,
        status: Status,
        signer: &dyn Signer,
    ) -> Result<Self> {
        let header = Header {
            algorithm: signer.algorithm().to_owned(),
            key_id: signer.key_id().to_owned(),
            log_id: subject.log_id,
            previous_sha: subject.previous_sha,
            schema_sha: subject.schema_sha,
        };
        let statement = Statement {
            attested_at,
            attested_by: attested_by.into(),
            key_id: header.key_id.clone(),
            manifest_sha: subject.manifest_sha,
            policy_set_id: subject.policy_set_id.clone(),
            policy_set_version: subject.policy_set_version,
            status,
            zone_id: subject.zone_id.clone(),
        };
        let (signed, payload) = (header.encode()?, statement.encode()?);
        let key_id = &header.key_id;
        let signature = signer
            .sign(signing_input(&signed, &payload).as_bytes())
            .map_err(|source| Error::Signer { key_id: key_id.clone(), source })?;
        if signature.is_empty() {
            return Err(Error::invalid("signature of key", key_id, "must not be empty"));
        }
        let text = Jws { header: signed, payload, signature }.encode();
        at_most("attestation", text.len(), limits::ATTESTATION_BYTES)?;
        Ok(Self { text, header, statement })
    }

    /// Reads an attestation and checks its format, but not its signature: for its key id, or to show it. Anybody can
    /// write such a text.
    ///
    /// # Errors
    ///
    /// [`VerificationError`] for a text that is too large, malformed or unsecured, or with two different key ids.
    pub fn parse_unverified(jws: &str) -> Result<Self, VerificationError> {
        let Jws { header, payload, .. } = Jws::decode(jws)?;
        Self::of(jws, Header::decode(&header)?, Statement::decode(&payload)?)
    }

    /// Encodes the decoded parts again.
    #[cfg(fuzzing)]
    #[doc(hidden)]
    #[must_use]
    pub fn encode_again(&self) -> Option<String> {
        let signature = Jws::decode(&self.text).ok()?.signature;
        let (header, payload) = (self.header.encode().ok()?, self.statement.encode().ok()?);
        Some(Jws { header, payload, signature }.encode())
    }

    /// Refuses a header and a statement with different key ids.
    pub(super) fn of(text: &str, header: Header, statement: Statement) -> Result<Self, VerificationError> {
        if header.key_id != statement.key_id {
            return Err(VerificationError::KeyId { header: header.key_id, statement: statement.key_id });
        }
        Ok(Self { text: text.to_owned(), header, statement })
    }

    /// The text: a JWS in flattened JSON.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The protected header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The statement.
    #[must_use]
    pub fn statement(&self) -> &Statement {
        &self.statement
    }

    /// The SHA-256 of the text. The set's next attestation has it as its `previous_sha`.
    #[must_use]
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.text.as_bytes())
    }
}
