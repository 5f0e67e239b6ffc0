//! Pins the bytes of entries, objects and manifests. A change of the format fails the test of the changed part.
//!
//! Other programs (`sha256sum`, a BLAKE3 written from its paper) computed the hashes and addresses from the bytes that
//! docs/format.md describes.

use super::samples::{bodies, envelope};
use super::*;
use crate::types::actor::Actor;
use crate::types::hash::{EntryHash, Sha256, hex};
use crate::types::id::{IdempotencyKey, PolicyId};
use crate::types::manifest_entry::ManifestEntry;
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
        idempotency: Some(Idempotency { key: IdempotencyKey([0x11; 16]), fingerprint: EntryHash([0x22; 32]) }),
        created_at: Timestamp::EPOCH,
        clock: Timestamp::MAX,
        position: u64::MAX,
        group: Group { start: 0x1_0000_0000, size: 250 },
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
        ("fd fe6fe902ee870807", "clock: zigzag of 253402207199999999, which is 0x0708_87ee_02e9_6ffe"),
        ("01 05 616c696365", "actor: customer, `alice`"),
        ("01 00 02 c3a9", "imported by: some, platform, `é` in two bytes"),
        ("01 11111111111111111111111111111111", "request: some, its id"),
        ("2222222222222222222222222222222222222222222222222222222222222222", "and its hash"),
        ("fd 0000000001000000", "group: start 2^32"),
        ("fa", "and size 250, the last that is its own varint"),
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
        ("0101010101010101010101010101010101010101010101010101010101010101", "address of the schema's source"),
        ("0909090909090909090909090909090909090909090909090909090909090909", "address of the manifest"),
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

#[test]
fn every_kind_of_object_has_its_address_and_its_bytes() {
    let pins = [
        (1, "permit(principal, action, resource);", "8dad7232e80e2f4af1aa2f85ef7bcc7f07434e229d2ef3357076e18bd0ccaa7b"),
        (
            2,
            r#"{"staticPolicies":{},"templates":{},"templateLinks":[]}"#,
            "a8c0125042b02b1aa05801138be69e7e0a5d6d94096439e6504131f6930cf262",
        ),
        (3, r#"{"entries":[]}"#, "4e944503f24798beb946756e640167abeded4b3656bc8f8aeb5bccb53b950659"),
        (4, "entity User;", "17f5f89db8e209f44143224ba1bede9ca6163d03a410ef79eb853adf4b584054"),
        (5, "{}", "c87990376c6914740db481a2f5470247743a437361db405be7d4815affa3cdf8"),
        (6, "[]", "3655c9897f859d1212abc09fe8f5f318e746a877b057b4ce9a12b455bd52531a"),
        (7, "{}", "b9bb9decb0cd75f786f9a259a573ae3b827f65840436f4220964f5ef478dd76e"),
    ];
    assert_eq!(pins.len(), ObjectKind::ALL.len());
    for ((number, text, address), kind) in pins.into_iter().zip(ObjectKind::ALL) {
        let object = Object::new(kind, text);
        assert_eq!(kind as u8, number, "{kind:?} has another number");
        assert_eq!(object.address().to_string(), address, "{kind:?} has another address");
        assert_eq!(object.encode(), [b"\0", text.as_bytes()].concat(), "{kind:?} is stored otherwise");
    }
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
        Manifest::sha(&Manifest::new(entries.collect()).unwrap().canonical()).to_string()
    };
    assert_eq!(sha(&[]), "d801aa1fb7ddcc330a5e3173372ea6af4a3d08ec58074478e85aa5603e926658");
    assert_eq!(sha(&["p"]), "577d1634d2a55b3c7f5145acf8d86f6da528e786d6b5ef12bca4d11ae12b3d52");
    let ids = ["z", "a.", "a", "Zz", "9z", "aB", "a:1", "0", "a-.:_", "A"];
    assert_eq!(sha(&ids), "0f5aa658b74de9d6963674f88e74207fd3baefb24a17e28a1b340edf32723e8a");
}
