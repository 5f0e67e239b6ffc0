//! A log as it was when it was shorter: its rows, derived again into memory, in the place of those on disk.

use std::collections::BTreeMap;
use std::ops::Range;

use super::index::key::{self, LogNumber};
use super::index::replay::Replay;
use super::tables::{Table, Visit};
use super::{Direction, TableReader};
use crate::types::error::Result;

/// How far a log was replayed to answer a request: where requests come again in their order, the next one goes on there.
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

/// One log as it was at an earlier position: its rows are those that its entries up to there derive. Other logs are as
/// they are.
pub(super) struct AsOf<'a> {
    source: &'a dyn TableReader,
    /// Of the keys of the log's rows.
    prefix: Vec<u8>,
    /// Of the keys of the witnesses of its rows.
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
        // A scan may be open at the end that it goes to.
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
}
