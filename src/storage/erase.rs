//! Erases a zone: its entries, its rows, and the content that no other log names. Nothing else is ever removed from a
//! store.
//!
//! The head stays, so that the log id still resolves and no other log gets it. The bytes in free file pages are not
//! overwritten here: the storage engine does so when it reuses a page.

use std::collections::HashSet;

use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::log_writer::LogWriter;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table};
use super::walk::{refuse, walk};
use super::zones::Zones;
use crate::record::{ContentId, Plain, ZoneErased};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::hex;
use crate::types::id::ZoneId;

impl LogWriter<'_> {
    /// Removes a zone, except for the head of its log, in a write without other calls. Walks every log, and refuses a
    /// damaged one: the content that its entries name would be unknown.
    pub(crate) fn erase_log(&mut self, zone_id: &ZoneId, log: LogNumber) -> Result<ZoneErased> {
        self.next(STORE_LOG)?;
        let (erased, own, others) = self.guarded(|| tombstone_and_content(&self.snapshot_unguarded(), zone_id, log))?;
        self.created.insert(erased.log_id, log);
        self.append(STORE_LOG, erased.clone())?;
        self.step(|writer| {
            writer.tables.remove_range(Table::Log, &key::all_of(log))?;
            writer.tables.remove_range(Table::Index, &key::all_of(log))?;
            writer.tables.remove_range(Table::Meta, &key::witnesses(log))?;
            writer.remove_content(&own, &others)
        })?;
        Ok(erased)
    }

    /// Removes the content that only the erased zone names. Reads the whole table, since an address may be lost. Damaged
    /// content cannot be told by its hashes: if some of the zone's is not found, it is among what no log names.
    fn remove_content(&mut self, own: &HashSet<ContentId>, others: &HashSet<ContentId>) -> Result<()> {
        let (mut removed, mut unknown) = (Vec::new(), Vec::new());
        let (mut found, mut kept) = (HashSet::new(), HashSet::new());
        self.tables.scan(Table::Content, key::ALL_CONTENT, Direction::Ascending, &mut |row_key, value| {
            match Plain::unpack(value).map(|plain| plain.id()) {
                Ok(id) if own.contains(&id) => {
                    found.insert(id);
                    removed.push((row_key.to_vec(), id));
                }
                Ok(id) if others.contains(&id) => drop(kept.insert(id)),
                _ => unknown.push(row_key.to_vec()),
            }
            Ok(true)
        })?;
        for (row_key, id) in removed {
            self.tables.remove(Table::Content, &row_key)?;
            self.tables.remove(Table::Addresses, &[id.key().as_slice(), &row_key].concat())?;
        }
        let Some(first) = unknown.first().filter(|_| found.len() < own.len()) else { return Ok(()) };
        if kept.len() < others.len() {
            let problem = "is damaged, and may belong to another zone";
            return Err(ErrorDetail::corrupt(format_args!("content {}", hex::encode(first)), problem).into());
        }
        unknown.iter().try_for_each(|row_key| self.tables.remove(Table::Content, row_key))
    }
}

/// The tombstone of the log, the content that only this log names, and the content that others name.
fn tombstone_and_content(
    snapshot: &Snapshot<'_>,
    zone_id: &ZoneId,
    log: LogNumber,
) -> Result<(ZoneErased, HashSet<ContentId>, HashSet<ContentId>)> {
    let (source, head) = (snapshot.source(), snapshot.head(log)?);
    let (mut own, mut others) = (HashSet::new(), HashSet::new());
    walk(source, log, &head, &mut |step| {
        own.extend(refuse(log, step)?.body.content());
        Ok(())
    })?;
    let mut zones = Zones::default();
    // The store's log comes first.
    for (other, head) in snapshot.heads()? {
        if other == log || zones.erased(head.log_id).is_some() {
            continue;
        }
        walk(source, other, &head, &mut |step| {
            let recorded = refuse(other, step)?;
            if other == STORE_LOG {
                zones.take(recorded)?;
            }
            others.extend(recorded.body.content());
            Ok(())
        })?;
    }
    own.retain(|id| !others.contains(id));
    let Head { log_id, length, last, frontier } = head;
    Ok((ZoneErased { zone_id: zone_id.clone(), log_id, length, last, root: frontier.root() }, own, others))
}
