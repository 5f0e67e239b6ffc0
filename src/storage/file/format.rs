//! The format of the file: the rows of a new store, and the versions that this build reads.

use std::path::Path;

use redb::{ConcurrencyMode, Database};

use super::database::Redb;
use super::handle::not_a_store;
use crate::storage::index::derive::GENERATION;
use crate::storage::index::key::{self, STORE_LOG};
use crate::storage::index::row::{
    CommitsRow, FormatRow, Head, IndexRow, LogsRow, NextContentRow, StoreRow, version_of,
};
use crate::storage::tables::{Table, TableReader};
use crate::storage::{ReadTables, RecordCache, Snapshot, WriteTables, storage_error};
use crate::types::concurrency::Concurrency;
use crate::types::environment::Environment;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::id::LogId;

/// The format version that this build writes.
const FORMAT: u32 = 1;
/// The feature bits that this build knows: none.
const FEATURES: u64 = 0;

/// Options for opening the file.
#[derive(Clone, Debug)]
pub(crate) struct OpenOptions {
    /// Size of the storage engine's page cache, in bytes.
    pub page_cache: usize,
    /// Whether to verify the checksum of every file page first.
    pub check_integrity: bool,
    /// Whether to create a missing store.
    pub create: bool,
    /// How processes share the file.
    pub concurrency: Concurrency,
    /// Whether to open for reading only.
    pub read_only: bool,
}

impl OpenOptions {
    /// Whether other processes can commit.
    pub(in crate::storage) fn follows(&self) -> bool {
        match self.concurrency {
            Concurrency::Exclusive => false,
            Concurrency::SingleWriter => self.read_only,
            Concurrency::MultiWriter => true,
        }
    }
}

pub(in crate::storage) fn builder(options: &OpenOptions) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(options.page_cache);
    builder.set_concurrency_mode(match options.concurrency {
        Concurrency::Exclusive => ConcurrencyMode::ExclusiveWriter,
        Concurrency::SingleWriter => ConcurrencyMode::SingleWriter,
        Concurrency::MultiWriter => ConcurrencyMode::MultiWriter,
    });
    builder
}

/// Writes the rows of a new store.
pub(in crate::storage) fn initialise(database: &Database, environment: &Environment) -> Result<()> {
    let mut transaction = database.begin_write().map_err(|error| storage_error("create the store", error))?;
    transaction.set_two_phase_commit(true);
    {
        let mut tables = WriteTables::open(&transaction).map_err(|error| storage_error("create the store", error))?;
        let (store, log) = (environment.random(b"store"), environment.random(b"store log"));
        let first16 = |bytes: [u8; 32]| bytes.first_chunk::<16>().copied().unwrap_or_default();
        let store_row = StoreRow { store_id: first16(store), cursor_key: environment.random(b"cursor key") };
        let head = Head::empty(LogId(first16(log)));
        let format = FormatRow { version: FORMAT, features: FEATURES, write_features: FEATURES };
        tables.put_meta(key::META_FORMAT, &format)?;
        tables.put_meta(key::META_STORE, &store_row)?;
        tables.put_meta(key::META_INDEX, &IndexRow { generation: GENERATION })?;
        tables.put_meta(key::META_LOGS, &LogsRow { next: STORE_LOG + 1 })?;
        tables.put_meta(key::META_COMMITS, &CommitsRow { count: 0 })?;
        tables.put_meta(key::META_CONTENT, &NextContentRow { next: 0 })?;
        tables.put_meta(&key::head(STORE_LOG), &head)?;
    }
    transaction.commit().map_err(|error| storage_error("create the store", error))
}

/// Refuses a file that is not a store, and one of a newer format.
pub(in crate::storage) fn check_format(database: &Redb, path: &Path) -> Result<()> {
    let tables = ReadTables::of(database.begin_read()?);
    let table_error = |error| match error {
        redb::TableError::Storage(error) => storage_error("open the store", error),
        error => not_a_store(path, &error.to_string()),
    };
    // A later version may have other tables, and more in this row. Its key, its check and the version stay.
    tables.open(Table::Meta).map_err(table_error)?;
    check_version(&tables)?;
    tables.open_all().map_err(table_error)?;
    tables.check_roots()?;
    match format_row(&tables)? {
        Some(row) => check_row(&row),
        None => Err(not_a_store(path, "its format row is missing")),
    }
}

/// Refuses the rows of a store that a newer build has written to since it was opened.
pub(in crate::storage) fn check_rows(tables: &dyn TableReader) -> Result<()> {
    check_version(tables)?;
    match format_row(tables)? {
        Some(row) => check_row(&row),
        None => Err(ErrorDetail::corrupt("the format", "missing").into()),
    }
}

fn format_row(tables: &dyn TableReader) -> Result<Option<FormatRow>> {
    Snapshot::new(tables, &RecordCache::new(0), None).meta::<FormatRow>(key::META_FORMAT)
}

/// Reads no more of the row than all versions have.
fn check_version(tables: &dyn TableReader) -> Result<()> {
    let mut found = None;
    tables.get(Table::Meta, key::META_FORMAT, &mut |value| found = version_of(key::META_FORMAT, value))?;
    match found {
        Some(found) if found > FORMAT => Err(newer("format version", found.into(), FORMAT.into())),
        _ => Ok(()),
    }
}

fn check_row(&FormatRow { version, features, write_features }: &FormatRow) -> Result<()> {
    if version > FORMAT || version == 0 {
        return Err(newer("format version", version.into(), FORMAT.into()));
    }
    // A build that could read the file, but not write it, does not open it either: every opening may write.
    let bits = features | write_features;
    if bits & !FEATURES != 0 { Err(newer("feature bits", bits, FEATURES)) } else { Ok(()) }
}

fn newer(what: &'static str, found: u64, known: u64) -> Error {
    ErrorDetail::NewerFormat { what, found, known }.into()
}
