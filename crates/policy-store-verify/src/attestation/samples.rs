//! Samples for the tests of this module: an attestation with a fixed key, and texts with valid signatures that the
//! module's own signing would never make.

use super::jws::{Jws, signing_input};
use super::{
    Attestation, Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, Jwks, Signer, Status, Subject, Verifier,
};
use crate::types::hash::Sha256;
use crate::types::id::LogId;
use crate::types::time::Timestamp;

/// The secret key of RFC 8032 section 7.1, test 1, and of RFC 8037 appendix A.
pub(super) const SECRET: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];
/// Its public key.
pub(super) const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
pub(super) const KEY_ID: &str = "2026-a";
pub(super) const LOG_ID: LogId = LogId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
pub(super) const MANIFEST: &str = concat!(
    r#"{"entries":[{"policy_id":"p1","policy_version_id":"v1","#,
    r#""sha":"bacfa3fab8b34a87fbe68d2b949b8fb62bc093942a84fd9a08543f15a0b63ee2"}]}"#
);
pub(super) const SCHEMA: &str = "entity U; action a appliesTo { principal: U, resource: U };";

pub(super) fn signer() -> Ed25519Signer {
    Ed25519Signer::new(KEY_ID, &SECRET).unwrap()
}

pub(super) fn verifier() -> Verifier {
    Verifier::new(Jwks::new([signer().jwk().clone()]).unwrap())
}

pub(super) fn subject() -> Subject {
    Subject {
        zone_id: "acme".parse().unwrap(),
        log_id: LOG_ID,
        policy_set_id: "production".parse().unwrap(),
        policy_set_version: 7,
        manifest_sha: Sha256::of(MANIFEST.as_bytes()),
        schema_sha: Sha256::of(SCHEMA.as_bytes()),
        previous_sha: None,
    }
}

pub(super) fn expected() -> Expected<'static> {
    Expected {
        zone_id: "acme",
        log_id: LOG_ID,
        policy_set_id: "production",
        policy_set_version: 7,
        manifest: ExpectedManifest::Canonical(MANIFEST),
        schema: ExpectedSchema::Source(SCHEMA),
    }
}

/// An attestation of a subject, with the fixed key.
pub(super) fn attest(subject: &Subject) -> Attestation {
    let at = Timestamp::from_micros(1_771_939_200_000_001);
    Attestation::sign(subject, at, r#"zoë "z" \"#, Status::Created, &signer()).unwrap()
}

/// The signed header and payload of the sample.
pub(super) fn parts() -> (String, String) {
    let Jws { header, payload, .. } = Jws::decode(attest(&subject()).as_str()).unwrap();
    (header, payload)
}

/// The attestation text of any header and payload, signed with the fixed key.
pub(super) fn signed(header: &str, payload: &str) -> String {
    let signature = signer().sign(signing_input(header, payload).as_bytes()).unwrap();
    Jws { header: header.to_owned(), payload: payload.to_owned(), signature }.encode()
}
