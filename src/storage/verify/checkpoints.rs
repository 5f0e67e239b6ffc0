//! The signed checkpoints that the store keeps, each compared with the one before it of the same log.

use std::collections::BTreeMap;

use policy_store_verify::record::CheckpointKept;

use crate::record::Body;
use crate::types::checkpoint::Checkpoint;
use crate::types::id::LogId;

/// The newest kept checkpoint of each log so far, with the position of its entry.
#[derive(Default)]
pub(super) struct Checkpoints(pub BTreeMap<LogId, (u64, Checkpoint)>);

impl Checkpoints {
    /// Adds an entry of the store's log. The error is the problem with it.
    pub(super) fn note(&mut self, position: u64, body: &Body) -> Result<(), String> {
        match body {
            Body::CheckpointKept(body) => {
                let Some(checkpoint) = read(body)? else { return Ok(()) };
                let before = self.0.insert(body.log_id, (position, checkpoint));
                if before.is_some_and(|(_, before)| before.size > checkpoint.size) {
                    return Err(format!("kept checkpoint of log {} is smaller than the one before", body.log_id));
                }
                Ok(())
            }
            body => {
                if let Some(log_id) = body.ended_log() {
                    self.0.remove(&log_id);
                }
                Ok(())
            }
        }
    }
}

/// The checkpoint in the note. The log and the size of the entry must be those of the note.
#[cfg(feature = "attestation")]
fn read(body: &CheckpointKept) -> Result<Option<Checkpoint>, String> {
    let note: policy_store_verify::note::SignedCheckpoint = body.note.parse().map_err(|error| format!("{error}"))?;
    let checkpoint = note.unverified();
    if (checkpoint.log_id, checkpoint.size) != (body.log_id, body.size) {
        return Err("kept checkpoint is not of the log and the size of its entry".to_owned());
    }
    Ok(Some(checkpoint))
}

/// A build without signatures does not read notes.
#[cfg(not(feature = "attestation"))]
#[expect(clippy::unnecessary_wraps, reason = "with the feature, a note may be wrong")]
fn read(_: &CheckpointKept) -> Result<Option<Checkpoint>, String> {
    Ok(None)
}
