//! Proofs: the vectors of Certificate Transparency, an independent definition, and proofs that must not verify.

use proptest::prelude::*;

use super::*;
use crate::record::{Frontier, NodeHash, node, tile_root};
use crate::types::hash::{EntryHash, RootHash, hex};

/// The leaves of Certificate Transparency's own tests.
const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];

fn leaf_hashes(leaves: &[Vec<u8>]) -> Vec<NodeHash> {
    leaves.iter().map(|leaf| EntryHash::of(leaf).0).collect()
}

fn root(leaves: &[NodeHash]) -> RootHash {
    let mut frontier = Frontier::default();
    for (position, leaf) in (0..).zip(leaves) {
        frontier.append(position, EntryHash(*leaf));
    }
    RootHash(frontier.root())
}

fn part(leaves: &[NodeHash], range: std::ops::Range<u64>) -> NodeHash {
    tile_root(&leaves[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()])
}

fn inclusion(leaves: &[NodeHash], index: u64) -> InclusionProof {
    let size = leaves.len() as u64;
    let hashes = ranges::inclusion(index, size).into_iter().map(|range| part(leaves, range)).collect();
    InclusionProof { index, size, hashes }
}

fn consistency(leaves: &[NodeHash], old: u64) -> ConsistencyProof {
    let new = leaves.len() as u64;
    let hashes = ranges::consistency(old, new).into_iter().map(|range| part(leaves, range)).collect();
    ConsistencyProof { old, new, hashes }
}

/// The proofs in the tests of Certificate Transparency: leaf and size, counted from 1 there, and the path.
#[test]
fn inclusion_proofs_are_those_of_certificate_transparency() {
    let hashes = leaf_hashes(&LEAVES.map(<[u8]>::to_vec));
    for (leaf, size, path) in [
        (1, 1, vec![]),
        (
            1,
            8,
            vec![
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            vec![
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (3, 3, vec!["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
        (
            2,
            5,
            vec![
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ] {
        let proof = inclusion(&hashes[..size], leaf - 1);
        assert_eq!(proof.hashes.iter().map(|hash| hex::encode(hash)).collect::<Vec<_>>(), path, "{leaf} of {size}");
        proof.verify(LEAVES[usize::try_from(leaf).unwrap() - 1], root(&hashes[..size])).unwrap();
    }
}

#[test]
fn consistency_proofs_are_those_of_certificate_transparency() {
    let hashes = leaf_hashes(&LEAVES.map(<[u8]>::to_vec));
    for (old, new, path) in [
        (1, 1, vec![]),
        (
            1,
            8,
            vec![
                "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
            ],
        ),
        (
            6,
            8,
            vec![
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ],
        ),
        (
            2,
            5,
            vec![
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ],
        ),
    ] {
        let proof = consistency(&hashes[..new], old);
        assert_eq!(proof.hashes.iter().map(|hash| hex::encode(hash)).collect::<Vec<_>>(), path, "{old} to {new}");
        proof.verify(root(&hashes[..usize::try_from(old).unwrap()]), root(&hashes[..new])).unwrap();
    }
}

/// PATH of RFC 6962, section 2.1.1.
fn path(index: usize, leaves: &[NodeHash]) -> Vec<NodeHash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    let (mut path, beside) =
        if index < left.len() { (path(index, left), right) } else { (path(index - left.len(), right), left) };
    path.push(mth(beside));
    path
}

/// MTH of RFC 6962, section 2.1.
fn mth(leaves: &[NodeHash]) -> NodeHash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    node(&mth(left), &mth(right))
}

/// SUBPROOF of RFC 6962, section 2.1.2.
fn subproof(old: usize, leaves: &[NodeHash], is_known: bool) -> Vec<NodeHash> {
    if old == leaves.len() {
        return if is_known { Vec::new() } else { vec![mth(leaves)] };
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    if old <= left.len() {
        let mut proof = subproof(old, left, is_known);
        proof.push(mth(right));
        proof
    } else {
        let mut proof = subproof(old - left.len(), right, false);
        proof.push(mth(left));
        proof
    }
}

proptest! {
    #[test]
    fn proofs_are_those_of_the_definition(
        leaves in proptest::collection::vec(any::<[u8; 4]>(), 1..300),
        index in any::<proptest::sample::Index>(),
    ) {
        let bytes: Vec<Vec<u8>> = leaves.iter().map(|leaf| leaf.to_vec()).collect();
        let (hashes, index) = (leaf_hashes(&bytes), index.index(bytes.len()));
        let proof = inclusion(&hashes, index as u64);
        prop_assert_eq!(&proof.hashes, &path(index, &hashes));
        prop_assert_eq!(Levels::new(hashes.clone()).proof(index as u64), Some(proof.clone()));
        prop_assert_eq!(Levels::new(hashes.clone()).root(), root(&hashes));
        proof.verify(&bytes[index], root(&hashes)).unwrap();
        let old = index + 1;
        let proof = consistency(&hashes, old as u64);
        prop_assert_eq!(&proof.hashes, &subproof(old, &hashes, true));
        proof.verify(root(&hashes[..old]), root(&hashes)).unwrap();
    }

    /// No proof verifies with another value anywhere in it.
    #[test]
    fn a_changed_proof_is_refused(
        size in 2_usize..70, index in any::<proptest::sample::Index>(), change in any::<(u8, u8, u8)>(),
    ) {
        let bytes: Vec<Vec<u8>> = (0..size).map(|leaf| vec![u8::try_from(leaf).unwrap()]).collect();
        let (hashes, index) = (leaf_hashes(&bytes), index.index(size));
        let mut proof = inclusion(&hashes, index as u64);
        let bit = 1 << (change.2 % 8);
        let place = usize::from(change.0) % proof.hashes.len();
        proof.hashes[place][usize::from(change.1) % 32] ^= bit;
        prop_assert_eq!(proof.verify(&bytes[index], root(&hashes)).unwrap_err().code(), "wrong_root");
        let good = inclusion(&hashes, index as u64);
        prop_assert!(good.verify(b"another", root(&hashes)).is_err());
        for (index, size) in [(good.index + 1, good.size), (good.index, good.size * 4), (u64::MAX, good.size), (0, u64::MAX)] {
            let moved = InclusionProof { index, size, ..good.clone() };
            prop_assert!(moved.verify(&bytes[usize::try_from(good.index).unwrap()], root(&hashes)).is_err());
        }
        let old = index.max(1);
        let good = consistency(&hashes, old as u64);
        let roots = (root(&hashes[..old]), root(&hashes));
        prop_assert!(good.verify(roots.1, roots.0).is_err() || old == size);
        if let Some(hash) = good.hashes.first() {
            let mut changed = good.clone();
            changed.hashes[0] = [hash[0] ^ bit; 32];
            prop_assert!(changed.verify(roots.0, roots.1).is_err());
            changed.hashes.pop();
            prop_assert_eq!(changed.verify(roots.0, roots.1).unwrap_err().code(), "proof_length");
        }
    }
}

#[test]
fn sizes_beyond_all_trees_are_refused() {
    let hash = [1; 32];
    for (index, size) in [(0, 0), (5, 5), (0, u64::MAX), (u64::MAX - 1, u64::MAX), (1 << 62, (1 << 62) + 1)] {
        let proof = InclusionProof { index, size, hashes: vec![hash; 64] };
        assert!(proof.verify(b"", RootHash(hash)).is_err(), "{index} of {size}");
    }
    for (old, new) in [(5, 4), (0, u64::MAX), (1, u64::MAX), (u64::MAX, u64::MAX)] {
        let proof = ConsistencyProof { old, new, hashes: vec![hash; 64] };
        assert!(proof.verify(RootHash(hash), RootHash(hash)).is_err(), "{old} to {new}");
    }
    // The empty tree is the beginning of all.
    let empty = root(&[]);
    ConsistencyProof { old: 0, new: 7, hashes: Vec::new() }.verify(empty, RootHash(hash)).unwrap();
    assert!(ConsistencyProof { old: 0, new: 7, hashes: Vec::new() }.verify(RootHash(hash), RootHash(hash)).is_err());
    assert!(ConsistencyProof { old: 7, new: 7, hashes: Vec::new() }.verify(RootHash([2; 32]), RootHash(hash)).is_err());
}
