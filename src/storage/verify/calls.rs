//! The calls that verify a store: all of it, or what came after checkpoints. Writes nothing.

use super::careful::Careful;
use super::check::Check;
use super::kept::Kept;
use super::report::Report;
use super::spread;
use crate::storage::Storage;
use crate::storage::cache::RecordCache;
use crate::storage::index::key::{LogNumber, STORE_LOG};
use crate::storage::index::row::Head;
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::Table;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::progress::{Watch, Work};

impl Storage {
    /// Compares the whole file with the logs. Writes nothing. After a finding, writes are refused.
    pub(crate) fn verify(&self, watch: Watch<'_>) -> Result<Report> {
        self.verify_with(watch, Kept::new(), true, spread::threads())
    }

    /// The same for what the logs have after the checkpoints that were kept. Other logs are verified from their start.
    pub(crate) fn verify_since(&self, kept: &[Checkpoint], watch: Watch<'_>) -> Result<Report> {
        let mut by_log = Kept::new();
        for checkpoint in self.read(|snapshot| snapshot.under_present_ids(kept))? {
            by_log.entry(checkpoint.log_id).or_default().push(checkpoint);
        }
        self.verify_with(watch, by_log, false, spread::threads())
    }

    pub(in crate::storage) fn verify_with(
        &self,
        watch: Watch<'_>,
        kept: Kept,
        whole: bool,
        threads: usize,
    ) -> Result<Report> {
        span!(INFO, "verify", store = self.place(), whole = whole);
        let report = self.read_source(|source, snapshot| {
            let careful = Careful::new(source, threads);
            // Nothing that an earlier read has kept in memory.
            let cache = RecordCache::new(CACHE_BYTES);
            let fresh = Snapshot::new(&careful, &cache, None).not_before(snapshot.least_commits());
            let total = if whole {
                source.len(Table::Log)?.saturating_add(source.len(Table::Content)?)
            } else {
                entries_after(&fresh, &kept)?
            };
            let steps = watch.begin(Work::Verify, total)?;
            let mut check = Check::new(&careful, &fresh, &steps, kept);
            check.run(whole)?;
            steps.end()?;
            Ok(check.report)
        })?;
        if let Some(finding) = report.findings.first() {
            self.failed.found(|| finding.to_string());
        }
        Ok(report)
    }
}

/// Memory for entries that a check reads more than once.
const CACHE_BYTES: usize = 1 << 20;

/// The number of entries after the checkpoints. The store's log is always walked as a whole.
fn entries_after(snapshot: &Snapshot<'_>, kept: &Kept) -> Result<u64> {
    let after = |log: LogNumber, head: &Head| {
        let kept = kept.get(&head.log_id).filter(|_| log != STORE_LOG).into_iter().flatten();
        head.length.saturating_sub(kept.map(|checkpoint| checkpoint.size).max().unwrap_or(0))
    };
    // Damage is a finding, later.
    let heads = snapshot.heads().unwrap_or_default();
    Ok(heads.iter().fold(0, |sum, (log, head)| sum.saturating_add(after(*log, head))))
}
