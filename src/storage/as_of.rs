//! Reads a log as of an earlier length: the tables, with the earlier value of each row of the log.
//!
//! Most rows are found again by [`Past`]. If one is not, the log is replayed in memory, once for all reads.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{OnceLock, PoisonError};

use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::replay::{Replay, log_numbers};
use super::past::{Earlier, Past};
use super::snapshot::Snapshot;
use super::sync::Mutex;
use super::tables::{Table, Visit};
use super::{Direction, TableReader};
use crate::types::error::Result;

/// An earlier length of a log, and the replay up to it if one was necessary.
pub(super) struct Replayed {
    pub log: LogNumber,
    pub end: u64,
    replay: OnceLock<Replay>,
    /// The replay for the repeated call before, and its end. Repeated calls usually come in their first order, so the
    /// next one continues from there. Locked during a replay, so that threads do not repeat one.
    before: Mutex<Option<(u64, Replay)>>,
    /// Whether a later replay continues from this one, and needs all of its rows.
    continues: bool,
    /// The state of the log, by the keys of its row and its witness, once it was read: finding it again takes many steps.
    state: [OnceLock<Option<Vec<u8>>>; 2],
}

impl Replayed {
    /// For reads.
    pub(super) fn to_read(log: LogNumber, end: u64) -> Self {
        Self {
            log,
            end,
            replay: OnceLock::new(),
            before: Mutex::new(None),
            continues: false,
            state: Default::default(),
        }
    }

    /// For a repeated call. `before` is the last one.
    pub(super) fn new(log: LogNumber, end: u64, before: Option<Self>) -> Self {
        let before = before.filter(|before| before.log == log && before.end <= end);
        let before = before.and_then(|before| match before.replay.into_inner() {
            Some(replay) => Some((before.end, replay)),
            None => before.before.into_inner().unwrap_or_else(PoisonError::into_inner),
        });
        Self { before: Mutex::new(before), continues: true, ..Self::to_read(log, end) }
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
            // Entries of before a fork are read by the former id of their log, whenever it got the present one.
            Table::Index => row_key.starts_with(&self.prefix) && RowKind::of(row_key) != Some(RowKind::FormerId),
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

    /// The earlier value of a row or witness of the log.
    fn value(&self, table: Table, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        let find = || {
            let earlier = match table {
                _ if self.is_replayed() => Earlier::UNKNOWN,
                Table::Meta => self.past.witness(row_key)?,
                _ => self.past.get(row_key)?,
            };
            self.exact(table, row_key, earlier)
        };
        let prefix = if table == Table::Meta { &self.witness_prefix } else { &self.prefix };
        let is_state = row_key.strip_prefix(prefix.as_slice()) == Some(&[RowKind::State as u8]);
        let [row, witness] = &self.replayed.state;
        let known = if table == Table::Meta { witness } else { row };
        match known.get() {
            Some(value) if is_state => Ok(value.clone()),
            _ if is_state => {
                let value = find()?;
                Ok(known.get_or_init(|| value).clone())
            }
            _ => find(),
        }
    }

    /// The rows of the log, derived again.
    fn replay(&self) -> Result<&Replay> {
        let Replayed { log, end, replay, before, continues, .. } = self.replayed;
        if let Some(replay) = replay.get() {
            return Ok(replay);
        }
        let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(replay) = replay.get() {
            return Ok(replay);
        }
        let (start, mut replayed) = match before.take() {
            Some(before) => before,
            // Only entries of the store's log name other logs.
            None if *log != STORE_LOG => (0, Replay::new(BTreeMap::new())),
            None => (0, Replay::new(log_numbers(self.snapshot.source(), &self.snapshot.heads()?)?)),
        };
        for position in start..*end {
            let entry = self.snapshot.entry(*log, position)?;
            replayed.entry(None, *log, &entry, None)?;
        }
        if !continues {
            // All other rows are exact.
            let is_read = |row_key: &[u8]| {
                matches!(RowKind::of(row_key), Some(RowKind::Policy | RowKind::PolicySet | RowKind::State))
            };
            replayed.rows.retain(|row_key, _| is_read(row_key));
            replayed.witnesses.retain(|meta_key, _| key::witnessed(meta_key).is_some_and(is_read));
        }
        Ok(replay.get_or_init(|| replayed))
    }
}

impl TableReader for AsOf<'_> {
    fn get(&self, table: Table, row_key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        if !self.is_of_log(table, row_key) {
            return self.snapshot.source().get(table, row_key, f);
        }
        Ok(self.value(table, row_key)?.as_deref().map(f).is_some())
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

fn scan_replay(replay: &Replay, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
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
