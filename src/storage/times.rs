//! Times in a log: entries are in the order of their times, so a time is found by bisection.

use super::index::key::LogNumber;
use super::index::row::{BEFORE_ALL, Head};
use super::snapshot::Snapshot;
use crate::record::LogEntry;
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
        self.length_while(log, |entry| entry.envelope.created_at <= time)
    }

    /// The number of entries created before `time`: the position of the first one at `time` or later.
    pub(crate) fn length_before(&self, log: LogNumber, time: Timestamp) -> Result<u64> {
        self.length_while(log, |entry| entry.envelope.created_at < time)
    }

    /// The number of entries that were written when the clock was at `clock` or before, in whole writes. If the clock went
    /// back by itself, it is at some moment of the stretch that the clock passed twice.
    pub(crate) fn length_by_clock(&self, log: LogNumber, clock: Timestamp) -> Result<u64> {
        let length = self.length_while(log, |entry| entry.envelope.clock() <= clock)?;
        self.whole_writes(log, length)
    }

    /// The length of a log, extended to the end of a write.
    pub(crate) fn whole_writes(&self, log: LogNumber, length: u64) -> Result<u64> {
        match length.checked_sub(1) {
            Some(last) => Ok(self.group(log, &*self.entry(log, last)?).end),
            None => Ok(0),
        }
    }

    /// The number of entries from the first on that `is_before` accepts.
    fn length_while(&self, log: LogNumber, is_before: impl Fn(&LogEntry) -> bool) -> Result<u64> {
        let (mut low, mut high) = (0, self.head(log)?.length);
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(&*self.entry(log, middle)?) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}
