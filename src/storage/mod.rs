//! The store file: tables, transactions, logs and index rows. No other module calls redb.
//!
//! Knows the shape of entries and rows, and no rule of the domain: callers decide who may write what.

mod as_of;
mod cache;
mod copy;
mod erase;
mod failure;
mod file;
mod held;
mod idempotency;
mod index;
mod log_writer;
mod rebuild;
mod snapshot;
mod tables;
#[cfg(test)]
mod tests;
mod verify;
mod walk;
mod witness;
mod zones;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::ThreadId;
use std::time::Duration;

use cache::RecordCache;
use failure::{Failed, contained, storage_error};
pub(crate) use file::format::OpenOptions;
use file::open::OpenFile;
pub(crate) use file::open::Origin;
pub(crate) use held::HeldSnapshot;
pub(crate) use idempotency::first_entry;
pub(crate) use index::key;
pub(crate) use index::row::{
    BindingOrderRow, IdRow, Latest, PolicyRow, PolicySetRow, PositionRow, Row, SchemaRow, VersionRow, ZoneRow,
    ZoneStateRow,
};
#[cfg(fuzzing)]
pub(crate) use index::row::{EVERY, with_check};
pub(crate) use log_writer::{Author, Imported, LogWriter};
use redb::{Database, ReadableDatabase};
pub(crate) use snapshot::Snapshot;
pub(crate) use tables::Direction;
use tables::{ReadTables, TableReader, WriteTables};
pub use verify::{Finding, Place, Report};

use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};

/// An open store file.
#[derive(Debug)]
pub(crate) struct Storage {
    origin: Origin,
    options: OpenOptions,
    /// The store's random id. Recovery must find the same id in the file.
    store_id: Option<[u8; 16]>,
    /// `None` during a recovery, and after one that failed.
    opened: RwLock<Option<Opened>>,
    /// Held by a write, a rebuild or a recovery: one at a time.
    writer: Mutex<()>,
    /// The thread that holds `writer`.
    writing: Mutex<Option<ThreadId>>,
    failed: Failed,
    /// Budget of the record cache, in bytes.
    cache: usize,
    commits: AtomicU64,
    /// The newest commit count that this handle knows. No read may see a smaller count.
    counted: AtomicU64,
}

/// The open database and its record cache.
#[derive(Clone, Debug)]
struct Opened {
    database: Arc<Database>,
    cache: Arc<RecordCache>,
    /// `None` for a store in memory.
    file: Option<OpenFile>,
}

impl Opened {
    fn new((database, file): (Database, Option<OpenFile>), cache: usize) -> Self {
        Self { database: Arc::new(database), cache: Arc::new(RecordCache::new(cache)), file }
    }
}

impl Storage {
    /// The store's location, for messages.
    pub(crate) fn place(&self) -> String {
        match &self.origin {
            Origin::File(path) => format!("`{}`", path.display()),
            Origin::Backend(_) => "in memory".to_owned(),
        }
    }

    pub(crate) fn open(origin: Origin, options: OpenOptions, cache: usize, environment: &Environment) -> Result<Self> {
        let opened = file::open::open(&origin, &options, environment)?;
        let (store_id, counted) = (file::open::store_id(&opened.0)?, file::open::commits(&opened.0)?);
        let storage = Self {
            origin,
            options: OpenOptions { create: false, ..options },
            store_id,
            opened: RwLock::new(Some(Opened::new(opened, cache))),
            writer: Mutex::new(()),
            writing: Mutex::new(None),
            failed: Failed::default(),
            cache,
            commits: AtomicU64::new(0),
            counted: AtomicU64::new(counted),
        };
        storage.refresh_index()?;
        Ok(storage)
    }

    /// A counter that every commit changes. Values read at one count are valid as long as the count is the same. `None`
    /// during a commit, because readers may see the state before it or after it. An error after a failure, because the
    /// state is unknown.
    pub(crate) fn commits(&self) -> Result<Option<u64>> {
        self.failed.check()?;
        Ok(Some(self.commits.load(Ordering::Acquire)).filter(|commits| commits % 2 == 0))
    }

    /// Reads the newest committed state.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.read_source(|_, snapshot| f(snapshot))
    }

    fn read_source<T>(&self, f: impl FnOnce(&dyn TableReader, &Snapshot<'_>) -> Result<T>) -> Result<T> {
        let (opened, tables, counted) = self.begin_read()?;
        // The transaction ends in the guard: redb may panic then.
        self.failed.guard(move || f(&tables, &Snapshot::new(&tables, &opened.cache, None).not_before(counted)))
    }

    /// Holds the newest committed state.
    pub(crate) fn hold(&self) -> Result<HeldSnapshot> {
        let (Opened { database, cache, .. }, tables, counted) = self.begin_read()?;
        Ok(HeldSnapshot::new(tables, cache, &database, counted))
    }

    /// Begins a read transaction. Takes the snapshot and the cache under one lock, so that no zone is erased between the
    /// two: a cache from before the erasure must not serve a snapshot without the zone, and a snapshot with the zone must
    /// not fill the new cache.
    fn begin_read(&self) -> Result<(Opened, ReadTables, u64)> {
        self.failed.check()?;
        let lock = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let opened = lock.clone().ok_or(ErrorDetail::RecoveryNeeded)?;
        self.failed
            .guard(|| {
                let counted = self.counted.load(Ordering::Acquire);
                let transaction = opened.database.begin_read().map_err(|error| storage_error("read", error))?;
                Ok((ReadTables::of(transaction), counted))
            })
            .map(|(tables, counted)| (opened, tables, counted))
    }

    /// Reads the state of a held snapshot. The file cannot be closed while `f` runs.
    pub(crate) fn read_held<T>(&self, held: &HeldSnapshot, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.failed.check()?;
        held.read(|snapshot| self.failed.guard(|| f(snapshot)))
    }

    /// Runs one write: all entries of `f` become durable, or none.
    ///
    /// If `f` panics, the write is rolled back and the panic resumes.
    pub(crate) fn write<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_and(author, f, Self::commit)
    }

    /// Runs one write that removes data. Reads that begin after it do not see older cached values.
    pub(crate) fn write_and_forget<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_and(author, f, Self::commit_and_forget)
    }

    fn write_and<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
        commit: impl FnOnce(&Self, redb::WriteTransaction, u64) -> Result<()>,
    ) -> Result<T> {
        let _writer = self.lock_writer()?;
        let Opened { database, cache, .. } = self.opened_to_write()?;
        let author = author();
        let transaction = self.failed.guard(|| begin_write(&database))?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let tables = self
                .failed
                .guard(|| WriteTables::open(&transaction).map_err(|error| storage_error("begin the write", error)))?;
            let counted = self.counted.load(Ordering::Acquire);
            self.failed.guard(|| Snapshot::new(&tables, &cache, None).not_before(counted).check_commits())?;
            let mut writer = LogWriter::new(tables, &cache, &self.failed, author);
            let value = f(&mut writer)?;
            Ok((value, writer.finish()?))
        }));
        match outcome {
            // Check again: the closure may have ignored an error about damage.
            Ok(Ok((value, Some(count)))) => match self.opened_to_write() {
                Ok(_) => commit(self, transaction, count).map(|()| value),
                Err(error) => {
                    let _ = self.abort(transaction);
                    Err(error)
                }
            },
            Ok(Ok((value, None))) => self.abort(transaction).map(|()| value),
            Ok(Err(error)) => {
                // Return the first error. A failed abort has marked the handle.
                let _ = self.abort(transaction);
                Err(error)
            }
            Err(panic) => {
                let _ = self.abort(transaction);
                resume_unwind(panic)
            }
        }
    }

    /// Opens the store again in place. `forget` clears the other caches.
    pub(crate) fn recover(&self, environment: &Environment, forget: impl FnOnce()) -> Result<()> {
        let _writer = self.lock_writer()?;
        let taken = self.opened.write().unwrap_or_else(PoisonError::into_inner).take();
        self.failed.set(true);
        if let Some(opened) = taken {
            close(opened, self.failed.has_panicked());
        }
        let opened = file::open::open(&self.origin, &self.options, environment)?;
        if file::open::store_id(&opened.0)? != self.store_id {
            return Err(ErrorDetail::corrupt("the file", "replaced by a different store").into());
        }
        forget();
        // The count can be smaller than before, if the last commit was not durable.
        self.counted.store(file::open::commits(&opened.0)?, Ordering::Release);
        let opened = Opened::new(opened, self.cache);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        self.commits.fetch_add(2, Ordering::Release);
        self.failed.recovered();
        Ok(())
    }

    fn commit(&self, transaction: redb::WriteTransaction, count: u64) -> Result<()> {
        // The counter is odd during a commit: other threads may already see the new state, so values cached at an
        // earlier count may be outdated, and values read now belong to either state. A failed commit counts too,
        // because it may be durable.
        self.commits.fetch_add(1, Ordering::Release);
        let committed = contained(|| transaction.commit().map_err(|error| storage_error("commit", error)));
        match &committed {
            Ok(()) => self.counted.store(count, Ordering::Release),
            Err(error) => self.failed.engine_failed(error),
        }
        self.commits.fetch_add(1, Ordering::Release);
        committed.map_err(|error| ErrorDetail::OutcomeUnknown { source: Box::new(error) }.into())
    }

    /// Commits and replaces the record cache while no read can begin. So each read has the old state with the old
    /// cache, or the new state with the new one.
    fn commit_and_forget(&self, transaction: redb::WriteTransaction, count: u64) -> Result<()> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let committed = self.commit(transaction, count);
        if let Some(opened) = opened.as_mut() {
            opened.cache = Arc::new(RecordCache::new(self.cache));
        }
        committed
    }

    /// Rolls back a write. If that fails, the storage engine's state in memory is unknown.
    fn abort(&self, transaction: redb::WriteTransaction) -> Result<()> {
        let aborted = contained(|| transaction.abort().map_err(|error| storage_error("roll back the write", error)));
        if let Err(error) = &aborted {
            self.failed.engine_failed(error);
        }
        aborted
    }

    fn opened(&self) -> Result<Opened> {
        self.failed.check()?;
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.clone().ok_or_else(|| ErrorDetail::RecoveryNeeded.into())
    }

    /// The same, for a write. Refused after damage was found, or if the path now names another file.
    fn opened_to_write(&self) -> Result<Opened> {
        let opened = self.opened()?;
        self.failed.check_sound()?;
        self.check_file(&opened)?;
        Ok(opened)
    }

    fn check_file(&self, opened: &Opened) -> Result<()> {
        match (&self.origin, opened.file.as_ref().and_then(|file| file.id)) {
            (Origin::File(path), Some(id)) => id.check(path),
            _ => Ok(()),
        }
    }

    fn lock_writer(&self) -> Result<WriterGuard<'_>> {
        let me = std::thread::current().id();
        let writing = || self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if *writing() == Some(me) {
            return Err(ErrorDetail::NestedWrite.into());
        }
        let lock = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        *writing() = Some(me);
        Ok(WriterGuard { writing: &self.writing, _lock: lock })
    }
}

impl Drop for Storage {
    /// Closing writes to the file, and redb may panic on a damaged one.
    fn drop(&mut self) {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(opened) = opened {
            close(opened, self.failed.has_panicked());
        }
    }
}

/// Marks the thread that holds the write lock, so that a nested write is an error and not a deadlock.
struct WriterGuard<'a> {
    writing: &'a Mutex<Option<ThreadId>>,
    _lock: MutexGuard<'a, ()>,
}

impl Drop for WriterGuard<'_> {
    fn drop(&mut self) {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Always commits in two phases: with one phase, a damaged file can silently lose an acknowledged commit.
fn begin_write(database: &Database) -> Result<redb::WriteTransaction> {
    let mut transaction = database.begin_write().map_err(|error| storage_error("begin the write", error))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Closes the database after the reads that still use it. These reads are short, except for `verify` and a copy, and
/// run no code of the caller.
fn close(Opened { mut database, file, .. }: Opened, has_panicked: bool) {
    loop {
        match Arc::try_unwrap(database) {
            Ok(last) if has_panicked => {
                // Dropping it would panic on poisoned locks during a panic, and abort the process.
                std::mem::forget(last);
                if let Some(file) = file {
                    file.loose.close();
                }
                return;
            }
            Ok(last) => {
                // Only redb can panic here. The next open checks the file in any case.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(last)));
                return;
            }
            Err(shared) => {
                database = shared;
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }
}

/// The error of an index row that points to an entry of the wrong kind or id.
pub(crate) fn wrong_row(kind: index::key::RowKind, id: &str) -> crate::types::error::Error {
    ErrorDetail::corrupt(
        format_args!("the {kind:?} row of `{id}`"),
        "index row points to an entry of the wrong kind or id",
    )
    .into()
}
