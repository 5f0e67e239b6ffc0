//! Attestations: that someone with a key vouched for a policy set version, as a JWS that can be verified anywhere.
//!
//! An attestation is a JSON Web Signature in flattened JSON form (RFC 7515). Its payload, the [`Statement`], says which
//! manifest the version of a policy set has, who attested that and when. Its protected [`Header`] binds it to the zone's
//! log, to the schema and to the set's previous attestation, so that a manifest cannot be paired with another schema, or an
//! old one be passed off as the newest. Every byte of it is in canonical form: there is one text for what it says.
//!
//! [`Verifier`] needs no store: only the attestation, public keys ([`Jwks`]), and what the attestation is expected to be
//! about. Ed25519 is built in ([`Ed25519Signer`], [`Jwk`]); other algorithms plug in through [`Signer`] and
//! [`VerificationKey`].
//!
//! An attested manifest names policy texts by their SHA-256: compare the texts with it ([`Sha256::of`](crate::Sha256::of)).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use policy_store::attestation::{
//!     Attestation, Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, Jwks, Status, Subject, Verifier,
//! };
//! use policy_store::{Sha256, Timestamp};
//!
//! let manifest = r#"{"entries":[]}"#;
//! let schema = "entity User;";
//! let signer = Ed25519Signer::new("2026-a", &[7; 32])?;
//! let subject = Subject {
//!     zone_id: "acme".parse()?,
//!     log_id: "000102030405060708090a0b0c0d0e0f".parse()?,
//!     policy_set_id: "production".parse()?,
//!     policy_set_version: 1,
//!     manifest_sha: Sha256::of(manifest.as_bytes()),
//!     schema_sha: Sha256::of(schema.as_bytes()),
//!     previous_sha: None,
//! };
//! let attestation = Attestation::sign(&subject, Timestamp::now(), "alice", Status::Created, &signer)?;
//!
//! // Elsewhere, with the public keys alone:
//! let keys = serde_json::to_string(&Jwks::new([signer.jwk().clone()])?)?;
//! let verifier = Verifier::new(Jwks::parse(&keys)?);
//! let expected = Expected {
//!     zone_id: "acme",
//!     log_id: subject.log_id,
//!     policy_set_id: "production",
//!     policy_set_version: 1,
//!     manifest: ExpectedManifest::Canonical(manifest),
//!     schema: ExpectedSchema::Source(schema),
//! };
//! let verified = verifier.verify(attestation.as_str(), &expected, None)?;
//! assert_eq!(verified.statement().attested_by, "alice");
//! # Ok(())
//! # }
//! ```
//!
//! This room knows no store: which version is attested when, and where attestations are kept, is decided elsewhere. The
//! exact bytes are described in docs/format.md.

// The module has the name of its main noun.
mod algorithm;
#[expect(clippy::module_inception, reason = "one noun one file, and this room is named after its first noun")]
mod attestation;
mod base64url;
mod error;
mod expected;
mod header;
mod jwk;
mod jwks;
mod jws;
mod members;
mod signer;
mod statement;
mod verifier;

#[cfg(test)]
mod pin_tests;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tamper_tests;

pub use algorithm::{Signer, VerificationKey};
pub use attestation::{Attestation, Subject};
pub use error::{FormError, Part, VerificationError};
pub use expected::{Expected, ExpectedManifest, ExpectedSchema};
pub use header::Header;
pub use jwk::{Jwk, LeftOut};
pub use jwks::Jwks;
pub use signer::Ed25519Signer;
pub use statement::{Statement, Status};
pub use verifier::Verifier;

/// Any header and payload, with a signature over them: fuzz targets look behind the signature with it.
#[cfg(fuzzing)]
pub(crate) fn signed((header, payload): (&str, &str), signer: &dyn Signer) -> String {
    let signature = signer.sign(jws::signing_input(header, payload).as_bytes()).unwrap_or_default();
    jws::Jws { header: header.to_owned(), payload: payload.to_owned(), signature }.encode()
}

/// The RFC 8785 form of a struct whose fields are declared in the order of their names, all ASCII.
///
/// For strings, `null`, and integers below 2^53, which is all that an attestation has, `serde_json` writes just that.
fn canonical(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}
