//! Reads a log as of an earlier length: the tables, with the earlier value of each row of the log.
//!
//! Most rows are found again by [`Past`]. If one is not, the log is replayed in memory, once for all reads.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;

use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::replay::{Replay, log_numbers};
use super::past::{Earlier, Past};
use super::snapshot::Snapshot;
use super::tables::{Table, Visit};
use super::{Direction, TableReader};
use crate::types::error::Result;

/// An earlier length of a log, for a repeated call, and the replay up to it if one was necessary.
pub(super) struct Replayed {
    pub log: LogNumber,
    pub end: u64,
    replay: OnceCell<Replay<'static>>,
    /// The replay for the repeated call before, and its end. Repeated calls usually come in their first order, so the
    /// next one continues from there.
    before: RefCell<Option<(u64, Replay<'static>)>>,
}

impl Replayed {
    /// `before` is the last repeated call.
    pub(super) fn new(log: LogNumber, end: u64, before: Option<Self>) -> Self {
        let before = before.filter(|before| before.log == log && before.end <= end);
        let before = before.and_then(|before| match before.replay.into_inner() {
            Some(replay) => Some((before.end, replay)),
            None => before.before.into_inner(),
        });
        Self { log, end, replay: OnceCell::new(), before: RefCell::new(before) }
    }

    pub(super) fn over<'a>(&'a self, snapshot: &'a Snapshot<'a>) -> AsOf<'a> {
        AsOf {
            replayed: self,
            snapshot,
            past: Past::to_read(snapshot, self.log, self.end),
            prefix: key::all_of(self.log).start,
            witness_prefix: key::witnesses(self.log).start,
        }
    }
}

/// Tables with the rows of one log as of an earlier length. Other logs are unchanged.
pub(super) struct AsOf<'a> {
    replayed: &'a Replayed,
    snapshot: &'a Snapshot<'a>,
    past: Past<'a>,
    /// Prefix of the log's row keys.
    prefix: Vec<u8>,
    /// Prefix of the log's witness keys.
    witness_prefix: Vec<u8>,
}

impl AsOf<'_> {
    fn is_of_log(&self, table: Table, row_key: &[u8]) -> bool {
        match table {
            Table::Index => row_key.starts_with(&self.prefix),
            Table::Meta => row_key.starts_with(&self.witness_prefix),
            _ => false,
        }
    }

    /// Whether the rows cannot be found again from the present ones: the store's log removes rows.
    fn is_replayed(&self) -> bool {
        self.replayed.log == STORE_LOG
    }

    /// The earlier value, from the replay if it is not exact.
    fn exact(&self, table: Table, row_key: &[u8], earlier: Earlier) -> Result<Option<Vec<u8>>> {
        if earlier.exact {
            return Ok(earlier.value);
        }
        let replay = self.replay()?;
        let rows = if table == Table::Meta { &replay.witnesses } else { &replay.rows };
        Ok(rows.get(row_key).cloned())
    }

    /// The rows of the log, derived again.
    fn replay(&self) -> Result<&Replay<'static>> {
        let Replayed { log, end, replay, before } = self.replayed;
        if let Some(replay) = replay.get() {
            return Ok(replay);
        }
        let (start, mut replayed) = match before.take() {
            Some(before) => before,
            None => (0, Replay::new(log_numbers(self.snapshot.source(), &self.snapshot.heads()?)?)),
        };
        for position in start..*end {
            let entry = self.snapshot.entry(*log, position)?;
            replayed.entry(*log, &entry, None)?;
        }
        Ok(replay.get_or_init(|| replayed))
    }
}

impl TableReader for AsOf<'_> {
    fn get(&self, table: Table, row_key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        if !self.is_of_log(table, row_key) {
            return self.snapshot.source().get(table, row_key, f);
        }
        let earlier = match table {
            _ if self.is_replayed() => Earlier::UNKNOWN,
            Table::Meta => self.past.witness(row_key)?,
            _ => self.past.get(row_key)?,
        };
        Ok(self.exact(table, row_key, earlier)?.as_deref().map(f).is_some())
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        // The far end of a scan may be open, so the near end decides.
        let from = match direction {
            Direction::Ascending => range.start,
            Direction::Descending => range.end,
        };
        let source = self.snapshot.source();
        if table != Table::Index || !self.is_of_log(table, from) {
            return source.scan(table, range, direction, f);
        }
        if self.is_replayed() {
            return scan_replay(self.replay()?, range, direction, f);
        }
        source.scan(table, range, direction, &mut |row_key, value| {
            if !self.is_of_log(table, row_key) {
                return f(row_key, value);
            }
            let earlier = self.past.row(row_key, value)?;
            self.exact(table, row_key, earlier)?.map_or(Ok(true), |value| f(row_key, &value))
        })
    }

    fn is_committed(&self, table: Table, row_key: &[u8]) -> bool {
        self.snapshot.source().is_committed(table, row_key)
    }
}

fn scan_replay(replay: &Replay<'_>, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let bounds = (std::ops::Bound::Included(range.start), std::ops::Bound::Excluded(range.end));
    let mut rows = replay.rows.range::<[u8], _>(bounds);
    while let Some((row_key, value)) = match direction {
        Direction::Ascending => rows.next(),
        Direction::Descending => rows.next_back(),
    } {
        if !f(row_key, value)? {
            break;
        }
    }
    Ok(())
}
