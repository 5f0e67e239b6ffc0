//! Errors and panics of the storage engine, as errors of the store; and the record of failures and damage in a handle.

use std::fmt;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use super::sync::{AtomicBool, Mutex, MutexGuard, Ordering};
use crate::types::error::{Error, ErrorDetail, NamedCause, Result, describe_io};

/// Converts an error of redb.
pub(super) fn storage_error(action: impl Into<String>, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Corrupted(problem) => ErrorDetail::corrupt("the file", problem).into(),
        // A new store has all tables, and a file without them is refused when it is opened.
        error @ (redb::Error::TableDoesNotExist(_)
        | redb::Error::TableTypeMismatch { .. }
        | redb::Error::TableIsMultimap(_)
        | redb::Error::TypeDefinitionChanged { .. }) => ErrorDetail::corrupt("the file", error).into(),
        // redb only reads pages that it has written, so a file that ends earlier was truncated.
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

/// The place in the error of a truncated file.
const THE_END: &str = "the end of the file";

/// Whether the storage engine is unusable after this error until the file is opened again.
fn is_final(error: &Error) -> bool {
    let source = match error.detail() {
        ErrorDetail::Corrupt { place, .. } => return place == THE_END || place == PANICKED,
        ErrorDetail::Storage { source, .. } => source,
        _ => return false,
    };
    matches!(
        source.downcast_ref::<NamedCause>().and_then(|named| named.error.downcast_ref::<redb::Error>()),
        Some(redb::Error::Io(_) | redb::Error::Backend(_) | redb::Error::PreviousIo | redb::Error::LockPoisoned(_))
    )
}

/// The text of an error about damage; `None` for other errors.
fn damage(error: &Error) -> Option<String> {
    match error.detail() {
        ErrorDetail::Corrupt { place, problem } => Some(format!("{place}: {problem}")),
        _ => None,
    }
}

/// The error of a failed commit, for one more write of its group.
pub(super) fn outcome_unknown(error: &Arc<Error>) -> Error {
    ErrorDetail::OutcomeUnknown { source: Box::new(Shared(error.clone())) }.into()
}

/// The error of a refused commit, for one more write of its group. Nothing was written.
pub(super) fn again(error: &Arc<Error>) -> Error {
    match error.detail() {
        ErrorDetail::Corrupt { place, problem } => ErrorDetail::corrupt(place, problem),
        ErrorDetail::WritesStopped { found } => ErrorDetail::WritesStopped { found: found.clone() },
        ErrorDetail::FileReplaced { path, problem } => ErrorDetail::FileReplaced { path: path.clone(), problem },
        ErrorDetail::Storage { action, cause, .. } => {
            let source = Box::new(Shared(error.clone()));
            ErrorDetail::Storage { action: action.clone(), cause: cause.clone(), source }
        }
        _ => ErrorDetail::RecoveryNeeded,
    }
    .into()
}

/// An error that several writes have in common.
#[derive(Debug)]
struct Shared(Arc<Error>);

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source of an unknown outcome is the cause of each.
        match self.0.detail() {
            ErrorDetail::OutcomeUnknown { source } => source.fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&*self.0)
    }
}

/// The failures and the damage that this handle has met.
#[derive(Debug, Default)]
pub(super) struct Failed {
    /// Set when the storage engine is unusable. Only `recover` clears it.
    engine: AtomicBool,
    /// Whether the storage engine has panicked. Its locks may be poisoned.
    panicked: AtomicBool,
    /// The first damage that was found.
    damage: Mutex<Option<String>>,
}

impl Failed {
    pub(super) fn set(&self, failed: bool) {
        self.engine.store(failed, Ordering::Release);
    }

    /// Notes a failure that makes the storage engine unusable.
    pub(super) fn engine_failed(&self, error: &Error) {
        if matches!(error.detail(), ErrorDetail::Corrupt { place, .. } if place == PANICKED) {
            self.panicked.store(true, Ordering::Release);
        }
        event!(ERROR, "the storage engine failed: recovery is needed", error = error);
        self.set(true);
    }

    /// Whether the storage engine has panicked since the file was opened.
    pub(super) fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::Acquire)
    }

    /// Clears everything after the file was opened again.
    pub(super) fn recovered(&self) {
        self.forget_damage();
        self.panicked.store(false, Ordering::Release);
        self.set(false);
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.engine.load(Ordering::Acquire) { Err(ErrorDetail::RecoveryNeeded.into()) } else { Ok(()) }
    }

    /// Notes damage. Writes stop: a write could depend on damaged data and make the damage permanent.
    pub(super) fn found(&self, damage: impl FnOnce() -> String) {
        self.damage().get_or_insert_with(|| {
            let damage = damage();
            event!(ERROR, "damage was found: writes are stopped", damage = damage);
            damage
        });
    }

    /// Refuses a write if damage was found.
    pub(super) fn check_sound(&self) -> Result<()> {
        match &*self.damage() {
            None => Ok(()),
            Some(found) => Err(ErrorDetail::WritesStopped { found: found.clone() }.into()),
        }
    }

    /// Allows writes again.
    pub(super) fn forget_damage(&self) {
        *self.damage() = None;
    }

    fn damage(&self) -> MutexGuard<'_, Option<String>> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `f`, which calls the storage engine, and notes its failures and damage. A panic becomes an error.
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

    /// The same for rows that are derived from input: a contradiction is the input's, and no damage of this store.
    pub(super) fn guard_input<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = contained(f);
        if let Some(error) = result.as_ref().err().filter(|error| is_final(error)) {
            self.engine_failed(error);
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
