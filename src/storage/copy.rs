//! Copies logs: takes over the entries of another store's log unchanged, with their hashes.
//!
//! Copied entries are already chained, so they are stored at once, and do not count against the limit of a write.
//! Callers decide which log is copied, and what else goes with it.

use std::collections::BTreeSet;

use super::index::derive::derive;
use super::index::key::{LogNumber, STORE_LOG};
use super::index::replay::log_numbers;
use super::index::row::Head;
use super::log_end::LogEnd;
use super::log_writer::{Imported, LogWriter};
use super::snapshot::Snapshot;
use super::walk::{refuse, walk};
use crate::record::LogEntry;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;
use crate::types::id::LogId;

impl Snapshot<'_> {
    /// Passes every verified entry of the log to `visit`. Any problem is an error.
    pub(crate) fn walk(&self, log: LogNumber, visit: &mut dyn FnMut(&LogEntry) -> Result<()>) -> Result<()> {
        walk(self.source(), log, &self.head(log)?, &mut |step| visit(refuse(log, step)?))
    }

    /// The ids of all logs in this store, with those of erased zones and those from before a fork.
    pub(crate) fn log_ids(&self) -> Result<BTreeSet<LogId>> {
        Ok(log_numbers(self.source(), &self.heads()?)?.into_keys().collect())
    }
}

impl LogWriter<'_> {
    /// Begins a copy of the log `log_id`. The copy cannot be read before the write ends.
    pub(crate) fn begin_copy(&mut self, log_id: LogId) -> Result<LogCopy> {
        self.step(|writer| {
            let head = Head::empty(log_id);
            Ok(LogCopy(LogEnd::new(writer.add_log(&head)?, head)))
        })
    }

    /// Stores the next entry of a copy.
    pub(crate) fn copy_entry(&mut self, copy: &mut LogCopy, recorded: &LogEntry) -> Result<()> {
        self.step(|writer| writer.copy_one(&mut copy.0, recorded))
    }

    pub(super) fn copy_one(&mut self, end: &mut LogEnd, recorded: &LogEntry) -> Result<()> {
        let forms = self.forms_of(&recorded.body)?;
        self.note_feature(&recorded.body)?;
        derive(&mut self.index(), end.log, recorded, forms)?;
        let (bytes, hash) = end.encode(recorded.envelope.clone(), &recorded.body)?;
        if (hash, recorded.envelope.position) != (recorded.hash, end.head.length) {
            return Err(end.damaged("copied entry does not match the original".to_owned()).into());
        }
        end.store(self.tables, &bytes, hash)
    }

    /// Ends a copy: stores its head.
    pub(crate) fn end_copy(&mut self, copy: &LogCopy) -> Result<()> {
        self.step(|writer| copy.0.finish(writer.tables))
    }

    /// Appends an entry of another store's log to this store's log. The new entry has the original actor, the original
    /// time or a microsecond after the last entry, and the writer as the importer.
    pub(crate) fn import_entry(&mut self, recorded: &LogEntry) -> Result<()> {
        self.step(|writer| {
            let (mut author, at) = (writer.author().clone(), recorded.envelope.created_at);
            if at.as_micros().saturating_sub(author.clock.as_micros()) > author.tolerance {
                return Err(ErrorDetail::ClockBehind { zone_id: None, last: at, clock: author.clock }.into());
            }
            author.imported = Some(Imported { by: author.actor, at });
            author.actor = recorded.envelope.actor.clone();
            writer.add_entry_of(author, STORE_LOG, recorded.body.clone()).map(drop)
        })
    }
}

/// A copy under way.
pub(crate) struct LogCopy(LogEnd);

impl LogCopy {
    /// The number of copied entries, and the hash of the last one.
    pub(crate) fn end(&self) -> (u64, EntryHash) {
        (self.0.head.length, self.0.head.last)
    }
}

#[cfg(test)]
mod tests {
    use crate::PolicyStore;
    use crate::resource::zone;
    use crate::storage::tests::disk::{actor, builder, fill};
    use crate::types::limits::WRITE_ENTRIES;

    #[test]
    fn copied_entries_do_not_count_against_the_limit_of_a_write() {
        let from = builder().in_memory().unwrap();
        fill(&from);
        let to = PolicyStore::builder().in_memory().unwrap().engine;
        let copied = to.storage.write(
            || to.author(&actor(), None),
            |writer| {
                from.engine.storage.read(|snapshot| {
                    let zone = zone::find(snapshot, "a")?;
                    let mut copy = writer.begin_copy(zone.log_id)?;
                    snapshot.walk(zone.log, &mut |recorded| {
                        for id in recorded.body.content() {
                            writer.put_content(&snapshot.packed(&id)?)?;
                        }
                        writer.copy_entry(&mut copy, recorded)
                    })?;
                    writer.end_copy(&copy)?;
                    writer.room_for(WRITE_ENTRIES)?;
                    assert_eq!(writer.room_for(WRITE_ENTRIES + 1).unwrap_err().code(), "too_large");
                    Ok(copy.end())
                })
            },
        );
        let head = from.engine.storage.read(|snapshot| snapshot.head(1)).unwrap();
        assert_eq!(copied.unwrap(), (head.length, head.last));
    }
}
