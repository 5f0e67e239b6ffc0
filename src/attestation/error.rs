//! Why an attestation is refused: one error for each reason, with what was expected and what was found.

use std::fmt;

use crate::types::hash::Sha256;
use crate::types::id::LogId;

/// Why an attestation does not hold.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerificationError {
    /// The text is longer than any attestation; it was not read.
    #[error("too large: attestation: {actual} bytes, limit {limit}")]
    TooLarge {
        /// The limit, see [`limits`](crate::limits::ATTESTATION_BYTES).
        limit: usize,
        /// What was given.
        actual: usize,
    },
    /// A part is not of the one form that it can have.
    #[error("invalid {part}: {problem}")]
    Malformed {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        problem: FormError,
    },
    /// The algorithm is `none`: nothing is signed.
    #[error("attestation is unsecured: algorithm is `{found}`")]
    Unsecured {
        /// The algorithm as spelled.
        found: String,
    },
    /// None of the verifier's keys has the id.
    #[error("unknown key id `{key_id}`")]
    UnknownKey {
        /// The header's `kid`.
        key_id: String,
    },
    /// The key set has a key with the id, which was left out of it: it is for something else.
    #[error("key `{key_id}` cannot be used: {reason}")]
    UnusableKey {
        /// The header's `kid`.
        key_id: String,
        /// Which member of the key says so, and its value.
        reason: String,
    },
    /// The header names another algorithm than the key is for.
    #[error("algorithm of the header is `{found}`, expected `{expected}` for key `{key_id}`")]
    Algorithm {
        /// The key.
        key_id: String,
        /// The key's algorithm.
        expected: String,
        /// The header's.
        found: String,
    },
    /// The signature is not one of the key's over header and payload.
    #[error("signature does not verify with key `{key_id}`")]
    Signature {
        /// The key.
        key_id: String,
    },
    /// The payload is a statement of another type.
    #[error("statement type is `{found}`, expected `policy_set_attestation`")]
    StatementType {
        /// Its type.
        found: String,
    },
    /// The payload is a statement of another version.
    #[error("statement version is {found}, expected 1")]
    StatementVersion {
        /// Its version.
        found: u64,
    },
    /// Header and payload name different keys.
    #[error("key id of the statement is `{statement}`, expected the header's `{header}`")]
    KeyId {
        /// The header's `kid`.
        header: String,
        /// The statement's `key_id`.
        statement: String,
    },
    /// It is about another zone.
    #[error("zone of the attestation is `{found}`, expected `{expected}`")]
    Zone {
        /// The zone that was asked about.
        expected: String,
        /// The statement's.
        found: String,
    },
    /// It is about a zone of another log: in another store, or erased and made again.
    #[error("log of the attestation is {found}, expected {expected}")]
    Log {
        /// The log that was asked about.
        expected: LogId,
        /// The header's.
        found: LogId,
    },
    /// It is about another policy set.
    #[error("policy set of the attestation is `{found}`, expected `{expected}`")]
    PolicySet {
        /// The set that was asked about.
        expected: String,
        /// The statement's.
        found: String,
    },
    /// It is about another version of the set.
    #[error("policy set version of the attestation is {found}, expected {expected}")]
    PolicySetVersion {
        /// The number that was asked about.
        expected: u32,
        /// The statement's.
        found: u32,
    },
    /// It is about another manifest.
    #[error("manifest SHA-256 of the attestation is {found}, expected {expected}")]
    Manifest {
        /// That of the manifest that was given.
        expected: Sha256,
        /// The statement's.
        found: Sha256,
    },
    /// It is about another schema.
    #[error("schema SHA-256 of the attestation is {found}, expected {expected}")]
    Schema {
        /// That of the schema that was given.
        expected: Sha256,
        /// The header's.
        found: Sha256,
    },
    /// It follows another attestation of the set: one is missing, or out of its order.
    #[error("previous attestation is {}, expected {}", shown(.found), shown(.expected))]
    Previous {
        /// The hash of the one that it should follow.
        expected: Option<Sha256>,
        /// The header's.
        found: Option<Sha256>,
    },
    /// The manifest that was given to compare with is not one.
    #[error("invalid manifest to compare with: {problem}")]
    ExpectedManifest {
        /// What is wrong with it.
        problem: String,
    },
    /// One of a chain does not hold.
    #[error("attestation {index} of the chain is not valid")]
    Link {
        /// Which one, counted from 0.
        index: usize,
        /// Why.
        source: Box<VerificationError>,
    },
}

impl VerificationError {
    /// Says of a problem which part has it.
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

/// How a part of an attestation, or a key, misses its form.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// Not base64url, or not the one base64url text of its bytes.
    #[error("expected base64url without padding and with unused bits zero")]
    Base64url,
    /// The decoded bytes are no text.
    #[error("expected UTF-8")]
    Utf8,
    /// The text is not a JSON object.
    #[error("expected a JSON object: {message}")]
    Json {
        /// What is wrong, and where.
        message: String,
    },
    /// A member is there more than once.
    #[error("duplicate member `{name}`")]
    DuplicateMember {
        /// Its name, cut short if long.
        name: String,
    },
    /// A member is there that an attestation never has: an extension (`crit`, `b64`), a key or where to fetch one
    /// (`jwk`, `jku`), an unprotected `header`. Nothing is skipped, so that all that is signed is also checked.
    #[error("unknown member `{name}`")]
    UnknownMember {
        /// Its name, cut short if long.
        name: String,
    },
    /// A member is not there.
    #[error("missing member `{name}`")]
    MissingMember {
        /// Its name.
        name: &'static str,
    },
    /// A member's value is not of the right form.
    #[error("invalid member `{name}`: {message}")]
    InvalidMember {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The JSON says what it should, but not in its canonical form (RFC 8785).
    #[error("expected canonical JSON (RFC 8785)")]
    NotCanonical,
}

fn shown(sha: &Option<Sha256>) -> String {
    sha.map_or_else(|| "none".to_owned(), |sha| sha.to_string())
}
