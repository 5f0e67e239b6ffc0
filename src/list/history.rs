//! The list of a log's entries.

use super::cursor::ListName;
use super::page::{Page, PageRequest, numbered};
use crate::resource::history::HistoryEntry;
use crate::storage::Snapshot;
use crate::storage::key::LogNumber;
use crate::types::error::Result;

/// The page for a page request.
pub(crate) fn page(snapshot: &Snapshot<'_>, log: LogNumber, list: &PageRequest) -> Result<Page<HistoryEntry>> {
    let (cursor_key, head) = (snapshot.store()?.cursor_key, snapshot.head(log)?);
    let page = ListName::new(cursor_key, head.log_id, "history", "").page(
        list,
        || Ok(head.length),
        |from, direction, count| {
            Ok(numbered(head.length, from, direction, count).into_iter().map(|place| (place, place)).collect())
        },
    )?;
    page.try_map(|position| {
        let entry = snapshot.entry(log, position)?;
        HistoryEntry::new(snapshot, log, &entry)
    })
}
