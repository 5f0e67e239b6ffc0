//! Pins the bytes of an attestation. Another program made the pinned bytes from docs/format.md; an independent
//! implementation of RFC 8785 checks the canonical JSON.

use proptest::prelude::*;

use super::samples::{attest, expected, parts, subject, verifier};
use super::{Header, Statement, Status, canonical};
use crate::types::hash::Sha256;
use crate::types::id::LogId;
use crate::types::time::Timestamp;

/// An attestation from another program, with another implementation of Ed25519.
const PINNED: &str = include_str!("pin.json");

/// The SHA-256 of the pinned text, from another program.
const PINNED_SHA: &str = "2134aa6b41c8a02b4488d9ce78732624694473ed2d01e51e7a801a2ba5a16fa6";

#[test]
fn the_sample_is_what_another_program_makes_of_it() {
    let attestation = attest(&subject());
    assert_eq!(attestation.as_str(), PINNED);
    assert_eq!(attestation.sha().to_string(), PINNED_SHA);
    assert_eq!(verifier().verify(PINNED, &expected(), None).unwrap(), attestation);
}

#[test]
fn a_statement_serialises_as_its_payload() {
    let attestation = attest(&subject());
    assert_eq!(serde_json::to_string(attestation.statement()).unwrap(), parts().1);
    assert_eq!(serde_json::to_string(attestation.header()).unwrap(), parts().0);
    assert_eq!(serde_json::to_string(&Status::ReSigned).unwrap(), "\"re_signed\"");
}

/// The sample string of RFC 8785 section 3.2.2, and its canonical JSON.
#[test]
fn the_string_of_rfc_8785_is_written_as_it_says() {
    let sample: String = serde_json::from_str(r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#).unwrap();
    assert_eq!(canonical(&sample).unwrap(), r#""€$\u000f\nA'B\"\\\\\"/""#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn strings_are_written_as_rfc_8785_wants_them(text in any::<String>(), control in "[\u{0}-\u{9f}]*") {
        for text in [text, control] {
            prop_assert_eq!(canonical(&text).unwrap(), serde_json_canonicalizer::to_string(&text).unwrap());
        }
    }

    #[test]
    fn header_and_payload_are_in_the_form_of_rfc_8785_and_read_back(
        // Of at most 64 and 256 bytes.
        (algorithm, texts) in ("\\PC{1,16}", prop::array::uniform2("\\PC{1,64}")),
        ids in prop::array::uniform2("[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"),
        (log_id, sha, previous) in any::<([u8; 16], [u8; 32], Option<[u8; 32]>)>(),
        (micros, version, created) in any::<(i64, u32, bool)>(),
    ) {
        let [key_id, attested_by] = texts;
        let header = Header {
            algorithm,
            key_id: key_id.clone(),
            log_id: LogId(log_id),
            previous_sha: previous.map(Sha256::from),
            schema_sha: Sha256::from(sha),
        };
        let [policy_set_id, zone_id] = ids;
        let statement = Statement {
            attested_at: Timestamp::from_micros(micros),
            attested_by,
            key_id,
            manifest_sha: Sha256::from(sha),
            policy_set_id: policy_set_id.parse().unwrap(),
            policy_set_version: version,
            status: if created { Status::Created } else { Status::ReSigned },
            zone_id: zone_id.parse().unwrap(),
        };
        let (header_text, payload) = (header.encode().unwrap(), statement.encode().unwrap());
        prop_assert_eq!(&header_text, &serde_json_canonicalizer::to_string(&header).unwrap());
        prop_assert_eq!(&payload, &serde_json_canonicalizer::to_string(&statement).unwrap());
        prop_assert_eq!(Header::decode(&header_text).unwrap(), header);
        prop_assert_eq!(Statement::decode(&payload).unwrap(), statement);
    }
}
