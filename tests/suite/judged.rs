//! A folder of checkpoints, entries and proofs of a store, for programs that nobody here wrote: see
//! `crates/policy-store-verify/judges`. With the environment variable `POLICY_STORE_JUDGED`, it is written there.

use std::fs;
use std::path::Path;

use policy_store::attestation::Ed25519Signer;
use policy_store::note::{NoteKey, SignedCheckpoint};
use policy_store::proof::{ConsistencyProof, TlogProof};
use policy_store::{Checkpoint, EntryHash, LogId, NewPolicy, RootHash, Timestamp, Zone};

use super::seals::{NAME, signer, trust};
use super::support::World;

/// Entries of the log at the earlier checkpoints, and at the end.
const SIZES: [u64; 7] = [1, 2, 3, 255, 256, 300, 530];

fn grow(world: &World, to: u64) {
    let length = world.zone().checkpoint().unwrap().size;
    let add = |number: u64| {
        NewPolicy::named(format!("policy {number}")).description("é".repeat(usize::try_from(number % 40).unwrap()))
    };
    world.write(|zone| (length..to).try_for_each(|number| zone.create_policy(add(number)).map(drop))).unwrap();
}

fn witness() -> (Ed25519Signer, NoteKey) {
    witness_of("witness.example", 9)
}

fn witness_of(name: &str, secret: u8) -> (Ed25519Signer, NoteKey) {
    let signer = Ed25519Signer::new("w", &[secret; 32]).unwrap();
    let key = NoteKey::cosigner(name, signer.jwk().as_bytes()).unwrap();
    (signer, key)
}

fn log_signed(checkpoint: &Checkpoint) -> SignedCheckpoint {
    SignedCheckpoint::sign(checkpoint, NAME, &signer()).unwrap()
}

fn cosigned(checkpoint: &Checkpoint, by: &(Ed25519Signer, NoteKey)) -> SignedCheckpoint {
    let mut signed = log_signed(checkpoint);
    signed.cosign(&by.1, &by.0, Timestamp::from_micros(1_771_939_200_000_000)).unwrap();
    signed
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn tlog_proof(zone: &Zone, position: u64, checkpoint: &SignedCheckpoint) -> TlogProof {
    let size = checkpoint.unverified().size;
    TlogProof::new(zone.inclusion_proof(position, size).unwrap(), checkpoint.clone()).unwrap()
}

/// Writes the folder that `judges/README.md` describes.
fn write_all(folder: &Path) {
    let world = World::new();
    let zone = world.zone();
    let mut checkpoints = Vec::new();
    for size in SIZES {
        grow(&world, size);
        checkpoints.push(zone.checkpoint().unwrap());
    }
    let (newest, earlier) = checkpoints.split_last().unwrap();
    let signed = cosigned(newest, &witness());
    let key = NoteKey::ed25519(NAME, signer().jwk().as_bytes()).unwrap().of_log(newest.log_id);
    write(folder, "log.vkey", format!("{key}\n"));
    write(folder, "witness.vkey", format!("{}\n", witness().1));
    write(folder, "origin", format!("{}\n", signed.origin()));
    write(folder, "checkpoint", signed.to_string());
    for checkpoint in earlier {
        write(folder, &format!("checkpoints/{}", checkpoint.size), log_signed(checkpoint).to_string());
        let proof = zone.consistency_proof(checkpoint.size, newest.size).unwrap();
        write(folder, &format!("consistency/{}-{}", checkpoint.size, newest.size), proof.with_checkpoint(&signed));
    }
    for position in 0..newest.size {
        let bytes = zone.entry_bytes(position).unwrap();
        write(folder, &format!("entries/{position}"), &bytes);
        let proof = tlog_proof(&zone, position, &signed);
        proof.verify(&bytes, &trust()).unwrap();
        write(folder, &format!("inclusion/{position}.tlog-proof"), proof.to_string());
    }
    write_refused(folder, &zone, newest, &checkpoints[5]);
}

/// The cases that a judge must refuse.
fn write_refused(folder: &Path, zone: &Zone, newest: &Checkpoint, earlier: &Checkpoint) {
    let signed = cosigned(newest, &witness());
    let case = |name: &str| format!("refused/{name}");
    let mut changed = zone.entry_bytes(7).unwrap();
    *changed.last_mut().unwrap() ^= 1;
    write(folder, &case("changed-entry/entry"), changed);
    write(folder, &case("changed-entry/proof"), tlog_proof(zone, 7, &signed).to_string());

    for position in (0..newest.size).filter(|position| *position != 17) {
        write(folder, &case(&format!("dropped-entry/entries/{position}")), zone.entry_bytes(position).unwrap());
    }
    write(folder, &case("dropped-entry/checkpoint"), signed.to_string());

    // Another log of the same id: from the first entry on, everything is otherwise.
    let fork = forked(newest.log_id, earlier.size, newest.size);
    write(folder, &case("forked-log/old"), log_signed(earlier).to_string());
    write(folder, &case("forked-log/consistency"), fork.proof.with_checkpoint(&log_signed(&fork.new)));
    write(folder, &case("forked-log/fork"), log_signed(&fork.old).to_string());

    let other = Checkpoint { log_id: "12".repeat(16).parse().unwrap(), ..*newest };
    write(folder, &case("other-origin/checkpoint"), log_signed(&other).to_string());

    let stranger = witness_of("stranger.example", 10);
    write(folder, &case("unknown-witness/checkpoint"), cosigned(newest, &stranger).to_string());
    write(folder, &case("unknown-witness/witness.vkey"), format!("{}\n", stranger.1));

    let mut smaller = zone.inclusion_proof(7, earlier.size).unwrap();
    smaller.size = newest.size;
    write(folder, &case("other-size/entry"), zone.entry_bytes(7).unwrap());
    write(folder, &case("other-size/proof"), TlogProof::new(smaller, signed).unwrap().to_string());
}

/// Two checkpoints of another log, and the proof between them.
struct Fork {
    old: Checkpoint,
    new: Checkpoint,
    proof: ConsistencyProof,
}

fn forked(log_id: LogId, old: u64, new: u64) -> Fork {
    let leaves: Vec<[u8; 32]> = (0..new).map(|leaf| *EntryHash::of(&leaf.to_be_bytes()).as_bytes()).collect();
    let hash = |part: std::ops::Range<u64>| {
        let range = usize::try_from(part.start).unwrap()..usize::try_from(part.end).unwrap();
        policy_store_verify::proof::Levels::new(leaves[range].to_vec()).root()
    };
    let at = |size| Checkpoint { log_id, size, root: hash(0..size) };
    let hashes =
        policy_store_verify::proof::ranges::consistency(old, new).into_iter().map(|part| *hash(part).as_bytes());
    let proof = ConsistencyProof { old, new, hashes: hashes.collect() };
    proof.verify(at(old).root, at(new).root).unwrap();
    Fork { old: at(old), new: at(new), proof }
}

#[test]
fn a_folder_for_judges_from_outside_is_right_by_our_own_judgement() {
    let temporary = tempfile::tempdir().unwrap();
    let given = std::env::var_os("POLICY_STORE_JUDGED");
    let folder = given.as_ref().map_or(temporary.path(), Path::new);
    write_all(folder);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let verified = |name: &str| read(name).parse::<SignedCheckpoint>().unwrap().verify(&trust()).unwrap();
    let newest = verified("checkpoint");
    for size in &SIZES[..6] {
        let old = verified(&format!("checkpoints/{size}"));
        let text = read(&format!("consistency/{size}-{}", SIZES[6]));
        let later = ConsistencyProof::verify_text(&text, &old, &trust()).unwrap();
        assert_eq!(later.checkpoint(), newest.checkpoint());
    }
    let refused = |case: &str| {
        let proof: TlogProof = read(&format!("refused/{case}/proof")).parse().unwrap();
        proof.verify(&fs::read(folder.join(format!("refused/{case}/entry"))).unwrap(), &trust()).unwrap_err().code()
    };
    assert_eq!((refused("changed-entry"), refused("other-size")), ("wrong_root", "proof_length"));
    let old = verified("refused/forked-log/old");
    let forked = ConsistencyProof::verify_text(&read("refused/forked-log/consistency"), &old, &trust());
    assert_eq!(forked.unwrap_err().code(), "wrong_root");
    let stranger = read("refused/unknown-witness/checkpoint").parse::<SignedCheckpoint>().unwrap();
    assert_eq!(stranger.verify(&trust().witness(witness().1).quorum(1)).unwrap_err().code(), "quorum");
    let left = |position: u64| folder.join(format!("refused/dropped-entry/entries/{position}"));
    let leaves = (0..SIZES[6]).filter_map(|position| fs::read(left(position)).ok());
    let leaves: Vec<_> = leaves.map(|bytes| *EntryHash::of(&bytes).as_bytes()).collect();
    assert_eq!(leaves.len(), 529);
    let root: RootHash = policy_store_verify::proof::Levels::new(leaves).root();
    assert_ne!(root, newest.checkpoint().root);
}
