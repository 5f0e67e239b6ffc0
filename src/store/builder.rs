//! How a store is opened: where time and ids come from, the bounds of its caches, the checks of its file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::PolicyStore;
use crate::engine::Engine;
use crate::engine::compiler::Compiler;
use crate::engine::recent::Recent;
use crate::engine::versions::VersionCache;
use crate::storage::{OpenOptions, Origin, Storage};
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};
use crate::types::limits;
use crate::types::time::Timestamp;

/// Opening.
impl PolicyStore {
    /// Opens the store in the file at `path`, or creates one there, with the defaults of [`PolicyStore::builder`].
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the file is open already, was written by a newer version of
    /// this crate, or cannot be read; [`Invalid`](crate::ErrorKind::Invalid) if it is no store: an empty file, a directory,
    /// a FIFO, a socket or a device is refused before it is opened; [`Corrupt`](crate::ErrorKind::Corrupt) if it is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// Opens a store with other options than the defaults.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// How a store is opened.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::PolicyStore;
/// let store = PolicyStore::builder().compiled_cache_bytes(16 << 20).in_memory()?;
/// # assert!(store.verify()?.is_clean());
/// # Ok(())
/// # }
/// ```
pub struct Builder {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    id_seed: Option<u64>,
    clock_tolerance: Duration,
    check_integrity: bool,
    create: bool,
    page_cache: usize,
    record_cache: usize,
    compiled_cache: usize,
    validation_limit: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            clock: Box::new(Timestamp::now),
            id_seed: None,
            clock_tolerance: Duration::from_secs(24 * 60 * 60),
            check_integrity: true,
            create: true,
            page_cache: 64 << 20,
            record_cache: 32 << 20,
            compiled_cache: 128 << 20,
            validation_limit: limits::VALIDATION_COST,
        }
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// Where time comes from. By default, the operating system.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Makes generated ids the same on every run, for tests. By default they are random; two stores with one seed
    /// have the same ids, cursor keys and log ids.
    pub fn id_seed(mut self, seed: u64) -> Self {
        self.id_seed = Some(seed);
        self
    }

    /// How far a log's last entry may lie ahead of the clock before writes to it are refused: 24 hours by default.
    ///
    /// One write under a clock that was far ahead leaves such an entry, for good. The zone then refuses writes with
    /// [`ClockBehind`](crate::ErrorDetail::ClockBehind) until the clock has come near it, or until the store is opened with a
    /// tolerance that spans the time between: entries are then a microsecond apart, as times in a log only rise.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.clock_tolerance = tolerance;
        self
    }

    /// Whether every page of the file is checked when it is opened: yes by default. It takes about 8 ms for each MB.
    /// Without it, a damaged page is noticed when what lies on it is read, but for what `docs/damage.md` lists: a page that
    /// leads to all tables may be an older one, and a damaged table of free pages may end the process or lead to a write over
    /// pages in use.
    pub fn check_integrity(mut self, check: bool) -> Self {
        self.check_integrity = check;
        self
    }

    /// Whether a store is made where there is none: yes by default. Without it, a mistyped path is an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Bytes for pages of the file: 64 MiB by default.
    pub fn page_cache_bytes(mut self, bytes: usize) -> Self {
        self.page_cache = bytes;
        self
    }

    /// Bytes for what was read and decoded: 32 MiB by default. One half is for entries and content, the other for policy
    /// versions as they are returned.
    pub fn record_cache_bytes(mut self, bytes: usize) -> Self {
        self.record_cache = bytes;
        self
    }

    /// Bytes, roughly, for parsed schemas and policies and for compiled policy sets: 128 MiB by default. A set that
    /// does not fit is compiled anew each time an authorizer is taken.
    pub fn compiled_cache_bytes(mut self, bytes: usize) -> Self {
        self.compiled_cache = bytes;
        self
    }

    /// How much work it may be to validate one policy: its statements times the types of request of the schema, which are, for
    /// each action, its principal types times its resource types. By default 250,000, which take some seconds. A policy over it
    /// is refused as `validation_too_costly` before it is validated; so are policies that a manifest pins under another schema
    /// than their own, if they are over it together and the policy set version was not
    /// [prepared](crate::Zone::prepare_policy_set_version).
    pub fn validation_limit(mut self, statements_times_types: usize) -> Self {
        self.validation_limit = statements_times_types;
        self
    }

    /// Opens the store in the file at `path`, or creates one there. A new file can be read by its owner only.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<PolicyStore> {
        let path = path.as_ref();
        // The directory that a relative path starts from may change before the file is opened again.
        let absolute =
            std::path::absolute(path).map_err(|error| ErrorDetail::io(format!("open `{}`", path.display()), error))?;
        self.open_at(Origin::File(absolute))
    }

    /// A new store in memory, gone with its last handle.
    pub fn in_memory(self) -> Result<PolicyStore> {
        self.open_at(Origin::memory())
    }

    pub(crate) fn open_at(self, origin: Origin) -> Result<PolicyStore> {
        let environment = Environment::new(self.clock, self.id_seed)?;
        let options =
            OpenOptions { page_cache: self.page_cache, check_integrity: self.check_integrity, create: self.create };
        let engine = Engine {
            storage: Storage::open(origin, options, self.record_cache / 2, &environment)?,
            compiler: Compiler::new(self.compiled_cache, self.validation_limit)?,
            recent: Recent::new(),
            versions: VersionCache::new(self.record_cache / 2),
            environment,
            clock_tolerance: i64::try_from(self.clock_tolerance.as_micros()).unwrap_or(i64::MAX),
        };
        Ok(PolicyStore { engine: Arc::new(engine) })
    }
}
