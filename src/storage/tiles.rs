//! Full tiles of the tree over a log: rows of 256 neighbouring hashes, of the leaves and of every eighth level above them
//! (C2SP tlog-tiles). They are derived from the entries.

use super::index::key::{self, LogNumber};
use super::index::row::{Row, TileRow};
use super::tables::{Direction, Table, TableReader, TableWriter};
use crate::record::{Entry, NodeHash, TILE, tile_root};
use crate::types::error::{ErrorDetail, Result};

/// The hashes of tiles that are not full yet, by level.
#[derive(Default)]
pub(super) struct Tiles(Vec<Vec<NodeHash>>);

impl Tiles {
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
    let mut hashes = Vec::new();
    let earlier = TILE.saturating_sub(recent.len() as u64);
    let (start, end) = (key::entry(log, first), key::entry(log, first + earlier));
    source.scan(Table::Log, start.as_slice()..end.as_slice(), Direction::Ascending, &mut |_, value| {
        let hash = Entry::hash_of_stored(value).map_err(|problem| problem.at(log, first))?;
        hashes.push(hash.0);
        Ok(true)
    })?;
    hashes.extend(recent);
    if hashes.len() as u64 != TILE {
        return Err(ErrorDetail::corrupt(format_args!("log {log}"), "entries of a full tile are missing").into());
    }
    Ok(hashes)
}

/// The roots of 256 tiles of a level.
fn roots(source: &dyn TableReader, log: LogNumber, level: u8, first: u64) -> Result<Vec<NodeHash>> {
    let mut hashes = Vec::new();
    for number in first..first + TILE {
        let row_key = key::tile(log, level, number);
        let mut row = Err("missing".to_owned());
        source.get(Table::Index, &row_key, &mut |value| row = TileRow::from_value(&row_key, value))?;
        let row = row.map_err(|problem| ErrorDetail::corrupt(format_args!("tile {number} of log {log}"), problem))?;
        hashes.push(tile_root(&row.hashes));
    }
    Ok(hashes)
}
