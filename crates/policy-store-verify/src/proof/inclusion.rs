//! Inclusion proofs: an entry is at a position of a log.

use ct_merkle::{InclusionProof as Path, RootHash as Tree};
use sha2::Sha256 as Digest;

use super::error::ProofError;
use super::{PROOF_HASHES, ranges};
use crate::record::{Frontier, NodeHash, node};
use crate::types::hash::RootHash;

const WHAT: &str = "inclusion proof";

/// The proof that an entry is at a position of a log of some size (RFC 6962 section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InclusionProof {
    /// The position of the entry, counted from 0.
    pub index: u64,
    /// The number of entries of the log.
    pub size: u64,
    /// The hashes beside the path from the entry to the root, from the entry up.
    pub hashes: Vec<[u8; 32]>,
}

impl InclusionProof {
    /// Verifies that the leaf with these bytes is at the proof's place in the tree with the root `root`.
    ///
    /// # Errors
    ///
    /// [`OutOfTree`](ProofError::OutOfTree), [`ProofLength`](ProofError::ProofLength) or
    /// [`WrongRoot`](ProofError::WrongRoot).
    pub fn verify(&self, leaf: &[u8], root: RootHash) -> Result<(), ProofError> {
        let Self { index, size, hashes } = self;
        if index >= size || *size > super::consistency::LARGEST {
            return Err(ProofError::OutOfTree { what: "entry", index: *index, size: *size });
        }
        let expected = ranges::inclusion(*index, *size).len();
        if hashes.len() != expected || expected > PROOF_HASHES {
            return Err(ProofError::ProofLength { what: WHAT, expected, found: hashes.len() });
        }
        let wrong = |_| ProofError::WrongRoot { what: WHAT, root };
        let path = Path::<Digest>::try_from_bytes(hashes.concat()).map_err(wrong)?;
        Tree::<Digest>::new(root.0.into(), *size).verify_inclusion(&leaf, *index, &path).map_err(wrong)
    }
}

/// All nodes of a small tree: for proofs of many leaves.
pub struct Levels(Vec<Vec<NodeHash>>);

impl Levels {
    /// The nodes above these leaves. A node without a neighbour stands for itself in the next level.
    #[must_use]
    pub fn new(leaves: Vec<NodeHash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let pairs = below.chunks(2).map(|pair| match pair {
                [left, right] => node(left, right),
                [alone] => *alone,
                _ => NodeHash::default(),
            });
            levels.push(pairs.collect());
        }
        Self(levels)
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> RootHash {
        match self.0.last().map(Vec::as_slice) {
            Some([root]) => RootHash(*root),
            _ => RootHash(Frontier::default().root()),
        }
    }

    /// The proof of a leaf; none if there is no such leaf.
    #[must_use]
    pub fn proof(&self, index: u64) -> Option<InclusionProof> {
        let size = self.0.first()?.len() as u64;
        let mut place = usize::try_from(index).ok().filter(|_| index < size)?;
        let mut hashes = Vec::new();
        for level in &self.0 {
            hashes.extend(level.get(place ^ 1));
            place /= 2;
        }
        Some(InclusionProof { index, size, hashes })
    }
}
