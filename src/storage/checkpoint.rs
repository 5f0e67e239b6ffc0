//! Checkpoints of logs: the present one, and the comparison with one that was kept.

use std::collections::{HashMap, HashSet};

use super::index::key::LogNumber;
use super::index::replay::log_numbers;
use super::index::row::{Head, PositionRow};
use super::snapshot::Snapshot;
use super::tables::{Table, TableReader};
use super::tiles::Tiles;
use super::{Storage, key};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::RootHash;
use crate::types::id::LogId;

impl Head {
    /// The checkpoint of the log's end.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint { log_id: self.log_id, size: self.length, root: RootHash(self.frontier.root()) }
    }

    /// Whether the log has the checkpoint's entries.
    pub(super) fn has(&self, source: &dyn TableReader, log: LogNumber, kept: &Checkpoint) -> Result<bool> {
        if kept.size >= self.length {
            return Ok(*kept == self.checkpoint());
        }
        Ok(Tiles::at(source, log, kept.size)?.frontier().root() == kept.root.0)
    }
}

impl Snapshot<'_> {
    /// The checkpoint of a log's end. As of an earlier length, the tiles give the root.
    pub(crate) fn checkpoint(&self, log: LogNumber) -> Result<Checkpoint> {
        let head = self.head(log)?;
        if !self.is_ended(log) {
            return Ok(head.checkpoint());
        }
        let root = RootHash(Tiles::at(self.source(), log, head.length)?.frontier().root());
        Ok(Checkpoint { log_id: head.log_id, size: head.length, root })
    }

    /// The checkpoints, with the present ids of logs that a fork has renamed since.
    pub(super) fn under_present_ids(&self, kept: &[Checkpoint]) -> Result<Vec<Checkpoint>> {
        let heads = self.heads()?;
        let present: HashSet<LogId> = heads.values().map(|head| head.log_id).collect();
        let mut kept = kept.to_vec();
        if kept.iter().all(|kept| present.contains(&kept.log_id)) {
            return Ok(kept);
        }
        let numbers = log_numbers(self.source(), &heads)?;
        for checkpoint in kept.iter_mut().filter(|kept| !present.contains(&kept.log_id)) {
            let Some(log) = numbers.get(&checkpoint.log_id) else { continue };
            // The rows of an erased log are gone, and its length is in its head.
            let is_erased = !self.source().get(Table::Log, &key::entry(*log, 0), &mut |_| {})?;
            let end = self.row::<PositionRow>(&key::former_id(*log, checkpoint.log_id))?.map(|row| row.created);
            if let Some(head) = heads.get(log)
                && (is_erased || end.is_some_and(|end| checkpoint.size <= end))
            {
                checkpoint.log_id = head.log_id;
            }
        }
        Ok(kept)
    }

    /// Refuses a log that does not have a checkpoint that was kept.
    fn check_later(&self, kept: &Checkpoint, found: Option<&(LogNumber, Head)>) -> Result<()> {
        let older = |size| Err(ErrorDetail::OlderState { log_id: kept.log_id, kept: kept.size, size }.into());
        let Some((log, head)) = found else { return older(None) };
        // The tree of a log that was erased since is gone, and its head is in the store's log.
        let is_erased = !self.source().get(Table::Log, &key::entry(*log, 0), &mut |_| {})?;
        let is_absent = head.length == 0 && self.may_lack_logs()?;
        if is_erased && (kept.size < head.length || is_absent) || head.has(self.source(), *log, kept)? {
            return Ok(());
        }
        older(Some(head.length))
    }
}

impl Storage {
    /// Refuses a store that does not have all of these checkpoints.
    pub(crate) fn check_not_before(&self, kept: &[Checkpoint]) -> Result<()> {
        if kept.is_empty() {
            return Ok(());
        }
        self.read(|snapshot| {
            let kept = snapshot.under_present_ids(kept)?;
            let heads = snapshot.heads()?.into_iter().map(|(log, head)| (head.log_id, (log, head)));
            let heads: HashMap<_, _> = heads.collect();
            kept.iter().try_for_each(|kept| snapshot.check_later(kept, heads.get(&kept.log_id)))
        })
    }
}
