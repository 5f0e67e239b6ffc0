//! Which zones there are and which were erased, as the store's log tells it: what is asked where the index cannot be.

use std::collections::BTreeMap;

use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::snapshot::EntryPlace;
use super::tables::{Direction, Table, TableReader};
use crate::record::{Body, LogEntry, ZoneErased};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{LogId, ZoneId};

/// The zones that the store's log names, by their logs.
#[derive(Default)]
pub(super) struct Zones(BTreeMap<LogId, NamedZone>);

/// A zone that the store's log names.
pub(super) struct NamedZone {
    pub id: ZoneId,
    /// What is left of it.
    pub erased: Option<ZoneErased>,
}

impl Zones {
    /// Takes in an entry of the store's log. An error tells what is wrong with it.
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
            _ => Ok(()),
        }
    }

    /// The same, for those who need the log whole.
    pub(super) fn take(&mut self, recorded: &LogEntry) -> Result<()> {
        let place = EntryPlace(STORE_LOG, recorded.envelope.position);
        self.note(&recorded.body).map_err(|problem| ErrorDetail::corrupt(place, problem).into())
    }

    pub(super) fn get(&self, log_id: LogId) -> Option<&NamedZone> {
        self.0.get(&log_id)
    }

    /// What is left of an erased zone, if the log was one's.
    pub(super) fn erased(&self, log_id: LogId) -> Option<&ZoneErased> {
        self.get(log_id)?.erased.as_ref()
    }

    /// Every zone that was ever created, and its log.
    pub(super) fn iter(&self) -> impl Iterator<Item = (LogId, &NamedZone)> {
        self.0.iter().map(|(log_id, zone)| (*log_id, zone))
    }
}

/// Everything that is wrong with the log of an erased zone: its head is as it was, and no entry is left.
pub(super) fn left_of(
    source: &dyn TableReader,
    log: LogNumber,
    head: &Head,
    erased: &ZoneErased,
) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    if (head.length, head.last) != (erased.length, erased.last) {
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

/// Refuses whatever is wrong with the log of an erased zone.
pub(super) fn check_erased(source: &dyn TableReader, log: LogNumber, head: &Head, erased: &ZoneErased) -> Result<()> {
    match left_of(source, log, head, erased)?.into_iter().next() {
        None => Ok(()),
        Some(problem) => Err(ErrorDetail::corrupt(format_args!("log {log}"), problem).into()),
    }
}
