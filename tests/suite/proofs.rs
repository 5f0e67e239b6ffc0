//! Entries as bytes, and proofs about logs: each is verified with the checkpoint's root alone, and made from tiles.

use policy_store::ErrorKind::Invalid;
use policy_store::log::{Change, Entry};
use policy_store::proof::{ConsistencyProof, InclusionProof};
use policy_store::{At, Checkpoint, NewPolicy, Result, RootHash, Zone};

use super::support::{PERMIT, World, customer, refused};

/// Adds policies until the log of `acme` has `size` entries.
fn grow(world: &World, size: u64) {
    let length = world.zone().checkpoint().unwrap().size;
    world
        .write(|zone| {
            for number in length..size {
                zone.create_policy(NewPolicy::named(format!("p{number}")))?;
            }
            Ok(())
        })
        .unwrap();
}

fn verify_inclusion(zone: &Zone, position: u64, checkpoint: &Checkpoint) {
    let proof = zone.inclusion_proof(position, checkpoint.size).unwrap();
    proof.verify(&zone.entry_bytes(position).unwrap(), checkpoint.root).unwrap();
}

#[test]
fn the_bytes_of_every_entry_are_the_leaf_and_decode_to_its_history() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    world.write(|zone| zone.suspend()).unwrap();
    let zone = world.zone();
    let history = world.history();
    let mut previous = None;
    for known in &history {
        let bytes = zone.entry_bytes(known.position).unwrap();
        let entry = Entry::decode(&bytes).unwrap();
        assert_eq!((entry.position, entry.hash, &entry.change), (known.position, known.hash, &known.change));
        assert_eq!(
            (entry.created_at, &entry.created_by, entry.write),
            (known.created_at, &known.created_by, known.write)
        );
        assert_eq!(entry.log_id, zone.info().unwrap().log_id);
        assert_eq!(Some(entry.previous).filter(|_| known.position > 0), previous);
        previous = Some(entry.hash);
        for index in [0, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[index] ^= 1;
            assert!(!Entry::decode(&changed).is_ok_and(|other| other.hash == entry.hash));
        }
    }
    refused(zone.entry_bytes(history.len() as u64), (Invalid, "invalid_input"), "position");
    refused(zone.entry_bytes(u64::MAX), (Invalid, "invalid_input"), "position");
    assert!(matches!(
        Entry::decode(&world.store.entry_bytes(0).unwrap()).unwrap().change,
        Change::SchemaPublished { .. }
    ));
}

#[test]
fn every_entry_is_proven_in_the_tree_of_every_size() {
    let world = World::new();
    let zone = world.zone();
    let mut checkpoints = Vec::new();
    for size in 1..=40 {
        grow(&world, size);
        checkpoints.push(zone.checkpoint().unwrap());
    }
    for checkpoint in &checkpoints {
        for position in 0..checkpoint.size {
            verify_inclusion(&zone, position, checkpoint);
        }
        for earlier in checkpoints.iter().take_while(|earlier| earlier.size <= checkpoint.size) {
            let proof = zone.consistency_proof(earlier.size, checkpoint.size).unwrap();
            proof.verify(earlier.root, checkpoint.root).unwrap();
        }
    }
}

/// Over several full tiles, and tiles of tiles: the hashes are those that a tree of all leaves has.
#[test]
fn proofs_are_made_from_tiles() {
    let world = World::new();
    let zone = world.zone();
    let sizes = [255, 256, 257, 511, 512, 700, 1_500];
    let mut checkpoints = Vec::new();
    for size in sizes {
        grow(&world, size);
        checkpoints.push(zone.checkpoint().unwrap());
    }
    for checkpoint in &checkpoints {
        for position in [0, 1, 100, 254, 255, 256, 257, 511, 512, 600, 699, 1_499] {
            if position < checkpoint.size {
                verify_inclusion(&zone, position, checkpoint);
            }
        }
        for earlier in checkpoints.iter().take_while(|earlier| earlier.size <= checkpoint.size) {
            let proof = zone.consistency_proof(earlier.size, checkpoint.size).unwrap();
            proof.verify(earlier.root, checkpoint.root).unwrap();
        }
    }
    // A held snapshot proves its own log, and nothing beyond its end.
    let held = zone.snapshot().unwrap();
    grow(&world, 1_501);
    assert!(held.inclusion_proof(1_499, 1_500).is_ok());
    refused(held.inclusion_proof(1_500, 1_501), (Invalid, "invalid_input"), "size `1501`");
    // So does a zone as of an earlier point.
    let then = zone.as_of(At::Position(699)).unwrap();
    let checkpoint = then.checkpoint().unwrap();
    assert_eq!(checkpoint, checkpoints[5]);
    for position in [0, 300, 512, 699] {
        let proof = then.inclusion_proof(position, 700).unwrap();
        proof.verify(&then.entry_bytes(position).unwrap(), checkpoint.root).unwrap();
    }
    refused(then.inclusion_proof(0, 701), (Invalid, "invalid_input"), "size `701`");
    refused(then.entry_bytes(700), (Invalid, "invalid_input"), "position `700`");
}

#[test]
fn proofs_of_another_place_size_or_log_are_refused() {
    let world = World::new();
    grow(&world, 20);
    let zone = world.zone();
    let checkpoint = zone.checkpoint().unwrap();
    let bytes = zone.entry_bytes(7).unwrap();
    let proof = zone.inclusion_proof(7, 20).unwrap();
    let code = |proof: InclusionProof, bytes: &[u8], root: RootHash| proof.verify(bytes, root).unwrap_err().code();
    assert_eq!(code(proof.clone(), &zone.entry_bytes(6).unwrap(), checkpoint.root), "wrong_root");
    assert_eq!(code(InclusionProof { index: 6, ..proof.clone() }, &bytes, checkpoint.root), "wrong_root");
    assert_eq!(code(InclusionProof { size: 8, ..proof.clone() }, &bytes, checkpoint.root), "proof_length");
    let other = world.store.zone("other").unwrap();
    assert_eq!(code(proof, &bytes, other.checkpoint().unwrap().root), "wrong_root");
    let earlier = zone.consistency_proof(9, 20).unwrap();
    let refused_code = earlier.verify(checkpoint.root, checkpoint.root).unwrap_err().code();
    assert_eq!(refused_code, "wrong_root");
    assert_eq!(
        ConsistencyProof { old: 10, ..earlier }.verify(checkpoint.root, checkpoint.root).unwrap_err().code(),
        "proof_length"
    );
}

#[test]
fn a_size_that_the_log_does_not_have_is_invalid() {
    let world = World::new();
    grow(&world, 5);
    let zone = world.zone();
    let invalid = |result: Result<()>, names: &str| drop(refused(result, (Invalid, "invalid_input"), names));
    for (position, size, names) in [
        (0, 6, "size `6`"),
        (5, 5, "position `5`"),
        (0, 0, "position `0`"),
        (u64::MAX, 5, "position"),
        (0, u64::MAX, "size"),
    ] {
        invalid(zone.inclusion_proof(position, size).map(drop), names);
    }
    for (old, new, names) in [(3, 6, "size `6`"), (5, 4, "earlier size `5`"), (u64::MAX, u64::MAX, "size")] {
        invalid(zone.consistency_proof(old, new).map(drop), names);
    }
    assert!(zone.consistency_proof(0, 5).unwrap().hashes.is_empty());
    assert!(zone.consistency_proof(0, 0).unwrap().hashes.is_empty());
    invalid(world.store.inclusion_proof(0, 1_000).map(drop), "size");
    invalid(world.store.consistency_proof(0, 1_000).map(drop), "size");
    // The store's own log has proofs, too.
    world.store.write(&customer("ann"), |w| w.create_zone("third").map(drop)).unwrap();
    let log = world.store.checkpoint().unwrap();
    for position in 0..log.size {
        let proof = world.store.inclusion_proof(position, log.size).unwrap();
        proof.verify(&world.store.entry_bytes(position).unwrap(), log.root).unwrap();
    }
}
