//! The protected header: algorithm and key of the signature, and the log, schema and previous attestation that the
//! statement is bound to. Does not verify the signature.

use serde::Serialize;

use super::error::{FormError, Part, VerificationError};
use super::members::Members;
use crate::types::error::{Error, Result};
use crate::types::hash::Sha256;
use crate::types::id::{LogId, check_text};
use crate::types::limits;

const MEMBERS: [&str; 5] = ["alg", "kid", "log_id", "previous_sha", "schema_sha"];

/// An attestation's protected header. It serializes as signed.
///
/// A header has exactly these members. A verifier cannot check unknown members, and some known ones (`crit`, `b64`,
/// `jwk`, `jku`) would change the signed bytes or the key.
// RFC 8785 sorts members by name, so the fields are declared in that order.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Header {
    /// `alg`: the algorithm's name (RFC 7518, RFC 8037).
    #[serde(rename = "alg")]
    pub algorithm: String,
    /// `kid`: the key's id.
    #[serde(rename = "kid")]
    pub key_id: String,
    /// The zone's log. A zone with the same id in another store has another log.
    pub log_id: LogId,
    /// The SHA-256 of the policy set's previous attestation; `null` for the first.
    pub previous_sha: Option<Sha256>,
    /// The SHA-256 of the source of the version's schema.
    pub schema_sha: Sha256,
}

impl Header {
    /// The header's text. Refuses a header that breaks a rule.
    pub(crate) fn encode(&self) -> Result<String> {
        self.check().map_err(|(_, error)| error)?;
        if is_none(&self.algorithm) {
            return Err(Error::invalid("algorithm", &self.algorithm, "expected a signature algorithm"));
        }
        super::canonical(self).map_err(|error| Error::Json { what: "header", message: error.to_string() })
    }

    /// Reads the text of [`encode`](Self::encode) and refuses any other.
    pub(crate) fn decode(text: &str) -> Result<Self, VerificationError> {
        let read = Members::read(text).and_then(|members| Self::from_members(&members));
        let header = read.map_err(VerificationError::of(Part::Header))?;
        if is_none(&header.algorithm) {
            return Err(VerificationError::Unsecured { found: header.algorithm });
        }
        if header.encode().is_ok_and(|again| again == text) {
            Ok(header)
        } else {
            Err(VerificationError::Malformed { part: Part::Header, problem: FormError::NotCanonical })
        }
    }

    fn from_members(members: &Members<'_>) -> Result<Self, FormError> {
        members.exactly(&MEMBERS)?;
        let header = Self {
            algorithm: members.get("alg")?,
            key_id: members.get("kid")?,
            log_id: members.get("log_id")?,
            previous_sha: members.get("previous_sha")?,
            schema_sha: members.get("schema_sha")?,
        };
        match header.check() {
            Ok(()) => Ok(header),
            Err((name, error)) => Err(FormError::InvalidMember { name, message: error.to_string() }),
        }
    }

    /// Checks the texts that are neither ids nor hashes. An error has the name of the member.
    fn check(&self) -> Result<(), (&'static str, Error)> {
        check_text("algorithm", &self.algorithm, limits::ALGORITHM_BYTES).map_err(|error| ("alg", error))?;
        check_text("key id", &self.key_id, limits::KEY_ID_BYTES).map_err(|error| ("kid", error))
    }
}

/// Ignores case, because a careless verifier of the same text might do so.
fn is_none(algorithm: &str) -> bool {
    algorithm.eq_ignore_ascii_case("none")
}
