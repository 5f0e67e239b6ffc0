//! The locks, counters and threads of the storage. Under `--cfg shuttle` they are those of `shuttle`, which runs tests
//! under many orders of their threads.
//!
//! Of the storage engine's own locks it knows nothing: each call of the engine is one step.

#[cfg(not(shuttle))]
pub(super) use std::sync::{
    Condvar, Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(not(shuttle))]
pub(super) use std::thread::{self, ThreadId};

#[cfg(shuttle)]
pub(super) use shuttle::sync::{
    Condvar, Mutex, MutexGuard, RwLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
#[cfg(shuttle)]
pub(super) use shuttle::thread::{self, ThreadId};

/// Lets other threads run for a while.
pub(super) fn pause(time: std::time::Duration) {
    #[cfg(not(shuttle))]
    thread::sleep(time);
    // Under an order by priorities, a sleep would let the same thread go on.
    #[cfg(shuttle)]
    {
        let _ = time;
        thread::yield_now();
    }
}
