//! Pins the bytes of entries and manifests. A change of the format fails the test of the changed part.
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
    let tests_kept = annotated(&[
        ("03 736574", "set id `set`"),
        ("06 7365742e7631", "version id `set.v1`"),
        ("01", "version number"),
        ("0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "sha of the suite"),
        ("fb 1027", "10,000 cases: 251 announces two bytes"),
    ]);
    assert_eq!(hex::encode(&body(34)), tests_kept);
    assert_eq!(hex::encode(&body(35)), annotated(&[("01", "required")]));
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
