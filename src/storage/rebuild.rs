//! Rebuilding: every derived row is dropped and derived again from the logs.
//!
//! A log that disagrees with its head is refused: rows made from it would be an older truth, or a false one.

use super::failure::storage_error;
use super::index::{GENERATION, derive};
use super::key;
use super::row::IndexRow;
use super::tables::{Space, WriteTables};
use super::verify::{Replay, log_numbers};
use super::view::View;
use super::walk::{refuse, walk};
use super::{Storage, begin_write};
use crate::error::Result;

impl Storage {
    /// Drops every derived row and derives it again, in one write.
    pub(crate) fn rebuild_indexes(&self) -> Result<()> {
        let _writer = self.lock_writer()?;
        let database = self.database()?;
        let transaction = self.failed.guard(|| begin_write(&database))?;
        match self.failed.guard(|| self.rebuild_in(&transaction)) {
            Ok(()) => self.commit(transaction),
            Err(error) => {
                // The first error is the one that tells.
                let _ = self.abort(transaction);
                Err(error)
            }
        }
    }

    /// Rebuilds if the rows in the file are of another generation than this build makes.
    pub(super) fn refresh_index(&self) -> Result<()> {
        let row = self.read(|view| view.meta::<IndexRow>(key::META_INDEX))?;
        if row == Some(IndexRow { generation: GENERATION }) { Ok(()) } else { self.rebuild_indexes() }
    }

    fn rebuild_in(&self, transaction: &redb::WriteTransaction) -> Result<()> {
        let mut tables = WriteTables::open(transaction).map_err(|error| storage_error("rebuild the index", error))?;
        let heads = View::new(&tables, &self.cache, None).heads()?;
        let mut replay = Replay { rows: Default::default(), numbers: log_numbers(&heads) };
        tables.clear_index()?;
        for (log, head) in heads {
            walk(&tables, log, &head, &mut |step| derive(&mut replay, log, refuse(log, step)?))?;
            for (row_key, value) in std::mem::take(&mut replay.rows) {
                tables.put(Space::Index, &row_key, &value)?;
            }
        }
        tables.put_meta(key::META_INDEX, &IndexRow { generation: GENERATION })
    }
}
