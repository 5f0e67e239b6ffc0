//! The signed checkpoint that a file is proven against: of the zone's log, or of the store's log, which has sealed the zone's.

use super::log::proven_entry;
use super::parts::SealProof;
use crate::note::{SignedCheckpoint, Trust, VerifiedCheckpoint};
use crate::proof::{InclusionProof, ProofError};
use crate::record::{Body, SealedZone, ZonesSealed};
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::RootHash;

/// Verifies the signatures of a checkpoint, and its seal of the zone if there is one. The second value is the checkpoint of the
/// zone's log.
pub(super) fn verify(
    checkpoint: &str,
    seal: Option<&SealProof>,
    trust: &Trust,
) -> Result<(VerifiedCheckpoint, Checkpoint), ProofError> {
    let signed: SignedCheckpoint = checkpoint.parse()?;
    let signed = signed.verify(trust)?;
    let zone = match seal {
        None => signed.checkpoint(),
        Some(seal) => seal.verify(&signed.checkpoint()).map_err(|error| error.within("seal"))?,
    };
    Ok((signed, zone))
}

impl SealProof {
    /// The zone's checkpoint, if the store's log of this verified checkpoint has sealed it.
    ///
    /// # Errors
    ///
    /// As [`InclusionProof::verify`], for the entry of the seal and for the zone in it.
    pub fn verify(&self, store: &Checkpoint) -> Result<Checkpoint, ProofError> {
        let entry = proven_entry(&self.entry, store)?;
        let Body::ZonesSealed(ZonesSealed { seal: Some(seal), .. }) = &entry.body else {
            return Err(ProofError::missing("seal: its entry has none"));
        };
        let Checkpoint { log_id, size, root } = self.zone;
        let leaf = SealedZone { log_id, size, root: root.0 }.leaf();
        let proof = InclusionProof { index: self.index, size: seal.zones, hashes: self.hashes.clone() };
        proof.verify(&leaf, RootHash(seal.root))?;
        Ok(self.zone)
    }
}
