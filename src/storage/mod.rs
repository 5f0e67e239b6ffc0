//! The store file: tables, transactions, logs and index rows. No other module calls redb.
//!
//! Knows the shape of entries and rows, and no rule of the domain: callers decide who may write what.

mod apply;
mod as_of;
mod backup;
mod batch;
mod cache;
mod checkpoint;
mod compact;
mod content;
mod copy;
#[cfg(fuzzing)]
#[path = "tests/disk.rs"]
mod disk;
mod erase;
mod failure;
mod features;
mod file;
mod follow;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod group;
mod held;
mod idempotency;
mod index;
#[cfg(feature = "attestation")]
mod kept;
mod log_end;
mod log_writer;
mod meter;
mod names;
mod nodes;
mod opened;
mod part;
mod past;
mod point;
mod rebuild;
mod replicate;
mod restore;
mod rows;
mod seal;
mod snapshot;
mod stats;
mod sync;
mod tables;
#[cfg(test)]
mod tests;
mod tiles;
mod times;
mod verify;
mod wait;
mod walk;
mod witness;
mod write;
mod zones;

use std::sync::{Arc, PoisonError};

use cache::RecordCache;
use failure::{Failed, storage_error};
pub(crate) use file::format::OpenOptions;
pub(crate) use file::open::Location;
use follow::Followed;
use group::Groups;
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
pub use meter::CommitStats;
use meter::Meter;
use opened::{Opened, close};
pub use part::LogPart;
pub(crate) use point::Point;
pub(crate) use replicate::Replicated;
pub use replicate::{LogRange, ReplicaSource};
pub(crate) use seal::Sealed;
pub(crate) use snapshot::Snapshot;
pub use stats::{Space, TableRows, TableSpace};
use sync::{AtomicU64, Mutex, MutexGuard, Ordering, RwLock, ThreadId, thread};
pub(crate) use tables::Direction;
use tables::{ReadTables, TableReader, WriteTables};
pub use verify::{Finding, Place, Report, VerifiedLog};
use wait::Signal;

use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};

/// An open store file.
#[derive(Debug)]
pub(crate) struct Storage {
    location: Location,
    options: OpenOptions,
    /// The store's random id. Recovery must find the same id in the file.
    store_id: Mutex<Option<[u8; 16]>>,
    /// `None` during a recovery, and after one that failed.
    opened: RwLock<Option<Arc<Opened>>>,
    /// Held by the closure of a write, a rebuild or a recovery: one at a time.
    writer: Mutex<()>,
    /// The thread that holds `writer`.
    writing: Mutex<Option<ThreadId>>,
    groups: Groups,
    failed: Failed,
    /// Budget of the record cache, in bytes.
    cache: usize,
    commits: AtomicU64,
    /// Whether other processes can commit.
    follows: bool,
    followed: Followed,
    forget: Forget,
    meter: Meter,
    /// Given after each commit.
    signal: Signal,
}

/// Clears the caches beside the record cache: a zone was erased, or the file was opened again.
pub(crate) struct Forget(pub Box<dyn Fn() + Send + Sync>);

impl Forget {
    /// For a store without other caches.
    fn nothing() -> Self {
        Self(Box::new(|| ()))
    }
}

impl std::fmt::Debug for Forget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Forget")
    }
}

impl Storage {
    /// The store's location, for messages.
    pub(crate) fn place(&self) -> String {
        self.location.to_string()
    }

    pub(crate) fn open(
        location: Location,
        options: OpenOptions,
        cache: usize,
        forget: Forget,
        environment: &Environment,
    ) -> Result<Self> {
        span!(INFO, "open", store = location);
        let opened = file::open::open(&location, &options, environment)?;
        let (store_id, counted) = (file::open::store_id(&opened.0)?, file::open::commits(&opened.0)?);
        let storage = Self {
            location,
            follows: options.follows(),
            options: OpenOptions { create: false, restores: false, observer: None, ..options },
            store_id: Mutex::new(store_id),
            opened: RwLock::new(Some(Arc::new(Opened::new(opened, counted, cache)))),
            writer: Mutex::new(()),
            writing: Mutex::new(None),
            groups: Groups::default(),
            failed: Failed::default(),
            cache,
            commits: AtomicU64::new(0),
            followed: Followed::default(),
            forget,
            meter: Meter::default(),
            signal: Signal::default(),
        };
        storage.refresh_index()?;
        Ok(storage)
    }

    /// A counter that every commit changes. Values read at one count are valid as long as the count is the same. `None`
    /// during a commit, because readers may see the state before it or after it. An error after a failure, because the
    /// state is unknown.
    pub(crate) fn commits(&self) -> Result<Option<u64>> {
        self.failed.check()?;
        if self.follows {
            self.begin_followed_read()?;
        }
        Ok(Some(self.commits.load(Ordering::Acquire)).filter(|commits| commits % 2 == 0))
    }

    /// Reads the newest committed state.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.read_source(|_, snapshot| f(snapshot))
    }

    fn read_source<T>(&self, f: impl FnOnce(&ReadTables, &Snapshot<'_>) -> Result<T>) -> Result<T> {
        let (opened, tables) = self.begin_read()?;
        // The state may be released in the guard: redb may panic then.
        self.failed.guard(move || f(&tables, &Snapshot::new(&*tables, &opened.cache, None).not_before(opened.counted)))
    }

    /// Holds the newest committed state.
    pub(crate) fn hold(&self) -> Result<HeldSnapshot> {
        let (opened, tables) = self.begin_read()?;
        Ok(HeldSnapshot::new(&opened, tables))
    }

    /// The newest committed state, and its tables. Takes both and the cache under one lock, so that no zone is erased
    /// between the three: a cache from before the erasure must not serve a state without the zone, and a state with the
    /// zone must not fill the new cache.
    fn begin_read(&self) -> Result<(Arc<Opened>, Arc<ReadTables>)> {
        self.failed.check()?;
        if self.follows {
            return self.begin_followed_read();
        }
        let lock = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        let opened = lock.clone().ok_or(ErrorDetail::RecoveryNeeded)?;
        let tables = self.failed.guard(|| opened.tables())?;
        Ok((opened, tables))
    }

    /// Reads the state of a held snapshot. The file cannot be closed while `f` runs.
    pub(crate) fn read_held<T>(&self, held: &HeldSnapshot, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.failed.check()?;
        held.read(|snapshot| self.failed.guard(|| f(snapshot)))
    }

    /// Opens the store again in place.
    pub(crate) fn recover(&self, environment: &Environment) -> Result<()> {
        span!(INFO, "recover", store = self.place());
        let recovered = self.reopen(environment);
        // A wait goes on in the state that was found, or fails as any read.
        self.signal.give();
        recovered
    }

    fn reopen(&self, environment: &Environment) -> Result<()> {
        let _writer = self.lock_writer_alone()?;
        let taken = self.opened.write().unwrap_or_else(PoisonError::into_inner).take();
        self.failed.set(true);
        if let Some(opened) = taken {
            close(opened, self.failed.has_panicked(), false);
        }
        let opened = file::open::open(&self.location, &self.options, environment)?;
        if file::open::store_id(&opened.0)? != *self.store_id.lock().unwrap_or_else(PoisonError::into_inner) {
            return Err(ErrorDetail::corrupt("the file", "replaced by a different store").into());
        }
        self.follow_anew();
        (self.forget.0)();
        // The count can be smaller than before, if the last commit was not durable.
        let counted = file::open::commits(&opened.0)?;
        let opened = Opened::new(opened, counted, self.cache);
        *self.opened.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(opened));
        // The next even number. It is odd after a panic in a commit.
        let commits = self.commits.load(Ordering::Acquire);
        self.commits.store((commits | 1) + 1, Ordering::Release);
        self.failed.recovered();
        Ok(())
    }

    fn set_store_id(&self, id: Option<[u8; 16]>) {
        *self.store_id.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }

    fn opened(&self) -> Result<Arc<Opened>> {
        self.failed.check()?;
        let opened = self.opened.read().unwrap_or_else(PoisonError::into_inner);
        opened.clone().ok_or_else(|| ErrorDetail::RecoveryNeeded.into())
    }

    /// The same, for a write. Refused after damage was found, or if the path now names another file.
    fn opened_to_write(&self) -> Result<Arc<Opened>> {
        if self.options.replica {
            return Err(ErrorDetail::IsReplica { place: self.place() }.into());
        }
        self.opened_to_replicate()
    }

    /// The same, for entries of the store that this one follows.
    fn opened_to_replicate(&self) -> Result<Arc<Opened>> {
        let opened = self.opened()?;
        self.check_writable(&opened)?;
        self.failed.check_sound()?;
        self.check_file(&opened)?;
        Ok(opened)
    }

    fn check_writable(&self, opened: &Opened) -> Result<()> {
        if opened.database.is_reader() { Err(ErrorDetail::ReadOnly { place: self.place() }.into()) } else { Ok(()) }
    }

    fn check_file(&self, opened: &Opened) -> Result<()> {
        match (&self.location, opened.file.as_ref().and_then(|file| file.id)) {
            (Location::File(path), Some(id)) => id.check(path),
            _ => Ok(()),
        }
    }

    fn lock_writer(&self) -> Result<WriterGuard<'_>> {
        let me = thread::current().id();
        let writing = || self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        if *writing() == Some(me) {
            return Err(ErrorDetail::NestedWrite.into());
        }
        let lock = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        *writing() = Some(me);
        Ok(WriterGuard { writing: &self.writing, _lock: lock })
    }

    /// The same, with no commit under way and no write that waits for one.
    fn lock_writer_alone(&self) -> Result<WriterGuard<'_>> {
        let guard = self.lock_writer()?;
        self.groups.drain();
        Ok(guard)
    }
}

impl Drop for Storage {
    /// Closing writes to the file, and redb may panic on a damaged one.
    fn drop(&mut self) {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(opened) = opened {
            // A failed handle changes its file no further, nor a file that the path does not name.
            let sound = self.failed.check_sound().is_ok() && self.check_file(&opened).is_ok();
            close(opened, self.failed.has_panicked(), sound);
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

/// The error of an index row that points to an entry of the wrong kind or id.
pub(crate) fn wrong_row(kind: index::key::RowKind, id: &str) -> crate::types::error::Error {
    ErrorDetail::corrupt(
        format_args!("the {kind:?} row of `{id}`"),
        "index row points to an entry of the wrong kind or id",
    )
    .into()
}
