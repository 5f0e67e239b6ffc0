//! The open file at its newest committed state. All reads of one state share one read transaction and its opened tables.
//!
//! Does not know when a state is replaced.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::cache::RecordCache;
use super::file::database::Redb;
use super::file::open::OpenFile;
use super::sync::pause;
use super::tables::ReadTables;
use crate::types::error::Result;

/// The open database, its newest committed state, and its record cache.
#[derive(Debug)]
pub(super) struct Opened {
    /// The state, once it was read. Before `database`, so that a reader releases it first.
    tables: OnceLock<Arc<ReadTables>>,
    /// The smallest valid commit count of the state.
    pub counted: u64,
    pub cache: Arc<RecordCache>,
    pub database: Arc<Redb>,
    /// `None` for a store in memory.
    pub file: Option<OpenFile>,
}

impl Opened {
    /// The state of a database that was just opened.
    pub(super) fn new((database, file): (Redb, Option<OpenFile>), counted: u64, cache: usize) -> Self {
        let cache = Arc::new(RecordCache::new(cache));
        Self { tables: OnceLock::new(), counted, cache, database: Arc::new(database), file }
    }

    /// The state after a commit.
    pub(super) fn after_commit(&self, counted: u64, cache: Arc<RecordCache>) -> Self {
        let (database, file) = (self.database.clone(), self.file.clone());
        Self { tables: OnceLock::new(), counted, cache, database, file }
    }

    /// The tables of the state. The first call begins the read transaction, at a cost of several look-ups.
    pub(super) fn tables(&self) -> Result<Arc<ReadTables>> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables.clone());
        }
        let transaction = self.database.begin_read()?;
        Ok(self.tables.get_or_init(|| Arc::new(ReadTables::of(transaction))).clone())
    }
}

/// Closes the database after the reads that still use it. These reads are short, except for `verify` and a copy, and
/// run no code of the caller.
///
/// With `for_good`, compacts a file that has grown.
pub(super) fn close(opened: Arc<Opened>, has_panicked: bool, for_good: bool) {
    let (mut database, file) = (opened.database.clone(), opened.file.clone());
    drop(opened);
    let last = loop {
        match Arc::try_unwrap(database) {
            Ok(last) => break last,
            Err(shared) => {
                database = shared;
                pause(Duration::from_micros(200));
            }
        }
    };
    let has_room = file.as_ref().is_some_and(OpenFile::has_room);
    // A file that could not be compacted is as good.
    let compact = || for_good && !has_panicked && has_room && last.compact().is_ok();
    if catch_unwind(AssertUnwindSafe(compact)).is_err() || has_panicked {
        // Dropping it would panic on poisoned locks, and abort the process if this is during a panic.
        std::mem::forget(last);
        if let Some(file) = file {
            file.loose.close();
        }
        return;
    }
    // Only redb can panic here. The next open checks the file in any case.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(last)));
}
