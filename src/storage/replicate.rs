//! Follows the logs of another store: adds their entries unchanged, and derives the rows.
//!
//! Nothing that the source gives is trusted. Entries follow the chain of their log, content has the hashes that they name,
//! and each log ends with the root of a checkpoint: of the caller for the store's log, of a seal in it for a zone's. Otherwise
//! the write fails as a whole. Callers have verified the signature of the checkpoint.

use std::collections::BTreeMap;
use std::error::Error as StdError;

use super::Storage;
use super::file::format::{add_feature, check_marked};
use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::{FEATURE_ABSENT_LOGS, Head, SealedRow, ZoneRow};
use super::log_end::LogEnd;
use super::log_writer::{Author, LogWriter};
use super::names::Names;
use super::part::LogPart;
use super::snapshot::Snapshot;
use super::tables::put_meta;
use super::walk::{Walk, refuse};
use crate::record::{Body, ContentAddress, ContentId, Entry, Frontier, LogEntry, PackedContent, Plain, ZoneErased};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::{EntryHash, RootHash};
use crate::types::id::{LogId, ZoneId};

/// The logs of another store, as a replica reads them. Nothing that it gives is trusted.
pub trait ReplicaSource {
    /// Told which entries will be read, and in which order, before they are: a source with a slow connection can fetch ahead.
    fn announce(&mut self, _ranges: &[LogRange]) {}

    /// Entries of a log from `start` on, at least one of them and none from `end` on, with the content that they name. Larger
    /// pieces of content may be absent: [`content`](Self::content) is asked for them.
    ///
    /// # Errors
    ///
    /// Any: the replica keeps its state, and returns it as the source of its own error.
    fn part(&mut self, log_id: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>>;

    /// The content with this address, in the form of the table `content`, that an entry of this log names.
    ///
    /// # Errors
    ///
    /// As [`part`](Self::part).
    fn content(&mut self, log_id: LogId, address: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>>;
}

/// Entries of a log.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRange {
    /// The log.
    pub log_id: LogId,
    /// The position of the first entry.
    pub start: u64,
    /// The position after the last entry.
    pub end: u64,
}

impl LogRange {
    /// The entries of a log from `start` to before `end`.
    #[must_use]
    pub fn new(log_id: LogId, start: u64, end: u64) -> Self {
        Self { log_id, start, end }
    }
}

/// The logs that a write has extended.
#[derive(Debug, Default)]
pub(crate) struct Replicated {
    pub entries: u64,
    pub zones: Vec<ZoneId>,
}

/// A replication under way.
struct Replication<'a> {
    source: &'a mut dyn ReplicaSource,
    wanted: &'a dyn Fn(&ZoneId) -> bool,
    /// What the logs name, if a zone is to be erased.
    names: Option<&'a mut Names>,
    /// Set if the write must be run again with the names.
    needs_names: &'a mut bool,
    done: Replicated,
}

impl Storage {
    /// Extends the store's log to the checkpoint `to`, and the logs of the zones that are held or `wanted` to their
    /// checkpoints in the newest seal. All of it is one commit.
    pub(crate) fn replicate(
        &self,
        author: impl Fn() -> Author,
        to: &Checkpoint,
        wanted: &dyn Fn(&ZoneId) -> bool,
        source: &mut dyn ReplicaSource,
    ) -> Result<Replicated> {
        let is_new = self.read(|snapshot| Ok(snapshot.head(STORE_LOG)?.length == 0))?;
        let mut needs_names = false;
        let replication = Replication {
            source: &mut *source,
            wanted,
            names: None,
            needs_names: &mut needs_names,
            done: Replicated::default(),
        };
        // A new replica takes the id of the store's log: caches have the one that it was created with.
        let replicated = self.write_of_replica(&author, |writer| replication.run(writer, to), is_new);
        if !needs_names {
            return replicated;
        }
        let mut names = Names::default();
        self.read(|snapshot| names.follow(snapshot))?;
        let (names, needs_names, done) = (Some(&mut names), &mut needs_names, Replicated::default());
        let replication = Replication { source, wanted, names, needs_names, done };
        self.write_of_replica(author, |writer| replication.run(writer, to), true)
    }
}

impl Replication<'_> {
    fn run(mut self, writer: &mut LogWriter<'_>, to: &Checkpoint) -> Result<Replicated> {
        writer.guarded(|| check_marked(&*writer.tables, "replica"))?;
        if let Some(names) = &mut self.names {
            // Others may have written since they were collected.
            writer.read(|snapshot| names.follow(snapshot))?;
        }
        let mut erased = Vec::new();
        self.source.announce(&[range(to, writer.read(|snapshot| snapshot.head(STORE_LOG))?.length)]);
        self.grow(writer, STORE_LOG, to, &mut |writer, recorded| match &recorded.body {
            Body::ZoneCreated(body) => writer.add_log(&Head::empty(body.log_id)).map(drop),
            Body::ZoneForked(body) => writer.rename_empty_log(&body.zone_id, body.from, body.to),
            Body::ZoneErased(body) => {
                erased.push((writer.log_to_erase(body)?, body.clone()));
                Ok(())
            }
            _ => Ok(()),
        })?;
        for (log, erased) in &erased {
            self.erase(writer, *log, erased)?;
        }
        let zones = writer.read(zones)?;
        let mut absent = false;
        let mut grown = Vec::new();
        for Zone { id, log, head, sealed } in zones {
            let is_held = head.length > 0;
            match sealed {
                Some(to) if (is_held || (self.wanted)(&id)) && head.checkpoint() != to => {
                    grown.push((id, log, to, head.length));
                }
                _ => absent |= !is_held,
            }
        }
        let range = |(_, _, to, start): &(ZoneId, LogNumber, Checkpoint, u64)| range(to, *start);
        self.source.announce(&grown.iter().map(range).collect::<Vec<_>>());
        for (id, log, to, _) in grown {
            self.grow(writer, log, &to, &mut |_, _| Ok(()))?;
            self.done.zones.push(id);
        }
        if absent {
            writer.step(|writer| add_feature(writer.tables, FEATURE_ABSENT_LOGS))?;
        }
        Ok(self.done)
    }

    /// Extends a log to a checkpoint. Passes each new entry to `before`, before its rows are derived.
    fn grow(
        &mut self,
        writer: &mut LogWriter<'_>,
        log: LogNumber,
        to: &Checkpoint,
        before: &mut dyn FnMut(&mut LogWriter<'_>, &LogEntry) -> Result<()>,
    ) -> Result<()> {
        let (head, last) = writer.read(|snapshot| {
            let head = snapshot.head(log)?;
            snapshot.check_end(log, &head)?;
            let last = head.length.checked_sub(1).map(|last| snapshot.entry(log, last)).transpose()?;
            Ok((head, last))
        })?;
        check_continues(&head, to)?;
        if head.length == to.size {
            return Ok(());
        }
        let target = Head { log_id: to.log_id, length: to.size, last: EntryHash::NONE, frontier: Frontier::default() };
        let mut walk = match &last {
            Some(last) => Walk::after(log, &target, last, head.frontier.clone()),
            None => Walk::new(log, &target),
        };
        let mut end = LogEnd::new(log, Head { log_id: to.log_id, ..head });
        while end.head.length < to.size {
            let start = end.head.length;
            let wrong = |position, problem: &str| Error::from(ErrorDetail::replicated(to.log_id, position, problem));
            let part = self.source.part(to.log_id, start, to.size);
            let part = part.map_err(|error| ErrorDetail::source_failed(to.log_id, start, error))?;
            if part.entries.is_empty() || part.entries.len() as u64 > to.size - start {
                return Err(wrong(start, "the source gives no entry, or too many"));
            }
            let mut content = unpacked(&part.content).map_err(|problem| wrong(start, &problem))?;
            for bytes in &part.entries {
                let position = end.head.length;
                let recorded = checked(&mut walk, log, position, bytes).map_err(|error| input(to, position, error))?;
                for id in recorded.body.content() {
                    self.put(writer, to.log_id, position, &id, &mut content)?;
                }
                before(writer, &recorded).map_err(|error| input(to, position, error))?;
                let stored = writer.replicate_entry(&mut end, &recorded, bytes);
                stored.map_err(|error| input(to, position, error))?;
                self.done.entries += 1;
            }
        }
        if end.head.frontier.root() != to.root.0 {
            let problem = "the root of the entries is not that of the checkpoint";
            return Err(ErrorDetail::replicated(to.log_id, to.size, problem).into());
        }
        writer.step(|writer| end.finish(writer.tables))
    }

    /// Puts the content that an entry names, unless the replica has it.
    fn put(
        &mut self,
        writer: &mut LogWriter<'_>,
        log_id: LogId,
        position: u64,
        id: &ContentId,
        content: &mut BTreeMap<ContentId, PackedContent>,
    ) -> Result<()> {
        if let Some(packed) = content.remove(id) {
            return writer.put_content(&packed).map(drop);
        }
        if writer.adopt_content(id)? {
            return Ok(());
        }
        let address = ContentAddress::of(id);
        let value = self.source.content(log_id, &address);
        let value = value.map_err(|error| ErrorDetail::source_failed(log_id, position, error))?;
        match Plain::unpack(&value) {
            Ok(plain) if plain.id() == *id => writer.put_content(&plain.content().pack()).map(drop),
            _ => {
                let problem = format!("the source gives other content than {address}");
                Err(ErrorDetail::replicated(log_id, position, &problem).into())
            }
        }
    }

    /// Removes what a replica holds of an erased zone. Its last entries may never have come: then its head says that the log
    /// is absent.
    fn erase(&mut self, writer: &mut LogWriter<'_>, log: LogNumber, erased: &ZoneErased) -> Result<()> {
        let head = writer.read(|snapshot| snapshot.head(log))?;
        if head.length == 0 {
            return writer.step(|writer| add_feature(writer.tables, FEATURE_ABSENT_LOGS));
        }
        let Some(names) = &mut self.names else {
            *self.needs_names = true;
            return Err(ErrorDetail::failed("replicate", "a zone is erased").into());
        };
        writer.step(|writer| {
            writer.remove_log(names, log)?;
            // The next erased zone may name the same content.
            names.forget(log);
            if (head.length, head.last, head.frontier.root()) == (erased.length, erased.last, erased.root) {
                return Ok(());
            }
            add_feature(writer.tables, FEATURE_ABSENT_LOGS)?;
            put_meta(writer.tables, &key::head(log), &Head::empty(head.log_id))
        })
    }
}

fn range(to: &Checkpoint, start: u64) -> LogRange {
    LogRange { log_id: to.log_id, start, end: to.size }
}

/// Refuses a checkpoint of another log, of a smaller one, and another one of the same size.
fn check_continues(head: &Head, to: &Checkpoint) -> Result<()> {
    let held = head.checkpoint();
    if head.length > 0 && held.log_id != to.log_id || held.size == to.size && held.root != to.root && to.size > 0 {
        return Err(ErrorDetail::ReplicaFork { log_id: to.log_id, size: to.size }.into());
    }
    if to.size < held.size {
        return Err(ErrorDetail::ReplicaRollback { log_id: to.log_id, held: held.size, given: to.size }.into());
    }
    Ok(())
}

/// Decodes the next entry, and checks its place in the chain.
fn checked(walk: &mut Walk<'_>, log: LogNumber, position: u64, bytes: &[u8]) -> Result<LogEntry> {
    let value = Entry::stored(bytes, EntryHash::of(bytes));
    let mut read = None;
    walk.row(&key::entry(log, position), &value, None, &mut |step| {
        read = Some(refuse(log, step)?.clone());
        Ok(())
    })?;
    read.ok_or_else(|| ErrorDetail::corrupt("the entry", "cannot be read").into())
}

/// Damage that was found in input is an error of the input. A failure of the storage engine stays one.
fn input(to: &Checkpoint, position: u64, error: Error) -> Error {
    match error.detail() {
        ErrorDetail::Corrupt { problem, .. } => ErrorDetail::replicated(to.log_id, position, problem).into(),
        _ => error,
    }
}

fn unpacked(values: &[Vec<u8>]) -> Result<BTreeMap<ContentId, PackedContent>, String> {
    let packed = values.iter().map(|value| {
        let packed = Plain::unpack(value)?.content().pack();
        Ok((packed.id, packed))
    });
    packed.collect()
}

/// A zone, with the checkpoint of the newest seal.
struct Zone {
    id: ZoneId,
    log: LogNumber,
    head: Head,
    sealed: Option<Checkpoint>,
}

/// The zones that exist.
fn zones(snapshot: &Snapshot<'_>) -> Result<Vec<Zone>> {
    let sealed = snapshot.sealed_rows()?;
    let zone = |id: String| {
        let row: Option<ZoneRow> = snapshot.row(&key::by_id(STORE_LOG, RowKind::Zone, &id))?;
        let row = row.ok_or_else(|| super::wrong_row(RowKind::ZoneOrder, &id))?;
        let head = snapshot.head(row.log)?;
        let sealed = sealed.get(&head.log_id);
        let sealed = sealed.map(|SealedRow { size, root }| Checkpoint {
            log_id: head.log_id,
            size: *size,
            root: RootHash(*root),
        });
        Ok(Zone { id: ZoneId::new(&id)?, log: row.log, head, sealed })
    };
    snapshot.zone_ids()?.into_iter().map(zone).collect()
}

impl LogWriter<'_> {
    /// Stores an entry of another store, and derives its rows. Its bytes must be canonical. A contradiction to earlier rows
    /// is an error of the entry, and no damage of this store.
    fn replicate_entry(&mut self, end: &mut LogEnd, recorded: &LogEntry, bytes: &[u8]) -> Result<()> {
        self.extended = true;
        let failed = self.failed;
        failed.guard_input(|| {
            self.copy_one(end, recorded)?;
            match recorded.hash == EntryHash::of(bytes) {
                true => Ok(()),
                false => Err(end.damaged("entry is not canonical".to_owned()).into()),
            }
        })
    }

    /// The log of a zone that an entry erases. `derive` needs its number.
    fn log_to_erase(&mut self, erased: &ZoneErased) -> Result<LogNumber> {
        let log = self.zone_log(&erased.zone_id, erased.log_id)?;
        self.created.insert(erased.log_id, log);
        Ok(log)
    }

    /// Gives the log of a zone that has no entries yet another id: its entries name it.
    fn rename_empty_log(&mut self, zone_id: &ZoneId, from: LogId, to: LogId) -> Result<()> {
        let log = self.zone_log(zone_id, from)?;
        let head = self.read(|snapshot| snapshot.head(log))?;
        if head.length > 0 {
            return Err(ErrorDetail::corrupt("the log", "was forked after a part of it was replicated").into());
        }
        self.created.insert(to, log);
        self.step(|writer| put_meta(writer.tables, &key::head(log), &Head::empty(to)))
    }

    fn zone_log(&self, zone_id: &ZoneId, log_id: LogId) -> Result<LogNumber> {
        let row: Option<ZoneRow> =
            self.read(|snapshot| snapshot.row(&key::by_id(STORE_LOG, RowKind::Zone, zone_id.as_str())))?;
        let log = row.ok_or_else(|| ErrorDetail::corrupt("the log", "names a zone that does not exist"))?.log;
        let head = self.read(|snapshot| snapshot.head(log))?;
        if head.log_id == log_id {
            return Ok(log);
        }
        Err(ErrorDetail::corrupt("the log", "names a zone under another log id").into())
    }
}
