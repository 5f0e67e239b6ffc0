//! Zones that contradict their seal. Defends against: a zone that is put back, rewritten or removed behind the store's back, so
//! that its log, its head and its rows agree with each other.

use redb::WriteTransaction;

use super::disk::*;
use super::tamper_cases::*;
use crate::record::{Entry, Frontier};
use crate::storage::index::key;
use crate::types::actor::Actor;
use crate::types::hash::EntryHash;

/// A store whose zones are sealed.
fn sealed() -> Vec<u8> {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    store.seal(&actor()).unwrap();
    assert!(store.verify().unwrap().is_clean());
    drop(store);
    disk.image()
}

/// A store that keeps a signed checkpoint of each zone.
#[cfg(feature = "attestation")]
fn kept() -> Vec<u8> {
    use policy_store_verify::attestation::Ed25519Signer;
    use policy_store_verify::note::{NoteKey, SignedCheckpoint, Trust};

    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let signer = Ed25519Signer::new("k", &[1; 32]).unwrap();
    let trust = Trust::new().log_key(NoteKey::ed25519("store", signer.jwk().as_bytes()).unwrap());
    for zone in store.zones(&crate::PageRequest::default()).unwrap().items {
        let checkpoint = store.zone(zone.id.as_str()).unwrap().checkpoint().unwrap();
        let signed = SignedCheckpoint::sign(&checkpoint, "store", &signer).unwrap();
        store.keep_checkpoint(&actor(), &signed.verify(&trust).unwrap()).unwrap();
    }
    assert!(store.verify().unwrap().is_clean());
    drop(store);
    disk.image()
}

/// Takes the last write of a log away, and puts its head back.
fn shrink(txn: &WriteTransaction, log: u32) {
    put_head(txn, log, |head| {
        let (last, _) = Entry::from_stored(&get(txn, LOG, &key::entry(log, head.length - 1))).unwrap();
        for _ in 0..last.envelope.group.size {
            head.length -= 1;
            remove(txn, LOG, &key::entry(log, head.length));
        }
        let hashes: Vec<EntryHash> = (0..head.length).map(|position| hash_at(txn, log, position)).collect();
        (head.last, head.frontier) = (*hashes.last().unwrap(), Frontier::default());
        (0..).zip(hashes).for_each(|(position, hash)| head.frontier.append(position, hash));
    });
}

type Tamper = fn(&WriteTransaction);

const CASES: [(&str, Tamper); 2] = [
    ("rewritten", |txn| {
        rewrite(txn, 1, |envelope| envelope.actor = Actor::customer("mallory").unwrap());
    }),
    ("put back", |txn| shrink(txn, 1)),
];

#[cfg(feature = "attestation")]
#[test]
fn a_zone_that_contradicts_its_kept_checkpoint_is_found() {
    for (name, tamper) in CASES {
        let store = open(&tampered(kept(), tamper)).unwrap();
        store.rebuild_indexes().unwrap();
        let found: Vec<_> = store.verify().unwrap().findings.iter().map(ToString::to_string).collect();
        let of_kept = found.iter().filter(|found| found.contains("does not have its kept checkpoint"));
        assert_eq!(of_kept.count(), 1, "{name}: {found:?}");
    }
}

#[test]
fn a_zone_that_contradicts_its_seal_is_found_and_not_sealed_again() {
    for (name, tamper) in CASES {
        // Without a seal, nothing contradicts the zone once the index is made anew.
        for (image, is_sealed) in [(base(), false), (sealed(), true)] {
            let store = open(&tampered(image, tamper)).unwrap();
            store.rebuild_indexes().unwrap();
            let found = store.verify().unwrap().findings;
            // Content that no entry names is left of what was taken away, and contradicts nothing.
            let found =
                found.iter().map(ToString::to_string).filter(|found| !found.ends_with("not named by any entry"));
            let found: Vec<_> = found.collect();
            assert_eq!(found.len(), usize::from(is_sealed), "{name}: {found:?}");
            assert!(found.iter().all(|found| found.contains("does not have its checkpoint in the seal")), "{found:?}");
            store.recover().unwrap();
            let again = store.seal(&actor());
            assert_eq!(again.err().map(|error| error.code()), is_sealed.then_some("older_state"), "{name}");
        }
    }
}
