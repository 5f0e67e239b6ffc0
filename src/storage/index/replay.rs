//! Derives the rows of a log again, in memory. Callers compare them with stored rows, or use them in place of those.

use std::collections::BTreeMap;

use super::derive::Rows;
use super::key::LogNumber;
use super::row::Head;
use crate::types::error::Result;
use crate::types::id::LogId;

/// The rows that a replay has derived.
pub(in crate::storage) struct Replay {
    pub rows: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The witness rows, by their keys in meta.
    pub witnesses: BTreeMap<Vec<u8>, Vec<u8>>,
    pub numbers: BTreeMap<LogId, LogNumber>,
}

impl Replay {
    /// Starts with an empty log.
    pub(in crate::storage) fn new(numbers: BTreeMap<LogId, LogNumber>) -> Self {
        Self { rows: BTreeMap::new(), witnesses: BTreeMap::new(), numbers }
    }
}

impl Rows for Replay {
    fn get(&self, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.rows.get(row_key).cloned())
    }

    fn put(&mut self, row_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.rows.insert(row_key, value);
        Ok(())
    }

    fn remove(&mut self, row_key: &[u8]) -> Result<()> {
        self.rows.remove(row_key);
        Ok(())
    }

    fn witness(&self, meta_key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.witnesses.get(meta_key).cloned())
    }

    fn put_witness(&mut self, meta_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.witnesses.insert(meta_key, value);
        Ok(())
    }

    fn remove_witness(&mut self, meta_key: &[u8]) -> Result<()> {
        self.witnesses.remove(meta_key);
        Ok(())
    }

    fn log_number(&self, log_id: LogId) -> Option<LogNumber> {
        self.numbers.get(&log_id).copied()
    }
}

/// The numbers of all logs in this file.
pub(in crate::storage) fn log_numbers(heads: &BTreeMap<LogNumber, Head>) -> BTreeMap<LogId, LogNumber> {
    heads.iter().map(|(number, head)| (head.log_id, *number)).collect()
}
