//! The Merkle tree over a log, as RFC 6962 defines it: a leaf is the hash of an entry.
//!
//! A [`Frontier`] is as much of a tree as appending needs: the roots of the perfect subtrees that it consists of, the
//! largest first. Tiles have the hashes of 256 neighbours of every eighth level (C2SP tlog-tiles).

use sha2::{Digest, Sha256};

use crate::types::hash::EntryHash;

/// Hashes in a full tile.
pub const TILE: u64 = 256;

/// The hash of a tree, or of a part of one.
pub type NodeHash = [u8; 32];

record! {
    /// The roots of a tree's perfect subtrees, the largest first.
    #[derive(Default)]
    pub struct Frontier {
        /// One for each bit of the tree's size.
        pub hashes: Vec<NodeHash>,
    }
}

impl Frontier {
    /// Adds the leaf at `position`, which is the tree's size so far.
    pub fn append(&mut self, position: u64, leaf: EntryHash) {
        let mut hash = leaf.0;
        // Each bit of ones at the end is a subtree of the size of the new one.
        for _ in 0..position.trailing_ones() {
            hash = match self.hashes.pop() {
                Some(left) => node(&left, &hash),
                // `fits` has refused it.
                None => hash,
            };
        }
        self.hashes.push(hash);
    }

    /// Whether the frontier can be that of a tree of this size.
    pub fn fits(&self, size: u64) -> bool {
        u32::try_from(self.hashes.len()) == Ok(size.count_ones())
    }

    /// The hash of the whole tree.
    pub fn root(&self) -> NodeHash {
        let mut hashes = self.hashes.iter().rev();
        match hashes.next() {
            Some(last) => hashes.fold(*last, |right, left| node(left, &right)),
            None => Sha256::digest([]).into(),
        }
    }
}

/// The root of a full tile: the hash, in the next level of tiles, that stands for it.
pub fn tile_root(hashes: &[NodeHash]) -> NodeHash {
    let mut frontier = Frontier::default();
    for (position, hash) in (0..).zip(hashes) {
        frontier.append(position, EntryHash(*hash));
    }
    frontier.root()
}

/// The hash of a node above two others.
pub fn node(left: &NodeHash, right: &NodeHash) -> NodeHash {
    Sha256::new_with_prefix([1]).chain_update(left).chain_update(right).finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::hash::hex;

    /// The leaves and roots that Certificate Transparency's own tests have, for trees of one to eight leaves.
    #[test]
    fn the_roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::default();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(&frontier.root()), empty);
        for ((position, leaf), root) in (0..).zip(leaves).zip(roots) {
            assert!(frontier.fits(position));
            frontier.append(position, EntryHash::of(leaf));
            assert_eq!(hex::encode(&frontier.root()), root, "{} leaves", position + 1);
        }
    }

    /// The definition of RFC 6962, section 2.1: split at the largest power of two below the size.
    fn defined(leaves: &[NodeHash]) -> NodeHash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            leaves => {
                let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
                node(&defined(left), &defined(right))
            }
        }
    }

    proptest! {
        #[test]
        fn the_root_is_that_of_the_definition(leaves in proptest::collection::vec(any::<[u8; 32]>(), 0..600)) {
            let mut frontier = Frontier::default();
            for (position, leaf) in (0..).zip(&leaves) {
                frontier.append(position, EntryHash(*leaf));
            }
            prop_assert!(frontier.fits(leaves.len() as u64));
            prop_assert_eq!(frontier.root(), defined(&leaves));
            prop_assert_eq!(tile_root(&leaves), defined(&leaves));
        }
    }
}
