//! Hashes of the tree over a log, from its tiles, and the proofs that are made of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;

use policy_store_verify::proof::{ConsistencyProof, InclusionProof, ranges};

use super::index::key::LogNumber;
use super::snapshot::Snapshot;
use super::tables::TableReader;
use super::tiles::{nodes, tile};
use crate::record::{NodeHash, TILE, node, tile_root};
use crate::types::error::{ErrorDetail, Result};

/// Levels of the tree in one level of tiles.
const LEVELS: u32 = TILE.ilog2();

/// The hashes of a tile; none if it is not full.
type Tile = Option<Vec<NodeHash>>;

/// The nodes of the tree over a log of some size.
struct Nodes<'a> {
    source: &'a dyn TableReader,
    log: LogNumber,
    /// Nodes that are known without a look-up, by level and number: those that the log's head has.
    known: BTreeMap<(u32, u64), NodeHash>,
    /// Full tiles that were read, by level and number.
    tiles: RefCell<BTreeMap<(u8, u64), Tile>>,
}

impl Nodes<'_> {
    /// The hash of a part of the tree. It begins where a whole subtree of its length can begin.
    fn part(&self, Range { start, end }: Range<u64>) -> Result<NodeHash> {
        let length = end.saturating_sub(start).max(1);
        if length.is_power_of_two() {
            let level = length.ilog2();
            return self.node(level, start >> level);
        }
        let middle = start + (1 << length.ilog2());
        Ok(node(&self.part(start..middle)?, &self.part(middle..end)?))
    }

    /// The hash of a whole subtree of 2^`level` leaves.
    fn node(&self, level: u32, number: u64) -> Result<NodeHash> {
        if let Some(known) = self.known.get(&(level, number)) {
            return Ok(*known);
        }
        let (tile_level, rest) = (level / LEVELS, level % LEVELS);
        let (first, count) = (number << rest, 1_u64 << rest);
        let tile_level = u8::try_from(tile_level).unwrap_or(u8::MAX);
        let tile = (tile_level, first / TILE);
        let mut read = self.tiles.borrow_mut();
        let full = match read.get(&tile) {
            Some(full) => full,
            None => {
                let full = self::tile(self.source, self.log, tile.0, tile.1)?;
                read.entry(tile).or_insert(full)
            }
        };
        let place = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        if let Some(full) = full {
            let begin = place(first % TILE);
            let hashes = full.get(begin..begin.saturating_add(place(count)));
            return hashes.map(tile_root).ok_or_else(|| self.missing());
        }
        Ok(tile_root(&nodes(self.source, self.log, tile_level, first, count)?))
    }

    fn missing(&self) -> crate::types::error::Error {
        ErrorDetail::corrupt(format_args!("a tile of log {}", self.log), "missing").into()
    }
}

impl Snapshot<'_> {
    fn nodes(&self, log: LogNumber, size: u64) -> Result<Nodes<'_>> {
        let head = self.head(log)?;
        let mut known = BTreeMap::new();
        // As of an earlier length, the head has the frontier of a later one.
        if head.length == size && !self.is_ended(log) {
            let (mut start, levels) = (0_u64, (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1));
            for (level, hash) in levels.zip(&head.frontier.hashes) {
                known.insert((level, start >> level), *hash);
                start += 1 << level;
            }
        }
        Ok(Nodes { source: self.source(), log, known, tiles: RefCell::default() })
    }

    fn check_size(&self, log: LogNumber, what: &'static str, size: u64) -> Result<()> {
        if size > self.head(log)?.length {
            let reason = "must not be above the length of the log";
            return Err(ErrorDetail::invalid(what, &size.to_string(), reason).into());
        }
        Ok(())
    }

    /// The proof that the entry at `index` is in the log's tree of `size` entries.
    pub(crate) fn inclusion_proof(&self, log: LogNumber, index: u64, size: u64) -> Result<InclusionProof> {
        self.check_size(log, "size", size)?;
        if index >= size {
            return Err(
                ErrorDetail::invalid("position", &index.to_string(), "must be below the size of the tree").into()
            );
        }
        let nodes = self.nodes(log, size)?;
        let hashes = ranges::inclusion(index, size).into_iter().map(|part| nodes.part(part)).collect::<Result<_>>()?;
        Ok(InclusionProof { index, size, hashes })
    }

    /// The proof that the log's tree of `new` entries begins with that of `old` entries.
    pub(crate) fn consistency_proof(&self, log: LogNumber, old: u64, new: u64) -> Result<ConsistencyProof> {
        self.check_size(log, "size", new)?;
        if old > new {
            return Err(
                ErrorDetail::invalid("earlier size", &old.to_string(), "must not be above the later size").into()
            );
        }
        let nodes = self.nodes(log, new)?;
        let hashes = ranges::consistency(old, new).into_iter().map(|part| nodes.part(part)).collect::<Result<_>>()?;
        Ok(ConsistencyProof { old, new, hashes })
    }
}
