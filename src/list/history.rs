//! The list of a log's entries.

use std::ops::Range;

use super::cursor::ListName;
use super::filter::WantedHistory;
use super::page::{Page, PageRequest, numbered};
use crate::resource::history::HistoryEntry;
use crate::storage::key::{LogNumber, STORE_LOG};
use crate::storage::{Direction, Snapshot};
use crate::types::error::Result;
use crate::types::id::ZoneId;

/// A log, and the zone that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogOf<'a> {
    pub log: LogNumber,
    /// None: the store.
    pub zone: Option<&'a ZoneId>,
}

impl LogOf<'_> {
    /// The store's own log.
    pub(crate) const STORE: Self = Self { log: STORE_LOG, zone: None };

    /// The positions of the entries of the filter's time.
    pub(super) fn positions(self, snapshot: &Snapshot<'_>, wanted: &WantedHistory<'_>) -> Result<Range<u64>> {
        let before = |time| snapshot.length_before(self.log, time);
        let start = wanted.since().map_or(Ok(0), before)?;
        let end = wanted.until().map_or_else(|| Ok(snapshot.head(self.log)?.length), before)?;
        Ok(start..end)
    }

    /// The number of entries that pass.
    pub(super) fn count(self, snapshot: &Snapshot<'_>, wanted: &WantedHistory<'_>) -> Result<u64> {
        let positions = self.positions(snapshot, wanted)?;
        if wanted.is_only_by_time() {
            return Ok(positions.end.saturating_sub(positions.start));
        }
        let mut count = 0;
        for position in positions {
            count += u64::from(self.is_wanted(snapshot, wanted, position)?);
        }
        Ok(count)
    }

    fn is_wanted(self, snapshot: &Snapshot<'_>, wanted: &WantedHistory<'_>, position: u64) -> Result<bool> {
        Ok(wanted.is_only_by_time() || wanted.takes(self.zone, &*snapshot.entry(self.log, position)?))
    }
}

/// The page for a page request.
pub(crate) fn page(
    snapshot: &Snapshot<'_>,
    of: LogOf<'_>,
    wanted: &WantedHistory<'_>,
    list: &PageRequest,
) -> Result<Page<HistoryEntry>> {
    let (cursor_key, log_id) = (snapshot.store()?.cursor_key, snapshot.head(of.log)?.log_id);
    let (bytes, positions) = (wanted.bytes(), of.positions(snapshot, wanted)?);
    let fetch = |from: Option<u64>, direction: Direction, count: usize| {
        let mut found = Vec::new();
        for position in numbered(positions.clone(), from, direction) {
            if found.len() == count {
                break;
            }
            if of.is_wanted(snapshot, wanted, position)? {
                found.push((position, position));
            }
        }
        Ok(found)
    };
    let name = ListName { filter: &bytes, ..ListName::new(cursor_key, log_id, "history", "") };
    let page = name.page(list, || of.count(snapshot, wanted), fetch)?;
    page.try_map(|position| {
        let entry = snapshot.entry(of.log, position)?;
        HistoryEntry::new(snapshot, of.log, &entry)
    })
}
