//! Erases a zone: its entries, its rows, and the content that no other log names. Nothing else is ever removed from a
//! store.
//!
//! The head stays, so that the log id still resolves and no other log gets it. The bytes in free file pages are not
//! overwritten here: the storage engine does so when it reuses a page.

use std::collections::HashSet;

use super::content;
use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::log_writer::LogWriter;
use super::snapshot::Snapshot;
use super::tables::Table;
use super::walk::{refuse, walk};
use super::zones::Zones;
use crate::record::{ContentId, ZoneErased};
use crate::types::error::Result;
use crate::types::id::ZoneId;

impl LogWriter<'_> {
    fn remove_content(&mut self, id: &ContentId) -> Result<()> {
        for number in content::all_of(&*self.tables, id)? {
            self.tables.remove(Table::Content, &key::content(number))?;
            self.tables.remove(Table::Addresses, &key::address(&id.key(), number))?;
        }
        Ok(())
    }

    /// Removes a zone, except for the head of its log, in a write without other calls. Walks every log, and refuses a
    /// damaged one: the content that its entries name would be unknown.
    pub(crate) fn erase_log(&mut self, zone_id: &ZoneId, log: LogNumber) -> Result<ZoneErased> {
        self.next(STORE_LOG)?;
        let (erased, content) = self.guarded(|| tombstone_and_content(&self.snapshot_unguarded(), zone_id, log))?;
        self.created.insert(erased.log_id, log);
        self.append(STORE_LOG, erased.clone())?;
        self.step(|writer| {
            writer.tables.remove_range(Table::Log, &key::all_of(log))?;
            writer.tables.remove_range(Table::Index, &key::all_of(log))?;
            writer.tables.remove_range(Table::Meta, &key::witnesses(log))?;
            content.iter().try_for_each(|id| writer.remove_content(id))
        })?;
        Ok(erased)
    }
}

/// The tombstone of the log, and the content that no other log names.
fn tombstone_and_content(
    snapshot: &Snapshot<'_>,
    zone_id: &ZoneId,
    log: LogNumber,
) -> Result<(ZoneErased, HashSet<ContentId>)> {
    let (source, head) = (snapshot.source(), snapshot.head(log)?);
    let mut content = HashSet::new();
    walk(source, log, &head, &mut |step| {
        content.extend(refuse(log, step)?.body.content());
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
            for named in recorded.body.content() {
                content.remove(&named);
            }
            Ok(())
        })?;
    }
    let Head { log_id, length, last, frontier } = head;
    Ok((ZoneErased { zone_id: zone_id.clone(), log_id, length, last, root: frontier.root() }, content))
}
