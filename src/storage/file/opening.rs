//! Opens a database for writing: the storage engine repairs a file that was not closed, and checks every page. Tells an
//! observer how far that is.

use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use redb::{Database, RepairSession, StorageBackend};

use super::database::Redb;
use super::format::{OpenOptions, builder, check_format};
use super::handle::database_error;
use crate::storage::failure::contained;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::progress::{Observer, Progress, Stop, Work, tell};

/// The whole of the work, in its unit.
const ALL: u64 = 100;

/// An opening under way.
pub(in crate::storage) struct Opening<'a> {
    options: &'a OpenOptions,
    told: Arc<Told>,
}

/// The part that the storage engine's callback has.
struct Told {
    observer: Option<Arc<Observer<'static>>>,
    /// Whether the engine repairs the file. A repair compares the checksums of all pages, as the check does.
    repairs: AtomicBool,
    stop: Mutex<Option<Stop>>,
}

impl Told {
    /// `false` if the observer stops the work.
    fn tell(&self, done: u64) -> bool {
        let Some(observer) = &self.observer else { return true };
        match tell(&**observer, Progress { work: Work::Open, done, total: ALL }) {
            Ok(()) => true,
            Err(stop) => {
                self.stop.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(stop);
                false
            }
        }
    }

    fn repairing(&self, session: &mut RepairSession) {
        self.repairs.store(true, Ordering::Relaxed);
        // Between 0 and 1.
        let done = session.progress() * ALL as f64;
        if !self.tell((done as u64).min(ALL)) {
            session.abort();
        }
    }
}

impl<'a> Opening<'a> {
    /// Runs an opening. A panic of the observer goes on when it has ended.
    pub(in crate::storage) fn run<T>(options: &'a OpenOptions, open: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let (repairs, stop) = (AtomicBool::new(false), Mutex::default());
        let opening = Self { options, told: Arc::new(Told { observer: options.observer.clone(), repairs, stop }) };
        let opened = contained(|| open(&opening));
        match opening.told.stop.lock().unwrap_or_else(PoisonError::into_inner).take() {
            None => opened,
            Some(Stop { panic: Some(panic) }) => resume_unwind(panic),
            Some(Stop { panic: None }) => Err(stopped()),
        }
    }

    /// Opens the database, or creates one in an empty storage.
    pub(in crate::storage) fn database(&self, storage: impl StorageBackend, path: &Path) -> Result<Database> {
        self.tell(0)?;
        let mut builder = builder(self.options);
        let told = self.told.clone();
        builder.set_repair_callback(move |session| told.repairing(session));
        builder.create_with_backend(storage).map_err(|error| database_error("open", path, error))
    }

    /// Checks the format of the database, and its pages if the options demand it.
    pub(in crate::storage) fn finish(&self, database: Database, path: &Path) -> Result<Redb> {
        let database = Redb::writer(database, self.options.quick_repair);
        check_format(&database, path, self.options)?;
        // A repair has just checked them.
        if self.options.check_integrity && !self.told.repairs.load(Ordering::Relaxed) {
            database.check_integrity().map_err(|error| database_error("check", path, error))?;
        }
        self.tell(ALL)?;
        Ok(database)
    }

    fn tell(&self, done: u64) -> Result<()> {
        if self.told.tell(done) { Ok(()) } else { Err(stopped()) }
    }
}

fn stopped() -> Error {
    ErrorDetail::Stopped { work: Work::Open }.into()
}
