//! The checkpoints that a caller has kept, and the part of a log up to one of them.

use std::collections::BTreeMap;

use crate::record::LogEntry;
use crate::storage::tiles::Tiles;
use crate::types::checkpoint::Checkpoint;
use crate::types::id::LogId;

/// The checkpoints that the caller has kept, by their logs.
pub(in crate::storage) type Kept = BTreeMap<LogId, Vec<Checkpoint>>;

/// A log up to a checkpoint that it has.
pub(in crate::storage) struct Verified {
    pub size: u64,
    pub tiles: Tiles,
    /// Its last entry.
    pub last: LogEntry,
}
