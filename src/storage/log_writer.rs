//! Appends entries to logs and adds content, in one write. Callers decide what may be written, and whether the rows wait
//! in memory or go into a transaction of the storage engine.
//!
//! Entries are encoded when the write ends, because each one contains its group and the hash of the previous one. Their
//! index rows are written at once, so that later calls of the write see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::as_of::Replayed;
use super::cache::RecordCache;
use super::failure::Failed;
use super::index::derive::{Rows, derive};
use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::{Head, LogsRow, NextContentRow};
use super::log_end::LogEnd;
use super::snapshot::{Pending, Snapshot};
use super::tables::{Table, TableWriter, put_meta};
use crate::record::{Body, ContentId, Envelope, Group, Idempotency, LogEntry};
use crate::types::actor::Actor;
use crate::types::error::{Error, ErrorDetail, Result, at_most};
use crate::types::hash::EntryHash;
use crate::types::id::LogId;
use crate::types::limits;
use crate::types::rationale::Rationale;
use crate::types::time::Timestamp;

/// The part of the envelope that all entries of a write share.
#[derive(Clone, Debug)]
pub(crate) struct Author {
    pub actor: Actor,
    pub clock: Timestamp,
    /// Set on an import of earlier history.
    pub imported: Option<Imported>,
    /// The largest difference, in microseconds, by which a log's last entry may be later than the clock.
    pub tolerance: i64,
    /// Why the write is made.
    pub rationale: Option<Rationale>,
}

impl Author {
    /// The time of new entries: the clock, or the original time of an import.
    fn time(&self) -> Timestamp {
        self.imported.as_ref().map_or(self.clock, |imported| imported.at)
    }
}

/// The origin of imported entries.
#[derive(Clone, Debug)]
pub(crate) struct Imported {
    /// The actor of the import.
    pub by: Actor,
    /// The original time.
    pub at: Timestamp,
}

/// The problem of a write with more entries in one log than a group can hold.
const TOO_MANY: &str = "more entries than a group can hold";

/// The state of a write.
pub(crate) struct LogWriter<'txn> {
    pub(super) tables: &'txn mut dyn TableWriter,
    cache: &'txn RecordCache,
    pub(super) failed: &'txn Failed,
    author: Author,
    logs: BTreeMap<LogNumber, OpenLog>,
    pending: Pending,
    /// The numbers of the content that the write has put.
    pub(super) contents: HashMap<ContentId, u64>,
    /// The next number of content, once the write has added any.
    pub(super) next_content: Option<u64>,
    /// The numbers of the logs that the write creates, and of the log that it erases.
    pub(super) created: BTreeMap<LogId, LogNumber>,
    /// The call with an idempotency key that is running now.
    pub(super) idempotency: Option<KeyedCall>,
    /// The replay for the last repeated call.
    pub(super) replayed: Option<Replayed>,
    /// The number of entries that the write may have.
    limit: usize,
    /// Set if entries of another store were stored at once.
    pub(super) extended: bool,
    /// Set if an earlier call failed after it began to write: the write cannot be committed.
    broken: Option<String>,
}

/// A call with an idempotency key.
pub(super) struct KeyedCall {
    pub log: LogNumber,
    pub idempotency: Idempotency,
    /// The position of its first entry.
    pub first: u64,
}

/// A log with pending entries.
struct OpenLog {
    head: Head,
    /// The position of its next entry.
    next: u64,
    last_time: Timestamp,
    last_binding: Option<u64>,
}

impl<'txn> LogWriter<'txn> {
    pub(super) fn new(
        tables: &'txn mut dyn TableWriter,
        cache: &'txn RecordCache,
        failed: &'txn Failed,
        author: Author,
    ) -> Self {
        Self {
            tables,
            cache,
            failed,
            author,
            logs: BTreeMap::new(),
            pending: Pending::new(),
            contents: HashMap::new(),
            next_content: None,
            created: BTreeMap::new(),
            idempotency: None,
            replayed: None,
            limit: limits::WRITE_ENTRIES,
            extended: false,
            broken: None,
        }
    }

    pub(crate) fn author(&self) -> &Author {
        &self.author
    }

    /// The actor of the write.
    pub(crate) fn actor(&self) -> &Actor {
        &self.author.actor
    }

    /// Reads the store with the changes of this write so far.
    pub(crate) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        self.guarded(|| f(&self.snapshot_unguarded()))
    }

    /// Runs a read, and records failures and damage.
    pub(super) fn guarded<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        self.failed.guard(f)
    }

    /// Fails with `too_large` if `entries` more would exceed the limit of one write.
    pub(crate) fn room_for(&self, entries: usize) -> Result<()> {
        at_most("entries of the write", self.pending.len() + entries, self.limit)
    }

    /// The log id, position and time of the next entry of `log`. After this call, one entry that keeps the rules is
    /// accepted.
    pub(crate) fn next(&mut self, log: LogNumber) -> Result<(LogId, u64, Timestamp)> {
        self.room_for(1)?;
        let failed = self.failed;
        failed.guard(|| self.next_place(log))
    }

    /// Appends an entry and derives its index rows.
    pub(crate) fn append(&mut self, log: LogNumber, body: impl Into<Body>) -> Result<Arc<LogEntry>> {
        self.next(log)?;
        let body = body.into();
        self.step(|writer| writer.add_entry(log, body))
    }

    /// Why the write is made.
    pub(crate) fn rationale(&self) -> Option<&Rationale> {
        self.author.rationale.as_ref()
    }

    /// States why the write is made, before its first entry.
    pub(crate) fn state_rationale(&mut self, rationale: Rationale) -> Result<()> {
        if !self.pending.is_empty() {
            let rule = "must be stated before the first change of the write";
            let stated = rationale.reason().or(rationale.reference()).unwrap_or_default();
            return Err(ErrorDetail::invalid("rationale", stated, rule).into());
        }
        self.author.rationale = Some(rationale).filter(|rationale| !rationale.is_empty());
        Ok(())
    }

    /// Creates a log. Its first entry is not earlier than `created_at`.
    pub(crate) fn create_log(&mut self, log_id: LogId, created_at: Timestamp) -> Result<LogNumber> {
        self.step(|writer| {
            let head = Head::empty(log_id);
            let log = writer.add_log(&head)?;
            let last_time = created_at.previous();
            writer.logs.insert(log, OpenLog { next: 0, head, last_time, last_binding: None });
            Ok(log)
        })
    }

    /// For a write whose entries the store itself makes.
    pub(super) fn lift_limit(&mut self) {
        self.limit = usize::MAX;
    }

    /// Gives a log another id, from its next entry on.
    pub(super) fn rename_log(&mut self, log: LogNumber, to: LogId) -> Result<()> {
        self.step(|writer| {
            writer.open_log(log)?.head.log_id = to;
            Ok(())
        })
    }

    /// Stores the entries and updates the heads. Returns `false` if nothing was written.
    pub(super) fn finish(mut self) -> Result<bool> {
        if let Some(problem) = self.broken {
            let cause = format_args!("an earlier call of the write failed: {problem}");
            return Err(ErrorDetail::failed("complete the write", cause).into());
        }
        let failed = self.failed;
        failed.guard(|| {
            if let Some(next) = self.next_content {
                put_meta(self.tables, key::META_CONTENT, &NextContentRow { next })?;
            }
            for (log, open) in std::mem::take(&mut self.logs) {
                self.store_entries(log, open)?;
            }
            Ok(self.extended || !self.pending.is_empty())
        })
    }

    /// Runs a step that writes. If it fails, the whole write must be rolled back.
    pub(super) fn step<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let failed = self.failed;
        let result = failed.guard(|| f(self));
        if let Err(error) = &result {
            self.broken.get_or_insert_with(|| error.to_string());
        }
        result
    }

    /// Notes the error of a refused call. If the call has already added entries, the whole write must be rolled back.
    pub(crate) fn refused_at(&mut self, log: LogNumber, before: u64, error: &Error) -> Result<()> {
        if self.next_position(log)? != before {
            self.broken.get_or_insert_with(|| error.to_string());
        }
        Ok(())
    }

    pub(super) fn snapshot_unguarded(&self) -> Snapshot<'_> {
        Snapshot::new(&*self.tables, self.cache, Some(&self.pending))
    }

    /// The position of the next entry of `log`.
    pub(crate) fn next_position(&self, log: LogNumber) -> Result<u64> {
        match self.logs.get(&log) {
            Some(open) => Ok(open.next),
            None => Ok(self.snapshot_unguarded().head(log)?.length),
        }
    }

    /// Adds a log under the next free number.
    pub(super) fn add_log(&mut self, head: &Head) -> Result<LogNumber> {
        let LogsRow { next } = self.snapshot_unguarded().logs()?;
        let after =
            next.checked_add(1).ok_or_else(|| ErrorDetail::corrupt("the number of logs", "no number is left"))?;
        if self.tables.get(Table::Meta, &key::head(next), &mut |_| {})? {
            return Err(ErrorDetail::corrupt("the number of logs", "the next log already has a head").into());
        }
        put_meta(self.tables, key::META_LOGS, &LogsRow { next: after })?;
        put_meta(self.tables, &key::head(next), head)?;
        self.created.insert(head.log_id, next);
        Ok(next)
    }

    fn open_log(&mut self, log: LogNumber) -> Result<&mut OpenLog> {
        if !self.logs.contains_key(&log) {
            let snapshot = self.snapshot_unguarded();
            let head = snapshot.head(log)?;
            snapshot.check_end(log, &head)?;
            let last_time = snapshot.last_time(log, &head)?;
            let clock = self.author.clock;
            if last_time.as_micros().saturating_sub(clock.as_micros()) > self.author.tolerance {
                return Err(ErrorDetail::ClockBehind { zone_id: snapshot.zone_of(log)?, last: last_time, clock }.into());
            }
            // Not for the store's log: it has the entries of all zones, and the import of one zone must not wait for
            // the others.
            if let Some(Imported { at, .. }) = &self.author.imported
                && log != STORE_LOG
                && *at < snapshot.last_given_time(log, &head)?
            {
                let reason = format!("must not be earlier than the last entry, of {last_time}");
                return Err(ErrorDetail::ImportedOutOfOrder { zone_id: snapshot.zone_of(log)?, at: *at, reason }.into());
            }
            let last_binding = snapshot.last_binding(log, &head)?;
            self.logs.insert(log, OpenLog { next: head.length, head, last_time, last_binding });
        }
        self.logs.get_mut(&log).ok_or_else(|| ErrorDetail::corrupt("the write", "a log was lost").into())
    }

    /// The tables as `derive` uses them.
    pub(super) fn index(&mut self) -> IndexTable<'_> {
        IndexTable { tables: self.tables, logs: &self.created }
    }

    fn next_place(&mut self, log: LogNumber) -> Result<(LogId, u64, Timestamp)> {
        let time = self.author.time();
        self.next_place_at(log, time)
    }

    fn next_place_at(&mut self, log: LogNumber, time: Timestamp) -> Result<(LogId, u64, Timestamp)> {
        let clock = self.author.clock;
        let open = self.open_log(log)?;
        let (last, log_id, position) = (open.last_time, open.head.log_id, open.next);
        match last.next() {
            Some(after) => Ok((log_id, position, time.max(after))),
            None => {
                Err(ErrorDetail::ClockBehind { zone_id: self.snapshot_unguarded().zone_of(log)?, last, clock }.into())
            }
        }
    }

    fn add_entry(&mut self, log: LogNumber, body: Body) -> Result<Arc<LogEntry>> {
        self.add_entry_of(self.author.clone(), log, body)
    }

    /// Adds an entry with its own author, in place of the author of the write.
    pub(super) fn add_entry_of(&mut self, author: Author, log: LogNumber, body: Body) -> Result<Arc<LogEntry>> {
        let time = author.time();
        let Author { actor, clock, imported, rationale, .. } = author;
        let (log_id, position, created_at) = self.next_place_at(log, time)?;
        let OpenLog { head, last_binding, .. } = self.open_log(log)?;
        let (last_binding, index) = (*last_binding, position.saturating_sub(head.length));
        let index = u32::try_from(index).map_err(|_| ErrorDetail::corrupt("the write", TOO_MANY))?;
        let recorded = Arc::new(LogEntry {
            envelope: Envelope {
                log_id,
                position,
                previous: EntryHash::NONE,
                created_at,
                clock_offset: Envelope::clock_offset(created_at, clock),
                actor,
                imported_by: imported.map(|imported| imported.by),
                idempotency: self.idempotency.as_ref().filter(|call| call.log == log).map(|call| call.idempotency),
                group: Group { index, size: 0 },
                rationale: rationale.filter(|_| index == 0),
                last_binding,
                extensions: Vec::new(),
            },
            body,
            hash: EntryHash::NONE,
        });
        let forms = self.forms_of(&recorded.body)?;
        self.note_feature(&recorded.body)?;
        derive(&mut self.index(), log, &recorded, forms)?;
        self.pending.insert((log, position), recorded.clone());
        let open = self.open_log(log)?;
        if recorded.body.is_binding() {
            open.last_binding = Some(position);
        }
        open.next = position + 1;
        open.last_time = created_at;
        Ok(recorded)
    }

    /// Stores the pending entries of one log, with their group and their chain of hashes.
    fn store_entries(&mut self, log: LogNumber, open: OpenLog) -> Result<()> {
        let OpenLog { head, next, .. } = open;
        let start = head.length;
        let size = u32::try_from(next - start).map_err(|_| ErrorDetail::corrupt("the write", TOO_MANY))?;
        let mut end = LogEnd::new(log, head);
        for position in start..next {
            let Some(recorded) = self.pending.get(&(log, position)) else {
                return Err(ErrorDetail::corrupt("the write", "an entry was lost").into());
            };
            let group = Group { size, ..recorded.envelope.group };
            let envelope = Envelope { previous: end.head.last, group, ..recorded.envelope.clone() };
            let (bytes, hash) = end.encode(envelope, &recorded.body)?;
            end.store(self.tables, &bytes, hash)?;
        }
        end.finish(self.tables)
    }
}

/// The index and witness rows of a write, for `derive`.
pub(super) struct IndexTable<'a> {
    pub tables: &'a mut dyn TableWriter,
    pub logs: &'a BTreeMap<LogId, LogNumber>,
}

impl IndexTable<'_> {
    fn value(&self, table: Table, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        let mut value = None;
        self.tables.get(table, row_key, &mut |bytes| value = Some(bytes.to_vec()))?;
        Ok(value)
    }
}

impl Rows for IndexTable<'_> {
    fn get(&self, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.value(Table::Index, row_key)
    }

    fn put(&mut self, row_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.tables.put(Table::Index, row_key, value)
    }

    fn remove(&mut self, row_key: &[u8]) -> Result<()> {
        self.tables.remove(Table::Index, row_key)
    }

    fn witness(&self, meta_key: &[u8]) -> Result<Option<Vec<u8>>> {
        self.value(Table::Meta, meta_key)
    }

    fn put_witness(&mut self, meta_key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        self.tables.put(Table::Meta, meta_key, value)
    }

    fn remove_witness(&mut self, meta_key: &[u8]) -> Result<()> {
        self.tables.remove(Table::Meta, meta_key)
    }

    fn log_number(&self, log_id: LogId) -> Option<LogNumber> {
        self.logs.get(&log_id).copied()
    }
}
