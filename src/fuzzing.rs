//! Internal functions for the fuzz targets. Built only for fuzzing.

use crate::list::cursor::ListName;
use crate::list::order::Order;
use crate::record::{Body, Entry, LogEntry, Manifest, Plain};
use crate::storage::key::STORE_LOG;
use crate::storage::{EVERY, with_check};
use crate::store::PolicyStore;
use crate::types::hash::EntryHash;
use crate::types::id::LogId;

/// Reads the bytes as an entry and as a body of every kind. Accepted bytes are written the same.
pub fn entry(bytes: &[u8]) {
    let value = Entry::stored(bytes, EntryHash::of(bytes));
    if let Ok((entry, hash)) = Entry::from_stored(&value) {
        assert!(entry.encode().is_ok_and(|(again, its)| again == bytes && its == hash));
        if let Ok(LogEntry { envelope, body, .. }) = LogEntry::from_entry(entry, hash) {
            let again = Entry::new(envelope, &body).and_then(|entry| entry.encode());
            assert!(again.is_ok_and(|(again, _)| again == bytes));
        }
    }
    for kind in Body::KINDS {
        if let Some(Ok(body)) = Body::decode(*kind, bytes) {
            assert!(body.kind() == *kind && body.encode().is_ok_and(|again| again == bytes));
        }
    }
}

/// Reads the bytes as stored content, and as a packed block with a header of every kind. What is read is packed again,
/// and read back. A text is also read as a manifest.
pub fn content(bytes: &[u8]) {
    read_content(bytes);
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX).saturating_mul(8).to_be_bytes();
    for kind in 1..=7 {
        read_content(&[&[kind, 1], length.as_slice(), &[0; 4], bytes].concat());
        read_content(&[&[kind, 1, 0, 0, 0, 1], length.as_slice(), bytes].concat());
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(manifest) = Manifest::parse(text)
    {
        assert_eq!(manifest.canonical(), text);
        assert!(manifest.entries().is_sorted_by(|a, b| a.policy_id < b.policy_id));
    }
}

fn read_content(value: &[u8]) {
    let Ok(plain) = Plain::unpack(value) else { return };
    let (text, json) = plain.parts();
    assert!(text.len() + json.len() <= crate::types::limits::CONTENT_BYTES);
    let packed = plain.content().pack();
    assert!(packed.id == plain.id());
    assert!(Plain::unpack(&packed.value).is_ok_and(|again| again == plain));
}

/// Reads the bytes as a value of every kind of row, and as its record with a correct check.
pub fn row(bytes: &[u8]) {
    for key in [b"format".as_slice(), &[0, 0, 0, 1, 0x11, 0, 0, 0, 0, 0, 0, 0, 5]] {
        for (_, read_and_write) in EVERY {
            for value in [bytes, &with_check(key, bytes)] {
                if let Ok(again) = read_and_write(key, value) {
                    assert_eq!(again, value);
                }
            }
        }
    }
}

/// Reads the text as an attestation, as a header and a payload (one line each) to be signed, and as keys.
#[cfg(feature = "attestation")]
pub fn attestation(text: &str) {
    use policy_store_verify::attestation::{
        Attestation, Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, Jwk, Jwks, Verifier,
    };

    let Ok(signer) = Ed25519Signer::new("2026-a", &[7; 32]) else { return };
    let signed = policy_store_verify::attestation::signed(text.split_once('\n').unwrap_or((text, "")), &signer);
    for jws in [text, &signed] {
        if let Ok(attestation) = Attestation::parse_unverified(jws) {
            assert_eq!(attestation.encode_again().as_deref(), Some(jws));
        }
    }
    let verifier = Verifier::new(Jwks::new([signer.jwk().clone()]).unwrap_or_default());
    if let Ok(read) = Attestation::parse_unverified(&signed) {
        let (statement, header) = (read.statement(), read.header());
        let expected = Expected {
            zone_id: statement.zone_id.as_str(),
            log_id: header.log_id,
            policy_set_id: statement.policy_set_id.as_str(),
            policy_set_version: statement.policy_set_version,
            manifest: ExpectedManifest::Canonical(r#"{"entries":[]}"#),
            schema: ExpectedSchema::Sha(header.schema_sha),
        };
        for jws in [&signed, text] {
            if let Ok(verified) = verifier.verify(jws, &expected, header.previous_sha) {
                assert_eq!(verified.as_str(), jws);
            }
        }
    }
    if let Ok(keys) = Jwks::parse(text) {
        let again = serde_json::to_string(&keys).map(|json| Jwks::parse(&json));
        assert!(matches!(again, Ok(Ok(again)) if again == keys));
    }
    if let Ok(secret) = Ed25519Signer::from_jwk(text) {
        assert!(Jwk::parse(text).is_ok_and(|public| public == *secret.jwk()));
    }
}

/// Makes a valid cursor to any place, in a list of a zone or of the store.
pub fn cursor(
    store: &PolicyStore,
    zone: Option<LogId>,
    list: &'static str,
    parent: &str,
    order: Order,
    place: u64,
) -> String {
    let made = store.engine.storage.read(|snapshot| {
        let (cursor_key, log_id) = (snapshot.store()?.cursor_key, zone.unwrap_or(snapshot.head(STORE_LOG)?.log_id));
        Ok(ListName::new(cursor_key, log_id, list, parent).cursor(order, place))
    });
    made.unwrap_or_default()
}

/// Makes a valid cursor to any time, in microseconds, and log of the timeline.
pub fn timeline_cursor(store: &PolicyStore, order: Order, (time, log): (u64, u64)) -> String {
    let made = store.engine.storage.read(|snapshot| {
        let (cursor_key, log_id) = (snapshot.store()?.cursor_key, snapshot.head(STORE_LOG)?.log_id);
        let place = u128::from(time) << u64::BITS | u128::from(log);
        Ok(ListName::new(cursor_key, log_id, "timeline", "").cursor(order, place))
    });
    made.unwrap_or_default()
}

/// Reads the bytes as writes, faults of the disk, crashes and recoveries.
pub fn crashes(bytes: &[u8]) {
    crate::storage::fuzzing::crashes(bytes);
}

/// Reads the bytes as edits of a store's file.
pub fn file(bytes: &[u8]) {
    crate::storage::fuzzing::file(bytes);
}

/// Reads the bytes as a bundle, as an archive with correct checksums in its headers, and as a manifest. Accepted input
/// round-trips.
#[cfg(feature = "bundle")]
pub fn bundle(bytes: &[u8]) {
    crate::bundle::fuzz(bytes);
}
