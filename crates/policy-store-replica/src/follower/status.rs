//! The state of a follower, for those who decide by its store: which head it has, and how old that is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy_store::{Checkpoint, Timestamp};

use super::Clock;
use crate::error::{Error, Result};
use crate::head::Head;

/// How far the clock of a publisher may be ahead of a follower's.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// The newest head that a follower has applied.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub head: u64,
    /// The checkpoint of the store's log.
    pub checkpoint: Checkpoint,
    /// The time that the publisher signed: nothing newer was published then.
    pub time: Timestamp,
    /// The age of that time now, by the follower's clock; zero if it is in the future.
    pub age: Duration,
}

/// Tells the state of a follower, while it follows. It is cheap to clone.
#[derive(Clone)]
pub struct StatusHandle {
    head: Arc<Mutex<Option<Head>>>,
    clock: Clock,
}

impl std::fmt::Debug for StatusHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusHandle").field("status", &self.get()).finish()
    }
}

impl StatusHandle {
    pub(super) fn new(clock: Clock) -> Self {
        Self { head: Arc::default(), clock }
    }

    pub(super) fn head(&self) -> Option<Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, head: Head) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Some(head);
    }

    /// The newest head that was applied since the follower was built; none before the first.
    #[must_use]
    pub fn get(&self) -> Option<Status> {
        let (head, now) = (self.head()?, (self.clock)());
        let age = Duration::from_micros(since(head.time, now).unsigned_abs());
        let age = if head.time > now { Duration::ZERO } else { age };
        Some(Status { head: head.number, checkpoint: head.checkpoint, time: head.time, age })
    }

    /// Refuses to call the state fresh: nothing was applied yet, its time is older than `max_age`, or it is in the future.
    ///
    /// # Errors
    ///
    /// `frozen` if it is older, or if there is none; `clock` if it is more than five minutes in the future.
    pub fn check_fresh(&self, max_age: Duration) -> Result<()> {
        let now = (self.clock)();
        let (object, time) = match self.head() {
            Some(head) => (head.name(), head.time),
            None => ("heads".to_owned(), Timestamp::EPOCH),
        };
        let age = since(time, now);
        match u64::try_from(age) {
            Ok(micros) if Duration::from_micros(micros) > max_age => Err(Error::Frozen { object, time, now }),
            Err(_) if Duration::from_micros(age.unsigned_abs()) > AHEAD => Err(Error::Clock { object, time, now }),
            _ => Ok(()),
        }
    }
}

/// Microseconds from `time` to `now`.
fn since(time: Timestamp, now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(time.as_micros())
}
