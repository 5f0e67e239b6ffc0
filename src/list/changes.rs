//! The entries of a log after a position, one write at a time. Does not wait for them.

use serde::Serialize;

use crate::resource::history::HistoryEntry;
use crate::storage::Snapshot;
use crate::storage::key::LogNumber;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;

/// The entries that one write added to one log, all of them: see [`Changes`](crate::Changes).
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangeGroup {
    /// The entries, oldest first. There is at least one.
    pub entries: Vec<HistoryEntry>,
    /// The position after the last of them: where to go on from once they are handled.
    pub next: u64,
}

/// A place in a log between two writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogPlace {
    /// The number of entries before it.
    pub position: u64,
    /// The hash of the last of them. It tells an older state of the store that has grown again.
    last: EntryHash,
}

impl LogPlace {
    /// The place after `position` entries. Refuses one that the log has not reached, or inside a write.
    pub(crate) fn new(snapshot: &Snapshot<'_>, log: LogNumber, position: u64) -> Result<Self> {
        let length = reached(snapshot, log, position)?;
        if position < length {
            let group = snapshot.group(log, &*snapshot.entry(log, position)?);
            if group.start != position {
                return Err(ErrorDetail::InsideGroup { position, start: group.start, end: group.end }.into());
            }
        }
        Ok(Self { position, last: last_hash(snapshot, log, position)? })
    }

    /// The write that follows, and the place after it. None at the end of the log.
    pub(crate) fn next(self, snapshot: &Snapshot<'_>, log: LogNumber) -> Result<Option<(ChangeGroup, Self)>> {
        let Self { position, last } = self;
        let length = reached(snapshot, log, position)?;
        if last_hash(snapshot, log, position)? != last {
            return Err(older_state(snapshot, log, position, length)?.into());
        }
        if position == length {
            return Ok(None);
        }
        let end = snapshot.group(log, &*snapshot.entry(log, position)?).end;
        let read = |position| HistoryEntry::new(snapshot, log, &*snapshot.entry(log, position)?);
        let entries = (position..end).map(read).collect::<Result<Vec<_>>>()?;
        let last = entries.last().map_or(last, |entry| entry.hash);
        Ok(Some((ChangeGroup { entries, next: end }, Self { position: end, last })))
    }
}

/// The length of the log. Refuses a log that has fewer entries than `position`.
fn reached(snapshot: &Snapshot<'_>, log: LogNumber, position: u64) -> Result<u64> {
    let length = snapshot.head(log)?.length;
    if position > length { Err(older_state(snapshot, log, position, length)?.into()) } else { Ok(length) }
}

fn older_state(snapshot: &Snapshot<'_>, log: LogNumber, kept: u64, length: u64) -> Result<ErrorDetail> {
    Ok(ErrorDetail::OlderState { log_id: snapshot.head(log)?.log_id, kept, size: Some(length) })
}

/// The hash of the entry before `position`.
fn last_hash(snapshot: &Snapshot<'_>, log: LogNumber, position: u64) -> Result<EntryHash> {
    position.checked_sub(1).map_or(Ok(EntryHash::NONE), |last| Ok(snapshot.entry(log, last)?.hash))
}
