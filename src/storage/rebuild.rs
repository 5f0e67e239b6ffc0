//! Rebuilding: every derived row is dropped and derived again from the logs.
//!
//! A log that disagrees with its head is refused: rows made from it would be an older truth, or a false one.

use super::cache::RecordCache;
use super::failure::storage_error;
use super::index::derive::{GENERATION, derive};
use super::index::key::{self, STORE_LOG};
use super::index::replay::{Replay, log_numbers};
use super::index::row::IndexRow;
use super::snapshot::Snapshot;
use super::tables::{Table, WriteTables};
use super::walk::{refuse, walk};
use super::zones::{Zones, check_erased};
use super::{Opened, Storage, begin_write};
use crate::types::error::Result;

impl Storage {
    /// Drops every derived row and derives it again, in one write.
    pub(crate) fn rebuild_indexes(&self) -> Result<()> {
        let _writer = self.lock_writer()?;
        // Also where damage was found: what a rebuild makes rests on no row of the index.
        let opened = self.opened()?;
        self.check_file(&opened)?;
        let Opened { database, cache, .. } = opened;
        let transaction = self.failed.guard(|| begin_write(&database))?;
        match self.failed.guard(|| rebuild_in(&transaction, &cache)) {
            Ok(count) => {
                self.commit(transaction, count)?;
                self.failed.forget_damage();
                Ok(())
            }
            Err(error) => {
                // The first error is the one that tells.
                let _ = self.abort(transaction);
                Err(error)
            }
        }
    }

    /// Rebuilds if the rows in the file are of another generation than this build makes.
    pub(super) fn refresh_index(&self) -> Result<()> {
        let row = self.read(|snapshot| snapshot.meta::<IndexRow>(key::META_INDEX))?;
        if row == Some(IndexRow { generation: GENERATION }) { Ok(()) } else { self.rebuild_indexes() }
    }
}

fn rebuild_in(transaction: &redb::WriteTransaction, cache: &RecordCache) -> Result<u64> {
    let mut tables = WriteTables::open(transaction).map_err(|error| storage_error("rebuild the index", error))?;
    let heads = Snapshot::new(&tables, cache, None).heads()?;
    let mut replay = Replay::new(log_numbers(&heads));
    let mut zones = Zones::default();
    tables.clear_index()?;
    // The store's log is the first.
    for (log, head) in heads {
        if let Some(erased) = zones.erased(head.log_id) {
            check_erased(&tables, log, &head, erased)?;
            continue;
        }
        walk(&tables, log, &head, &mut |step| {
            let recorded = refuse(log, step)?;
            derive(&mut replay, log, recorded)?;
            if log == STORE_LOG { zones.take(recorded) } else { Ok(()) }
        })?;
        for (row_key, value) in std::mem::take(&mut replay.rows) {
            tables.put(Table::Index, &row_key, &value)?;
        }
        for (meta_key, value) in std::mem::take(&mut replay.witnesses) {
            tables.put(Table::Meta, &meta_key, &value)?;
        }
    }
    tables.put_meta(key::META_INDEX, &IndexRow { generation: GENERATION })?;
    tables.count_commit()
}
