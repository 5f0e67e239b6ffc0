//! Consistency proofs: a log has grown, and its earlier entries are the same.

use ct_merkle::{ConsistencyProof as Path, RootHash as Tree};
use sha2::{Digest as _, Sha256 as Digest};

use super::error::ProofError;
use super::{PROOF_HASHES, ranges};
use crate::types::hash::RootHash;

const WHAT: &str = "consistency proof";
/// The largest tree. The tree library counts its nodes in 64 bits, and a store has fewer entries.
pub(crate) const LARGEST: u64 = 1 << 62;

/// The proof that a log of `new` entries begins with the `old` entries of an earlier checkpoint (RFC 6962 section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The earlier number of entries.
    pub old: u64,
    /// The later number of entries.
    pub new: u64,
    /// The hashes of the parts of the later tree, in the order of RFC 6962.
    pub hashes: Vec<[u8; 32]>,
}

impl ConsistencyProof {
    /// Verifies that the tree with the root `new` begins with the tree with the root `old`.
    ///
    /// # Errors
    ///
    /// [`OutOfTree`](ProofError::OutOfTree) if the later tree is the smaller one;
    /// [`ProofLength`](ProofError::ProofLength) or [`WrongRoot`](ProofError::WrongRoot).
    pub fn verify(&self, old: RootHash, new: RootHash) -> Result<(), ProofError> {
        let Self { old: earlier, new: later, hashes } = self;
        if earlier > later || *later > LARGEST {
            return Err(ProofError::OutOfTree { what: "earlier size", index: *earlier, size: *later });
        }
        let expected = ranges::consistency(*earlier, *later).len();
        if hashes.len() != expected || expected > PROOF_HASHES {
            return Err(ProofError::ProofLength { what: WHAT, expected, found: hashes.len() });
        }
        let wrong = |root| ProofError::WrongRoot { what: WHAT, root };
        if *earlier == 0 {
            // Every tree begins with the empty one.
            let empty = RootHash(Digest::digest([]).into());
            return if old == empty { Ok(()) } else { Err(wrong(old)) };
        }
        if earlier == later {
            return if old == new { Ok(()) } else { Err(wrong(new)) };
        }
        let path = Path::<Digest>::try_from_bytes(hashes.concat()).map_err(|_| wrong(new))?;
        let [old, new_tree] =
            [(old, *earlier), (new, *later)].map(|(root, size)| Tree::<Digest>::new(root.0.into(), size));
        new_tree.verify_consistency(&old, &path).map_err(|_| wrong(new))
    }
}
