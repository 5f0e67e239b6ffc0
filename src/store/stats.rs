//! Statistics and maintenance of the file.

use serde::Serialize;

use super::PolicyStore;
use crate::engine::Verification;
use crate::storage::{CommitStats, Report, Space, TableRows};
use crate::types::cache_stats::CacheStats;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::progress::Watch;

/// The size and the work of an open store: see [`PolicyStore::stats`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// The zones.
    pub zones: u64,
    /// The schema versions.
    pub schemas: u64,
    /// The entries of all logs.
    pub entries: u64,
    /// The pieces of content.
    pub content: u64,
    /// The rows of the tables.
    pub tables: Vec<TableRows>,
    /// The size of the file.
    pub file_bytes: u64,
    /// The cache of file pages. A reader and its writer have one each.
    pub pages: CacheStats,
    /// The cache of entries and content.
    pub records: CacheStats,
    /// The cache of policy versions as they are returned.
    pub versions: CacheStats,
    /// The cache of parsed schemas and policies, and of compiled policy sets.
    pub compiled: CacheStats,
    /// The commits of this handle.
    pub commits: CommitStats,
    /// The last verification through this handle.
    pub last_verification: Option<Verification>,
}

/// A compaction.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Compacted {
    /// The size of the file before.
    pub before: u64,
    /// The size of the file after.
    pub after: u64,
}

impl PolicyStore {
    /// Counts the store and its work since it was opened. Costs a few look-ups, however large the store is, so that it
    /// can be asked every few seconds. [`space`](Self::space) has the bytes of the tables.
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use policy_store::{Actor, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// store.write(&Actor::platform("ops")?, |w| w.create_zone("acme").map(drop))?;
    /// let stats = store.stats()?;
    /// assert_eq!((stats.zones, stats.commits.commits), (1, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As any read of the [store](Self#errors).
    pub fn stats(&self) -> Result<Stats> {
        let engine = &self.engine;
        let storage = engine.storage.stats()?;
        Ok(Stats {
            zones: storage.zones,
            schemas: storage.schemas,
            entries: storage.entries,
            content: storage.content,
            tables: storage.tables,
            file_bytes: storage.file_bytes,
            pages: storage.pages,
            records: storage.records,
            versions: engine.versions.stats(),
            compiled: engine.compiler.stats(),
            commits: storage.commits,
            last_verification: engine.last_verification(),
        })
    }

    /// Adds up the bytes of the tables and the bytes that are not in use. Reads every page of the tables, so its time
    /// grows with the store, and it replaces pages in the cache.
    ///
    /// # Errors
    ///
    /// As any read of the [store](Self#errors).
    pub fn space(&self) -> Result<Space> {
        self.engine.storage.space()
    }

    /// Compacts the file: moves its pages together and gives the rest back. Needs no space of its own. Writes and reads
    /// wait meanwhile; authorizers go on deciding. Before it begins, the call waits a few seconds for long reads to end.
    ///
    /// A file grows by doubling, so up to half of it is unused. Closing a store compacts a file of up to 256 MiB that has
    /// grown by 4 MiB or more since it was opened; larger ones are left to this call.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with the code `snapshot_held` while a [snapshot](Self::snapshot) is
    /// held or a long read, such as a verification, is under way, in this process or another one; otherwise as
    /// [`write`](Self::write). No row changes, whatever the outcome is.
    pub fn compact(&self) -> Result<Compacted> {
        self.compact_watched(Watch::NONE)
    }

    pub(super) fn verify_watched(&self, watch: Watch<'_>) -> Result<Report> {
        let report = self.engine.storage.verify(watch)?;
        self.engine.verified(true, &report);
        Ok(report)
    }

    pub(super) fn verify_since_watched(&self, kept: &[Checkpoint], watch: Watch<'_>) -> Result<Report> {
        let report = self.engine.storage.verify_since(kept, watch)?;
        self.engine.verified(false, &report);
        Ok(report)
    }

    pub(super) fn compact_watched(&self, watch: Watch<'_>) -> Result<Compacted> {
        let (before, after) = self.engine.storage.compact(watch)?;
        Ok(Compacted { before, after })
    }
}
