//! Opens or creates a store in a file or in memory. Checks the format before anything is written.
//!
//! An exception is a file that was not closed: redb's recovery may write before the format is known.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::{DatabaseError, StorageBackend};

use super::create::{create_file, remove_left_over};
use super::database::Redb;
use super::format::{builder, check_format, initialise};
use super::handle::{self, FileId, database_error, io_error};
use super::loose::Loose;
use super::opening::Opening;
use crate::storage::OpenOptions;
use crate::storage::cache::RecordCache;
use crate::storage::failure::contained;
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::ReadTables;
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, ErrorKind, Result};

/// Bytes of the largest file that is compacted when it is closed: at most about a second.
const COMPACTED_BYTES: u64 = 256 << 20;
/// The name of a storage that is no file, in messages.
const STORAGE: &str = "the storage";
/// Bytes by which a file must have grown to be compacted when it is closed.
const GROWN_BYTES: u64 = 4 << 20;

/// The place of a store.
#[derive(Clone, Debug)]
pub(crate) enum Location {
    File(PathBuf),
    /// Another storage backend: memory, or the faulty disk of a test.
    Backend(Arc<dyn StorageBackend>),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Backend(_) => f.write_str("in memory"),
        }
    }
}

impl Location {
    /// New, empty memory.
    pub(crate) fn memory() -> Self {
        Self::Backend(Arc::new(redb::backends::InMemoryBackend::new()))
    }
}

/// The open file of a store.
#[derive(Clone, Debug)]
pub(in crate::storage) struct OpenFile {
    /// The file's identity, where the system provides it.
    pub id: Option<FileId>,
    pub loose: Loose,
    /// Its length when it was opened.
    pub length: u64,
}

impl OpenFile {
    /// Whether the file has grown so much since it was opened that it is worth the time to give back what the storage
    /// engine has not used of it: it doubles the file when it is full.
    pub(in crate::storage) fn has_room(&self) -> bool {
        let grown = |length: u64| length <= COMPACTED_BYTES && length.saturating_sub(self.length) >= GROWN_BYTES;
        self.loose.len().is_ok_and(grown)
    }
}

/// Opens or creates the store at `location`. Returns the file too, if it is in one.
pub(in crate::storage) fn open(
    location: &Location,
    options: &OpenOptions,
    environment: &Environment,
) -> Result<(Redb, Option<OpenFile>)> {
    Opening::run(options, |opening| match (location, options.read_only) {
        (Location::File(path), true) => open_file_to_read(path, options),
        (Location::File(path), false) => open_file(path, opening, options, environment),
        (Location::Backend(backend), true) => {
            Ok((open_to_read(Loose::of(backend.clone()), Path::new(STORAGE), options)?, None))
        }
        (Location::Backend(backend), false) => {
            let path = Path::new(STORAGE);
            let new = backend.len().map_err(|error| io_error("read", path, error))? == 0;
            let database = opening.database(Loose::of(backend.clone()), path)?;
            if new && options.create {
                initialise(&database, options, environment)?
            }
            Ok((opening.finish(database, path)?, None))
        }
    })
}

/// Opens a store for reading only, and changes nothing at its place.
fn open_file_to_read(path: &Path, options: &OpenOptions) -> Result<(Redb, Option<OpenFile>)> {
    let file = handle::open_file(path, true)?;
    let id = file.metadata().ok().and_then(|metadata| FileId::of(&metadata));
    let loose = Loose::new(file).map_err(|error| database_error("open", path, error))?;
    let database = open_to_read(loose.clone(), path, options)?;
    Ok((database, Some(OpenFile { id, loose, length: u64::MAX })))
}

fn open_to_read(backend: impl StorageBackend, path: &Path, options: &OpenOptions) -> Result<Redb> {
    let database = match builder(options).open_read_only_with_backend(backend) {
        Ok(database) => Redb::Reader(database),
        Err(DatabaseError::RepairAborted) => {
            let reason = "it was not closed";
            return Err(ErrorDetail::NeedsWriter { place: format!("`{}`", path.display()), reason }.into());
        }
        Err(error) => return Err(database_error("open", path, error)),
    };
    check_format(&database, path, options)?;
    Ok(database)
}

fn open_file(
    path: &Path,
    opening: &Opening<'_>,
    options: &OpenOptions,
    environment: &Environment,
) -> Result<(Redb, Option<OpenFile>)> {
    remove_left_over(path);
    if options.create && !handle::is_taken(path)? {
        create_file(path, options, environment)?;
    }
    let file = handle::open_file(path, false)?;
    let failed = |error| database_error("open", path, error);
    let backend = || {
        let shared = file.try_clone().map_err(|error| io_error("open", path, error))?;
        Loose::new(shared).map_err(failed)
    };
    // Check the format of a cleanly closed file without a write. Any other file needs redb's recovery before it can be
    // read.
    match builder(options).open_read_only_with_backend(backend()?) {
        Ok(database) => check_format(&Redb::Reader(database), path, options)?,
        Err(DatabaseError::RepairAborted) => {}
        Err(error) => return Err(failed(error)),
    }
    let id = file.metadata().ok().and_then(|metadata| FileId::of(&metadata));
    let loose = backend()?;
    let database = opening.database(loose.clone(), path)?;
    let database = opening.finish(database, path)?;
    let length = loose.len().map_err(|error| io_error("read", path, error))?;
    Ok((database, Some(OpenFile { id, loose, length })))
}

/// The store's id; `None` if its row is damaged. `verify` reports that damage.
pub(in crate::storage) fn store_id(database: &Redb) -> Result<Option<[u8; 16]>> {
    unless_damaged(database, |snapshot| Ok(snapshot.store()?.store_id))
}

/// The commit count; 0 if its row is damaged or missing.
pub(in crate::storage) fn commits(database: &Redb) -> Result<u64> {
    Ok(unless_damaged(database, |snapshot| snapshot.commits())?.unwrap_or(0))
}

fn unless_damaged<T>(database: &Redb, read: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<Option<T>> {
    contained(|| {
        let transaction = database.begin_read()?;
        match read(&Snapshot::new(&ReadTables::of(transaction), &RecordCache::new(0), None)) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(None),
            Err(error) => Err(error),
        }
    })
}
