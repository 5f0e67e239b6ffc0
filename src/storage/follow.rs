//! Follows the commits of other processes: a handle that only reads, or one of several that write. Each read begins at the
//! newest committed state, and no state is shared between reads: an idle process must not keep the pages of an old one.
//!
//! Does not know who committed.

use std::sync::{Arc, PoisonError};

use super::Storage;
use super::cache::RecordCache;
use super::file::format::check_rows;
use super::index::derive::GENERATION;
use super::index::key::{self, STORE_LOG};
use super::index::row::{Head, IndexRow};
use super::opened::Opened;
use super::snapshot::Snapshot;
use super::sync::{Mutex, Ordering};
use super::tables::{ReadTables, TableReader};
use crate::types::error::{ErrorDetail, Result};

/// The newest state that this handle has seen.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    commits: u64,
    /// The length of the store's log. An erasure adds an entry to it.
    store_log: u64,
}

impl Storage {
    /// Begins a read of the newest committed state of any process.
    pub(super) fn begin_followed_read(&self) -> Result<(Arc<Opened>, Arc<ReadTables>)> {
        let mut seen = self.followed.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the state: a state after an erasure is then seen to be newer, and gets a new cache.
        let opened = self.opened()?;
        self.check_file(&opened)?;
        let tables = self.failed.guard(|| opened.database.begin_read().map(ReadTables::of))?;
        let opened = self.failed.guard(|| self.note_state(&mut seen, &tables, opened))?;
        Ok((opened, Arc::new(tables)))
    }

    /// The same, for the state that a write begins with. `opened` is from before the write.
    pub(super) fn followed_write(&self, tables: &dyn TableReader, opened: Arc<Opened>) -> Result<Arc<Opened>> {
        if !self.follows {
            return Ok(opened);
        }
        let mut seen = self.followed.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The write may have waited for one of another process, and a read may have seen that one first.
        let opened = self.opened()?;
        self.failed.guard(|| self.note_state(&mut seen, tables, opened))
    }

    /// Compares a state with the last one. Returns the cache to use with it.
    fn note_state(&self, seen: &mut Seen, tables: &dyn TableReader, opened: Arc<Opened>) -> Result<Arc<Opened>> {
        let snapshot = Snapshot::new(tables, &opened.cache, None).not_before(seen.commits);
        let commits = snapshot.commits()?;
        if commits == seen.commits {
            return Ok(opened);
        }
        snapshot.check_commits()?;
        // Another build may have written since.
        check_rows(tables)?;
        self.check_generation(&snapshot)?;
        let store_log = snapshot.meta::<Head>(&key::head(STORE_LOG))?.map_or(0, |head| head.length);
        let may_have_erased = store_log != seen.store_log;
        *seen = Seen { commits, store_log };
        self.commits.fetch_add(2, Ordering::Release);
        if !may_have_erased {
            return Ok(opened);
        }
        let cache = Arc::new(RecordCache::new(self.cache));
        let replaced = Arc::new(opened.after_commit(opened.counted, cache));
        let mut current = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if current.is_some() {
            *current = Some(replaced.clone());
        }
        drop(current);
        (self.forget.0)();
        Ok(replaced)
    }

    /// Refuses index rows that this build would read wrongly.
    pub(super) fn check_generation(&self, snapshot: &Snapshot<'_>) -> Result<()> {
        if snapshot.meta::<IndexRow>(key::META_INDEX)? == Some(IndexRow { generation: GENERATION }) {
            return Ok(());
        }
        let reason = "its index is of a different version of this crate";
        Err(ErrorDetail::NeedsWriter { place: self.place(), reason }.into())
    }

    /// Forgets the states of a file that was closed.
    pub(super) fn follow_anew(&self) {
        *self.followed.0.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }
}
