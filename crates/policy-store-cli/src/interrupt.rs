//! Ctrl-C: the first one stops long work in order, the second one ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::INTERRUPTED;

/// Whether long work is under way that looks at [`is_requested`].
static WORKING: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C and the request to terminate. Without long work, both end the process at once: a write is durable as a
/// whole or not at all.
pub fn catch() {
    // If another handler is in place, its way to end the process stays.
    drop(ctrlc::set_handler(|| {
        if !WORKING.load(Ordering::SeqCst) || REQUESTED.swap(true, Ordering::SeqCst) {
            std::process::exit(INTERRUPTED.into());
        }
    }));
}

/// Whether the work should stop.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Long work, from its start until this is dropped.
pub struct Working(());

impl Working {
    /// From here on, Ctrl-C asks the work to stop.
    pub fn start() -> Self {
        WORKING.store(true, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        WORKING.store(false, Ordering::SeqCst);
    }
}
