//! The state of a follower, for those who decide by its store: which head it has, and how old that is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use policy_store::{Checkpoint, Timestamp};

use crate::age::{self, Clock};
use crate::error::Result;
use crate::head::Head;

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
        let age = age::age(head.time, now);
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
        age::check(object, time, now, max_age)
    }
}
