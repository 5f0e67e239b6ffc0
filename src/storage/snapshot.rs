//! Reads rows, entries and content at one moment, and checks each one.
//!
//! The target of a row must exist: a row that points to nothing is damage, never "not found".

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::cache::RecordCache;
use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::{
    FEATURE_ABSENT_LOGS, FormatRow, Head, LogsRow, NextContentRow, Row, StoreRow, StoreStateRow, ZoneRow,
};
use super::tables::{Direction, Table, TableReader};
use crate::record::{Body, Entry, EntryProblem, LogEntry, NodeHash};
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, ZoneId};
use crate::types::rationale::Rationale;

/// The entries of a write that are not stored yet.
pub(super) type Pending = BTreeMap<(LogNumber, u64), Arc<LogEntry>>;

/// The store at one moment: a committed state, or the state of a write so far.
pub(crate) struct Snapshot<'a> {
    source: &'a dyn TableReader,
    cache: &'a RecordCache,
    pending: Option<&'a Pending>,
    /// The smallest valid commit count.
    commits: u64,
    /// Whether the commit count was compared.
    counted: Cell<bool>,
    /// A log that is read as of an earlier length, and that length.
    ends: Option<(LogNumber, u64)>,
}

impl<'a> Snapshot<'a> {
    pub(super) fn new(source: &'a dyn TableReader, cache: &'a RecordCache, pending: Option<&'a Pending>) -> Self {
        Self { source, cache, pending, commits: 0, counted: Cell::new(false), ends: None }
    }

    /// The same, with the smallest valid commit count.
    pub(super) fn not_before(self, commits: u64) -> Self {
        Self { commits, ..self }
    }

    pub(super) fn is_counted(&self) -> bool {
        self.counted.get()
    }

    pub(super) fn note_counted(&self) {
        self.counted.set(true);
    }

    pub(super) fn least_commits(&self) -> u64 {
        self.commits
    }

    /// The tables that the snapshot reads.
    pub(super) fn source(&self) -> &'a dyn TableReader {
        self.source
    }

    /// The same, with `log` as of the length `end`; `source` has its rows.
    pub(super) fn as_of<'b>(&'b self, source: &'b dyn TableReader, log: LogNumber, end: u64) -> Snapshot<'b> {
        Snapshot { source, counted: Cell::new(false), ends: Some((log, end)), ..*self }
    }

    /// The same, over other tables. No log ends earlier.
    pub(super) fn over<'b>(&'b self, source: &'b dyn TableReader) -> Snapshot<'b> {
        Snapshot { source, counted: Cell::new(false), ends: None, ..*self }
    }

    /// Whether the log is read as of an earlier length.
    pub(super) fn is_ended(&self, log: LogNumber) -> bool {
        self.ends.is_some_and(|(ended, _)| ended == log)
    }

    pub(super) fn row_of<R: Row>(&self, table: Table, row_key: &[u8]) -> Result<Option<R>> {
        let mut row = None;
        self.source.get(table, row_key, &mut |value| row = Some(R::from_value(row_key, value)))?;
        row.transpose().map_err(|problem| ErrorDetail::corrupt(place_of(table, row_key), problem).into())
    }

    pub(super) fn meta<R: Row>(&self, row_key: &[u8]) -> Result<Option<R>> {
        self.row_of(Table::Meta, row_key)
    }

    /// The store's id and its cursor key.
    pub(crate) fn store(&self) -> Result<StoreRow> {
        self.meta(key::META_STORE)?.ok_or_else(|| missing("the store's id"))
    }

    /// The numbers of zones and schema versions.
    pub(crate) fn store_state(&self) -> Result<StoreStateRow> {
        Ok(self.row(&key::state(STORE_LOG))?.unwrap_or_default())
    }

    pub(super) fn logs(&self) -> Result<LogsRow> {
        self.meta(key::META_LOGS)?.ok_or_else(|| missing("the number of logs"))
    }

    /// The head of a log. A head that is shorter than its log is damage: the log's older state would pass for the
    /// newest. In a write, the length includes the pending entries; their last hash is not known yet. As of an earlier
    /// length, it has that length, and no last hash.
    pub(crate) fn head(&self, log: LogNumber) -> Result<Head> {
        let mut head = self.head_row(log)?;
        if self.source.get(Table::Log, &key::entry(log, head.length), &mut |_| {})? {
            return Err(falls_short(log));
        }
        if let Some(last) = self.last_pending(log) {
            head = Head { length: last + 1, last: EntryHash::NONE, ..head };
        }
        if let Some((_, end)) = self.ends.filter(|(ended, _)| *ended == log) {
            head = Head { length: head.length.min(end), last: EntryHash::NONE, ..head };
        }
        Ok(head)
    }

    fn last_pending(&self, log: LogNumber) -> Option<u64> {
        let (&(_, last), _) = self.pending?.range((log, 0)..=(log, u64::MAX)).next_back()?;
        Some(last)
    }

    /// The positions of an entry's group. In a write, the group of a pending entry is all entries of the log so far.
    pub(crate) fn group(&self, log: LogNumber, entry: &LogEntry) -> Range<u64> {
        let pending = self.pending.and_then(|pending| pending.range((log, 0)..=(log, u64::MAX)).next());
        match (pending, self.last_pending(log)) {
            (Some((&(_, start), _)), Some(last)) if entry.envelope.position >= start => start..last + 1,
            _ => entry.envelope.group_start()..entry.envelope.group_end(),
        }
    }

    fn head_row(&self, log: LogNumber) -> Result<Head> {
        let head: Head = self.meta(&key::head(log))?.ok_or_else(|| missing(format_args!("the head of log {log}")))?;
        match head.frontier.fits(head.length) {
            true => Ok(head),
            false => {
                Err(ErrorDetail::corrupt(format_args!("the head of log {log}"), "frontier does not fit its length")
                    .into())
            }
        }
    }

    /// The number of the next new content. No content may have it or a higher one: it would be overwritten.
    pub(super) fn next_content(&self) -> Result<u64> {
        let what = "the number of the next content";
        let NextContentRow { next } = self.meta(key::META_CONTENT)?.ok_or_else(|| missing(what))?;
        let start = key::content(next);
        self.source.scan(
            Table::Content,
            start.as_slice()..key::ALL_CONTENT.end,
            Direction::Ascending,
            &mut |_, _| Err(ErrorDetail::corrupt(what, "is taken").into()),
        )?;
        Ok(next)
    }

    /// The id of the log with this number.
    pub(crate) fn log_id(&self, log: LogNumber) -> Result<Option<LogId>> {
        if let Some(id) = self.cache.log_id(log) {
            return Ok(Some(id));
        }
        let id = self.meta::<Head>(&key::head(log))?.map(|head| head.log_id);
        if let Some(id) = id
            && self.pending.is_none()
        {
            self.cache.keep_log_id(log, id);
        }
        Ok(id)
    }

    /// Whether the zone still exists with this log. A new zone can have the id of an erased one, with another log.
    pub(crate) fn has_zone(&self, zone_id: &str, log: LogNumber, log_id: LogId) -> Result<bool> {
        if self.cache.has_zone(log, log_id) {
            return Ok(true);
        }
        let row: Option<ZoneRow> = self.witnessed(&key::by_id(STORE_LOG, RowKind::Zone, zone_id))?;
        let has = row.is_some_and(|row| row.log == log) && self.log_id(log)? == Some(log_id);
        if has && self.pending.is_none() {
            self.cache.keep_zone(log, log_id);
        }
        Ok(has)
    }

    /// Whether the file may lack the logs of zones that exist: it is a replica of chosen zones.
    pub(crate) fn may_lack_logs(&self) -> Result<bool> {
        let row = self.meta::<FormatRow>(key::META_FORMAT)?.ok_or_else(|| missing("the format"))?;
        Ok(row.features & FEATURE_ABSENT_LOGS != 0)
    }

    /// The heads of all logs, by their numbers.
    pub(super) fn heads(&self) -> Result<BTreeMap<LogNumber, Head>> {
        let mut heads = BTreeMap::new();
        let range = key::heads();
        let range = range.start.as_slice()..range.end.as_slice();
        self.source.scan(Table::Meta, range, Direction::Ascending, &mut |row_key, value| {
            let head = Head::from_value(row_key, value);
            let head = head.map_err(|problem| ErrorDetail::corrupt(place_of(Table::Meta, row_key), problem))?;
            let log = key::head_log(row_key).ok_or_else(|| missing("a log's number"))?;
            heads.insert(log, head);
            Ok(true)
        })?;
        Ok(heads)
    }

    /// The entry at `position`, which must exist.
    pub(crate) fn entry(&self, log: LogNumber, position: u64) -> Result<Arc<LogEntry>> {
        if let Some(entry) = self.pending.and_then(|pending| pending.get(&(log, position))) {
            return Ok(entry.clone());
        }
        if let Some(entry) = self.cache.entry(log, position) {
            return Ok(entry);
        }
        let mut read = None;
        self.source.get(Table::Log, &key::entry(log, position), &mut |value| {
            read = Some((LogEntry::from_stored(value), value.len()));
        })?;
        let (recorded, stored) = read.ok_or_else(|| missing(EntryPlace(log, position)))?;
        let recorded = Arc::new(recorded.map_err(|problem| unusable(problem, log, position))?);
        // A fork gives a log another id: the entries before it keep the old one.
        let end = self.length_under(log, recorded.envelope.log_id)?;
        if recorded.envelope.position != position || end.is_none_or(|end| position >= end) {
            return Err(
                ErrorDetail::corrupt(EntryPlace(log, position), "log id or position does not match the key").into()
            );
        }
        // An earlier write that is not durable yet may still fail.
        if self.pending.is_none() || self.source.is_committed(Table::Log, &key::entry(log, position)) {
            self.cache.keep_entry(log, recorded.clone(), stored);
        }
        Ok(recorded)
    }

    pub(super) fn cached_nodes(&self, log: LogNumber, level: u32, group: u64) -> Option<Arc<[NodeHash]>> {
        self.cache.nodes(log, level, group)
    }

    /// Keeps nodes of the tree over a log: each is of entries that are committed.
    pub(super) fn keep_nodes(&self, log: LogNumber, level: u32, group: u64, nodes: &Arc<[NodeHash]>) {
        if self.pending.is_none() {
            self.cache.keep_nodes(log, level, group, nodes.clone());
        }
    }

    pub(super) fn cached_content(&self, sha: Sha256) -> Option<Arc<str>> {
        self.cache.content(sha)
    }

    /// Keeps content that was hashed. Content of a write is not durable, and must not stay in the cache if the write is
    /// rolled back.
    pub(super) fn keep_content(&self, sha: Sha256, text: &Arc<str>) {
        if self.pending.is_none() {
            self.cache.keep_content(sha, text.clone());
        }
    }

    /// Checks that the log ends at its head. Otherwise, new entries would hide or overwrite existing ones.
    pub(super) fn check_end(&self, log: LogNumber, head: &Head) -> Result<()> {
        let last = match head.length.checked_sub(1) {
            None => EntryHash::NONE,
            Some(last) => self.entry(log, last)?.hash,
        };
        if last != head.last {
            return Err(ErrorDetail::corrupt(
                format_args!("the head of log {log}"),
                "hash does not match the last entry",
            )
            .into());
        }
        let mut further = false;
        let range = key::entries_from(log, head.length);
        let range = range.start.as_slice()..range.end.as_slice();
        self.source.scan(Table::Log, range, Direction::Ascending, &mut |_, _| {
            further = true;
            Ok(false)
        })?;
        if further { Err(falls_short(log)) } else { Ok(()) }
    }

    /// The zone that the log belongs to; `None` for the store's log.
    pub(super) fn zone_of(&self, log: LogNumber) -> Result<Option<ZoneId>> {
        if log == STORE_LOG {
            return Ok(None);
        }
        match &self.entry(log, 0)?.body {
            Body::ZoneOpened(body) => Ok(Some(body.zone_id.clone())),
            _ => Err(ErrorDetail::corrupt(EntryPlace(log, 0), "expected the entry that opens a zone").into()),
        }
    }

    /// The last entry of a log that bound or unbound anything.
    pub(super) fn last_binding(&self, log: LogNumber, head: &Head) -> Result<Option<u64>> {
        let Some(last) = head.length.checked_sub(1) else { return Ok(None) };
        let entry = self.entry(log, last)?;
        Ok(if entry.body.is_binding() { Some(last) } else { entry.envelope.last_binding })
    }

    /// The bytes of the entry at `position`, of a committed state. Their hash is checked.
    pub(crate) fn entry_bytes(&self, log: LogNumber, position: u64) -> Result<Vec<u8>> {
        let mut bytes = None;
        self.source.get(Table::Log, &key::entry(log, position), &mut |value| {
            bytes = Some(Entry::bytes_of_stored(value).map(<[u8]>::to_vec));
        })?;
        let bytes = bytes.ok_or_else(|| missing(EntryPlace(log, position)))?;
        bytes.map_err(|problem| unusable(problem, log, position))
    }

    /// Why the write of an entry was made.
    pub(crate) fn rationale(&self, log: LogNumber, entry: &LogEntry) -> Result<Option<Rationale>> {
        let first = self.group(log, entry).start;
        if first == entry.envelope.position {
            return Ok(entry.envelope.rationale.clone());
        }
        Ok(self.entry(log, first)?.envelope.rationale.clone())
    }
}

/// The place of an entry, for error messages.
pub(super) struct EntryPlace(pub LogNumber, pub u64);

impl std::fmt::Display for EntryPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "entry {} of log {}", self.1, self.0)
    }
}

/// The error of an entry that cannot be used.
pub(super) fn unusable(problem: EntryProblem, log: LogNumber, position: u64) -> Error {
    match problem {
        EntryProblem::Damaged(problem) => ErrorDetail::corrupt(EntryPlace(log, position), problem),
        EntryProblem::Newer { what, found, known } => ErrorDetail::NewerFormat { what, found, known },
    }
    .into()
}

fn missing(what: impl std::fmt::Display) -> Error {
    ErrorDetail::corrupt(what, "missing").into()
}

fn falls_short(log: LogNumber) -> Error {
    ErrorDetail::corrupt(format_args!("the head of log {log}"), "log has entries after the head").into()
}

pub(super) fn place_of(table: Table, row_key: &[u8]) -> String {
    format!("{table:?} row {}", crate::types::hash::hex::encode(row_key)).to_lowercase()
}
