//! Derives the rows of a log again, in memory. Callers compare them with stored rows, or use them in place of those.

use std::collections::BTreeMap;

use super::derive::{Rows, derive};
use super::key::{self, LogNumber, STORE_LOG};
use super::row::{Head, Row};
use crate::record::{Body, LogEntry, LogForked, ZoneForked};
use crate::storage::past::Past;
use crate::storage::tables::{Direction, Table, TableReader};
use crate::storage::tiles::Tiles;
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::LogId;

/// The rows that a replay has derived.
pub(in crate::storage) struct Replay {
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The witness rows, by their keys in meta.
    pub witnesses: BTreeMap<Vec<u8>, Vec<u8>>,
    pub numbers: BTreeMap<LogId, LogNumber>,
    tiles: Tiles,
}

impl Replay {
    /// Starts with an empty log.
    pub(in crate::storage) fn new(numbers: BTreeMap<LogId, LogNumber>) -> Self {
        Self { rows: BTreeMap::new(), witnesses: BTreeMap::new(), numbers, tiles: Tiles::default() }
    }

    /// Starts with a zone's log of an earlier length, and its tiles that were not full.
    pub(in crate::storage) fn from(tiles: Tiles) -> Self {
        Self { tiles, ..Self::new(BTreeMap::new()) }
    }

    /// Adds the rows of the next entry of the log: those of its body, and a tile that it fills. `before` has the rows that
    /// were there when the replay began. `forms` is for [`derive`].
    pub(in crate::storage) fn entry(
        &mut self,
        before: Option<Past<'_>>,
        log: LogNumber,
        recorded: &LogEntry,
        forms: Option<u64>,
    ) -> Result<()> {
        let Self { tiles, rows, .. } = self;
        tiles.append(recorded.envelope.position, recorded.hash.0, &mut |level, number, row| {
            let row_key = key::tile(log, level, number);
            let value = row.to_value(&row_key).map_err(|problem| ErrorDetail::corrupt("a tile", problem))?;
            rows.insert(row_key, value);
            Ok(())
        })?;
        derive(&mut Over { replay: self, before }, log, recorded, forms)
    }
}

/// A replay over the rows that were there when it began.
struct Over<'a> {
    replay: &'a mut Replay,
    before: Option<Past<'a>>,
}

impl Rows for Over<'_> {
    fn get(&self, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        match (self.replay.rows.get(row_key), self.before) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(before)) => Ok(before.get(row_key)?.value),
            (None, None) => Ok(None),
        }
    }

    fn put(&mut self, row_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.replay.rows.insert(row_key, value);
        Ok(())
    }

    fn remove(&mut self, row_key: &[u8]) -> Result<()> {
        self.replay.rows.remove(row_key);
        Ok(())
    }

    fn witness(&self, meta_key: &[u8]) -> Result<Option<Vec<u8>>> {
        match (self.replay.witnesses.get(meta_key), self.before) {
            (Some(value), _) => Ok(Some(value.clone())),
            (None, Some(before)) => Ok(before.witness(meta_key)?.value),
            (None, None) => Ok(None),
        }
    }

    fn put_witness(&mut self, meta_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.replay.witnesses.insert(meta_key, value);
        Ok(())
    }

    fn remove_witness(&mut self, meta_key: &[u8]) -> Result<()> {
        self.replay.witnesses.remove(meta_key);
        Ok(())
    }

    fn log_number(&self, log_id: LogId) -> Option<LogNumber> {
        self.replay.numbers.get(&log_id).copied()
    }
}

/// The numbers of all logs in this file, by their ids and by those that zones' logs had before a fork: entries of the
/// store's log that are older than the fork name these.
pub(in crate::storage) fn log_numbers(
    source: &dyn TableReader,
    heads: &BTreeMap<LogNumber, Head>,
) -> Result<BTreeMap<LogId, LogNumber>> {
    let mut numbers: BTreeMap<_, _> = heads.iter().map(|(number, head)| (head.log_id, *number)).collect();
    let range = key::all_of(STORE_LOG);
    // From the newest fork to the oldest, so that each leads to a known id.
    source.scan(Table::Log, range.start.as_slice()..range.end.as_slice(), Direction::Descending, &mut |_, value| {
        // The walk of the log reports damaged entries. A log of this file that has an id by now keeps it.
        let Ok(LogEntry { body, .. }) = LogEntry::from_stored(value) else { return Ok(true) };
        match body {
            Body::ZoneForked(ZoneForked { from, to, .. }) => {
                if let Some(number) = numbers.get(&to).copied() {
                    numbers.entry(from).or_insert(number);
                }
            }
            Body::LogForked(LogForked { from, .. }) => drop(numbers.entry(from).or_insert(STORE_LOG)),
            _ => {}
        }
        Ok(true)
    })?;
    Ok(numbers)
}
