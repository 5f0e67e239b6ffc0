//! Attestations: signed statements of a policy set version's identity and manifest, which verify without a store.
//!
//! An attestation is a JSON Web Signature in flattened JSON (RFC 7515). Its payload, the [`Statement`], names the
//! policy set version, its manifest, the attesting actor and the time. Its protected [`Header`] binds it to the zone's
//! log, to the schema and to the set's previous attestation. So nobody can combine a manifest with another schema, or
//! present an old attestation as the newest. Every byte is canonical: one content has one text.
//!
//! A [`Verifier`] needs the attestation, public keys ([`Jwks`]) and the [`Expected`] content. Ed25519 is built in
//! ([`Ed25519Signer`], [`Jwk`]). Implement [`Signer`] and [`VerificationKey`] for other algorithms.
//!
//! An attested manifest has the SHA-256 of each policy text. Compare it with the texts
//! ([`Sha256::of`](crate::Sha256::of)).
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use policy_store_verify::attestation::{
//!     Attestation, Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, Jwks, Status, Subject, Verifier,
//! };
//! use policy_store_verify::{Sha256, Timestamp};
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
//! The module does not know stores: it decides neither which versions are attested nor where attestations are kept.
//! docs/format.md describes the exact bytes.

mod algorithm;
#[expect(clippy::module_inception, reason = "one noun, one file; the module has the name of its main noun")]
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

/// The attestation text of any header and payload, with a valid signature. Fuzz targets reach the checks after the
/// signature with it.
#[cfg(fuzzing)]
#[doc(hidden)]
#[must_use]
pub fn signed((header, payload): (&str, &str), signer: &dyn Signer) -> String {
    let signature = signer.sign(jws::signing_input(header, payload).as_bytes()).unwrap_or_default();
    jws::Jws { header: header.to_owned(), payload: payload.to_owned(), signature }.encode()
}

/// The canonical JSON (RFC 8785) of a struct. Its fields must be declared in the order of their names, which are ASCII.
///
/// An attestation has strings, `null` and integers below 2^53 only. `serde_json` writes these as RFC 8785 does.
fn canonical(value: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}
