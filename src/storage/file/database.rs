//! The open database: one that writes, or one that only reads and follows the commits of another process.

use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use redb::{
    CompactionError, Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction,
};

use crate::storage::failure::storage_error;
use crate::types::cache_stats::CacheStats;
use crate::types::error::{ErrorDetail, Result};

/// The open database.
pub(in crate::storage) enum Redb {
    Writer(Writer),
    Reader(ReadOnlyDatabase),
}

/// A database that writes.
pub(in crate::storage) struct Writer {
    /// Held for writing only during a check and a compaction.
    database: RwLock<Database>,
    quick_repair: bool,
}

impl fmt::Debug for Redb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Writer(_) => "Writer",
            Self::Reader(_) => "Reader",
        })
    }
}

impl Redb {
    /// With `quick_repair`, each commit stores what an opening after a crash needs.
    pub(in crate::storage) fn writer(database: Database, quick_repair: bool) -> Self {
        Self::Writer(Writer { database: RwLock::new(database), quick_repair })
    }

    pub(in crate::storage) fn is_reader(&self) -> bool {
        matches!(self, Self::Reader(_))
    }

    /// Begins to read the newest committed state.
    pub(in crate::storage) fn begin_read(&self) -> Result<ReadTransaction> {
        let begun = match self {
            Self::Writer(writer) => writer.shared().begin_read(),
            Self::Reader(database) => database.begin_read(),
        };
        begun.map_err(|error| storage_error("read", error))
    }

    /// Begins a write.
    ///
    /// Always commits in two phases: with one phase, a damaged file can silently lose an acknowledged commit.
    pub(in crate::storage) fn begin_write(&self) -> Result<WriteTransaction> {
        let writer = self.as_writer()?;
        let mut transaction = writer.shared().begin_write().map_err(|error| storage_error("begin the write", error))?;
        transaction.set_two_phase_commit(true);
        transaction.set_quick_repair(writer.quick_repair);
        Ok(transaction)
    }

    /// The cache of pages, whose budget is `capacity`.
    pub(in crate::storage) fn cache_stats(&self, capacity: usize) -> CacheStats {
        let stats = match self {
            Self::Writer(writer) => writer.shared().cache_stats(),
            Self::Reader(database) => database.cache_stats(),
        };
        let count = |size: usize| u64::try_from(size).unwrap_or(u64::MAX);
        CacheStats {
            bytes: count(stats.used_bytes()),
            capacity: count(capacity),
            hits: stats.read_hits() + stats.write_hits(),
            misses: stats.read_misses() + stats.write_misses(),
        }
    }

    /// Compares the checksum of every page. The storage engine cannot check a file that it may not repair.
    pub(in crate::storage) fn check_integrity(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Writer(writer) => writer.alone().check_integrity().map(drop),
            Self::Reader(_) => Ok(()),
        }
    }

    /// Gives back the pages that are not used. Refused while any transaction is open.
    pub(in crate::storage) fn compact(&self) -> Result<()> {
        let compacted = self.as_writer()?.alone().compact();
        compacted.map(drop).map_err(|error| match error {
            CompactionError::TransactionInProgress => ErrorDetail::SnapshotHeld.into(),
            error => storage_error("compact the store", error),
        })
    }

    fn as_writer(&self) -> Result<&Writer> {
        match self {
            Self::Writer(writer) => Ok(writer),
            Self::Reader(_) => Err(ErrorDetail::ReadOnly { place: "the store".to_owned() }.into()),
        }
    }
}

impl Writer {
    fn shared(&self) -> RwLockReadGuard<'_, Database> {
        self.database.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn alone(&self) -> RwLockWriteGuard<'_, Database> {
        self.database.write().unwrap_or_else(PoisonError::into_inner)
    }
}
