//! The zones that exist and that were erased, read from the store's log, for checks that must not rely on the index.

use std::collections::BTreeMap;

use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::snapshot::EntryPlace;
use super::tables::{Direction, Table, TableReader};
use crate::record::{Body, LogEntry, ZoneErased};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{LogId, ZoneId};

/// The zones in the store's log, by log id.
#[derive(Default)]
pub(super) struct Zones(BTreeMap<LogId, NamedZone>);

/// A zone in the store's log.
pub(super) struct NamedZone {
    pub id: ZoneId,
    /// The tombstone, if the zone was erased.
    pub erased: Option<ZoneErased>,
}

impl Zones {
    /// Adds an entry of the store's log. The error is the problem with it.
    pub(super) fn note(&mut self, body: &Body) -> Result<(), String> {
        match body {
            Body::ZoneCreated(body) => {
                let zone = NamedZone { id: body.zone_id.clone(), erased: None };
                match self.0.insert(body.log_id, zone) {
                    None => Ok(()),
                    Some(other) => Err(format!("log belongs to zone `{}`", other.id)),
                }
            }
            Body::ZoneErased(body) => match self.0.get_mut(&body.log_id) {
                Some(zone) if zone.id == body.zone_id && zone.erased.is_none() => {
                    zone.erased = Some(body.clone());
                    Ok(())
                }
                _ => Err("erased zone does not exist".to_owned()),
            },
            Body::ZoneForked(body) => match self.0.remove(&body.from) {
                Some(zone) if zone.id == body.zone_id && zone.erased.is_none() => {
                    self.0.insert(body.to, zone);
                    Ok(())
                }
                _ => Err("forked zone does not exist".to_owned()),
            },
            _ => Ok(()),
        }
    }

    /// The same, for callers that need an intact log.
    pub(super) fn take(&mut self, recorded: &LogEntry) -> Result<()> {
        let place = EntryPlace(STORE_LOG, recorded.envelope.position);
        self.note(&recorded.body).map_err(|problem| ErrorDetail::corrupt(place, problem).into())
    }

    pub(super) fn get(&self, log_id: LogId) -> Option<&NamedZone> {
        self.0.get(&log_id)
    }

    /// The tombstone of an erased zone that had this log.
    pub(super) fn erased(&self, log_id: LogId) -> Option<&ZoneErased> {
        self.get(log_id)?.erased.as_ref()
    }

    /// Every zone that was ever created, with its log id.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LogId, &NamedZone)> {
        self.0.iter().map(|(log_id, zone)| (*log_id, zone))
    }
}

/// Returns the problems with the log of an erased zone: its head must be unchanged, and it must have no entries. The head
/// may be empty if the file `may_lack` logs.
pub(super) fn erased_problems(
    source: &dyn TableReader,
    (log, head): (LogNumber, &Head),
    erased: &ZoneErased,
    may_lack: bool,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let is_whole = (head.length, head.last, head.frontier.root()) == (erased.length, erased.last, erased.root);
    let is_absent = may_lack && *head == Head::empty(head.log_id);
    if !is_whole && !is_absent {
        problems.push("head does not match the one recorded when the zone was erased".to_owned());
    }
    let mut left = 0_u64;
    let range = key::all_of(log);
    source.scan(Table::Log, range.start.as_slice()..range.end.as_slice(), Direction::Ascending, &mut |_, _| {
        left += 1;
        Ok(true)
    })?;
    if left > 0 {
        problems.push(format!("the zone was erased, but {left} of its entries are left"));
    }
    Ok(problems)
}

/// Turns a problem with the log of an erased zone into an error.
pub(super) fn check_erased(
    source: &dyn TableReader,
    (log, head): (LogNumber, &Head),
    erased: &ZoneErased,
    may_lack: bool,
) -> Result<()> {
    match erased_problems(source, (log, head), erased, may_lack)?.into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(ErrorDetail::corrupt(format_args!("log {log}"), problem).into()),
    }
}
