//! What the targets of notes, proofs, receipts and evidence share: keys, checks of refusals, and an independent tree.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use policy_store_verify::attestation::{Ed25519Signer, Signer as _};
use policy_store_verify::note::{NoteKey, NoteSignature, SignedNote, Trust};
use policy_store_verify::proof::ProofError;
use sha2::{Digest, Sha256};

/// The name of the log's key.
pub const NAME: &str = "example.com/policies";
/// The name of the witness's key.
pub const WITNESS: &str = "w1.example";

/// Signs for the log, and for the witness.
pub fn signer() -> Ed25519Signer {
    Ed25519Signer::new("2026-a", &[7; 32]).unwrap()
}

/// The log's key under any name.
pub fn key(name: &str) -> policy_store_verify::Result<NoteKey> {
    NoteKey::ed25519(name, signer().jwk().as_bytes())
}

pub fn witness() -> NoteKey {
    NoteKey::cosigner(WITNESS, signer().jwk().as_bytes()).unwrap()
}

pub fn trust() -> Trust {
    Trust::new().log_key(key(NAME).unwrap()).receipt_key(key(NAME).unwrap()).witness(witness())
}

/// A refusal has a name, and its message is short and plain, whatever the input.
pub fn refused(error: &ProofError) {
    let told = error.to_string();
    assert!(!error.code().is_empty());
    assert!(told.len() <= 2_048, "{} bytes: {:.200}", told.len(), told);
    assert!(!told.chars().any(|c| c.is_control() && c != '\t'), "{told:?}");
}

/// The value of a text, which prints the same text again.
pub fn read_alike<T: FromStr<Err = ProofError> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string(), text);
            Some(value)
        }
        Err(error) => {
            refused(&error);
            None
        }
    }
}

/// The text as a note with a valid signature, with the log's origin as its name.
pub fn signed_note(text: &str, origin: &str) -> Option<SignedNote> {
    let mut note = SignedNote::new(text).map_err(|error| refused(&error)).ok()?;
    let key_id = policy_store_verify::note::NoteVerifier::key_id(&key(origin).ok()?, origin)?;
    let signature = signer().sign(text.as_bytes()).unwrap();
    let added = note.add(NoteSignature { name: origin.to_owned(), key_id, signature });
    added.map_err(|error| refused(&error)).ok()?;
    Some(note)
}

pub type Hash = [u8; 32];

/// The hash of a leaf (RFC 9162 section 2.1.1).
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new_with_prefix([0]).chain_update(bytes).finalize().into()
}

pub fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree (RFC 9162 section 2.1.1).
pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Sha256::digest([]).into(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
            node(&root(left), &root(right))
        }
    }
}

/// The proof of a leaf (RFC 9162 section 2.1.3.1).
pub fn path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    let (mut path, beside) =
        if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    path.push(root(beside));
    path
}

/// The proof that a tree has grown (RFC 9162 section 2.1.4.1): `PROOF` with `is_whole`, and `SUBPROOF`.
pub fn grown(old: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    let (mut proof, beside) = if old <= left.len() {
        (grown(old, left, is_whole), right)
    } else {
        (grown(old - left.len(), right, false), left)
    };
    proof.push(root(beside));
    proof
}

/// The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2). None if it has another length.
pub fn root_of_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash]) -> Option<Hash> {
    let (mut index, mut last, mut root) = (index, size.checked_sub(1)?, leaf);
    if index > last {
        return None;
    }
    for beside in path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            root = node(beside, &root);
            while index % 2 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            root = node(&root, beside);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

/// The earlier and the later root that a consistency proof leads to (RFC 9162 section 2.1.4.2). `known` is the earlier root
/// if the earlier tree is a whole part of the later one. None if the proof has another length.
pub fn roots_of_consistency(old: u64, new: u64, known: Hash, path: &[Hash]) -> Option<(Hash, Hash)> {
    if old == 0 || old >= new || path.is_empty() {
        return None;
    }
    let whole = [[known].as_slice(), path].concat();
    let mut path = if old.is_power_of_two() { whole.as_slice() } else { path }.iter();
    let (mut index, mut last) = (old - 1, new - 1);
    while index % 2 == 1 {
        (index, last) = (index >> 1, last >> 1);
    }
    let first = *path.next()?;
    let (mut earlier, mut later) = (first, first);
    for beside in path {
        if last == 0 {
            return None;
        }
        if index % 2 == 1 || index == last {
            (earlier, later) = (node(beside, &earlier), node(beside, &later));
            while index % 2 == 0 && index != 0 {
                (index, last) = (index >> 1, last >> 1);
            }
        } else {
            later = node(&later, beside);
        }
        (index, last) = (index >> 1, last >> 1);
    }
    (last == 0).then_some((earlier, later))
}
