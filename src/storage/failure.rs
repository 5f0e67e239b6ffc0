//! What goes wrong below the store: the storage engine's errors, and its panics, as errors of the store.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::types::error::{Error, ErrorDetail, NamedCause, Result, describe_io};

/// The store's error for one of redb's.
pub(super) fn storage_error(action: impl Into<String>, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Corrupted(problem) => ErrorDetail::corrupt("the file", problem).into(),
        // Every store has had all tables from its first moment, and is refused when it is opened without them.
        error @ (redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }) => ErrorDetail::corrupt("the file", error).into(),
        // All that is read was written before, so a file that ends earlier has been cut.
        redb::Error::Io(error) if error.kind() == ErrorKind::UnexpectedEof => {
            ErrorDetail::corrupt(THE_END, "file is truncated: a read goes beyond its end").into()
        }
        error => {
            let (cause, code) = match &error {
                redb::Error::Io(error) => (describe_io(error), error.raw_os_error()),
                error => (error.to_string(), None),
            };
            let source = Box::new(NamedCause::with_code(error, code));
            ErrorDetail::Storage { action: action.into(), cause, source }.into()
        }
    }
}

/// The place of the error where the file was cut.
const THE_END: &str = "the end of the file";

/// Whether the storage engine refuses everything after this error until the file is opened again.
fn is_final(error: &Error) -> bool {
    let source = match error.detail() {
        ErrorDetail::Corrupt { place, .. } => return place == THE_END || place == PANICKED,
        ErrorDetail::Storage { source, .. } => source,
        _ => return false,
    };
    matches!(
        source.downcast_ref::<NamedCause>().and_then(|told| told.error.downcast_ref::<redb::Error>()),
        Some(redb::Error::Io(_) | redb::Error::Backend(_) | redb::Error::PreviousIo | redb::Error::LockPoisoned(_))
    )
}

/// Damage that was found in what is stored, as errors tell it.
fn damage(error: &Error) -> Option<String> {
    match error.detail() {
        ErrorDetail::Corrupt { place, problem } => Some(format!("{place}: {problem}")),
        _ => None,
    }
}

/// What went wrong in this handle: whether the storage engine can be trusted, and whether what is stored can.
#[derive(Debug, Default)]
pub(super) struct Failed {
    /// Set once the storage engine cannot be trusted any more: only `recover` clears it.
    engine: AtomicBool,
    /// Whether the storage engine has panicked: it may have left locks that are poisoned.
    panicked: AtomicBool,
    /// The damage that was found first.
    damage: Mutex<Option<String>>,
}

impl Failed {
    pub(super) fn set(&self, failed: bool) {
        self.engine.store(failed, Ordering::Release);
    }

    /// Notes a failure after which the storage engine cannot be trusted.
    pub(super) fn engine_failed(&self, error: &Error) {
        if matches!(error.detail(), ErrorDetail::Corrupt { place, .. } if place == PANICKED) {
            self.panicked.store(true, Ordering::Release);
        }
        self.set(true);
    }

    /// Whether the storage engine has panicked since the file was opened.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Acquire)
    }

    /// The file is opened again: the storage engine can be trusted, and what is stored is taken for sound.
    pub(super) fn recovered(&self) {
        self.forget_damage();
        self.panicked.store(false, Ordering::Release);
        self.set(false);
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.engine.load(Ordering::Acquire) { Err(ErrorDetail::RecoveryNeeded.into()) } else { Ok(()) }
    }

    /// Notes damage: no write is made from here on, as it might be built on what is damaged, and make it permanent.
    pub(super) fn found(&self, damage: impl FnOnce() -> String) {
        self.damage().get_or_insert_with(damage);
    }

    /// Refuses a write of a store in which damage was found.
    pub(super) fn check_sound(&self) -> Result<()> {
        match &*self.damage() {
            None => Ok(()),
            Some(found) => Err(ErrorDetail::WritesStopped { found: found.clone() }.into()),
        }
    }

    /// Takes the store for sound again.
    pub(super) fn forget_damage(&self) {
        *self.damage() = None;
    }

    fn damage(&self) -> MutexGuard<'_, Option<String>> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`, which calls the storage engine. A panic in there is damage, not the end of the caller's process.
    pub(super) fn guard<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = contained(f);
        if let Err(error) = &result {
            if is_final(error) {
                self.engine_failed(error);
            }
            if let Some(found) = damage(error) {
                self.found(|| found);
            }
        }
        result
    }
}

const PANICKED: &str = "the storage engine";

/// Runs `f` and turns a panic into an error: redb panics on some damaged pages.
pub(super) fn contained<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("panic without a message");
        Err(ErrorDetail::corrupt(PANICKED, message).into())
    })
}
