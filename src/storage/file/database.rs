//! The open database: one that writes, or one that only reads and follows the commits of another process.

use redb::{Database, ReadOnlyDatabase, ReadTransaction, ReadableDatabase, WriteTransaction};

use crate::storage::failure::storage_error;
use crate::types::error::{ErrorDetail, Result};

/// The open database.
pub(in crate::storage) enum Redb {
    Writer(Database),
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
    /// Begins to read the newest committed state.
    pub(in crate::storage) fn begin_read(&self) -> Result<ReadTransaction> {
        let begun = match self {
            Self::Writer(database) => database.begin_read(),
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
        let mut transaction = database.begin_write().map_err(|error| storage_error("begin the write", error))?;
        transaction.set_two_phase_commit(true);
        Ok(transaction)
    }

    pub(in crate::storage) fn is_reader(&self) -> bool {
        matches!(self, Self::Reader(_))
    }

    /// Gives back the pages at the end of the file that are not used. `false` if there is nothing to gain, or no way to.
    pub(in crate::storage) fn compact(&mut self) -> bool {
        match self {
            Self::Writer(database) => database.compact().is_ok_and(|compacted| compacted),
            Self::Reader(_) => false,
        }
    }
}
