//! Seals over all zones, and signed checkpoints that the store keeps.

use policy_store::ErrorKind::{Corrupt, Invalid, NotFound};
use policy_store::attestation::Ed25519Signer;
use policy_store::log::{Change, Entry};
use policy_store::note::{NoteKey, SignedCheckpoint, Trust, VerifiedCheckpoint};
use policy_store::{Checkpoint, NewPolicy};

use super::support::{World, customer, platform, refused};

pub(super) const NAME: &str = "example.com/policies";

pub(super) fn signer() -> Ed25519Signer {
    Ed25519Signer::new("2026-a", &[7; 32]).unwrap()
}

pub(super) fn key() -> NoteKey {
    NoteKey::ed25519(NAME, signer().jwk().as_bytes()).unwrap()
}

pub(super) fn trust() -> Trust {
    Trust::new().log_key(key())
}

pub(super) fn signed(checkpoint: &Checkpoint) -> VerifiedCheckpoint {
    SignedCheckpoint::sign(checkpoint, NAME, &signer()).unwrap().verify(&trust()).unwrap()
}

fn change(world: &World, zone: &str, name: &str) {
    world.store.write(&customer("ann"), |w| w.zone(zone)?.create_policy(NewPolicy::named(name)).map(drop)).unwrap();
}

/// The zones in the seal at a position, and the seal.
fn sealed(world: &World, position: u64) -> (Vec<Checkpoint>, u64) {
    match Entry::decode(&world.store.entry_bytes(position).unwrap()).unwrap().change {
        Change::ZonesSealed { zones, seal } => (zones, seal.unwrap().zones),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_seal_has_the_checkpoints_of_all_zones_and_a_later_one_those_that_have_grown() {
    let world = World::in_file();
    let first = world.store.seal(&platform()).unwrap();
    assert_eq!((first.zones, first.grown), (2, Some(2)));
    let (zones, all) = sealed(&world, first.position);
    let mut expected = ["acme", "other"].map(|zone| world.store.zone(zone).unwrap().checkpoint().unwrap());
    expected.sort_by_key(|checkpoint| checkpoint.log_id);
    assert_eq!((zones.as_slice(), all), (expected.as_slice(), 2));

    // Nothing has changed: nothing is written.
    let length = world.store.checkpoint().unwrap().size;
    let same = world.store.seal(&platform()).unwrap();
    assert_eq!((same.position, same.root, same.grown), (first.position, first.root, None));
    assert_eq!(world.store.checkpoint().unwrap().size, length);

    change(&world, "acme", "p");
    let second = world.store.seal(&platform()).unwrap();
    assert_eq!((second.zones, second.grown), (2, Some(1)));
    assert_eq!(sealed(&world, second.position).0, [world.zone().checkpoint().unwrap()]);
    assert_ne!(second.root, first.root);

    // A zone that was erased leaves the seal, and a new one enters it.
    world.store.erase_zone(&platform(), "other").unwrap();
    let third = world.store.seal(&platform()).unwrap();
    assert_eq!((third.zones, third.grown), (1, Some(0)));
    world.store.write(&customer("ann"), |w| w.create_zone("new").map(drop)).unwrap();
    assert_eq!(world.store.seal(&platform()).unwrap().grown, Some(1));
    assert!(world.store.verify().unwrap().is_clean());
    world.store.rebuild_indexes().unwrap();
    let world = world.reopened();
    assert_eq!(world.store.seal(&platform()).unwrap().grown, None);
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn a_seal_of_many_zones_takes_several_entries_of_one_write() {
    let world = World::new();
    world
        .store
        .write(&platform(), |w| (0..2_100).try_for_each(|number| w.create_zone(format!("z{number}")).map(drop)))
        .unwrap();
    let before = world.store.checkpoint().unwrap().size;
    let seal = world.store.seal(&platform()).unwrap();
    assert_eq!((seal.zones, seal.grown, seal.position), (2_102, Some(2_102), before + 2));
    let entry = Entry::decode(&world.store.entry_bytes(before).unwrap()).unwrap();
    assert_eq!(entry.write, (before, before + 2));
    assert!(matches!(entry.change, Change::ZonesSealed { zones, seal: None } if zones.len() == 1_000));
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn a_verified_checkpoint_is_kept_with_its_cosignatures_and_the_newest_is_found() {
    let world = World::in_file();
    let zone = world.zone();
    assert!(zone.kept_checkpoint().unwrap().is_none() && world.store.kept_checkpoint().unwrap().is_none());
    let first = signed(&zone.checkpoint().unwrap());
    let position = world.store.keep_checkpoint(&platform(), &first).unwrap();
    assert_eq!(world.store.keep_checkpoint(&platform(), &first).unwrap(), position);
    assert_eq!(zone.kept_checkpoint().unwrap().as_ref(), Some(first.signed()));

    // A witness cosigns it: the note with more signatures replaces it.
    let mut more = first.signed().clone();
    let witness = Ed25519Signer::new("w", &[9; 32]).unwrap();
    let key = NoteKey::cosigner("witness.example", witness.jwk().as_bytes()).unwrap();
    more.cosign(&key, &witness, policy_store::Timestamp::EPOCH).unwrap();
    let cosigned = more.verify(&trust().witness(key).quorum(1)).unwrap();
    assert_eq!(world.store.keep_checkpoint(&platform(), &cosigned).unwrap(), position + 1);
    change(&world, "acme", "p");
    world.store.keep_checkpoint(&platform(), &signed(&world.store.checkpoint().unwrap())).unwrap();
    drop(zone);
    let world = world.reopened();
    assert_eq!(world.zone().kept_checkpoint().unwrap(), Some(more));
    assert!(world.store.kept_checkpoint().unwrap().is_some());
    assert!(world.store.zone("other").unwrap().kept_checkpoint().unwrap().is_none());
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn a_checkpoint_that_the_log_does_not_have_is_not_kept() {
    let world = World::new();
    let now = world.zone().checkpoint().unwrap();
    let length = world.store.checkpoint().unwrap().size;
    let keep = |checkpoint: Checkpoint| world.store.keep_checkpoint(&platform(), &signed(&checkpoint));
    let other_log = "12".repeat(16).parse().unwrap();
    refused(keep(Checkpoint { log_id: other_log, ..now }), (NotFound, "not_found"), "log `1212");
    refused(keep(Checkpoint { size: now.size + 1, ..now }), (Corrupt, "older_state"), "");
    refused(keep(Checkpoint { root: [1; 32].into(), ..now }), (Corrupt, "older_state"), "different root");
    assert_eq!(world.store.checkpoint().unwrap().size, length);
    // A smaller one than the newest kept.
    change(&world, "acme", "p");
    keep(world.zone().checkpoint().unwrap()).unwrap();
    refused(keep(now), (Invalid, "invalid_input"), "larger checkpoint");
    // The log of an erased zone.
    let erased = world.store.zone("other").unwrap().checkpoint().unwrap();
    world.store.erase_zone(&platform(), "other").unwrap();
    refused(keep(erased), (NotFound, "not_found"), "log `");
    keep(world.zone().checkpoint().unwrap()).unwrap();
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn one_signed_checkpoint_of_the_store_covers_every_zone() {
    let world = World::new();
    let zone = world.zone();
    assert!(zone.seal_proof().unwrap().is_none());
    world.store.seal(&platform()).unwrap();
    assert!(zone.seal_proof().unwrap().is_none(), "no checkpoint covers the seal");
    world.store.keep_checkpoint(&platform(), &signed(&world.store.checkpoint().unwrap())).unwrap();
    for id in ["acme", "other"] {
        let zone = world.store.zone(id).unwrap();
        let (checkpoint, proof) = zone.seal_proof().unwrap().unwrap();
        let store = checkpoint.verify(&trust()).unwrap().checkpoint();
        assert_eq!(proof.verify(&store).unwrap(), zone.checkpoint().unwrap());
        let other = Checkpoint { size: store.size - 1, ..store };
        assert!(proof.verify(&other).is_err());
    }
}
