//! Parts of a log for another store: the bytes of entries, and the content that they name.

use std::collections::{BTreeMap, BTreeSet};

use super::index::key::{self, LogNumber, STORE_LOG};
use super::snapshot::{Snapshot, unusable};
use super::tables::{Direction, Table};
use super::tiles::{self, Tiles};
use crate::record::{Entry, LogEntry, TILE};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::RootHash;
use crate::types::id::LogId;

/// Consecutive entries of a log, and the content that they name.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPart {
    /// The bytes of the entries.
    pub entries: Vec<Vec<u8>>,
    /// The content, each piece once, in the form of the table `content` (docs/format.md).
    pub content: Vec<Vec<u8>>,
}

impl LogPart {
    /// A part that was read elsewhere.
    #[must_use]
    pub fn new(entries: Vec<Vec<u8>>, content: Vec<Vec<u8>>) -> Self {
        Self { entries, content }
    }
}

impl Snapshot<'_> {
    /// The entries from `start` to before `end`, which the log must have.
    pub(crate) fn log_part(&self, log: LogNumber, start: u64, end: u64) -> Result<LogPart> {
        if start > end || end > self.head(log)?.length {
            let range = format!("{start}..{end}");
            return Err(ErrorDetail::invalid("range of entries", &range, "not within the log").into());
        }
        let (mut part, mut named) = (LogPart::default(), BTreeSet::new());
        let (from, to) = (key::entry(log, start), key::entry(log, end));
        let mut ids = Vec::new();
        self.source().scan(Table::Log, from.as_slice()..to.as_slice(), Direction::Ascending, &mut |_, value| {
            let position = start.saturating_add(part.entries.len() as u64);
            let read = LogEntry::from_stored(value).and_then(|entry| Ok((entry, Entry::bytes_of_stored(value)?)));
            let (entry, bytes) = read.map_err(|problem| unusable(problem, log, position))?;
            ids.extend(entry.body.content().into_iter().filter(|id| named.insert(*id)));
            part.entries.push(bytes.to_vec());
            Ok(true)
        })?;
        if part.entries.len() as u64 != end - start {
            return Err(ErrorDetail::corrupt(format_args!("log {log}"), "entries are missing").into());
        }
        for id in ids {
            part.content.push(self.packed(&id)?.value);
        }
        Ok(part)
    }

    /// The first `width` hashes of a tile. The log must have them.
    pub(crate) fn hash_tile(&self, log: LogNumber, level: u8, number: u64, width: u16) -> Result<Vec<u8>> {
        let end = number.checked_mul(TILE).and_then(|first| first.checked_add(width.into()));
        let nodes = self.head(log)?.length.checked_shr(8 * u32::from(level)).unwrap_or(0);
        if u64::from(width) > TILE || end.is_none_or(|end| end > nodes) {
            let tile = format!("{level}/{number}.p/{width}");
            return Err(ErrorDetail::invalid("tile", &tile, "not within the tree").into());
        }
        let first = number.saturating_mul(TILE);
        Ok(tiles::last_nodes(self.source(), log, level, first, width.into())?.concat())
    }

    /// The numbers of the store's log and of the logs of all zones that exist, by their present ids.
    pub(crate) fn logs_by_id(&self) -> Result<BTreeMap<LogId, LogNumber>> {
        let logs = self.zone_logs()?.into_iter().chain([STORE_LOG]);
        logs.map(|log| Ok((self.head(log)?.log_id, log))).collect()
    }

    /// The checkpoint of a log at an earlier size.
    pub(crate) fn checkpoint_at(&self, log: LogNumber, size: u64) -> Result<Checkpoint> {
        let head = self.head(log)?;
        if size > head.length {
            return Err(ErrorDetail::invalid("size", &size.to_string(), "must not exceed the length of the log").into());
        }
        let root = RootHash(Tiles::at(self.source(), log, size)?.frontier().root());
        Ok(Checkpoint { log_id: head.log_id, size, root })
    }
}
