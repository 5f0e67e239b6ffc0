//! A snapshot that the caller holds, for several reads of one moment. It does not keep the file open: a recovery does
//! not wait for it, and closes it.

use std::fmt;
use std::sync::{Arc, Weak};

use super::cache::RecordCache;
use super::file::database::Redb;
use super::opened::Opened;
use super::snapshot::Snapshot;
use super::tables::ReadTables;
use crate::types::error::{ErrorDetail, Result};

/// One committed state. While it is held, its file pages are not reused, so the file grows under writes.
pub(crate) struct HeldSnapshot {
    tables: Arc<ReadTables>,
    cache: Arc<RecordCache>,
    database: Weak<Redb>,
    /// The smallest valid commit count.
    counted: u64,
}

impl fmt::Debug for HeldSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSnapshot").field("commits", &self.counted).finish_non_exhaustive()
    }
}

impl HeldSnapshot {
    pub(super) fn new(Opened { cache, database, counted, .. }: &Opened, tables: Arc<ReadTables>) -> Self {
        Self { tables, cache: cache.clone(), database: Arc::downgrade(database), counted: *counted }
    }

    /// Reads the state. After a recovery, fails with `snapshot_closed`.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        let Some(_open) = self.database.upgrade() else { return Err(ErrorDetail::SnapshotClosed.into()) };
        f(&Snapshot::new(&*self.tables, &self.cache, None).not_before(self.counted))
    }
}
