//! Full tiles of the tree over a log: rows of 256 neighbouring hashes, of the leaves and of every eighth level above them
//! (C2SP tlog-tiles). They are derived from the entries.

use super::index::key::{self, LogNumber};
use super::index::row::{Row, TileRow};
use super::snapshot::{EntryPlace, unusable};
use super::tables::{Direction, Table, TableReader, TableWriter};
use crate::record::{Entry, Frontier, NodeHash, TILE, tile_root};
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::EntryHash;

/// The hashes of tiles that are not full yet, by level.
#[derive(Default)]
pub(super) struct Tiles(Vec<Vec<NodeHash>>);

impl Tiles {
    /// The tiles that are not full in a tree of `size` entries. Reads at most one tile, or 255 entries or tiles, of each
    /// level.
    pub(super) fn at(source: &dyn TableReader, log: LogNumber, size: u64) -> Result<Self> {
        let levels = (0..8).map(|level| {
            let nodes = size >> (8 * u32::from(level));
            last_nodes(source, log, level, nodes - nodes % TILE, nodes % TILE)
        });
        levels.collect::<Result<_>>().map(Self)
    }

    /// The frontier of the tree.
    pub(super) fn frontier(&self) -> Frontier {
        let mut hashes = Vec::new();
        for nodes in self.0.iter().rev() {
            let mut part = Frontier::default();
            for (position, hash) in (0..).zip(nodes) {
                part.append(position, EntryHash(*hash));
            }
            hashes.extend(part.hashes);
        }
        Frontier { hashes }
    }

    /// Adds the hash of the next entry. Passes each tile that it fills to `put`: the level, the number, and the row.
    pub(super) fn append(
        &mut self,
        position: u64,
        hash: NodeHash,
        put: &mut dyn FnMut(u8, u64, &TileRow) -> Result<()>,
    ) -> Result<()> {
        let (mut hash, mut count) = (hash, position.saturating_add(1));
        for level in 0.. {
            if self.0.len() <= usize::from(level) {
                self.0.push(Vec::new());
            }
            let Some(hashes) = self.0.get_mut(usize::from(level)) else { return Ok(()) };
            hashes.push(hash);
            if !count.is_multiple_of(TILE) {
                return Ok(());
            }
            let row = TileRow { hashes: std::mem::take(hashes) };
            count /= TILE;
            put(level, count - 1, &row)?;
            hash = tile_root(&row.hashes);
        }
        Ok(())
    }
}

/// Adds the hash of the entry that a log of now `length` entries ends with, and stores the tiles that are full with it.
/// `recent` has the hashes of the entries before it that the caller has added to the same tile.
pub(super) fn fill(
    tables: &mut dyn TableWriter,
    log: LogNumber,
    length: u64,
    hash: NodeHash,
    recent: &mut Vec<NodeHash>,
) -> Result<()> {
    recent.push(hash);
    let mut count = length;
    for level in 0.. {
        if count == 0 || !count.is_multiple_of(TILE) {
            return Ok(());
        }
        count /= TILE;
        let number = count - 1;
        let first = number * TILE;
        let hashes = match level {
            0 => leaves(tables, log, first, std::mem::take(recent))?,
            level => roots(tables, log, level - 1, first)?,
        };
        let row_key = key::tile(log, level, number);
        let value = TileRow { hashes }.to_value(&row_key);
        let value = value.map_err(|problem| ErrorDetail::corrupt("a tile", problem))?;
        tables.put(Table::Index, row_key, value)?;
    }
    Ok(())
}

/// The hashes of 256 entries, of which the last are `recent`.
fn leaves(source: &dyn TableReader, log: LogNumber, first: u64, recent: Vec<NodeHash>) -> Result<Vec<NodeHash>> {
    let earlier = TILE.saturating_sub(recent.len() as u64);
    let mut hashes = entries(source, log, first, earlier)?;
    hashes.extend(recent);
    Ok(hashes)
}

/// The hashes of `count` entries.
pub(super) fn entries(source: &dyn TableReader, log: LogNumber, first: u64, count: u64) -> Result<Vec<NodeHash>> {
    let mut hashes = Vec::new();
    let (start, end) = (key::entry(log, first), key::entry(log, first.saturating_add(count)));
    source.scan(Table::Log, start.as_slice()..end.as_slice(), Direction::Ascending, &mut |_, value| {
        let hash = Entry::hash_of_stored(value).map_err(|problem| unusable(problem, log, first))?;
        hashes.push(hash.0);
        Ok(true)
    })?;
    if hashes.len() as u64 != count {
        return Err(ErrorDetail::corrupt(format_args!("log {log}"), "entries of a tile are missing").into());
    }
    Ok(hashes)
}

/// The roots of 256 tiles of a level.
fn roots(source: &dyn TableReader, log: LogNumber, level: u8, first: u64) -> Result<Vec<NodeHash>> {
    (first..first.saturating_add(TILE)).map(|number| root(source, log, level, number)).collect()
}

/// The root of a full tile.
fn root(source: &dyn TableReader, log: LogNumber, level: u8, number: u64) -> Result<NodeHash> {
    let tile = tile(source, log, level, number)?;
    tile.as_deref().map(tile_root).ok_or_else(|| damaged(log, number, "missing".to_owned()))
}

/// The hashes of a full tile; `None` if there is no such row.
pub(super) fn tile(source: &dyn TableReader, log: LogNumber, level: u8, number: u64) -> Result<Option<Vec<NodeHash>>> {
    let row_key = key::tile(log, level, number);
    let mut row = None;
    source.get(Table::Index, &row_key, &mut |value| row = Some(TileRow::from_value(&row_key, value)))?;
    let row = row.transpose().map_err(|problem| damaged(log, number, problem))?;
    row.map(|row| match row.hashes.len() as u64 {
        TILE => Ok(row.hashes),
        other => Err(damaged(log, number, format!("has {other} hashes, expected {TILE}"))),
    })
    .transpose()
}

fn damaged(log: LogNumber, number: u64, problem: String) -> Error {
    ErrorDetail::corrupt(format_args!("tile {number} of log {log}"), problem).into()
}

/// The first `count` nodes of the tile of `level` that begins with the node `first`.
pub(super) fn last_nodes(
    source: &dyn TableReader,
    log: LogNumber,
    level: u8,
    first: u64,
    count: u64,
) -> Result<Vec<NodeHash>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if let Some(mut hashes) = tile(source, log, level, first / TILE)? {
        hashes.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        return Ok(hashes);
    }
    nodes(source, log, level, first, count)
}

/// `count` nodes of a level of tiles, from the entries, or from the tiles below.
fn nodes(source: &dyn TableReader, log: LogNumber, level: u8, first: u64, count: u64) -> Result<Vec<NodeHash>> {
    match level.checked_sub(1) {
        None => entries(source, log, first, count),
        Some(below) => (first..first.saturating_add(count)).map(|number| root(source, log, below, number)).collect(),
    }
}

/// The hash of the entry at `position`, from its tile if that is full.
pub(super) fn leaf(source: &dyn TableReader, log: LogNumber, position: u64) -> Result<EntryHash> {
    let tile = last_nodes(source, log, 0, position - position % TILE, position % TILE + 1)?;
    let missing = || ErrorDetail::corrupt(EntryPlace(log, position), "missing");
    Ok(tile.last().copied().map(EntryHash).ok_or_else(missing)?)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::storage::batch::Overlay;
    use crate::storage::index::row::Head;
    use crate::storage::log_end::LogEnd;
    use crate::storage::tables::Nothing;
    use crate::types::id::LogId;

    /// The frontier of each earlier size is that which the log had at this size.
    #[test]
    fn the_tree_of_every_earlier_size_is_found_again() {
        let mut tables = Overlay::new(&Nothing, Vec::new());
        let mut end = LogEnd::new(3, Head::empty(LogId([1; 16])));
        let mut frontiers = BTreeMap::from([(0, Frontier::default())]);
        let sizes = 256 * 256 + 700;
        for position in 0..sizes {
            let bytes = u64::to_be_bytes(position);
            end.store(&mut tables, &bytes, EntryHash::of(&bytes)).unwrap();
            if position % 997 == 0 || position % 256 < 2 || position > sizes - 300 || position < 600 {
                frontiers.insert(position + 1, end.head.frontier.clone());
            }
        }
        for (size, frontier) in frontiers {
            assert!(Tiles::at(&tables, 3, size).unwrap().frontier() == frontier, "size {size}");
            if let Some(last) = size.checked_sub(1) {
                assert_eq!(leaf(&tables, 3, last).unwrap(), EntryHash::of(&last.to_be_bytes()));
            }
        }
    }
}
