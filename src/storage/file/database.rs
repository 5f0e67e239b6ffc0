//! The open database: one that writes, or one that only reads and follows the commits of another process.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use redb::{Database, DatabaseError, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::storage::failure::storage_error;
use crate::types::cache_stats::CacheStats;
use crate::types::error::{ErrorDetail, Result};

/// The open database.
pub(in crate::storage) enum Redb {
    /// The lock is held for writing only during a compaction.
    Writer(RwLock<Database>),
    Reader(ReadOnlyDatabase),
}

impl std::fmt::Debug for Redb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Writer(_) => "Writer",
            Self::Reader(_) => "Reader",
        })
    }
}

impl Redb {
    pub(in crate::storage) fn writer(database: Database) -> Self {
        Self::Writer(RwLock::new(database))
    }

    /// Begins to read the newest committed state.
    pub(in crate::storage) fn begin_read(&self) -> Result<ReadTransaction> {
        let begun = match self {
            Self::Writer(database) => shared(database).begin_read(),
            Self::Reader(database) => database.begin_read(),
        };
        begun.map_err(|error| storage_error("read", error))
    }

    /// Begins a write.
    ///
    /// Always commits in two phases: with one phase, a damaged file can silently lose an acknowledged commit.
    pub(in crate::storage) fn begin_write(&self) -> Result<WriteTransaction> {
        let Self::Writer(database) = self else {
            return Err(ErrorDetail::ReadOnly { place: "the store".to_owned() }.into());
        };
        let mut transaction =
            shared(database).begin_write().map_err(|error| storage_error("begin the write", error))?;
        transaction.set_two_phase_commit(true);
        Ok(transaction)
    }

    /// The cache of pages, whose budget is `capacity`.
    pub(in crate::storage) fn cache_stats(&self, capacity: usize) -> CacheStats {
        let stats = match self {
            Self::Writer(database) => shared(database).cache_stats(),
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

    pub(in crate::storage) fn is_reader(&self) -> bool {
        matches!(self, Self::Reader(_))
    }

    /// Compares the checksum of every page.
    pub(in crate::storage) fn check_integrity(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Writer(database) => {
                database.write().unwrap_or_else(PoisonError::into_inner).check_integrity().map(drop)
            }
            // The storage engine cannot check a file that it may not repair.
            Self::Reader(_) => Ok(()),
        }
    }

    /// Gives back the pages that are not used. Refused while any transaction is open.
    pub(in crate::storage) fn compact(&self) -> Result<()> {
        let Self::Writer(database) = self else {
            return Err(ErrorDetail::ReadOnly { place: "the store".to_owned() }.into());
        };
        let mut database = database.write().unwrap_or_else(PoisonError::into_inner);
        database.compact().map(drop).map_err(|error| match error {
            redb::CompactionError::TransactionInProgress => ErrorDetail::SnapshotHeld.into(),
            error => storage_error("compact the store", error),
        })
    }
}

fn shared(database: &RwLock<Database>) -> RwLockReadGuard<'_, Database> {
    database.read().unwrap_or_else(PoisonError::into_inner)
}
