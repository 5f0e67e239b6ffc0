//! The errors of verification: one variant for each reason, with the expected and the found value.

use std::fmt;

use crate::types::hash::Sha256;
use crate::types::id::LogId;

/// The reason that an attestation is refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// The text is over the limit. It was not read.
    #[error("too large: attestation: {actual} bytes, limit {limit}")]
    TooLarge {
        /// The limit in bytes, [`ATTESTATION_BYTES`](crate::limits::ATTESTATION_BYTES).
        limit: usize,
        /// The text's bytes.
        actual: usize,
    },
    /// A part is not in its canonical format.
    #[error("invalid {part}: {problem}")]
    Malformed {
        /// The part.
        part: Part,
        /// The problem.
        problem: FormError,
    },
    /// The algorithm is `none`: there is no signature.
    #[error("attestation is unsecured: algorithm is `{found}`")]
    Unsecured {
        /// The algorithm as spelled in the header.
        found: String,
    },
    /// None of the verifier's keys has the id.
    #[error("unknown key id `{key_id}`")]
    UnknownKey {
        /// The header's `kid`.
        key_id: String,
    },
    /// The key set's key with the id [was left out](super::LeftOut).
    #[error("key `{key_id}` cannot be used: {reason}")]
    UnusableKey {
        /// The header's `kid`.
        key_id: String,
        /// The key's unsuitable member and its value.
        reason: String,
    },
    /// The header's algorithm is not the key's.
    #[error("algorithm of the header is `{found}`, expected `{expected}` for key `{key_id}`")]
    Algorithm {
        /// The key's id.
        key_id: String,
        /// The key's algorithm.
        expected: String,
        /// The header's algorithm.
        found: String,
    },
    /// The signature over header and payload is not valid for the key.
    #[error("signature does not verify with key `{key_id}`")]
    Signature {
        /// The key's id.
        key_id: String,
    },
    /// The payload is a statement of another type.
    #[error("statement type is `{found}`, expected `policy_set_attestation`")]
    StatementType {
        /// The statement's `type`.
        found: String,
    },
    /// The payload is a statement of another version.
    #[error("statement version is {found}, expected 1")]
    StatementVersion {
        /// The statement's `v`.
        found: u64,
    },
    /// Header and statement name different keys.
    #[error("key id of the statement is `{statement}`, expected the header's `{header}`")]
    KeyId {
        /// The header's `kid`.
        header: String,
        /// The statement's `key_id`.
        statement: String,
    },
    /// The attestation is of another zone.
    #[error("zone of the attestation is `{found}`, expected `{expected}`")]
    Zone {
        /// The expected zone.
        expected: String,
        /// The statement's zone.
        found: String,
    },
    /// The attestation is of another log: of a zone in another store, or of a zone that was erased and created again.
    #[error("log of the attestation is {found}, expected {expected}")]
    Log {
        /// The expected log.
        expected: LogId,
        /// The header's log.
        found: LogId,
    },
    /// The attestation is of another policy set.
    #[error("policy set of the attestation is `{found}`, expected `{expected}`")]
    PolicySet {
        /// The expected policy set.
        expected: String,
        /// The statement's policy set.
        found: String,
    },
    /// The attestation is of another version of the policy set.
    #[error("policy set version of the attestation is {found}, expected {expected}")]
    PolicySetVersion {
        /// The expected version number.
        expected: u32,
        /// The statement's version number.
        found: u32,
    },
    /// The attestation is of another manifest.
    #[error("manifest SHA-256 of the attestation is {found}, expected {expected}")]
    Manifest {
        /// The SHA-256 of the expected manifest.
        expected: Sha256,
        /// The statement's SHA-256.
        found: Sha256,
    },
    /// The attestation is of another schema.
    #[error("schema SHA-256 of the attestation is {found}, expected {expected}")]
    Schema {
        /// The SHA-256 of the expected schema.
        expected: Sha256,
        /// The header's SHA-256.
        found: Sha256,
    },
    /// The previous attestation of the set is another one: an attestation is missing or out of order.
    #[error("previous attestation is {}, expected {}", shown(.found), shown(.expected))]
    Previous {
        /// The SHA-256 of the expected previous attestation.
        expected: Option<Sha256>,
        /// The header's SHA-256.
        found: Option<Sha256>,
    },
    /// The expected manifest is not a valid manifest.
    #[error("invalid manifest to compare with: {problem}")]
    ExpectedManifest {
        /// The problem.
        problem: String,
    },
    /// One attestation of a chain is not valid.
    #[error("attestation {index} of the chain is not valid")]
    Link {
        /// Its place in the chain, counted from 0.
        index: usize,
        /// The reason.
        source: Box<VerificationError>,
    },
}

impl VerificationError {
    /// Makes an error of a problem of `part`.
    pub(super) fn of(part: Part) -> impl Fn(FormError) -> Self {
        move |problem| Self::Malformed { part, problem }
    }
}

/// A part of an attestation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The whole text.
    Jws,
    /// The protected header.
    Header,
    /// The payload.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Jws => "JWS",
            Self::Header => "protected header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// The reason that a part of an attestation, or a key, is malformed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// The text is not base64url, or not the canonical base64url of its bytes.
    #[error("expected base64url without padding and with unused bits zero")]
    Base64url,
    /// The decoded bytes are not UTF-8.
    #[error("expected UTF-8")]
    Utf8,
    /// The text is not a JSON object.
    #[error("expected a JSON object: {message}")]
    Json {
        /// The problem and its place.
        message: String,
    },
    /// The object has a member twice.
    #[error("duplicate member `{name}`")]
    DuplicateMember {
        /// The member's name, truncated if long.
        name: String,
    },
    /// The object has a member that an attestation never has: an extension (`crit`, `b64`), a key or its URL (`jwk`,
    /// `jku`), or an unprotected `header`. The verifier skips no member, so it checks all signed bytes.
    #[error("unknown member `{name}`")]
    UnknownMember {
        /// The member's name, truncated if long.
        name: String,
    },
    /// The object lacks a member.
    #[error("missing member `{name}`")]
    MissingMember {
        /// The member's name.
        name: &'static str,
    },
    /// A member's value is not valid.
    #[error("invalid member `{name}`: {message}")]
    InvalidMember {
        /// The member's name.
        name: &'static str,
        /// The problem.
        message: String,
    },
    /// The content is valid, but the JSON is not canonical (RFC 8785).
    #[error("expected canonical JSON (RFC 8785)")]
    NotCanonical,
}

fn shown(sha: &Option<Sha256>) -> String {
    sha.map_or_else(|| "none".to_owned(), |sha| sha.to_string())
}
