//! A verifier refuses any other byte, header, payload, key, signature or expectation, each with its own error.

use proptest::prelude::*;

use super::jws::{Jws, signing_input};
use super::samples::{KEY_ID, LOG_ID, MANIFEST, SCHEMA, attest, expected, parts, signed, signer, subject, verifier};
use super::{
    Attestation, Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, FormError, Jwks, Part, Signer, Status,
    Subject, VerificationError, VerificationKey, Verifier,
};
use crate::types::error_kind::ErrorKind;
use crate::types::hash::Sha256;
use crate::types::id::LogId;
use crate::types::limits;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::time::Timestamp;

fn refused(jws: &str) -> VerificationError {
    verifier().verify(jws, &expected(), None).unwrap_err()
}

/// The sample with one text of its header replaced, signed again.
fn header(from: &str, to: &str) -> VerificationError {
    let (header, payload) = parts();
    assert!(header.contains(from), "{header}");
    refused(&signed(&header.replacen(from, to, 1), &payload))
}

/// The sample with one text of its payload replaced, signed again.
fn payload(from: &str, to: &str) -> VerificationError {
    let (header, payload) = parts();
    assert!(payload.contains(from), "{payload}");
    refused(&signed(&header, &payload.replacen(from, to, 1)))
}

fn malformed(part: Part, problem: FormError) -> VerificationError {
    VerificationError::Malformed { part, problem }
}

fn unknown(name: &str) -> FormError {
    FormError::UnknownMember { name: name.to_owned() }
}

#[test]
fn what_is_expected_verifies() {
    let attestation = attest(&subject());
    let verified = verifier().verify(attestation.as_str(), &expected(), None).unwrap();
    assert_eq!(verified, attestation);
    assert_eq!(Attestation::parse_unverified(attestation.as_str()).unwrap(), attestation);
    let (statement, header) = (verified.statement(), verified.header());
    assert_eq!((statement.key_id.as_str(), statement.status), (KEY_ID, Status::Created));
    assert_eq!((header.algorithm.as_str(), header.key_id.as_str(), header.log_id), ("EdDSA", KEY_ID, LOG_ID));
    let entries: Vec<ManifestEntry> = crate::record::Manifest::parse(MANIFEST).unwrap().into_entries();
    let contents = Expected {
        manifest: ExpectedManifest::Entries(&entries),
        schema: ExpectedSchema::Sha(Sha256::of(SCHEMA.as_bytes())),
        ..expected()
    };
    verifier().verify(attestation.as_str(), &contents, None).unwrap();
}

#[test]
fn every_part_of_what_is_expected_counts() {
    let jws = attest(&subject());
    let with = |change: fn(&mut Expected<'static>)| {
        let mut expected = expected();
        change(&mut expected);
        verifier().verify(jws.as_str(), &expected, None).unwrap_err()
    };
    let (zone, set) = ("acme".to_owned(), "production".to_owned());
    assert_eq!(with(|e| e.zone_id = "acmf"), VerificationError::Zone { expected: "acmf".to_owned(), found: zone });
    let other = LogId([7; 16]);
    assert_eq!(with(|e| e.log_id = LogId([7; 16])), VerificationError::Log { expected: other, found: LOG_ID });
    assert_eq!(
        with(|e| e.policy_set_id = "staging"),
        VerificationError::PolicySet { expected: "staging".to_owned(), found: set }
    );
    assert_eq!(with(|e| e.policy_set_version = 8), VerificationError::PolicySetVersion { expected: 8, found: 7 });
    let manifest = |text: &str| VerificationError::Manifest {
        expected: Sha256::of(text.as_bytes()),
        found: Sha256::of(MANIFEST.as_bytes()),
    };
    let empty = r#"{"entries":[]}"#;
    assert_eq!(with(|e| e.manifest = ExpectedManifest::Canonical(r#"{"entries":[]}"#)), manifest(empty));
    assert_eq!(with(|e| e.manifest = ExpectedManifest::Entries(&[])), manifest(empty));
    assert!(matches!(
        with(|e| e.manifest = ExpectedManifest::Canonical(r#"{"entries": []}"#)),
        VerificationError::ExpectedManifest { .. }
    ));
    let schema = |expected| VerificationError::Schema { expected, found: Sha256::of(SCHEMA.as_bytes()) };
    assert_eq!(with(|e| e.schema = ExpectedSchema::Source("entity U;")), schema(Sha256::of(b"entity U;")));
    assert_eq!(with(|e| e.schema = ExpectedSchema::Sha(Sha256::from([1; 32]))), schema(Sha256::from([1; 32])));
    let (previous, found) = (Some(Sha256::from([1; 32])), None);
    assert_eq!(
        verifier().verify(jws.as_str(), &expected(), previous).unwrap_err(),
        VerificationError::Previous { expected: previous, found }
    );
}

/// The index at which a chain breaks, with the expected and the found previous attestation.
fn broken(previous: Option<Sha256>, chain: &[(&str, Expected<'_>)]) -> (usize, Option<Sha256>, Option<Sha256>) {
    let error = verifier().verify_chain(previous, chain.iter().copied()).unwrap_err();
    let VerificationError::Link { index, source } = error else { panic!("{error:?}") };
    let VerificationError::Previous { expected, found } = *source else { panic!("{source:?}") };
    (index, expected, found)
}

#[test]
fn a_chain_is_verified_in_its_order_and_whole() {
    let first = attest(&subject());
    let second = attest(&Subject { previous_sha: Some(first.sha()), policy_set_version: 8, ..subject() });
    let third = attest(&Subject { previous_sha: Some(second.sha()), ..subject() });
    let (seven, eight) = (expected(), Expected { policy_set_version: 8, ..expected() });
    let [a, b, c] = [(first.as_str(), seven), (second.as_str(), eight), (third.as_str(), seven)];
    let verifier = verifier();
    let verified = verifier.verify_chain(None, [a, b, c]).unwrap();
    assert_eq!(verified.iter().map(Attestation::as_str).collect::<Vec<_>>(), [a.0, b.0, c.0]);
    assert_eq!(verifier.verify_chain(Some(first.sha()), [b, c]).unwrap().len(), 2);
    assert_eq!(verifier.verify_chain(None, []).unwrap(), []);
    let (of_first, of_second) = (Some(first.sha()), Some(second.sha()));
    assert_eq!(broken(None, &[b, c]), (0, None, of_first));
    assert_eq!(broken(None, &[a, c]), (1, of_first, of_second));
    assert_eq!(broken(None, &[a, b, a]), (2, of_second, None));
    assert_eq!(broken(of_first, &[a]), (0, of_first, None));
}

#[test]
fn headers_are_refused_each_for_its_own_reason() {
    let of_header = |problem| malformed(Part::Header, problem);
    for algorithm in ["none", "None", "NONE"] {
        let error = header("EdDSA", algorithm);
        assert_eq!(error, VerificationError::Unsecured { found: algorithm.to_owned() });
    }
    for algorithm in ["ES256", "HS256", "Ed448", "ed25519", "eddsa"] {
        let (key_id, expected) = (KEY_ID.to_owned(), "EdDSA".to_owned());
        let error = VerificationError::Algorithm { key_id, expected, found: algorithm.to_owned() };
        assert_eq!(header("EdDSA", algorithm), error);
    }
    assert_eq!(header("2026-a", "2026-b"), VerificationError::UnknownKey { key_id: "2026-b".to_owned() });
    for extra in ["b64", "crit", "jwk", "x5c"] {
        assert_eq!(header(r#","kid""#, &format!(r#","{extra}":[],"kid""#)), of_header(unknown(extra)));
    }
    let missing = |name| of_header(FormError::MissingMember { name });
    assert_eq!(header(r#""previous_sha":null,"#, ""), missing("previous_sha"));
    assert_eq!(header(r#""alg":"EdDSA","#, ""), missing("alg"));
    assert_eq!(header(r#""kid":"2026-a","#, ""), missing("kid"));
    let twice = of_header(FormError::DuplicateMember { name: "kid".to_owned() });
    assert_eq!(header(r#","kid""#, r#","kid":"2026-a","kid""#), twice);
    let invalid = |from: &str, to: &str| match header(from, to) {
        VerificationError::Malformed { part: Part::Header, problem: FormError::InvalidMember { name, .. } } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid("0001020304", "001020304"), "log_id");
    assert_eq!(invalid("0a0b0c", "0A0b0c"), "log_id");
    assert_eq!(invalid("null", "\"\""), "previous_sha");
    assert_eq!(invalid("\"EdDSA\"", "\"\""), "alg");
    assert_eq!(invalid("2026-a", r"\n"), "kid");
    for (from, to) in [(":null", ": null"), ("{", "{ "), ("2026", r"\u0032026"), ("}", "}\n")] {
        assert_eq!(header(from, to), of_header(FormError::NotCanonical), "{to}");
    }
    let reordered = header(r#"{"alg":"EdDSA","kid":"2026-a""#, r#"{"kid":"2026-a","alg":"EdDSA""#);
    assert_eq!(reordered, of_header(FormError::NotCanonical));
    assert!(matches!(header("{", "[{"), VerificationError::Malformed { problem: FormError::Json { .. }, .. }));
}

#[test]
fn payloads_are_refused_each_for_its_own_reason() {
    let of_payload = |problem| malformed(Part::Payload, problem);
    let keys = (KEY_ID.to_owned(), "2026-b".to_owned());
    assert_eq!(payload("2026-a", "2026-b"), VerificationError::KeyId { header: keys.0, statement: keys.1 });
    let found = "policy_set".to_owned();
    assert_eq!(payload("policy_set_attestation", "policy_set"), VerificationError::StatementType { found });
    assert_eq!(payload(r#""v":1"#, r#""v":2,"w":1"#), VerificationError::StatementVersion { found: 2 });
    assert_eq!(payload(r#""v":1"#, r#""v":1,"w":1"#), of_payload(unknown("w")));
    assert_eq!(payload(r#""v":1,"#, ""), of_payload(FormError::MissingMember { name: "v" }));
    assert_eq!(payload(r#""status":"created","#, ""), of_payload(FormError::MissingMember { name: "status" }));
    let twice = of_payload(FormError::DuplicateMember { name: "v".to_owned() });
    assert_eq!(payload(r#""v":1,"#, r#""v":1,"v":1,"#), twice);
    let invalid = |from: &str, to: &str| match payload(from, to) {
        VerificationError::Malformed { part: Part::Payload, problem: FormError::InvalidMember { name, .. } } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(invalid("created", "renewed"), "status");
    assert_eq!(invalid(":7", ":7.0"), "policy_set_version");
    assert_eq!(invalid(":7", ":-7"), "policy_set_version");
    assert_eq!(invalid(":7", ":4294967296"), "policy_set_version");
    assert_eq!(invalid("acme", "a c m e"), "zone_id");
    assert_eq!(invalid("zoë", r"\n"), "attested_by");
    assert_eq!(invalid("2026-02-24T", "2026-02-30T"), "attested_at");
    let spellings = [
        ("000001Z", "0000010Z"),
        ("13:20:00.000001Z", "14:20:00.000001+01:00"),
        ("zoë", r"zo\u00eb"),
        (r#"{"attested_at""#, r#"{ "attested_at""#),
        (r#""type":"policy_set_attestation","v":1"#, r#""v":1,"type":"policy_set_attestation""#),
    ];
    for (from, to) in spellings {
        assert_eq!(payload(from, to), of_payload(FormError::NotCanonical), "{to}");
    }
}

#[test]
fn what_is_signed_wrongly_is_never_explained() {
    let (header, payload) = parts();
    let signature = VerificationError::Signature { key_id: KEY_ID.to_owned() };
    let jws = |payload: &str, signature: Vec<u8>| {
        Jws { header: header.clone(), payload: payload.to_owned(), signature }.encode()
    };
    let good = signer().sign(signing_input(&header, &payload).as_bytes()).unwrap();
    assert_eq!(refused(&jws("not even JSON", good.clone())), signature);
    assert_eq!(refused(&jws(&payload, good[..63].to_vec())), signature);
    assert_eq!(refused(&jws(&payload, [&good[..], &[0]].concat())), signature);
    assert_eq!(refused(&jws(&payload, Vec::new())), signature);
    let of_another = Ed25519Signer::new(KEY_ID, &[1; 32]).unwrap();
    let foreign = of_another.sign(signing_input(&header, &payload).as_bytes()).unwrap();
    assert_eq!(refused(&jws(&payload, foreign)), signature);
    // The signature with the group's order added to its second half. A lax verifier accepts it.
    let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let order: [u8; 32] = crate::types::hash::hex::decode(order).unwrap();
    let mut malleated = good.clone();
    let mut carry = 0;
    for (byte, add) in malleated[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(refused(&jws(&payload, malleated)), signature);
    assert_eq!(
        Verifier::new(Jwks::default()).verify(&jws(&payload, good), &expected(), None).unwrap_err(),
        VerificationError::UnknownKey { key_id: KEY_ID.to_owned() }
    );
}

/// A key of an algorithm that is not built in. It is not secure, but has the interface of a signature algorithm.
struct Plugged;

impl Plugged {
    fn signature(input: &[u8]) -> Vec<u8> {
        Sha256::of(&[b"plugged", input].concat()).as_bytes().to_vec()
    }
}

impl Signer for Plugged {
    fn key_id(&self) -> &str {
        "plugged"
    }

    fn algorithm(&self) -> &str {
        "TEST"
    }

    fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self::signature(input))
    }
}

impl VerificationKey for Plugged {
    fn key_id(&self) -> &str {
        "plugged"
    }

    fn algorithm(&self) -> &str {
        "TEST"
    }

    fn verify(&self, input: &[u8], signature: &[u8]) -> bool {
        Self::signature(input) == signature
    }
}

#[test]
fn other_algorithms_plug_in_beside_ed25519() {
    let sign = |signer: &dyn Signer| Attestation::sign(&subject(), Timestamp::EPOCH, "alice", Status::ReSigned, signer);
    let plugged = sign(&Plugged).unwrap();
    assert_eq!(plugged.header().algorithm, "TEST");
    let unknown = VerificationError::UnknownKey { key_id: "plugged".to_owned() };
    assert_eq!(refused(plugged.as_str()), unknown);
    let both = verifier().with_key(Plugged).unwrap();
    assert_eq!(both.verify(plugged.as_str(), &expected(), None).unwrap(), plugged);
    both.verify(sign(&signer()).unwrap().as_str(), &expected(), None).unwrap();
    let changed = plugged.as_str().replace(r#""signature":""#, r#""signature":"AAAA"#);
    let signature = VerificationError::Signature { key_id: "plugged".to_owned() };
    assert_eq!(both.verify(&changed, &expected(), None).unwrap_err(), signature);
    assert_eq!(both.with_key(Plugged).unwrap_err().code(), "invalid_input");
}

/// A signer with a fixed key id, algorithm and result.
struct FixedSigner {
    key_id: &'static str,
    algorithm: &'static str,
    signature: Option<usize>,
}

impl Signer for FixedSigner {
    fn key_id(&self) -> &str {
        self.key_id
    }

    fn algorithm(&self) -> &str {
        self.algorithm
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.signature.map(|length| vec![7; length]).ok_or_else(|| "the device is gone".into())
    }
}

#[test]
fn a_signer_that_fails_or_misbehaves_attests_nothing() {
    let by = |puppet, who: &str| Attestation::sign(&subject(), Timestamp::EPOCH, who, Status::Created, &puppet);
    let puppet = |signature| FixedSigner { key_id: "k", algorithm: "TEST", signature };
    let gone = by(puppet(None), "alice").unwrap_err();
    assert_eq!((gone.kind(), gone.code()), (ErrorKind::Unavailable, "signer"));
    assert!(gone.to_string().contains("`k`"), "{gone}");
    assert_eq!(std::error::Error::source(&gone).unwrap().to_string(), "the device is gone");
    assert_eq!(by(puppet(Some(0)), "alice").unwrap_err().code(), "invalid_input");
    assert_eq!(by(puppet(Some(12_000)), "alice").unwrap_err().kind(), ErrorKind::TooLarge);
    let large = by(puppet(Some(11_000)), "alice").unwrap();
    assert!(large.as_str().len() < limits::ATTESTATION_BYTES);
    assert_eq!(Attestation::parse_unverified(large.as_str()).unwrap(), large);
    for (key_id, algorithm, who) in [
        ("", "TEST", "a"),
        ("k\n", "TEST", "a"),
        ("k", "", "a"),
        ("k", "none", "a"),
        ("k", "NONE", "a"),
        ("k", "TEST", ""),
    ] {
        let puppet = FixedSigner { key_id, algorithm, signature: Some(64) };
        assert_eq!(by(puppet, who).unwrap_err().code(), "invalid_input", "{key_id:?} {algorithm:?} {who:?}");
    }
}

#[test]
fn no_byte_of_an_attestation_can_be_another() {
    let (jws, verifier) = (attest(&subject()), verifier());
    for (at, byte) in jws.as_str().bytes().enumerate() {
        // Flips one bit of each byte, another one each time. All bits of all bytes would take a minute.
        let flipped = byte ^ 1 << (at % 7);
        let mut changed = jws.as_str().as_bytes().to_vec();
        changed[at] = flipped;
        let changed = String::from_utf8(changed).unwrap();
        assert!(verifier.verify(&changed, &expected(), None).is_err(), "byte {at} as {:?}", char::from(flipped));
    }
}

proptest! {
    #[test]
    fn no_other_text_verifies(edits in prop::collection::vec((any::<prop::sample::Index>(), "[ -~]{0,2}"), 1..4)) {
        let jws = attest(&subject());
        let mut changed = jws.as_str().to_owned();
        for (at, with) in edits {
            let at = at.index(changed.len());
            changed.replace_range(at..=at, &with);
        }
        prop_assume!(changed != jws.as_str());
        prop_assert!(verifier().verify(&changed, &expected(), None).is_err(), "{}", changed);
    }

    #[test]
    fn an_attestation_of_another_subject_never_verifies(
        which in 0..7_usize,
        id in "[a-z][a-z0-9]{0,20}",
        number in any::<u32>(),
        bytes in any::<[u8; 32]>(),
    ) {
        let mut other = subject();
        match which {
            0 => other.zone_id = id.parse().unwrap(),
            1 => other.policy_set_id = id.parse().unwrap(),
            2 => other.policy_set_version = number,
            3 => other.log_id = LogId(*bytes.first_chunk().unwrap()),
            4 => other.manifest_sha = Sha256::from(bytes),
            5 => other.schema_sha = Sha256::from(bytes),
            _ => other.previous_sha = Some(Sha256::from(bytes)),
        }
        prop_assume!(other != subject());
        let error = refused(attest(&other).as_str());
        let right = match which {
            0 => matches!(error, VerificationError::Zone { .. }),
            1 => matches!(error, VerificationError::PolicySet { .. }),
            2 => matches!(error, VerificationError::PolicySetVersion { .. }),
            3 => matches!(error, VerificationError::Log { .. }),
            4 => matches!(error, VerificationError::Manifest { .. }),
            5 => matches!(error, VerificationError::Schema { .. }),
            _ => matches!(error, VerificationError::Previous { .. }),
        };
        prop_assert!(right, "{error}");
    }
}
