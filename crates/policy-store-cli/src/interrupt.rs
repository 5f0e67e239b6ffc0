//! Ctrl-C: the first one stops long work in order, the second one ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};

use policy_store::ErrorKind;

use crate::failure::{Failure, INTERRUPTED, Result};

/// Whether long work is under way that looks at [`is_requested`].
static WORKING: AtomicBool = AtomicBool::new(false);
static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Catches Ctrl-C and the request to terminate. Without long work, both end the process at once: a write is durable as a
/// whole or not at all.
pub fn catch() {
    // If another handler is in place, its way to end the process stays.
    drop(ctrlc::set_handler(|| {
        // In this order: work that ends meanwhile sees the request, or is seen to have ended.
        if REQUESTED.swap(true, Ordering::SeqCst) || !WORKING.load(Ordering::SeqCst) {
            std::process::exit(INTERRUPTED.into());
        }
    }));
}

/// Whether the work should stop.
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Ends the command if Ctrl-C came during work that did not look at it any more. Call it after the work, before a write.
pub fn check() -> Result<()> {
    if is_requested() {
        return Err(Failure::new("stopped", ErrorKind::Stopped.as_str(), "the command was interrupted"));
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_work_did_not_see_stops_the_command() {
        let working = Working::start();
        assert!(check().is_ok());
        REQUESTED.store(true, Ordering::SeqCst);
        drop(working);
        let stopped = check().unwrap_err();
        REQUESTED.store(false, Ordering::SeqCst);
        assert_eq!(stopped.kind, "stopped");
    }
}
