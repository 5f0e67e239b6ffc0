//! Statistics of the file: its rows and size, and the space that its tables use. Writes nothing.

use redb::ReadableTableMetadata;
use serde::Serialize;

use super::failure::storage_error;
use super::file::open::Location;
use super::meter::CommitStats;
use super::tables::{ReadTables, Table};
use super::{RecordCache, Storage};
use crate::types::cache_stats::CacheStats;
use crate::types::error::{ErrorDetail, Result};

/// The number of rows of a table of the file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// The name of the table, as docs/format.md has it.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
}

/// The space that a table uses.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableSpace {
    /// The name of the table, as docs/format.md has it.
    pub table: &'static str,
    /// Its rows.
    pub rows: u64,
    /// The bytes of its keys and values.
    pub row_bytes: u64,
    /// The bytes of its pages.
    pub page_bytes: u64,
}

/// The space that a store uses in its file.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Space {
    /// The size of the file.
    pub file_bytes: u64,
    /// The tables. Their pages are those of the newest state.
    pub tables: Vec<TableSpace>,
    /// The bytes that no table uses: free pages, pages of older states, pages that the storage engine has grown ahead, and
    /// the little that it needs itself. [`compact`](crate::PolicyStore::compact) gives most of them back.
    pub unused_bytes: u64,
}

/// What the storage knows of its statistics.
pub(crate) struct StorageStats {
    pub zones: u64,
    pub schemas: u64,
    pub entries: u64,
    pub content: u64,
    pub tables: Vec<TableRows>,
    pub file_bytes: u64,
    pub pages: CacheStats,
    pub records: CacheStats,
    pub commits: CommitStats,
}

impl Storage {
    /// Counts without a walk: a few look-ups.
    pub(crate) fn stats(&self) -> Result<StorageStats> {
        let (state, rows) = self.read_source(|tables, snapshot| {
            let rows =
                Table::ALL.into_iter().map(|table| Ok(TableRows { table: table.name(), rows: tables.len(table)? }));
            Ok((snapshot.store_state()?, rows.collect::<Result<Vec<_>>>()?))
        })?;
        let opened = self.opened()?;
        let rows_of = |table: Table| rows.iter().find(|rows| rows.table == table.name()).map_or(0, |rows| rows.rows);
        Ok(StorageStats {
            zones: state.zones,
            schemas: state.schemas,
            entries: rows_of(Table::Log),
            content: rows_of(Table::Content),
            file_bytes: self.file_bytes(&opened)?,
            pages: opened.database.cache_stats(self.options.page_cache),
            records: RecordCache::stats(&opened.cache),
            commits: self.meter.stats(),
            tables: rows,
        })
    }

    /// Adds up the pages of all tables: reads each of them.
    pub(crate) fn space(&self) -> Result<Space> {
        let tables = self.read_source(|tables, _| {
            Table::ALL.into_iter().map(|table| space_of(tables, table)).collect::<Result<Vec<_>>>()
        })?;
        let file_bytes = self.file_bytes(&*self.opened()?)?;
        let used = tables.iter().map(|table| table.page_bytes).sum();
        Ok(Space { file_bytes, unused_bytes: file_bytes.saturating_sub(used), tables })
    }

    /// The size of the file, or of another storage.
    pub(super) fn file_bytes(&self, opened: &super::Opened) -> Result<u64> {
        let length = match (&opened.file, &self.location) {
            (Some(file), _) => redb::StorageBackend::len(&file.loose),
            (None, Location::Backend(backend)) => backend.len(),
            (None, Location::File(path)) => path.metadata().map(|found| found.len()),
        };
        Ok(length.map_err(|error| ErrorDetail::io(format!("read the size of {}", self.place()), error))?)
    }
}

fn space_of(tables: &ReadTables, table: Table) -> Result<TableSpace> {
    let opened = tables.open(table).map_err(|error| storage_error("read", error))?;
    let stats = opened.stats().map_err(|error| storage_error("read", error))?;
    let page_bytes = stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
    Ok(TableSpace { table: table.name(), rows: tables.len(table)?, row_bytes: stats.stored_bytes(), page_bytes })
}
