//! Makes an opened backup a store: in place of the original, or beside it. A fork gives every log a new id, so that the two
//! never grow one log two ways.
//!
//! A forked log keeps its entries, its chain and its tree. Its first entry under the new id names its state under the old one.

use super::Storage;
use super::file::format::unmark;
use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::{Head, PositionRow, StoreRow, ZoneRow};
use super::log_writer::{Author, LogWriter};
use super::snapshot::Snapshot;
use super::tables::{Direction, put_meta};
use crate::record::{LogForked, ZoneForked};
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{LogId, ZoneId};

impl Storage {
    /// Makes the backup a store in place of the original.
    pub(crate) fn resume(&self) -> Result<()> {
        self.read(|snapshot| self.check_whole(snapshot))?;
        let _writer = self.lock_writer_alone()?;
        let opened = self.opened_to_write()?;
        self.commit_tables(&opened, |tables| unmark(tables))
    }

    /// Makes the backup a store of its own, in one write.
    pub(crate) fn fork(&self, author: impl FnOnce() -> Author, environment: &Environment) -> Result<()> {
        self.read(|snapshot| self.check_whole(snapshot))?;
        let store_id = first16(environment, b"store");
        let store = StoreRow { store_id, cursor_key: environment.random(b"cursor key") };
        self.write_and_forget(author, |writer| writer.fork(store, environment))?;
        self.set_store_id(Some(store_id));
        Ok(())
    }
}

impl Storage {
    /// Refuses a replica that does not hold all zones.
    fn check_whole(&self, snapshot: &Snapshot<'_>) -> Result<()> {
        if !snapshot.may_lack_logs()? {
            return Ok(());
        }
        let mut absent = None;
        snapshot.rows(&key::all(STORE_LOG, RowKind::Zone), Direction::Ascending, &mut |row_key, row: ZoneRow| {
            let is_absent = snapshot.head(row.log)?.length == 0;
            absent = key::id(row_key).filter(|_| is_absent).map(str::to_owned);
            Ok(!is_absent)
        })?;
        match absent {
            Some(zone_id) => Err(ErrorDetail::PartialReplica { place: self.place(), zone_id }.into()),
            None => Ok(()),
        }
    }
}

fn first16(environment: &Environment, place: &[u8]) -> [u8; 16] {
    environment.random(place).first_chunk().copied().unwrap_or_default()
}

impl LogWriter<'_> {
    fn fork(&mut self, store: StoreRow, environment: &Environment) -> Result<()> {
        self.lift_limit();
        self.step(|writer| {
            unmark(writer.tables)?;
            put_meta(writer.tables, key::META_STORE, &store)
        })?;
        self.fork_log(STORE_LOG, environment)?;
        for (zone_id, log) in self.read(zones)? {
            let (from, to) = self.fork_log(log, environment)?;
            self.append(STORE_LOG, ZoneForked { zone_id, from, to })?;
        }
        Ok(())
    }

    /// Returns the old id of the log and the new one.
    fn fork_log(&mut self, log: LogNumber, environment: &Environment) -> Result<(LogId, LogId)> {
        let Head { log_id: from, length, last, frontier } = self.read(|snapshot| snapshot.head(log))?;
        let to = LogId(first16(environment, &[from.0.as_slice(), &length.to_be_bytes()].concat()));
        self.rename_log(log, to)?;
        self.append(log, LogForked { from, length, last, root: frontier.root() })?;
        Ok((from, to))
    }
}

/// The zones that exist, with the numbers of their logs.
fn zones(snapshot: &Snapshot<'_>) -> Result<Vec<(ZoneId, LogNumber)>> {
    let mut logs = Vec::new();
    snapshot.rows(&key::all(STORE_LOG, RowKind::Zone), Direction::Ascending, &mut |_, row: ZoneRow| {
        logs.push(row.log);
        Ok(true)
    })?;
    let named = |log| Ok(snapshot.zone_of(log)?.map(|id| (id, log)));
    logs.into_iter().filter_map(|log| named(log).transpose()).collect()
}

impl Snapshot<'_> {
    /// The length that a log had when it lost the id `id`; `u64::MAX` if it has the id. `None` if it never had it.
    pub(crate) fn length_under(&self, log: LogNumber, id: LogId) -> Result<Option<u64>> {
        if self.log_id(log)? == Some(id) {
            return Ok(Some(u64::MAX));
        }
        Ok(self.row::<PositionRow>(&key::former_id(log, id))?.map(|row| row.created))
    }
}
