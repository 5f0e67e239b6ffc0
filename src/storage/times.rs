//! Times in a log: entries are in the order of their times, so a time is found by bisection.

use super::index::key::LogNumber;
use super::index::row::{BEFORE_ALL, Head};
use super::snapshot::Snapshot;
use crate::types::error::Result;
use crate::types::time::Timestamp;

impl Snapshot<'_> {
    /// The time of a log's last entry.
    pub(crate) fn last_time(&self, log: LogNumber, head: &Head) -> Result<Timestamp> {
        match head.length.checked_sub(1) {
            None => Ok(BEFORE_ALL),
            Some(last) => Ok(self.entry(log, last)?.envelope.created_at),
        }
    }

    /// The earliest time that the last entry can have been given. An entry whose time would repeat gets the time after
    /// the previous entry, in microseconds. So the last entry may have been given the time of the first entry in the
    /// last run of consecutive microseconds.
    ///
    /// A closer bound is not possible: two writes at 5 µs and 5 µs give the same entries as two writes at 5 µs and 6
    /// µs. A time that goes back within the run is accepted, and the order of the entries stays.
    pub(super) fn last_given_time(&self, log: LogNumber, head: &Head) -> Result<Timestamp> {
        let Some(last) = head.length.checked_sub(1) else { return Ok(BEFORE_ALL) };
        let last_micros = self.entry(log, last)?.envelope.created_at.as_micros();
        let (mut low, mut high) = (0, last);
        while low < high {
            let middle = low + (high - low) / 2;
            let micros = self.entry(log, middle)?.envelope.created_at.as_micros();
            // Times rise with every entry, so the condition holds from the first entry of the run on.
            if u64::try_from(last_micros.saturating_sub(micros)) == Ok(last - middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(self.entry(log, low)?.envelope.created_at)
    }

    /// The number of entries created at `time` or before: the position after the last of them.
    pub(crate) fn length_at(&self, log: LogNumber, time: Timestamp) -> Result<u64> {
        let (mut low, mut high) = (0, self.head(log)?.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entry(log, middle)?.envelope.created_at <= time {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
