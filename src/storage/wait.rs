//! Waits for commits. A commit of this handle wakes all waits at once; those of other processes are looked for.
//!
//! A wait holds no lock while it looks, so no write waits for it. Does not know what is waited for.

use std::sync::PoisonError;
use std::time::Duration;

use super::Storage;
use super::sync::{Condvar, Mutex};
use crate::types::environment::Stopwatch;
use crate::types::error::Result;

/// The time between two looks at the commits of other processes.
const LOOK: Duration = Duration::from_millis(20);

/// Tells waiting threads that the state may be a new one.
#[derive(Debug, Default)]
pub(super) struct Signal {
    given: Mutex<u64>,
    changed: Condvar,
}

impl Signal {
    /// Wakes all waits. A new state is visible before.
    pub(super) fn give(&self) {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        *given = given.wrapping_add(1);
        self.changed.notify_all();
    }

    fn given(&self) -> u64 {
        *self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the signal was given since `seen`, or the time is over. Can return earlier.
    fn wait(&self, seen: u64, time: Duration) {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        if *given == seen {
            drop(self.changed.wait_timeout(given, time).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

impl Storage {
    /// Looks, and looks again after each commit, until `look` finds something or the time is over.
    pub(crate) fn wait<T>(&self, timeout: Duration, mut look: impl FnMut() -> Result<Option<T>>) -> Result<Option<T>> {
        let watch = Stopwatch::start();
        loop {
            // Before the look: a commit in between ends the wait at once.
            let seen = self.signal.given();
            if let Some(found) = look()? {
                return Ok(Some(found));
            }
            let left = timeout.saturating_sub(watch.elapsed());
            if left.is_zero() {
                return Ok(None);
            }
            self.signal.wait(seen, if self.follows { left.min(LOOK) } else { left });
        }
    }

    /// The number of commits of the file, by any process.
    pub(crate) fn commits_of_file(&self) -> Result<u64> {
        self.read(|snapshot| snapshot.commits())
    }
}
