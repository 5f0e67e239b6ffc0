//! Hashes of the tree over a log, from its tiles, and the proofs that are made of them.
//!
//! Tiles have every eighth level. Every fourth level above the leaves is cached: so a proof reads one tile for each of its
//! ends, and hashes at most 15 nodes in four levels, once the nodes beside its path are known. The first proof beside a tile
//! of tiles that is not full reads up to 255 tiles.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use policy_store_verify::proof::{ConsistencyProof, InclusionProof, ranges};

use super::index::key::LogNumber;
use super::snapshot::Snapshot;
use super::tiles::{entries, tile};
use crate::record::{NodeHash, TILE, node, tile_root};
use crate::types::error::{ErrorDetail, Result};

/// Levels of the tree in one level of tiles.
const LEVELS: u32 = TILE.ilog2();
/// Levels of the tree from one that is cached to the next.
const STEP: u32 = LEVELS / 2;
/// Nodes in one item of the cache: those under one node of the next level that is cached.
const GROUP: u64 = 1 << STEP;

/// The hashes of a tile; none if it is not full.
type Tile = Option<Vec<NodeHash>>;

/// The nodes of the tree over a log of some size.
struct Nodes<'a> {
    snapshot: &'a Snapshot<'a>,
    log: LogNumber,
    size: u64,
    /// Nodes that are known without a look-up, by level and number: those that the log's head has.
    known: BTreeMap<(u32, u64), NodeHash>,
    /// Full tiles that were read, by level and number.
    tiles: RefCell<BTreeMap<(u8, u64), Tile>>,
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
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
        let rest = level % STEP;
        let (level, first, count) = (level - rest, number << rest, 1 << rest);
        if level == 0 {
            return Ok(tile_root(&self.leaves(first, count)?));
        }
        let group = self.group(level, first / GROUP)?;
        let range = place(first % GROUP)..place(first % GROUP + count);
        group.get(range).map(tile_root).ok_or_else(|| {
            ErrorDetail::corrupt(format_args!("the tree of log {}", self.log), "a node is missing").into()
        })
    }

    /// Neighbouring leaves of one tile.
    fn leaves(&self, first: u64, count: u64) -> Result<Vec<NodeHash>> {
        let leaves = self.of_tile(0, first, count)?;
        leaves.map_or_else(|| entries(self.snapshot.source(), self.log, first, count), Ok)
    }

    /// The nodes of a group of a cached level, as far as the tree has them: of their tile, if that is full, or else each of
    /// the 16 nodes under it.
    fn group(&self, level: u32, group: u64) -> Result<Arc<[NodeHash]>> {
        let first = group * GROUP;
        let count = (self.size >> level).saturating_sub(first).min(GROUP);
        let cached = self.snapshot.cached_nodes(self.log, level, group);
        let mut nodes = match cached {
            Some(cached) if cached.len() >= place(count) => return Ok(cached),
            Some(cached) => cached.to_vec(),
            None => Vec::new(),
        };
        let stored = if level.is_multiple_of(LEVELS) { self.of_tile(level, first, count)? } else { None };
        match stored {
            Some(stored) => nodes = stored,
            None => {
                for number in first + nodes.len() as u64..first + count {
                    nodes.push(tile_root(&self.under(level, number)?));
                }
            }
        }
        let nodes = Arc::from(nodes);
        self.snapshot.keep_nodes(self.log, level, group, &nodes);
        Ok(nodes)
    }

    /// The 16 nodes under a node of a cached level.
    fn under(&self, level: u32, number: u64) -> Result<Arc<[NodeHash]>> {
        match level.saturating_sub(STEP) {
            0 => self.leaves(number * GROUP, GROUP).map(Arc::from),
            below => self.group(below, number),
        }
    }

    /// Neighbours in a tile, if that is full.
    fn of_tile(&self, level: u32, first: u64, count: u64) -> Result<Option<Vec<NodeHash>>> {
        let at = (u8::try_from(level / LEVELS).unwrap_or(u8::MAX), first / TILE);
        let mut tiles = self.tiles.borrow_mut();
        let full = match tiles.get(&at) {
            Some(full) => full,
            None => {
                let full = tile(self.snapshot.source(), self.log, at.0, at.1)?;
                tiles.entry(at).or_insert(full)
            }
        };
        let range = place(first % TILE)..place(first % TILE + count);
        Ok(full.as_ref().and_then(|full| full.get(range)).map(<[_]>::to_vec))
    }
}

impl Snapshot<'_> {
    /// The nodes of the log's tree of `size` entries. Refuses a size that the log does not have.
    fn nodes(&self, log: LogNumber, size: u64) -> Result<Nodes<'_>> {
        let head = self.head(log)?;
        if size > head.length {
            let reason = "must not be above the length of the log";
            return Err(ErrorDetail::invalid("size", &size.to_string(), reason).into());
        }
        let mut known = BTreeMap::new();
        // As of an earlier length, the head has the frontier of a later one.
        if head.length == size && !self.is_ended(log) {
            let (mut start, levels) = (0_u64, (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1));
            for (level, hash) in levels.zip(&head.frontier.hashes) {
                known.insert((level, start >> level), *hash);
                start += 1 << level;
            }
        }
        Ok(Nodes { snapshot: self, log, size, known, tiles: RefCell::default() })
    }

    /// The proof that the entry at `index` is in the log's tree of `size` entries.
    pub(crate) fn inclusion_proof(&self, log: LogNumber, index: u64, size: u64) -> Result<InclusionProof> {
        let nodes = self.nodes(log, size)?;
        if index >= size {
            return Err(
                ErrorDetail::invalid("position", &index.to_string(), "must be below the size of the tree").into()
            );
        }
        let hashes = ranges::inclusion(index, size).into_iter().map(|part| nodes.part(part)).collect::<Result<_>>()?;
        Ok(InclusionProof { index, size, hashes })
    }

    /// The proof that the log's tree of `new` entries begins with that of `old` entries.
    pub(crate) fn consistency_proof(&self, log: LogNumber, old: u64, new: u64) -> Result<ConsistencyProof> {
        let nodes = self.nodes(log, new)?;
        if old > new {
            return Err(
                ErrorDetail::invalid("earlier size", &old.to_string(), "must not be above the later size").into()
            );
        }
        let hashes = ranges::consistency(old, new).into_iter().map(|part| nodes.part(part)).collect::<Result<_>>()?;
        Ok(ConsistencyProof { old, new, hashes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::batch::Overlay;
    use crate::storage::cache::RecordCache;
    use crate::storage::index::row::Head;
    use crate::storage::log_end::LogEnd;
    use crate::storage::tables::Nothing;
    use crate::types::hash::{EntryHash, RootHash};
    use crate::types::id::LogId;

    const LOG: LogNumber = 3;

    fn check(snapshot: &Snapshot<'_>, roots: &[(u64, RootHash)]) {
        for (size, root) in roots {
            let last = size - 1;
            for index in
                [0, 15, 16, 200, 255, 256, 4_095, 4_096, 8_191, 65_536, last / 2, last.saturating_sub(16), last]
            {
                if index < *size {
                    let proof = snapshot.inclusion_proof(LOG, index, *size).unwrap();
                    proof.verify(&index.to_be_bytes(), *root).unwrap();
                }
            }
            for (earlier, earlier_root) in roots.iter().filter(|(earlier, _)| earlier <= size) {
                let proof = snapshot.consistency_proof(LOG, *earlier, *size).unwrap();
                proof.verify(*earlier_root, *root).unwrap();
            }
        }
    }

    /// Groups in the cache that are not full grow with the log, and serve earlier sizes.
    #[test]
    fn proofs_from_the_cache_verify_at_every_size_of_a_growing_log() {
        let mut tables = Overlay::new(&Nothing, Vec::new());
        let mut end = LogEnd::new(LOG, Head::empty(LogId([1; 16])));
        let (cache, nothing_cached) = (RecordCache::new(1 << 20), RecordCache::new(0));
        let mut roots = Vec::new();
        for size in [1, 15, 16, 17, 33, 255, 256, 257, 300, 4_095, 4_096, 4_500, 8_200, 65_535, 65_536, 66_000, 70_001]
        {
            for position in end.head.length..size {
                let bytes = position.to_be_bytes();
                end.store(&mut tables, &bytes, EntryHash::of(&bytes)).unwrap();
            }
            end.finish(&mut tables).unwrap();
            roots.push((size, RootHash(end.head.frontier.root())));
            check(&Snapshot::new(&tables, &cache, None), &roots);
        }
        check(&Snapshot::new(&tables, &nothing_cached, None), &roots);
        assert!(cache.stats().hits > 0);
    }
}
