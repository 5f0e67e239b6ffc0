//! Proofs about the tree over a log (RFC 6962): that an entry is in it, and that a later tree begins with an earlier one.
//!
//! A proof is some hashes of the tree. It is worth as much as the root that it leads to: compare that with a
//! [`SignedCheckpoint`](crate::note::SignedCheckpoint) that a trusted log signed. Does not know where hashes are stored.

mod consistency;
mod error;
#[cfg(feature = "signatures")]
mod hashes;
mod inclusion;
#[doc(hidden)]
pub mod ranges;
#[cfg(feature = "signatures")]
mod tlog_proof;

#[cfg(test)]
mod tests;

pub use consistency::ConsistencyProof;
pub use error::ProofError;
#[cfg(feature = "signatures")]
pub(crate) use hashes::{base64_hash, decimal, hash_lines};
pub use inclusion::InclusionProof;
#[doc(hidden)]
pub use inclusion::Levels;
#[cfg(feature = "signatures")]
pub use tlog_proof::TlogProof;
#[cfg(feature = "signatures")]
pub(crate) use tlog_proof::{Parts, write_proof};

/// The most hashes of a proof: a tree has fewer than 2^63 leaves.
pub(crate) const PROOF_HASHES: usize = 64;
