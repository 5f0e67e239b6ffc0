//! The file: tables, transactions, logs, derived rows. The only room that calls redb.
//!
//! It keeps what it is given and knows the shape of entries and rows, but no rule of the domain: who may write what
//! is decided by its callers.

mod append;
mod cache;
mod copy;
#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod damage_tests;
mod erase;
mod failure;
mod index;
pub(crate) mod key;
mod open;
#[cfg(test)]
mod open_tests;
mod rebuild;
mod replay;
mod report;
mod request;
mod row;
#[cfg(test)]
mod row_tests;
mod tables;
#[cfg(test)]
mod tamper_cases;
#[cfg(test)]
mod tamper_tests;
#[cfg(test)]
mod test_disk;
#[cfg(test)]
mod thread_tests;
mod verify;
mod view;
mod walk;
#[cfg(test)]
mod whole_zone_tests;
mod zones;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::ThreadId;
use std::time::Duration;

use redb::{Database, ReadableDatabase};

pub(crate) use append::{Append, Author, Imported};
use cache::RecordCache;
use failure::{Failed, contained, storage_error};
pub(crate) use open::{OpenOptions, Origin};
pub use report::{Finding, Place, Report};
pub(crate) use request::first_entry;
pub(crate) use row::{
    BindingOrderRow, BindingRow, IdRow, Latest, PolicyRow, PolicySetRow, PositionRow, Row, SchemaRow, StoreStateRow,
    VersionRow, ZoneRow, ZoneStateRow,
};
#[cfg(fuzzing)]
pub(crate) use row::{EVERY, with_check};
pub(crate) use tables::Direction;
use tables::{ReadTables, Source, WriteTables};
pub(crate) use view::View;

use crate::error::{ErrorDetail, Result};
use crate::sources::Sources;

/// An open store file.
#[derive(Debug)]
pub(crate) struct Storage {
    origin: Origin,
    options: OpenOptions,
    /// What tells this store from others: what is opened again must be the same.
    store_id: Option<[u8; 16]>,
    /// `None` while it is being opened again.
    opened: RwLock<Option<Opened>>,
    /// Held by the one write, or by a recovery.
    writer: Mutex<()>,
    /// The thread that holds `writer`.
    writing: Mutex<Option<ThreadId>>,
    failed: Failed,
    /// Bytes for what was read.
    cache: usize,
    commits: AtomicU64,
}

/// The open file, and what was read from it.
#[derive(Clone, Debug)]
struct Opened {
    database: Arc<Database>,
    cache: Arc<RecordCache>,
}

impl Opened {
    fn new(database: Database, cache: usize) -> Self {
        Self { database: Arc::new(database), cache: Arc::new(RecordCache::new(cache)) }
    }
}

impl Storage {
    pub(crate) fn open(origin: Origin, options: OpenOptions, cache: usize, sources: &Sources) -> Result<Self> {
        let database = open::open(&origin, &options, sources)?;
        let store_id = open::store_id(&database)?;
        let storage = Self {
            origin,
            options: OpenOptions { create: false, ..options },
            store_id,
            opened: RwLock::new(Some(Opened::new(database, cache))),
            writer: Mutex::new(()),
            writing: Mutex::new(None),
            failed: Failed::default(),
            cache,
            commits: AtomicU64::new(0),
        };
        storage.refresh_index()?;
        Ok(storage)
    }

    /// A count that every commit moves: what was read at one count is still so at the same count. None while a commit is
    /// under way, as readers may see the state before it or the one after. After a failure nothing is known to be so.
    pub(crate) fn commits(&self) -> Result<Option<u64>> {
        self.failed.check()?;
        Ok(Some(self.commits.load(Ordering::Acquire)).filter(|commits| commits % 2 == 0))
    }

    /// Reads at one point in time.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.read_source(|source, cache| f(&View::new(source, cache, None)))
    }

    fn read_source<T>(&self, f: impl FnOnce(&dyn Source, &RecordCache) -> Result<T>) -> Result<T> {
        self.failed.check()?;
        // Under the lock, so that nothing is erased between the snapshot and the cache: what was read before must not
        // answer in a snapshot from which it is gone, nor be kept for those that come after.
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let Opened { database, cache } = opened.clone().ok_or(ErrorDetail::RecoveryNeeded)?;
        self.failed.guard(|| {
            let transaction = database.begin_read().map_err(|error| storage_error("read", error))?;
            drop(opened);
            f(&ReadTables::of(transaction), &cache)
        })
    }

    /// Writes once: what `f` appended becomes durable as a whole, or nothing does.
    ///
    /// A panic in `f` leaves nothing behind and goes on after that.
    pub(crate) fn write<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut Append<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_and(author, f, Self::commit)
    }

    /// Writes once, and takes something away: no read that begins after it is answered from what was read before.
    pub(crate) fn write_and_forget<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut Append<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_and(author, f, Self::commit_and_forget)
    }

    fn write_and<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut Append<'_>) -> Result<T>,
        commit: impl FnOnce(&Self, redb::WriteTransaction) -> Result<()>,
    ) -> Result<T> {
        let _writer = self.lock_writer()?;
        let Opened { database, cache } = self.opened()?;
        let author = author();
        let transaction = self.failed.guard(|| begin_write(&database))?;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let tables = self
                .failed
                .guard(|| WriteTables::open(&transaction).map_err(|error| storage_error("begin the write", error)))?;
            let mut append = Append::new(tables, &cache, &self.failed, author);
            let value = f(&mut append)?;
            Ok((value, append.finish()?))
        }));
        match outcome {
            Ok(Ok((value, true))) => commit(self, transaction).map(|()| value),
            Ok(Ok((value, false))) => self.abort(transaction).map(|()| value),
            Ok(Err(error)) => {
                // The first error is the one that tells; a failing abort has marked the handle.
                let _ = self.abort(transaction);
                Err(error)
            }
            Err(panic) => {
                let _ = self.abort(transaction);
                resume_unwind(panic)
            }
        }
    }

    /// Opens the store again in its place, after a failure. `forget` clears what else was kept of reads.
    pub(crate) fn recover(&self, sources: &Sources, forget: impl FnOnce()) -> Result<()> {
        let _writer = self.lock_writer()?;
        let taken = self.opened.write().unwrap_or_else(PoisonError::into_inner).take();
        self.failed.set(true);
        if let Some(Opened { database, .. }) = taken {
            close(database);
        }
        let database = open::open(&self.origin, &self.options, sources)?;
        if open::store_id(&database)? != self.store_id {
            return Err(ErrorDetail::corrupt("the file", "another store has taken its place").into());
        }
        forget();
        let opened = Opened::new(database, self.cache);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(opened);
        self.commits.fetch_add(2, Ordering::Release);
        self.failed.set(false);
        Ok(())
    }

    fn commit(&self, transaction: redb::WriteTransaction) -> Result<()> {
        // Odd while it is under way: what was remembered at an earlier count may be out of date as soon as another
        // thread can see the commit, and what is read meanwhile may be so at the end. Counted even if it fails, as it may
        // be durable all the same.
        self.commits.fetch_add(1, Ordering::Release);
        let committed = contained(|| transaction.commit().map_err(|error| storage_error("commit", error)));
        if committed.is_err() {
            self.failed.set(true);
        }
        self.commits.fetch_add(1, Ordering::Release);
        committed.map_err(|error| ErrorDetail::OutcomeUnknown { source: Box::new(error) }.into())
    }

    /// No read begins meanwhile. So each has either the state before and what was read of it, or the state after and nothing
    /// else.
    fn commit_and_forget(&self, transaction: redb::WriteTransaction) -> Result<()> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let committed = self.commit(transaction);
        if let Some(opened) = opened.as_mut() {
            opened.cache = Arc::new(RecordCache::new(self.cache));
        }
        committed
    }

    /// Gives up a write. What the storage engine holds in memory after a failure here is not known.
    fn abort(&self, transaction: redb::WriteTransaction) -> Result<()> {
        let aborted = contained(|| transaction.abort().map_err(|error| storage_error("give up the write", error)));
        if aborted.is_err() {
            self.failed.set(true);
        }
        aborted
    }

    fn opened(&self) -> Result<Opened> {
        self.failed.check()?;
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.clone().ok_or_else(|| ErrorDetail::RecoveryNeeded.into())
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
    /// Closing writes, and the storage engine may panic in it on a damaged file.
    fn drop(&mut self) {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Opened { database, .. }) = opened {
            close(database);
        }
    }
}

/// Marks the thread that writes for as long as it does.
struct WriterGuard<'a> {
    writing: &'a Mutex<Option<ThreadId>>,
    _lock: MutexGuard<'a, ()>,
}

impl Drop for WriterGuard<'_> {
    fn drop(&mut self) {
        *self.writing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Two phases on every commit: with one, a damaged file can silently lose an acknowledged commit.
fn begin_write(database: &Database) -> Result<redb::WriteTransaction> {
    let mut transaction = database.begin_write().map_err(|error| storage_error("begin the write", error))?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

/// Closes the database as soon as the reads that still use it have ended. They are short, but for a check and a copy, and
/// run none of the caller's code.
fn close(mut database: Arc<Database>) {
    loop {
        match Arc::try_unwrap(database) {
            Ok(last) => {
                // A panic in here would be redb's; the file is opened and checked again in any case.
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

/// The error of a row that leads to an entry of something else.
pub(crate) fn astray(tag: key::Tag, id: &str) -> crate::error::Error {
    ErrorDetail::corrupt(format_args!("the {tag:?} row of `{id}`"), "it leads to an entry of something else").into()
}
