//! The format of the file: the rows of a new store, and the versions that this build reads.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use redb::{ConcurrencyMode, Database};

use super::database::Redb;
use super::handle::not_a_store;
use crate::record::FEATURE_TESTS;
use crate::storage::index::derive::GENERATION;
use crate::storage::index::key::{self, STORE_LOG};
use crate::storage::index::row::{
    CommitsRow, FEATURE_ABSENT_LOGS, FormatRow, Head, IndexRow, LogsRow, NextContentRow, Row, StoreRow, version_of,
};
use crate::storage::tables::{Table, TableReader, TableWriter, put_meta};
use crate::storage::{ReadTables, RecordCache, Snapshot, WriteTables, storage_error};
use crate::types::concurrency::Concurrency;
use crate::types::environment::Environment;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::id::LogId;
use crate::types::progress::Observer;

/// The format version that this build writes.
const FORMAT: u32 = 1;
/// The feature bits of reading that this build knows.
const FEATURES: u64 = FEATURE_TESTS | FEATURE_ABSENT_LOGS;
/// The feature bits of writing that this build knows.
const WRITE_FEATURES: u64 = IS_BACKUP;
/// Set in a backup: before the first write, its user must say whether it goes on in place of the original store.
const IS_BACKUP: u64 = 1;

/// Options for opening the file.
#[derive(Clone)]
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
    /// Whether the file is a backup that its opener makes a store.
    pub restores: bool,
    /// Whether the file is a replica: marked as a backup, and extended only by entries of the store that it follows.
    pub replica: bool,
    /// Whether each commit stores what an opening after a crash needs.
    pub quick_repair: bool,
    /// Told how far the opening is.
    pub observer: Option<Arc<Observer<'static>>>,
}

impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
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
pub(in crate::storage) fn initialise(
    database: &Database,
    options: &OpenOptions,
    environment: &Environment,
) -> Result<()> {
    let mut transaction = database.begin_write().map_err(|error| storage_error("create the store", error))?;
    transaction.set_two_phase_commit(true);
    {
        let mut tables = WriteTables::open(&transaction).map_err(|error| storage_error("create the store", error))?;
        let (store, log) = (environment.random(b"store"), environment.random(b"store log"));
        let first16 = |bytes: [u8; 32]| bytes.first_chunk::<16>().copied().unwrap_or_default();
        let store_row = StoreRow { store_id: first16(store), cursor_key: environment.random(b"cursor key") };
        let head = Head::empty(LogId(first16(log)));
        let write_features = if options.replica { IS_BACKUP } else { 0 };
        let format = FormatRow { version: FORMAT, features: 0, write_features };
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

/// Refuses a file that is not a store, one of a newer format, and for writing a backup that is not to be restored.
pub(in crate::storage) fn check_format(database: &Redb, path: &Path, options: &OpenOptions) -> Result<()> {
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
    let row = format_row(&tables)?.ok_or_else(|| not_a_store(path, "its format row is missing"))?;
    check_row(&row)?;
    let place = || format!("`{}`", path.display());
    match (row.write_features & IS_BACKUP != 0, options.restores) {
        (true, false) if !options.read_only && !options.replica => Err(ErrorDetail::IsBackup { place: place() }.into()),
        (false, _) if options.replica => Err(ErrorDetail::NotAReplica { place: place() }.into()),
        (false, true) => Err(ErrorDetail::NotABackup { place: place() }.into()),
        _ => Ok(()),
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
    match (features & !FEATURES, write_features & !WRITE_FEATURES) {
        (0, 0) => Ok(()),
        (0, _) => Err(newer("feature bits of writing", write_features, WRITE_FEATURES)),
        _ => Err(newer("feature bits", features, FEATURES)),
    }
}

/// The value of the format row, for a backup.
pub(in crate::storage) fn marked(value: &[u8]) -> Result<Vec<u8>> {
    let changed = FormatRow::from_value(key::META_FORMAT, value)
        .and_then(|row| FormatRow { write_features: row.write_features | IS_BACKUP, ..row }.to_value(key::META_FORMAT));
    changed.map_err(|problem| ErrorDetail::corrupt("the format", problem).into())
}

/// Refuses a replica that was made a store meanwhile, in another process.
pub(in crate::storage) fn check_marked(tables: &dyn TableReader, place: &str) -> Result<()> {
    match format_row(tables)? {
        Some(row) if row.write_features & IS_BACKUP != 0 => Ok(()),
        _ => Err(ErrorDetail::NotAReplica { place: place.to_owned() }.into()),
    }
}

/// Takes the mark of a backup away.
pub(in crate::storage) fn unmark(tables: &mut dyn TableWriter) -> Result<()> {
    let row = format_row(&*tables)?.ok_or_else(|| ErrorDetail::corrupt("the format", "missing"))?;
    put_meta(tables, key::META_FORMAT, &FormatRow { write_features: row.write_features & !IS_BACKUP, ..row })
}

/// Sets a feature bit of reading, with the first entry that needs it.
pub(in crate::storage) fn add_feature(tables: &mut dyn TableWriter, feature: u64) -> Result<()> {
    let row = format_row(&*tables)?.ok_or_else(|| ErrorDetail::corrupt("the format", "missing"))?;
    if row.features & feature == feature {
        return Ok(());
    }
    put_meta(tables, key::META_FORMAT, &FormatRow { features: row.features | feature, ..row })
}

fn newer(what: &'static str, found: u64, known: u64) -> Error {
    ErrorDetail::NewerFormat { what, found, known }.into()
}
