//! The end of a log that a write extends: stores encoded entries one after another, with the tiles that they complete.

use super::index::key::{self, LogNumber};
use super::index::row::Head;
use super::snapshot::EntryPlace;
use super::tables::{Table, TableWriter, put_meta};
use super::tiles;
use crate::record::{Body, Entry, Envelope, NodeHash};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;

/// The end of a log. The head is stored last, by `finish`.
pub(super) struct LogEnd {
    pub log: LogNumber,
    pub head: Head,
    /// The hashes of the entries in the last tile.
    recent: Vec<NodeHash>,
}

impl LogEnd {
    pub fn new(log: LogNumber, head: Head) -> Self {
        Self { log, head, recent: Vec::new() }
    }

    /// An error about the next entry.
    pub fn damaged(&self, problem: String) -> ErrorDetail {
        ErrorDetail::corrupt(EntryPlace(self.log, self.head.length), problem)
    }

    /// The bytes of the next entry, and their hash.
    pub fn encode(&self, envelope: Envelope, body: &Body) -> Result<(Vec<u8>, EntryHash)> {
        let encoded = Entry::new(envelope, body).and_then(|entry| entry.encode());
        Ok(encoded.map_err(|problem| self.damaged(problem))?)
    }

    /// Stores the next entry.
    pub fn store(&mut self, tables: &mut dyn TableWriter, bytes: &[u8], hash: EntryHash) -> Result<()> {
        let Self { log, head, recent } = self;
        tables.put(Table::Log, key::entry(*log, head.length).to_vec(), Entry::stored(bytes, hash))?;
        head.append(hash);
        tiles::fill(tables, *log, head.length, hash.0, recent)
    }

    /// Stores the head.
    pub fn finish(&self, tables: &mut dyn TableWriter) -> Result<()> {
        put_meta(tables, &key::head(self.log), &self.head)
    }
}
