//! Signed checkpoints that the store keeps, and proofs that a seal has a zone: the anchors of evidence.

use policy_store_verify::proof::InclusionProof;
use policy_store_verify::record::CheckpointKept;

use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::{PositionRow, SealedRow};
use super::log_writer::LogWriter;
use super::seal::{Sealed, tree};
use super::snapshot::Snapshot;
use super::tables::Direction;
use crate::record::{Body, SealedZone};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::LogId;

impl Sealed {
    /// The checkpoint of a zone's log in the seal, and the proof that the seal has it.
    pub(crate) fn proof(&self, log_id: LogId) -> Option<(SealedZone, InclusionProof)> {
        let index = self.zones.binary_search_by_key(&log_id, |zone| zone.log_id).ok()?;
        Some((self.zones.get(index)?.clone(), tree(&self.zones).proof(index as u64)?))
    }
}

impl Snapshot<'_> {
    /// The newest seal with its zones. None if there is none, or if a zone was erased or forked since.
    pub(crate) fn sealed(&self) -> Result<Option<Sealed>> {
        let Some((position, seal)) = self.newest_seal()? else { return Ok(None) };
        let zones = self.sealed_rows()?.into_iter();
        let zones: Vec<_> = zones.map(|(log_id, SealedRow { size, root })| SealedZone { log_id, size, root }).collect();
        let root = tree(&zones).root();
        Ok((root.0 == seal.root).then_some(Sealed { position, zones, root, grown: None }))
    }

    /// The newest signed checkpoint of a log that was kept.
    pub(crate) fn kept_checkpoint(&self, log_id: LogId) -> Result<Option<String>> {
        let Some(PositionRow { created }) = self.row(&key::kept_checkpoint(log_id))? else { return Ok(None) };
        match &self.entry(STORE_LOG, created)?.body {
            Body::CheckpointKept(body) if body.log_id == log_id => Ok(Some(body.note.clone())),
            _ => Err(super::wrong_row(RowKind::KeptCheckpoint, &log_id.to_string())),
        }
    }

    /// Refuses a checkpoint that the log does not have.
    pub(crate) fn check_has(&self, log: LogNumber, checkpoint: &Checkpoint) -> Result<()> {
        let head = self.head(log)?;
        if head.has(self.source(), log, checkpoint)? {
            return Ok(());
        }
        let (log_id, kept, size) = (checkpoint.log_id, checkpoint.size, Some(head.length));
        Err(ErrorDetail::OlderState { log_id, kept, size }.into())
    }

    /// The positions of the entries by which a log got another id.
    pub(crate) fn fork_positions(&self, log: LogNumber) -> Result<Vec<u64>> {
        let mut positions = Vec::new();
        self.rows(&key::all(log, RowKind::FormerId), Direction::Ascending, &mut |_, row: PositionRow| {
            positions.push(row.created);
            Ok(true)
        })?;
        Ok(positions)
    }
}

impl LogWriter<'_> {
    /// Keeps a signed checkpoint of a log of this store. Refuses one that is not of the log's tree. Adds nothing if the same
    /// note is kept already. The result is the position of the entry that has it.
    pub(crate) fn keep_checkpoint(&mut self, checkpoint: &Checkpoint, note: &str) -> Result<u64> {
        let log_id = checkpoint.log_id;
        let kept = self.read(|snapshot| {
            let heads = snapshot.heads()?;
            let found = heads.iter().find(|(_, head)| head.log_id == log_id);
            let (log, head) = found.ok_or_else(|| ErrorDetail::not_found(Resource::Log, &log_id.to_string()))?;
            if !head.has(snapshot.source(), *log, checkpoint)? {
                let (kept, size) = (checkpoint.size, Some(head.length));
                return Err(ErrorDetail::OlderState { log_id, kept, size }.into());
            }
            let row: Option<PositionRow> = snapshot.row(&key::kept_checkpoint(log_id))?;
            let same = snapshot.kept_checkpoint(log_id)?.is_some_and(|kept| kept == note);
            Ok(row.filter(|_| same).map(|row| row.created))
        })?;
        if let Some(position) = kept {
            return Ok(position);
        }
        let body = CheckpointKept { log_id, size: checkpoint.size, note: note.to_owned() };
        Ok(self.append(STORE_LOG, body)?.envelope.position)
    }
}
