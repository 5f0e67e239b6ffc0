//! Erases a zone: its entries, its rows, and the content that no other log names. Nothing else is ever removed from a
//! store.
//!
//! The head stays, so that the log id still resolves and no other log gets it. The bytes in free file pages are not
//! overwritten here: the storage engine does so when it reuses a page.

use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::log_writer::LogWriter;
use super::names::Names;
use super::tables::Table;
use crate::record::ZoneErased;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::hex;
use crate::types::id::ZoneId;

impl LogWriter<'_> {
    /// Removes a zone, except for the head of its log, in a write without other calls. `names` has most of the content
    /// that the logs name; the rest is read here. Refuses a damaged log.
    pub(crate) fn erase_log(&mut self, zone_id: &ZoneId, log: LogNumber, names: &mut Names) -> Result<ZoneErased> {
        self.next(STORE_LOG)?;
        let head = self.guarded(|| {
            let snapshot = self.snapshot_unguarded();
            names.follow(&snapshot)?;
            snapshot.head(log)
        })?;
        let Head { log_id, length, last, frontier } = head;
        let erased = ZoneErased { zone_id: zone_id.clone(), log_id, length, last, root: frontier.root() };
        self.created.insert(erased.log_id, log);
        self.append(STORE_LOG, erased.clone())?;
        self.step(|writer| writer.remove_log(names, log))?;
        Ok(erased)
    }

    /// Removes all of a log but its head, and the content that only it names.
    pub(super) fn remove_log(&mut self, names: &Names, log: LogNumber) -> Result<()> {
        self.tables.remove_range(Table::Log, &key::all_of(log))?;
        self.tables.remove_range(Table::Index, &key::all_of(log))?;
        self.tables.remove_range(Table::Meta, &key::witnesses(log))?;
        self.remove_content(names, log)
    }

    /// Removes the content that only the erased zone names. Damaged content cannot be told by its hashes: if some of the
    /// zone's is not found, it is among what no log names.
    fn remove_content(&mut self, names: &Names, log: LogNumber) -> Result<()> {
        let (mut is_missing, mut removed) = (false, Vec::new());
        for (id, keys) in names.only_of(log) {
            is_missing |= keys.is_empty();
            removed.extend(keys.iter().map(|row_key| (row_key, id)));
        }
        removed.sort_unstable_by_key(|(row_key, _)| *row_key);
        for (row_key, id) in removed {
            self.tables.remove(Table::Content, row_key)?;
            self.tables.remove(Table::Addresses, &[id.key().as_slice(), row_key].concat())?;
        }
        if !is_missing {
            return Ok(());
        }
        let Some(first) = names.unknown().next() else { return Ok(()) };
        if names.lacks_of_others(log) {
            let problem = "is damaged, and may belong to another zone";
            return Err(ErrorDetail::corrupt(format_args!("content {}", hex::encode(first)), problem).into());
        }
        names.unknown().try_for_each(|row_key| self.tables.remove(Table::Content, row_key))
    }
}
