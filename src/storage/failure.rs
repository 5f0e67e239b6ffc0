//! What goes wrong below the store: the storage engine's errors, and its panics, as errors of the store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, ErrorDetail, Result};

/// The store's error for one of redb's.
pub(super) fn storage_error(action: impl Into<String>, error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Corrupted(problem) => ErrorDetail::corrupt("the file", problem).into(),
        error => ErrorDetail::Storage { action: action.into(), source: Box::new(error) }.into(),
    }
}

/// Whether the storage engine refuses everything after this error until the file is opened again.
fn is_final(error: &Error) -> bool {
    let ErrorDetail::Storage { source, .. } = error.detail() else { return false };
    matches!(
        source.downcast_ref::<redb::Error>(),
        Some(redb::Error::Io(_) | redb::Error::Backend(_) | redb::Error::PreviousIo | redb::Error::LockPoisoned(_))
    )
}

/// Set once the storage engine cannot be trusted any more in this handle: only `recover` clears it.
#[derive(Debug, Default)]
pub(super) struct Failed(AtomicBool);

impl Failed {
    pub(super) fn set(&self, failed: bool) {
        self.0.store(failed, Ordering::Release);
    }

    pub(super) fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Acquire) { Err(ErrorDetail::RecoveryNeeded.into()) } else { Ok(()) }
    }

    /// Runs `f`, which calls the storage engine. A panic in there is damage, not the end of the caller's process.
    pub(super) fn guard<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let result = contained(f);
        if let Err(error) = &result
            && (is_final(error) || is_contained_panic(error))
        {
            self.set(true);
        }
        result
    }
}

const PANICKED: &str = "the storage engine";

fn is_contained_panic(error: &Error) -> bool {
    matches!(error.detail(), ErrorDetail::Corrupt { place, .. } if place == PANICKED)
}

/// Runs `f` and turns a panic into an error: redb panics on some damaged pages.
pub(super) fn contained<T>(f: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("it panicked");
        Err(ErrorDetail::corrupt(PANICKED, message).into())
    })
}
