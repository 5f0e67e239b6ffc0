//! The objects of a publication: their names and their bytes, for programs that read a publication without this crate's
//! follower. `docs/replicas.md` describes them.
//!
//! Does not know storage, signatures or stores.

pub mod bundle;
pub mod delta;
pub mod layout;
pub mod rules;

/// Bytes do not have the form of their object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(String);

impl Malformed {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
    }
}

/// The largest packed value that a content pack or a delta has. Larger pieces are objects of their own.
pub const PACKED_BYTES: usize = 64 * 1024;
/// The largest packed value at all: the largest content, with its header.
pub const PIECE_BYTES: usize = policy_store::limits::CONTENT_BYTES + 16;
/// The largest entry bundle.
pub const ENTRIES_BYTES: usize = 256 * (2 + u16::MAX as usize);
/// The largest content pack. Each of 256 entries names a few pieces.
pub const CONTENT_BYTES: usize = 2 * 256 * (4 + PACKED_BYTES);
