//! Compacts the file: moves its pages together, and gives the rest back.
//!
//! The storage engine refuses while a transaction is open, in any process. So reads that begin meanwhile wait.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::Storage;
use super::sync::pause;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::progress::{Watch, Work};

/// The time that reads wait for those before them, before they go first.
const HOLD: Duration = Duration::from_millis(2);
const STEP: Duration = Duration::from_micros(100);
/// The time between two attempts.
const PAUSE: Duration = Duration::from_millis(20);
/// Attempts beside reads of this process: some seconds. A caller may be in such a read itself.
const OWN_READS: u32 = 200;
/// Attempts beside reads of other processes, and snapshots.
const OTHERS_READS: u32 = 10;

impl Storage {
    /// Compacts the file. Returns its size before and after.
    pub(crate) fn compact(&self, watch: Watch<'_>) -> Result<(u64, u64)> {
        span!(INFO, "compact", store = self.place());
        let steps = watch.begin(Work::Compact, 1)?;
        let before = self.file_bytes(&*self.opened_to_replicate()?)?;
        let (mut own, mut others) = (OWN_READS, OTHERS_READS);
        loop {
            match self.try_compact() {
                Ok(true) => break,
                Ok(false) if own > 0 => own -= 1,
                Ok(false) => return Err(ErrorDetail::SnapshotHeld.into()),
                Err(error) if others > 0 && is_busy(&error) => others -= 1,
                Err(error) => return Err(error),
            }
            // Without a lock: reads and writes go on.
            steps.wait()?;
            pause(PAUSE);
        }
        let after = self.file_bytes(&*self.opened()?)?;
        // It cannot be stopped any more.
        let _ = steps.end();
        Ok((before, after))
    }

    /// `false` if reads did not end in time: they go first.
    fn try_compact(&self) -> Result<bool> {
        let _writer = self.lock_writer_alone()?;
        let mut lock = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = lock.take() else { return Err(ErrorDetail::RecoveryNeeded.into()) };
        // Without the snapshot that reads share.
        let next = Arc::new(opened.after_commit(opened.counted, opened.cache.clone()));
        drop(opened);
        *lock = Some(next.clone());
        // Each read has the state that it began with, also an older one, and each state has the database.
        let mut waited = Duration::ZERO;
        while Arc::strong_count(&next.database) > 1 {
            if waited >= HOLD {
                return Ok(false);
            }
            pause(STEP);
            waited += STEP;
        }
        self.failed.guard(|| next.database.compact()).map(|()| true)
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error.detail(), ErrorDetail::SnapshotHeld)
}
