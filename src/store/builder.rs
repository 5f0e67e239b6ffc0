//! Opens a store: its clock, ids, cache sizes and file checks. Does not know the file format.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::PolicyStore;
use super::backup::Restore;
use crate::engine::Engine;
use crate::engine::compiler::Compiler;
use crate::engine::recent::Recent;
use crate::engine::versions::VersionCache;
use crate::storage::{Forget, Location, OpenOptions, Storage};
use crate::types::checkpoint::Checkpoint;
use crate::types::concurrency::Concurrency;
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;
use crate::types::progress::{Observer, Progress};
use crate::types::time::Timestamp;

/// Opening.
impl PolicyStore {
    /// Opens the store in the file at `path`, or creates one there, with the defaults of [`PolicyStore::builder`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the file is already open, was written by a newer version of
    /// this crate, or cannot be read; [`Invalid`](crate::ErrorKind::Invalid) if it is not a store: an empty file, a
    /// directory, a FIFO, a socket or a device is refused before it is opened; [`Corrupt`](crate::ErrorKind::Corrupt)
    /// if it is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// Opens a store with options other than the defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// The options for opening a store.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::PolicyStore;
/// let store = PolicyStore::builder().compiled_cache_bytes(16 << 20).in_memory()?;
/// # assert!(store.verify()?.is_clean());
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it opens a store"]
pub struct Builder {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    id_seed: Option<u64>,
    clock_tolerance: Duration,
    check_integrity: bool,
    create: bool,
    concurrency: Concurrency,
    read_only: bool,
    replica: bool,
    restore: Option<Restore>,
    quick_repair: bool,
    observer: Option<Arc<Observer<'static>>>,
    page_cache: usize,
    record_cache: usize,
    compiled_cache: usize,
    validation_limit: usize,
    not_before: Vec<Checkpoint>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: Box::new(Timestamp::now),
            id_seed: None,
            clock_tolerance: Duration::from_secs(24 * 60 * 60),
            check_integrity: true,
            create: true,
            concurrency: Concurrency::default(),
            read_only: false,
            replica: false,
            restore: None,
            quick_repair: false,
            observer: None,
            page_cache: 64 << 20,
            record_cache: 32 << 20,
            compiled_cache: 128 << 20,
            validation_limit: limits::VALIDATION_COST,
            not_before: Vec::new(),
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// Sets the clock. By default, the operating system's clock.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Generates the same ids on every run, for tests. By default they are random. Two stores with the same seed have
    /// the same ids, cursor keys and log ids.
    pub fn id_seed(mut self, seed: u64) -> Self {
        self.id_seed = Some(seed);
        self
    }

    /// Sets how far the last entry of a log may be ahead of the clock before writes to the log are refused: 24 hours by
    /// default.
    ///
    /// One write under a clock that was far ahead leaves such an entry for good. The zone then refuses writes with
    /// [`ClockBehind`](crate::ErrorDetail::ClockBehind) until the clock is within the tolerance, or until the store is
    /// opened with a larger tolerance. Further entries are then one microsecond apart, because times in a log only
    /// rise.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.clock_tolerance = tolerance;
        self
    }

    /// Sets whether opening checks every page of the file: yes by default. The check takes about 1 ms for each MB.
    /// Without it, a damaged page is found when it is read, except in the cases that `docs/damage.md` lists: the page
    /// that points to all tables may be an older one, and a damaged table of free pages may end the process or let a
    /// write overwrite pages in use.
    pub fn check_integrity(mut self, check: bool) -> Self {
        self.check_integrity = check;
        self
    }

    /// Sets whether a store is created if there is none: yes by default. Without it, a mistyped path is an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Sets how processes share the file: one writes and others read by default, where the platform can do that.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// Opens the store for reading only. Another process may write to it meanwhile: every read sees the newest committed
    /// state, and a [snapshot](PolicyStore::snapshot) holds one. Every write is refused as `read_only`. The file may be on
    /// a medium that cannot be written to.
    ///
    /// A reader never changes the file. So it does not create a store, does not
    /// [check every page](Self::check_integrity), and refuses a file that its writer has not closed and that no process
    /// has open for writing (`needs_writer`). A writer with [`Concurrency::Exclusive`] excludes readers.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use policy_store::{Actor, PolicyStore};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("policies.redb");
    /// let writer = PolicyStore::open(&path)?;
    /// let reader = PolicyStore::builder().read_only().open(&path)?;
    /// let ops = Actor::platform("ops")?;
    /// writer.write(&ops, |w| w.create_zone("acme").map(drop))?;
    /// assert!(reader.zone("acme").is_ok());
    /// assert_eq!(reader.write(&ops, |_| Ok(())).unwrap_err().code(), "read_only");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Sets whether each commit also stores the table of free pages: no by default. Without it, an opening after a crash
    /// reads the whole file to make that table, about 1 ms for each MB, and compares the checksum of every page. With it,
    /// an opening after a crash takes as long as any other, and checks the pages only if
    /// [`check_integrity`](Self::check_integrity) is set; each commit takes about a seventh more.
    pub fn quick_repair(mut self, quick: bool) -> Self {
        self.quick_repair = quick;
        self
    }

    /// Tells `observer` how far the repair and the check at opening are. It stops the opening by returning
    /// [`ControlFlow::Break`], which then fails as [`Stopped`](crate::ErrorKind::Stopped). The storage engine tells of a
    /// repair four times, and of the check of a closed file only when it begins and ends.
    pub fn observer(mut self, observer: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Restores a [backup](PolicyStore::backup): opens it for writing, once. Afterwards it is a store as any other, and is
    /// opened without this option.
    ///
    /// # Errors
    ///
    /// Opening fails with `not_a_backup` if the file is no backup or was restored before. A backup that is opened for
    /// writing without this option is refused as `is_backup`.
    pub fn restore(mut self, restore: Restore) -> Self {
        self.restore = Some(restore);
        self
    }

    /// Sets the cache size for file pages, in bytes: 64 MiB by default.
    pub fn page_cache_bytes(mut self, bytes: usize) -> Self {
        self.page_cache = bytes;
        self
    }

    /// Sets the cache size for decoded records, in bytes: 32 MiB by default. One half is for entries and content, the
    /// other for policy versions as they are returned.
    pub fn record_cache_bytes(mut self, bytes: usize) -> Self {
        self.record_cache = bytes;
        self
    }

    /// Sets the approximate cache size for parsed schemas, parsed policies and compiled policy sets, in bytes: 128 MiB
    /// by default. A policy set that does not fit is compiled again for each authorizer.
    pub fn compiled_cache_bytes(mut self, bytes: usize) -> Self {
        self.compiled_cache = bytes;
        self
    }

    /// Sets the maximum cost of validating one policy: 250,000 by default, which takes some seconds. The cost is the
    /// number of statements times the request types of the schema: for each action, its principal types times its
    /// resource types. A policy over the limit is refused as `validation_too_costly` before it is validated. The limit
    /// also applies to the sum over all policies that a write validates against a schema other than their own, unless
    /// the policy set version was [prepared](crate::Zone::prepare_policy_set_version).
    pub fn validation_limit(mut self, statements_times_types: usize) -> Self {
        self.validation_limit = statements_times_types;
        self
    }

    /// Refuses to open a store that was put back to an older state, or whose history was rewritten, as `older_state`:
    /// every log must have the checkpoints of it that were kept outside the store, for a few reads each. A log that was
    /// erased is compared at its last size only. With a checkpoint, no store is created.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use policy_store::{Actor, PolicyStore};
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("policies.redb");
    /// let (store, ann) = (PolicyStore::open(&path)?, Actor::customer("ann")?);
    /// store.write(&ann, |w| w.create_zone("old").map(drop))?;
    /// drop(store);
    /// std::fs::copy(&path, path.with_extension("copy"))?;
    ///
    /// let store = PolicyStore::open(&path)?;
    /// store.write(&ann, |w| w.create_zone("new").map(drop))?;
    /// let kept = store.checkpoint()?;
    /// drop(store);
    ///
    /// assert!(PolicyStore::builder().not_before([kept]).open(&path).is_ok());
    /// std::fs::rename(path.with_extension("copy"), &path)?;
    /// let refused = PolicyStore::builder().not_before([kept]).open(&path).unwrap_err();
    /// assert_eq!(refused.code(), "older_state");
    /// # Ok(())
    /// # }
    /// ```
    pub fn not_before(mut self, kept: impl IntoIterator<Item = Checkpoint>) -> Self {
        self.not_before.extend(kept);
        self
    }

    /// The same, for a file that follows another store.
    pub(super) fn into_replica(mut self) -> Result<Self> {
        if self.read_only || self.restore.is_some() {
            let option = if self.read_only { "read_only" } else { "restore" };
            return Err(ErrorDetail::invalid("option of a replica", option, "opens the file as something else").into());
        }
        self.replica = true;
        Ok(self)
    }

    /// Opens the store in the file at `path`, or creates one there. Only the owner can read a new file.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<PolicyStore> {
        let path = path.as_ref();
        if self.read_only && self.restore.is_some() {
            return Err(ErrorDetail::invalid("option of a reader", "restore", "needs an opening for writing").into());
        }
        // The working directory may change before the file is opened again.
        let absolute =
            std::path::absolute(path).map_err(|error| ErrorDetail::io(format!("open `{}`", path.display()), error))?;
        self.open_at(Location::File(absolute))
    }

    /// Creates a store in memory. It is dropped with its last handle.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the operating system gives no randomness or no memory.
    pub fn in_memory(mut self) -> Result<PolicyStore> {
        let of_files = [
            ("read_only", self.read_only),
            ("restore", self.restore.is_some()),
            ("not_before", !self.not_before.is_empty()),
        ];
        if let Some((option, _)) = of_files.into_iter().find(|(_, is_set)| *is_set) {
            return Err(ErrorDetail::invalid("option of a store in memory", option, "needs a file").into());
        }
        self.concurrency = Concurrency::Exclusive;
        self.open_at(Location::memory())
    }

    pub(crate) fn open_at(self, location: Location) -> Result<PolicyStore> {
        let environment = Environment::new(self.clock, self.id_seed)?;
        let Self {
            page_cache, check_integrity, create, concurrency, read_only, replica, quick_repair, observer, ..
        } = self;
        let (not_before, restores) = (self.not_before, self.restore.is_some());
        // An empty store replaces neither a missing backup nor one that was there before.
        let create = create && !restores && not_before.is_empty();
        let options = OpenOptions {
            page_cache,
            check_integrity,
            create,
            concurrency,
            read_only,
            restores,
            replica,
            quick_repair,
            observer,
        };
        let compiler = Arc::new(Compiler::new(self.compiled_cache, self.validation_limit)?);
        let recent = Arc::new(Recent::new());
        let versions = Arc::new(VersionCache::new(self.record_cache / 2));
        let forget = {
            let (compiler, recent, versions) = (compiler.clone(), recent.clone(), versions.clone());
            Forget(Box::new(move || {
                compiler.clear();
                recent.clear();
                versions.clear();
            }))
        };
        let engine = Engine {
            storage: Storage::open(location, options, self.record_cache / 2, forget, &environment)?,
            compiler,
            recent,
            versions,
            environment,
            verified: Mutex::default(),
            clock_tolerance: i64::try_from(self.clock_tolerance.as_micros()).unwrap_or(i64::MAX),
        };
        engine.storage.check_not_before(&not_before)?;
        match self.restore {
            Some(Restore::Resume) => engine.storage.resume()?,
            Some(Restore::Fork(actor)) => engine.storage.fork(|| engine.author(&actor, None), &engine.environment)?,
            None => {}
        }
        Ok(PolicyStore { engine: Arc::new(engine) })
    }
}
