//! Reads a log as of an earlier length. Its rows are derived again in memory and replace the rows on disk.

use std::collections::BTreeMap;
use std::ops::Range;

use super::index::key::{self, LogNumber};
use super::index::replay::Replay;
use super::tables::{Table, Visit};
use super::{Direction, TableReader};
use crate::types::error::Result;

/// The replay of a log up to `end`, for a repeated call. Repeated calls usually come in their first order, so the next
/// one continues from here.
pub(super) struct Replayed {
    pub log: LogNumber,
    pub end: u64,
    pub replay: Replay,
}

impl Replayed {
    pub(super) fn over<'a>(&'a self, source: &'a dyn TableReader) -> AsOf<'a> {
        let Replay { rows, witnesses, .. } = &self.replay;
        let witness_prefix = key::witnesses(self.log).start;
        AsOf { source, prefix: key::all_of(self.log).start, witness_prefix, rows, witnesses }
    }
}

/// Tables with the rows of one log as of an earlier length. Other logs are unchanged.
pub(super) struct AsOf<'a> {
    source: &'a dyn TableReader,
    /// Prefix of the log's row keys.
    prefix: Vec<u8>,
    /// Prefix of the log's witness keys.
    witness_prefix: Vec<u8>,
    rows: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    witnesses: &'a BTreeMap<Vec<u8>, Vec<u8>>,
}

impl AsOf<'_> {
    fn is_replayed(&self, table: Table, row_key: &[u8]) -> bool {
        table == Table::Index && row_key.starts_with(&self.prefix)
    }
}

impl TableReader for AsOf<'_> {
    fn get(&self, table: Table, row_key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        if table == Table::Meta && row_key.starts_with(&self.witness_prefix) {
            return Ok(self.witnesses.get(row_key).map(|value| f(value)).is_some());
        }
        if !self.is_replayed(table, row_key) {
            return self.source.get(table, row_key, f);
        }
        Ok(self.rows.get(row_key).map(|value| f(value)).is_some())
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        // The far end of a scan may be open, so the near end decides.
        let from = match direction {
            Direction::Ascending => range.start,
            Direction::Descending => range.end,
        };
        if !self.is_replayed(table, from) {
            return self.source.scan(table, range, direction, f);
        }
        if range.is_empty() {
            return Ok(());
        }
        let mut rows =
            self.rows.range::<[u8], _>((std::ops::Bound::Included(range.start), std::ops::Bound::Excluded(range.end)));
        while let Some((row_key, value)) = match direction {
            Direction::Ascending => rows.next(),
            Direction::Descending => rows.next_back(),
        } {
            if !f(row_key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn is_committed(&self, table: Table, row_key: &[u8]) -> bool {
        self.source.is_committed(table, row_key)
    }
}
