//! Bytes as proofs. As text: an inclusion proof, a signed receipt, a consistency proof, refused or printed the same. As such a
//! text with a validly signed checkpoint of a small tree: accepted only if it is the proof of that place in that tree. As
//! numbers and hashes: accepted only for the roots that the rules of RFC 9162 lead to.
#![no_main]

use std::sync::LazyLock;

use policy_store_fuzz::outside::{self, Hash, NAME, read_alike, refused, signer, trust};
use policy_store_verify::note::{SignedCheckpoint, VerifiedCheckpoint};
use policy_store_verify::proof::{ConsistencyProof, InclusionProof, TlogProof, ranges};
use policy_store_verify::receipt::SignedReceipt;
use policy_store_verify::{Checkpoint, LogId, RootHash};
use sha2::{Digest, Sha256};

/// Leaves of the small tree.
const LEAVES: usize = 70;
/// Leaves at the earlier checkpoint.
const EARLIER: usize = 21;
/// No tree is larger.
const LARGEST: u64 = 1 << 62;

fn entry(index: usize) -> Vec<u8> {
    format!("entry {index}").into_bytes()
}

static TREE: LazyLock<Vec<Hash>> = LazyLock::new(|| (0..LEAVES).map(|index| outside::leaf(&entry(index))).collect());
static EARLIER_CHECKPOINT: LazyLock<VerifiedCheckpoint> = LazyLock::new(|| signed(EARLIER).verify(&trust()).unwrap());

fn signed(size: usize) -> SignedCheckpoint {
    let log_id = LogId([1; 16]);
    let checkpoint = Checkpoint { log_id, size: size as u64, root: outside::root(&TREE[..size]).into() };
    SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap()
}

fn read(text: &str) {
    if let Some(proof) = read_alike::<TlogProof>(text) {
        let index = usize::try_from(proof.index()).unwrap_or(usize::MAX);
        for tried in [index.min(LEAVES), 0, 5] {
            match proof.verify(&entry(tried), &trust()) {
                Ok(checkpoint) => {
                    assert_eq!(tried, index, "a proof of one leaf verifies another");
                    let size = usize::try_from(checkpoint.checkpoint().size).unwrap();
                    assert_eq!(checkpoint.checkpoint(), signed(size).unverified());
                    let hashes = outside::path(index, &TREE[..size]);
                    let truth = InclusionProof { index: proof.index(), size: size as u64, hashes };
                    let signed = checkpoint.signed().clone();
                    assert_eq!(TlogProof::new(truth, signed).unwrap(), proof);
                }
                Err(error) => refused(&error),
            }
        }
    }
    if let Some(receipt) = read_alike::<SignedReceipt>(text)
        && let Err(error) = receipt.verify(&trust())
    {
        refused(&error);
    }
    match ConsistencyProof::verify_text(text, &EARLIER_CHECKPOINT, &trust()) {
        Ok(later) => {
            let size = usize::try_from(later.checkpoint().size).unwrap();
            assert_eq!(later.checkpoint(), signed(size).unverified());
            let hashes = outside::grown(EARLIER, &TREE[..size], true);
            let truth = ConsistencyProof { old: EARLIER as u64, new: size as u64, hashes };
            assert_eq!(truth.with_checkpoint(later.signed()), text);
        }
        Err(error) => refused(&error),
    }
}

/// The text with a validly signed checkpoint in place of its note. The first number in the note is its size.
fn under_a_signature(text: &str) {
    let (head, note) = text.split_once("\n\n").unwrap_or((text, ""));
    let digits: String = note.chars().skip_while(|c| !c.is_ascii_digit()).take(2).collect();
    let size = digits.trim().parse().unwrap_or(LEAVES).min(LEAVES);
    read(&format!("{head}\n\n{}", signed(size)));
}

/// So many hashes: those given, then others. With too many or too few, if the bits say so.
fn hashes(given: &[u8], expected: usize, bits: u8) -> Vec<Hash> {
    let count = match bits % 8 {
        0 => expected + 1,
        1 => expected.saturating_sub(1),
        _ => expected,
    };
    let mut chunks = given.chunks_exact(32);
    (0..count.min(80))
        .map(|n| chunks.next().map_or_else(|| Sha256::digest([n as u8]).into(), |chunk| chunk.try_into().unwrap()))
        .collect()
}

fn included(index: u64, size: u64, bits: u8, given: &[u8]) {
    let expected = if index < size { ranges::inclusion(index, size).len() } else { 3 };
    let hashes = hashes(given, expected, bits);
    let root = outside::root_of_inclusion(index, size, outside::leaf(given), &hashes);
    let mut proof = InclusionProof { index, size, hashes };
    for any in [RootHash::from([0; 32]), RootHash::from(proof.hashes.first().copied().unwrap_or_default())] {
        refused(&proof.verify(given, any).expect_err("a proof verifies for a root that it does not lead to"));
    }
    let Some(root) = root.map(RootHash::from) else { return };
    let verified = proof.verify(given, root);
    assert_eq!(verified.is_ok(), size <= LARGEST, "{proof:?}: {verified:?}");
    let another = [given, b"x"].concat();
    assert!(proof.verify(&another, root).is_err(), "another leaf");
    if let Some(hash) = proof.hashes.get_mut(usize::from(bits) % expected.max(1)) {
        hash[usize::from(bits >> 3)] ^= 1 << (bits % 8);
        assert!(proof.verify(given, root).is_err(), "another hash");
    }
}

fn consistent(old: u64, new: u64, bits: u8, given: &[u8]) {
    let expected = if old <= new { ranges::consistency(old, new).len() } else { 3 };
    let hashes = hashes(given, expected, bits);
    let known: Hash = Sha256::digest(given).into();
    let roots = outside::roots_of_consistency(old, new, known, &hashes);
    let mut proof = ConsistencyProof { old, new, hashes };
    let any = [[0; 32], known, Sha256::digest([]).into()].map(RootHash::from);
    for old_root in any {
        for new_root in any {
            match proof.verify(old_root, new_root) {
                Ok(()) if old == 0 => assert_eq!(old_root, any[2]),
                Ok(()) => assert!(old == new && old_root == new_root, "{proof:?}"),
                Err(error) => refused(&error),
            }
        }
    }
    let Some((earlier, later)) = roots.map(|(old, new)| (RootHash::from(old), RootHash::from(new))) else { return };
    let verified = proof.verify(earlier, later);
    assert_eq!(verified.is_ok(), new <= LARGEST, "{proof:?}: {verified:?}");
    assert!(proof.verify(any[0], later).is_err() && proof.verify(earlier, any[0]).is_err(), "another root");
    if let Some(hash) = proof.hashes.get_mut(usize::from(bits) % expected.max(1)) {
        hash[usize::from(bits >> 3)] ^= 1 << (bits % 8);
        assert!(proof.verify(earlier, later).is_err(), "another hash");
    }
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
        under_a_signature(text);
    }
    let Some((first, rest)) = bytes.split_first_chunk::<8>() else { return };
    let Some((second, rest)) = rest.split_first_chunk::<8>() else { return };
    let (first, second) = (u64::from_le_bytes(*first), u64::from_le_bytes(*second));
    let (bits, rest) = rest.split_first().map_or((2, rest), |(bits, rest)| (*bits, rest));
    // As they are, and as places of trees of every height.
    for shift in [0, bits % 64, 63] {
        let (one, other) = (first >> shift, second >> shift);
        included(one.min(other), one.max(other), bits, rest);
        included(one, other, bits, rest);
        consistent(one.min(other), one.max(other), bits, rest);
        consistent(one, other, bits, rest);
    }
});
