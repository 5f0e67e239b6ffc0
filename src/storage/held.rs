//! A snapshot that its caller holds: several reads of one moment. It keeps no file open, so that a recovery does not wait for
//! it; after a recovery it is closed.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};

use redb::Database;

use super::cache::RecordCache;
use super::snapshot::Snapshot;
use super::tables::ReadTables;
use crate::types::error::{ErrorDetail, Result};

/// One committed state. The pages that it reads are not reused while it is held, so the file grows under writes.
pub(crate) struct HeldSnapshot {
    /// None once it is being dropped.
    tables: Option<ReadTables>,
    cache: Arc<RecordCache>,
    database: Weak<Database>,
    /// The commits that it has seen at least.
    counted: u64,
}

impl fmt::Debug for HeldSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSnapshot").field("commits", &self.counted).finish_non_exhaustive()
    }
}

impl HeldSnapshot {
    pub(super) fn new(tables: ReadTables, cache: Arc<RecordCache>, database: &Arc<Database>, counted: u64) -> Self {
        Self { tables: Some(tables), cache, database: Arc::downgrade(database), counted }
    }

    /// Refuses to read once the store was opened again.
    pub(super) fn read<T>(&self, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        let (Some(tables), Some(_open)) = (&self.tables, self.database.upgrade()) else {
            return Err(ErrorDetail::SnapshotClosed.into());
        };
        f(&Snapshot::new(tables, &self.cache, None).not_before(self.counted))
    }
}

impl Drop for HeldSnapshot {
    /// The storage engine may panic when a transaction of a damaged file ends.
    fn drop(&mut self) {
        let tables = self.tables.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(tables)));
    }
}
