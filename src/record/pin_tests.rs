//! Pins the bytes of entries, content and manifests. A change of the format fails the test of the changed part.
//!
//! Other programs (Python's `hashlib`) computed the hashes and addresses from the bytes that docs/format.md describes.

use super::entry::Extension;
use super::samples::{bodies, envelope};
use super::*;
use crate::types::actor::Actor;
use crate::types::hash::{Sha256, hex};
use crate::types::id::{IdempotencyKey, PolicyId};
use crate::types::manifest_entry::ManifestEntry;
use crate::types::rationale::Rationale;
use crate::types::time::Timestamp;

#[test]
fn every_kind_of_entry_has_its_bytes_and_hash() {
    let mut pins = include_str!("entry_pins.txt").lines();
    for body in bodies() {
        let (bytes, hash) = Entry::new(envelope(), &body).unwrap().encode().unwrap();
        let now = format!("{} {} {hash}", body.kind(), hex::encode(&bytes));
        assert_eq!(Some(now.as_str()), pins.next(), "kind {} has other bytes", body.kind());
    }
    assert_eq!(pins.next(), None);
    let kinds: Vec<u16> = bodies().iter().map(Body::kind).collect();
    assert_eq!(kinds, Body::KINDS, "a body of every kind is pinned");
    assert_eq!(kinds.last(), Some(&Body::NEWEST));
}

/// The hex of lines of hex with spaces, each with a note.
fn annotated(lines: &[(&str, &str)]) -> String {
    lines.iter().map(|(bytes, _)| bytes.replace(' ', "")).collect()
}

/// Written down from docs/format.md alone.
#[test]
fn an_entry_is_what_the_document_says() {
    let envelope = Envelope {
        imported_by: Some(Actor::platform("é").unwrap()),
        idempotency: Some(Idempotency { key: IdempotencyKey([0x11; 16]), fingerprint: [0x22; 32] }),
        created_at: Timestamp::EPOCH,
        clock_offset: Timestamp::MAX.as_micros(),
        position: u64::MAX,
        group: Group { index: 0, size: 250 },
        rationale: Some(Rationale::of(Some("a\nb".into()), None).unwrap()),
        last_binding: Some(0x1_0000_0000),
        extensions: vec![Extension { tag: 251, data: vec![9, 8] }],
        ..envelope()
    };
    let body = PolicyArchived { policy_id: PolicyId::new("A-1").unwrap() }.into();
    let (bytes, _) = Entry::new(envelope, &body).unwrap().encode().unwrap();
    let expected = annotated(&[
        ("01", "format"),
        ("abababababababababababababababab", "log id"),
        ("fd ffffffffffffffff", "position: 253 announces eight bytes, little endian"),
        ("cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd", "previous"),
        ("00", "created_at: zigzag of 0"),
        ("fd fe6fe902ee870807", "clock offset: zigzag of 253402207199999999, which is 0x0708_87ee_02e9_6ffe"),
        ("01 05 616c696365", "actor: customer, `alice`"),
        ("01 00 02 c3a9", "imported by: some, platform, `é` in two bytes"),
        ("01 11111111111111111111111111111111", "idempotency: some, the key"),
        ("2222222222222222222222222222222222222222222222222222222222222222", "and the fingerprint"),
        ("00", "group: index 0"),
        ("fa", "and size 250, the last that is its own varint"),
        ("01 01 03 610a62 00", "rationale: some, with the reason `a`, a newline, `b`, and no reference"),
        ("01 fd 0000000001000000", "last binding: some, 2^32"),
        ("01", "one extension"),
        ("fb fb00 02 0908", "with tag 251 and two bytes"),
        ("13", "kind 19"),
        ("04", "four bytes of body"),
        ("03 412d31", "policy id `A-1`"),
    ]);
    assert_eq!(hex::encode(&bytes), expected);
}

/// Bodies with an option, with many fields, or with a number of more than one byte.
#[test]
fn bodies_are_what_the_document_says() {
    let mut pinned = bodies().into_iter();
    let mut body = |kind: u16| pinned.find(|body| body.kind() == kind).unwrap().encode().unwrap();
    let policy_updated = annotated(&[
        ("06 706f6c696379", "policy id `policy`"),
        ("02 c3a9", "name `é`"),
        ("01 01 64", "description: some, `d`"),
    ]);
    assert_eq!(hex::encode(&body(18)), policy_updated);
    let set_version_created = annotated(&[
        ("03 736574", "set id `set`"),
        ("06 7365742e7631", "version id `set.v1`"),
        ("01", "version number"),
        ("0a 323032362d30322d3234", "schema `2026-02-24`"),
        ("01", "in JSON"),
        ("0101010101010101010101010101010101010101010101010101010101010101", "sha of the schema's source"),
        ("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "manifest sha"),
        ("fb e803", "1000 entries: 251 announces two bytes"),
        ("06 342e31342e31", "SDK 4.14.1"),
        ("05 342e352e30", "language 4.5.0"),
    ]);
    assert_eq!(hex::encode(&body(25)), set_version_created);
    let unbound = annotated(&[
        ("01 01 75", "target: the user `u`"),
        ("01", "mode: shadow"),
        ("03 736574 06 7365742e7632 02", "what was bound: `set`, `set.v2`, number 2"),
    ]);
    assert_eq!(hex::encode(&body(28)), unbound);
}

/// The address of one text is its SHA-256, that of a version's text and JSON the SHA-256 of both hashes.
#[test]
fn every_kind_of_content_has_its_address() {
    let forms = Content::forms(PERMIT, EMPTY_SET).pack().id;
    let both: Sha256 = "afa0a35e107a51b4761fdf8e9f8660469f5faa666cb7f40a6cb70ffa8d2d70ea".parse().unwrap();
    assert_eq!(forms.key(), *[[1].as_slice(), &both.0[..16]].concat().first_chunk().unwrap());
    let pins = [
        (2, r#"{"entries":[]}"#, "d801aa1fb7ddcc330a5e3173372ea6af4a3d08ec58074478e85aa5603e926658"),
        (3, r#"entity User;"#, "22d33efcba662fcf0a791c8e32abe3aaab0487cbc2c6a86575c6d0b9a02fbd8f"),
        (4, r#"{}"#, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
        (5, r#"[]"#, "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"),
        (6, r#"{}"#, "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    ];
    assert_eq!(pins.len() + 1, ContentKind::ALL.len());
    for ((number, text, sha), kind) in pins.into_iter().zip(ContentKind::ALL.into_iter().skip(1)) {
        let id = ContentId::one(kind, sha.parse().unwrap());
        assert_eq!(id.key(), *[[number].as_slice(), &id.sha.0[..16]].concat().first_chunk().unwrap());
        assert_eq!(Content::one(kind, text).pack().id, id, "{kind:?} has another hash");
        // Its kind, the encoding, the lengths of the text and of the JSON, and the text.
        let length = u8::try_from(text.len()).unwrap();
        let plain = [&[number, 0, 0, 0, 0, length, 0, 0, 0, 0], text.as_bytes()].concat();
        assert_eq!(Plain::unpack(&plain).unwrap().text(&id), Ok(text), "{kind:?} is stored otherwise");
    }
}

const PERMIT: &str = "permit(principal, action, resource);";
const EMPTY_SET: &str = r#"{"staticPolicies":{},"templates":{},"templateLinks":[]}"#;

/// Another release of the compressor may pack otherwise. What is packed must be read for ever.
#[test]
fn a_packed_block_is_read_for_ever() {
    let packed: [u8; 42] =
        hex::decode("010100000024000000370c07050f3205001f3bc50200075b00013501065700a04c696e6b73223a5b5d7d").unwrap();
    assert_eq!(Plain::unpack(&packed).unwrap().parts(), (PERMIT, EMPTY_SET));
}

/// `printf 'permit(principal, action, resource);' | sha256sum`.
#[test]
fn a_sha_is_that_of_the_text() {
    let sha = Sha256::of(b"permit(principal, action, resource);");
    assert_eq!(sha.to_string(), "bacfa3fab8b34a87fbe68d2b949b8fb62bc093942a84fd9a08543f15a0b63ee2");
    let sha = Sha256::of("// é\r\n".as_bytes());
    assert_eq!(sha.to_string(), "cadbb8c5335c6209fb278ab1f6b4cbf9853ac532dd144ea89217cc3ecba442f6");
}

/// The SHA-256 of JSON written by hand, sorted by the bytes of the policy ids.
#[test]
fn a_manifest_sha_is_that_of_its_canonical_json() {
    let sha = |policies: &[&str]| {
        let entries = policies.iter().map(|policy| ManifestEntry {
            policy_id: policy.parse().unwrap(),
            policy_version_id: format!("{policy}.v1").parse().unwrap(),
            sha: Sha256::of(policy.as_bytes()),
        });
        Manifest::new(entries.collect()).unwrap().sha().to_string()
    };
    assert_eq!(sha(&[]), "d801aa1fb7ddcc330a5e3173372ea6af4a3d08ec58074478e85aa5603e926658");
    assert_eq!(sha(&["p"]), "577d1634d2a55b3c7f5145acf8d86f6da528e786d6b5ef12bca4d11ae12b3d52");
    let ids = ["z", "a.", "a", "Zz", "9z", "aB", "a:1", "0", "a-.:_", "A"];
    assert_eq!(sha(&ids), "0f5aa658b74de9d6963674f88e74207fd3baefb24a17e28a1b340edf32723e8a");
}
