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
        Ok(self.kept(log_id)?.map(|(_, kept)| kept.note))
    }

    /// The same, with the position of its entry in the store's log.
    fn kept(&self, log_id: LogId) -> Result<Option<(u64, CheckpointKept)>> {
        let Some(PositionRow { created }) = self.row(&key::kept_checkpoint(log_id))? else { return Ok(None) };
        match &self.entry(STORE_LOG, created)?.body {
            Body::CheckpointKept(body) if body.log_id == log_id => Ok(Some((created, body.clone()))),
            _ => Err(super::wrong_row(RowKind::KeptCheckpoint, &log_id.to_string())),
        }
    }

    /// Whether the log has a checkpoint.
    pub(crate) fn has(&self, log: LogNumber, checkpoint: &Checkpoint) -> Result<bool> {
        self.head(log)?.has(self.source(), log, checkpoint)
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
    /// Keeps a signed checkpoint of the store's log or of a zone's. Refuses one that is not of the log's tree, and one that is
    /// smaller than the newest kept. Adds nothing if the same note is kept already. The result is the position of the entry
    /// that has it.
    pub(crate) fn keep_checkpoint(&mut self, checkpoint: &Checkpoint, note: &str) -> Result<u64> {
        let log_id = checkpoint.log_id;
        let kept = self.read(|snapshot| {
            let heads = snapshot.heads()?;
            let found = heads.iter().find(|(_, head)| head.log_id == log_id);
            let (log, head) = found.ok_or_else(|| ErrorDetail::not_found(Resource::Log, &log_id.to_string()))?;
            // The head of an erased zone stays, without its tree.
            if *log != STORE_LOG && !snapshot.zone_logs()?.contains(log) {
                return Err(ErrorDetail::not_found(Resource::Log, &log_id.to_string()).into());
            }
            if !snapshot.has(*log, checkpoint)? {
                let (kept, size) = (checkpoint.size, Some(head.length));
                return Err(ErrorDetail::OlderState { log_id, kept, size }.into());
            }
            let Some((position, kept)) = snapshot.kept(log_id)? else { return Ok(None) };
            if kept.size > checkpoint.size {
                let reason = "a larger checkpoint of the log is kept";
                return Err(ErrorDetail::invalid("size of the checkpoint", &checkpoint.size.to_string(), reason).into());
            }
            Ok((kept.note == note).then_some(position))
        })?;
        if let Some(position) = kept {
            return Ok(position);
        }
        let body = CheckpointKept { log_id, size: checkpoint.size, note: note.to_owned() };
        Ok(self.append(STORE_LOG, body)?.envelope.position)
    }
}
