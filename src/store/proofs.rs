//! Proofs about the store's own log, seals over all zones, and signed checkpoints that are kept.

use policy_store_verify::proof::{ConsistencyProof, InclusionProof};
use serde::Serialize;

use super::PolicyStore;
use crate::read::proofs;
use crate::storage::Sealed;
use crate::storage::key::STORE_LOG;
use crate::types::actor::Actor;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::hash::RootHash;

/// A seal over all zones: an entry of the store's log with the root over the checkpoints of all zones.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StoreSeal {
    /// The position of its entry in the store's log.
    pub position: u64,
    /// The number of zones.
    pub zones: u64,
    /// The root of the tree over the zones' checkpoints.
    pub root: RootHash,
    /// The checkpoint of the store's log as it was when the zones were sealed: the seal covers all logs up to it.
    pub checkpoint: Checkpoint,
    /// The number of zones that have grown since the seal before. None if nothing has changed: then this is that seal.
    pub grown: Option<u64>,
}

impl PolicyStore {
    /// Seals all zones: adds an entry to the store's log with the root over the checkpoints of all zones, so that one signed
    /// checkpoint of the store's log covers every zone. Adds nothing if no zone has changed since the last seal. The entry
    /// has the checkpoints of the zones that have grown, about 60 bytes for each.
    ///
    /// It is a write of its own. Any actor may seal.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if a zone has vanished without an erasure, has shrunk, or has another history
    /// than the last seal says; otherwise as [`write`](Self::write).
    pub fn seal(&self, actor: &Actor) -> Result<StoreSeal> {
        let storage = &self.engine.storage;
        let (sealed, size) = storage.seal(|| self.engine.author(actor, None))?;
        let Sealed { position, zones, root, grown } = sealed;
        let checkpoint = storage.read(|snapshot| snapshot.checkpoint_at(STORE_LOG, size))?;
        Ok(StoreSeal { position, zones: zones.len() as u64, root, checkpoint, grown })
    }

    /// The bytes of the entry at `position` of the store's log: see [`Zone::entry_bytes`](crate::Zone::entry_bytes).
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a position that the log does not have.
    pub fn entry_bytes(&self, position: u64) -> Result<Vec<u8>> {
        self.engine.storage.read(|snapshot| proofs::entry_bytes(snapshot, STORE_LOG, position))
    }

    /// The proof that the entry at `position` is in the tree of `size` entries of the store's log.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a size that the log does not have, and for a position beyond it.
    pub fn inclusion_proof(&self, position: u64, size: u64) -> Result<InclusionProof> {
        self.engine.storage.read(|snapshot| snapshot.inclusion_proof(STORE_LOG, position, size))
    }

    /// The proof that the tree of `new` entries of the store's log begins with that of `old` entries.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a size that the log does not have, and if `old` is the larger one.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<ConsistencyProof> {
        self.engine.storage.read(|snapshot| snapshot.consistency_proof(STORE_LOG, old, new))
    }
}

#[cfg(feature = "attestation")]
mod signed {
    use policy_store_verify::note::{SignedCheckpoint, VerifiedCheckpoint};

    use super::PolicyStore;
    use crate::decide::anchor;
    use crate::storage::Snapshot;
    use crate::storage::key::STORE_LOG;
    use crate::types::actor::Actor;
    use crate::types::error::{Result, at_most};
    use crate::types::limits;

    impl PolicyStore {
        /// Keeps a verified checkpoint of a log of this store, with its signatures and cosignatures: an entry of the store's
        /// log has the note. [`Zone::evidence`](crate::Zone::evidence) uses the newest one. Adds nothing if the newest one
        /// that is kept is the same. Returns the position of its entry.
        ///
        /// # Errors
        ///
        /// [`NotFound`](crate::ErrorKind::NotFound) for a log that is not of this store, and for that of an erased zone;
        /// [`Invalid`](crate::ErrorKind::Invalid) if a larger checkpoint of the log is kept;
        /// [`Corrupt`](crate::ErrorKind::Corrupt) if the log does not have the checkpoint: it was rewritten, or put back;
        /// [`TooLarge`](crate::ErrorKind::TooLarge) over [`KEPT_NOTE_BYTES`](limits::KEPT_NOTE_BYTES); otherwise as
        /// [`write`](Self::write).
        pub fn keep_checkpoint(&self, actor: &Actor, checkpoint: &VerifiedCheckpoint) -> Result<u64> {
            let note = checkpoint.signed().to_string();
            at_most("note of the checkpoint", note.len(), limits::KEPT_NOTE_BYTES)?;
            let author = || self.engine.author(actor, None);
            let checkpoint = checkpoint.checkpoint();
            self.engine.storage.write(author, |writer| writer.keep_checkpoint(&checkpoint, &note))
        }

        /// The newest signed checkpoint of the store's log that was kept; none if there is none.
        ///
        /// # Errors
        ///
        /// As any read.
        pub fn kept_checkpoint(&self) -> Result<Option<SignedCheckpoint>> {
            let read = |snapshot: &Snapshot<'_>| snapshot.kept_checkpoint(snapshot.head(STORE_LOG)?.log_id);
            self.engine.storage.read(read)?.as_deref().map(anchor::read).transpose()
        }
    }
}
