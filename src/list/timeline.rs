//! The list of the entries of all logs: the store's and every zone's, in the order of their times.
//!
//! Entries of one time come in the order of their logs. No index has this order: a page merges the logs, so it looks up the
//! place of its cursor in each of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cursor::ListName;
use super::filter::WantedHistory;
use super::history::LogOf;
use super::page::{Page, PageRequest};
use crate::record::LogEntry;
use crate::resource::history::{HistoryEntry, TimelineEntry};
use crate::resource::zone::{self, ZoneRef};
use crate::storage::key::{LogNumber, STORE_LOG};
use crate::storage::{Direction, Snapshot};
use crate::types::error::{ErrorKind, Result};
use crate::types::time::Timestamp;

/// The page for a page request.
pub(crate) fn page(
    snapshot: &Snapshot<'_>,
    wanted: &WantedHistory<'_>,
    list: &PageRequest,
) -> Result<Page<TimelineEntry>> {
    let (cursor_key, log_id) = (snapshot.store()?.cursor_key, snapshot.head(STORE_LOG)?.log_id);
    let (bytes, zones) = (wanted.bytes(), zones(snapshot, wanted)?);
    let of_zones = zones.iter().map(|zone| LogOf { log: zone.log, zone: Some(&zone.id) });
    let logs: Vec<_> = std::iter::once(LogOf::STORE).chain(of_zones).collect();
    let positions: Vec<_> = logs.iter().map(|of| of.positions(snapshot, wanted)).collect::<Result<_>>()?;
    let fetch = |from: Option<u128>, direction: Direction, count: usize| {
        let mut merge = Merge::new(snapshot, &logs, &positions, from, direction)?;
        let mut found = Vec::new();
        while found.len() < count
            && let Some((place, of, entry)) = merge.next()?
        {
            if wanted.is_only_by_time() || wanted.takes(of.zone, &entry) {
                found.push((place, (of, entry)));
            }
        }
        Ok(found)
    };
    let count = || logs.iter().try_fold(0_u64, |sum, of| Ok(sum.saturating_add(of.count(snapshot, wanted)?)));
    let page =
        ListName { filter: &bytes, ..ListName::new(cursor_key, log_id, "timeline", "") }.page(list, count, fetch)?;
    page.try_map(|(of, entry)| {
        Ok(TimelineEntry { zone_id: of.zone.cloned(), entry: HistoryEntry::new(snapshot, of.log, &entry)? })
    })
}

/// The zones that the filter asks for, as far as they exist, or all.
fn zones(snapshot: &Snapshot<'_>, wanted: &WantedHistory<'_>) -> Result<Vec<ZoneRef>> {
    let Some(ids) = wanted.zones() else { return zone::all(snapshot) };
    let found = ids.iter().map(|id| zone::find(snapshot, id));
    found.filter(|found| !found.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound)).collect()
}

/// The place of an entry: its time, then the number of its log. A log has one entry of a time.
fn place(time: Timestamp, log: LogNumber) -> u128 {
    u128::from(u64::try_from(time.as_micros()).unwrap_or_default()) << u64::BITS | u128::from(log)
}

/// The entries of several logs, merged.
struct Merge<'a> {
    snapshot: &'a Snapshot<'a>,
    direction: Direction,
    /// The positions of each log that were not read yet.
    left: Vec<(LogOf<'a>, Range<u64>)>,
    /// The next entry of each log that has one, by its place, with the log's index in `left`.
    next: BTreeMap<u128, (usize, Arc<LogEntry>)>,
}

impl<'a> Merge<'a> {
    /// The entries at `positions` of `logs` beyond the place `from`, in a direction.
    fn new(
        snapshot: &'a Snapshot<'a>,
        logs: &[LogOf<'a>],
        positions: &[Range<u64>],
        from: Option<u128>,
        direction: Direction,
    ) -> Result<Self> {
        let mut merge = Self { snapshot, direction, left: Vec::with_capacity(logs.len()), next: BTreeMap::new() };
        for (of, positions) in logs.iter().zip(positions) {
            let mut left = positions.clone();
            match (from, direction) {
                (None, _) => {}
                (Some(from), Direction::Ascending) => left.start = left.start.max(merge.length(of.log, from, true)?),
                (Some(from), Direction::Descending) => left.end = left.end.min(merge.length(of.log, from, false)?),
            }
            merge.left.push((*of, left));
            merge.advance(merge.left.len() - 1)?;
        }
        Ok(merge)
    }

    /// The number of a log's entries with a place below `end`, or also at it.
    fn length(&self, log: LogNumber, end: u128, inclusive: bool) -> Result<u64> {
        let micros = i64::try_from(end >> u64::BITS).unwrap_or(i64::MAX);
        let time = Timestamp::from_micros(micros);
        let at_time = place(time, log);
        if at_time < end || inclusive && at_time == end {
            self.snapshot.length_at(log, time)
        } else {
            self.snapshot.length_before(log, time)
        }
    }

    /// Reads the next entry of a log.
    fn advance(&mut self, index: usize) -> Result<()> {
        let Some((of, left)) = self.left.get_mut(index) else { return Ok(()) };
        let position = match self.direction {
            Direction::Ascending => left.next(),
            Direction::Descending => left.next_back(),
        };
        if let Some(position) = position {
            let entry = self.snapshot.entry(of.log, position)?;
            self.next.insert(place(entry.envelope.created_at, of.log), (index, entry));
        }
        Ok(())
    }

    /// The next entry of all logs.
    fn next(&mut self) -> Result<Option<(u128, LogOf<'a>, Arc<LogEntry>)>> {
        let next = match self.direction {
            Direction::Ascending => self.next.pop_first(),
            Direction::Descending => self.next.pop_last(),
        };
        let Some((place, (index, entry))) = next else { return Ok(None) };
        self.advance(index)?;
        Ok(self.left.get(index).map(|(of, _)| (place, *of, entry)))
    }
}
