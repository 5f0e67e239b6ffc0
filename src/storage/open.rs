//! Opening a store: a file or memory, made if it is not there, and its format checked before anything is written.
//!
//! redb's own recovery of a file that was not closed may write before the format is known.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{Database, DatabaseError, ReadableDatabase, StorageBackend};

use super::cache::RecordCache;
use super::create::{create_file, remove_left_over};
use super::failure::{contained, storage_error};
use super::file::{self, FileId, database_error, io_error, not_a_store};
use super::index::GENERATION;
use super::key::{self, STORE_LOG};
use super::loose::Loose;
use super::row::{CommitsRow, FormatRow, Head, IndexRow, LogsRow, StoreRow};
use super::tables::{ReadTables, WriteTables};
use super::view::View;
use crate::error::{ErrorDetail, ErrorKind, Result};
use crate::hash::EntryHash;
use crate::id::LogId;
use crate::sources::Sources;

/// The version of the file's format.
const FORMAT: u32 = 1;
/// The feature bits that this build knows: none yet.
const FEATURES: u64 = 0;

/// Where the store is kept.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    File(PathBuf),
    /// Anything that reads and writes bytes: memory, or a test's faulty disk.
    Backend(Arc<dyn StorageBackend>),
}

impl Origin {
    /// New, empty memory.
    pub(crate) fn memory() -> Self {
        Self::Backend(Arc::new(redb::backends::InMemoryBackend::new()))
    }
}

/// A file that is open as a store.
#[derive(Clone, Debug)]
pub(super) struct OpenFile {
    /// Which file it is, where that is known.
    pub id: Option<FileId>,
    pub loose: Loose,
}

/// How the file is opened.
#[derive(Clone, Debug)]
pub(crate) struct OpenOptions {
    /// Bytes of the storage engine's page cache.
    pub page_cache: usize,
    /// Whether every page's checksum is verified first.
    pub check_integrity: bool,
    /// Whether a store is made where there is none.
    pub create: bool,
}

/// Opens what is at `origin`, or creates a store there, and tells which file it is.
pub(super) fn open(origin: &Origin, options: &OpenOptions, sources: &Sources) -> Result<(Database, Option<OpenFile>)> {
    contained(|| match origin {
        Origin::File(path) => open_file(path, options, sources),
        Origin::Backend(backend) => {
            let new = backend.len().map_err(|error| io_error("read", Path::new("the storage"), error))? == 0;
            let shared = Shared(backend.clone());
            let database = builder(options)
                .create_with_backend(shared)
                .map_err(|error| database_error("open", Path::new("the storage"), error))?;
            if new && options.create {
                initialise(&database, sources)?
            }
            Ok((finish_opening(database, Path::new("the storage"), options)?, None))
        }
    })
}

pub(super) fn builder(options: &OpenOptions) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(options.page_cache);
    builder
}

fn open_file(path: &Path, options: &OpenOptions, sources: &Sources) -> Result<(Database, Option<OpenFile>)> {
    remove_left_over(path);
    if options.create && !file::is_taken(path)? {
        create_file(path, options, sources)?;
    }
    let file = file::open_file(path)?;
    let failed = |error| database_error("open", path, error);
    let backend = || {
        let shared = file.try_clone().map_err(|error| io_error("open", path, error))?;
        Loose::new(shared).map_err(failed)
    };
    // A file that was closed properly is looked at without a write first. One that was not needs redb's recovery
    // before it can be read at all.
    match builder(options).open_read_only_with_backend(backend()?) {
        Ok(database) => check_format(&database, path)?,
        Err(DatabaseError::RepairAborted) => {}
        Err(error) => return Err(failed(error)),
    }
    let id = file.metadata().ok().and_then(|metadata| FileId::of(&metadata));
    let loose = backend()?;
    let database = builder(options).create_with_backend(loose.clone()).map_err(failed)?;
    Ok((finish_opening(database, path, options)?, Some(OpenFile { id, loose })))
}

fn finish_opening(mut database: Database, path: &Path, options: &OpenOptions) -> Result<Database> {
    check_format(&database, path)?;
    if options.check_integrity {
        database.check_integrity().map_err(|error| database_error("check", path, error))?;
    }
    Ok(database)
}

/// Writes what every store has from the start.
pub(super) fn initialise(database: &Database, sources: &Sources) -> Result<()> {
    let mut transaction = database.begin_write().map_err(|error| storage_error("create the store", error))?;
    transaction.set_two_phase_commit(true);
    {
        let mut tables = WriteTables::open(&transaction).map_err(|error| storage_error("create the store", error))?;
        let (store, log) = (sources.random(b"store"), sources.random(b"store log"));
        let first16 = |bytes: [u8; 32]| bytes.first_chunk::<16>().copied().unwrap_or_default();
        let store_row = StoreRow { store_id: first16(store), cursor_key: sources.random(b"cursor key") };
        let head = Head { log_id: LogId(first16(log)), length: 0, last: EntryHash::NONE };
        tables.put_meta(key::META_FORMAT, &FormatRow { version: FORMAT, features: FEATURES })?;
        tables.put_meta(key::META_STORE, &store_row)?;
        tables.put_meta(key::META_INDEX, &IndexRow { generation: GENERATION })?;
        tables.put_meta(key::META_LOGS, &LogsRow { next: STORE_LOG + 1 })?;
        tables.put_meta(key::META_COMMITS, &CommitsRow { count: 0 })?;
        tables.put_meta(&key::head(STORE_LOG), &head)?;
    }
    transaction.commit().map_err(|error| storage_error("create the store", error))
}

/// Refuses what is not a store, and what a newer build wrote.
fn check_format(database: &impl ReadableDatabase, path: &Path) -> Result<()> {
    let transaction = database.begin_read().map_err(|error| storage_error("open the store", error))?;
    let tables = ReadTables::of(transaction);
    tables.open_all().map_err(|error| match error {
        redb::TableError::Storage(error) => storage_error("open the store", error),
        error => not_a_store(path, &error.to_string()),
    })?;
    let cache = RecordCache::new(0);
    let format = View::new(&tables, &cache, None).meta::<FormatRow>(key::META_FORMAT)?;
    let FormatRow { version, features } = format.ok_or_else(|| not_a_store(path, "its format row is missing"))?;
    if version > FORMAT || version == 0 {
        let (found, known) = (version.into(), FORMAT.into());
        return Err(ErrorDetail::NewerFormat { what: "format version", found, known }.into());
    }
    if features & !FEATURES != 0 {
        return Err(ErrorDetail::NewerFormat { what: "feature bits", found: features, known: FEATURES }.into());
    }
    Ok(())
}

/// What tells the store in a file from others; none if that row is damaged, which is left for `verify` to tell.
pub(super) fn store_id(database: &Database) -> Result<Option<[u8; 16]>> {
    unless_damaged(database, |view| Ok(view.store()?.store_id))
}

/// How often the store was written. Nothing is known of it if that row is damaged or not there yet.
pub(super) fn commits(database: &Database) -> Result<u64> {
    Ok(unless_damaged(database, |view| view.commits())?.unwrap_or(0))
}

fn unless_damaged<T>(database: &Database, read: impl FnOnce(&View<'_>) -> Result<T>) -> Result<Option<T>> {
    contained(|| {
        let transaction = database.begin_read().map_err(|error| storage_error("open the store", error))?;
        match read(&View::new(&ReadTables::of(transaction), &RecordCache::new(0), None)) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            Err(error) => Err(error),
        }
    })
}

/// A backend that outlives the database that uses it, so that a store in memory can be opened again in place.
#[derive(Debug)]
struct Shared(Arc<dyn StorageBackend>);

impl StorageBackend for Shared {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
}
