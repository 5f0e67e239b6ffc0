//! Entries as bytes, proofs about the zone's log, and its signed checkpoints that were kept.

use policy_store_verify::proof::{ConsistencyProof, InclusionProof};

#[cfg(feature = "attestation")]
use policy_store_verify::{
    evidence::{Evidence, SealProof, SignedRules},
    note::SignedCheckpoint,
};

use super::moment::Committed;
use super::zone::Zone;
#[cfg(feature = "attestation")]
use crate::decide::{
    anchor::{self, Anchor},
    authorizer::Authorizer,
    evidence,
    receipt::{Receipt, mismatch},
    signed_rules,
};
#[cfg(feature = "attestation")]
use crate::resource::zone::ZoneReader;
use crate::storage::Snapshot;
use crate::storage::key::LogNumber;
use crate::types::error::{ErrorDetail, Result};
#[cfg(feature = "attestation")]
use crate::types::target::Target;

/// The bytes of the entry at `position`. Refuses a position that the log does not have.
pub(crate) fn entry_bytes(snapshot: &Snapshot<'_>, log: LogNumber, position: u64) -> Result<Vec<u8>> {
    if position >= snapshot.head(log)?.length {
        let reason = "must be less than the length of the log";
        return Err(ErrorDetail::invalid("position", &position.to_string(), reason).into());
    }
    snapshot.entry_bytes(log, position)
}

/// The log, for programs that check it on their own.
impl<M: Committed> Zone<M> {
    /// The bytes of the entry at `position`: the leaf of the tree over the log. [`log::Entry`](crate::log::Entry) decodes
    /// them, and docs/format.md describes them for other programs.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use policy_store::log::{Change, Entry};
    /// use policy_store::{Actor, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme").map(drop))?;
    ///
    /// let zone = store.zone("acme")?;
    /// let bytes = zone.entry_bytes(0)?;
    /// let entry = Entry::decode(&bytes)?;
    /// assert!(matches!(entry.change, Change::ZoneCreated { .. }));
    ///
    /// let checkpoint = zone.checkpoint()?;
    /// zone.inclusion_proof(0, checkpoint.size)?.verify(&bytes, checkpoint.root)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a position that the log does not have.
    pub fn entry_bytes(&self, position: u64) -> Result<Vec<u8>> {
        self.read(|zone| entry_bytes(&zone, zone.log, position))
    }

    /// The proof that the entry at `position` is in the log's tree of `size` entries, such as that of a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a size that the log does not have, and for a position beyond it.
    pub fn inclusion_proof(&self, position: u64, size: u64) -> Result<InclusionProof> {
        self.read(|zone| zone.inclusion_proof(zone.log, position, size))
    }

    /// The proof that the log's tree of `new` entries begins with its tree of `old` entries.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a size that the log does not have, and if `old` is the larger one.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<ConsistencyProof> {
        self.read(|zone| zone.consistency_proof(zone.log, old, new))
    }

    /// The newest signed checkpoint of the zone's log that the store [keeps](crate::PolicyStore::keep_checkpoint); none if it
    /// keeps none.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    #[cfg(feature = "attestation")]
    pub fn kept_checkpoint(&self) -> Result<Option<SignedCheckpoint>> {
        self.read(|zone| zone.kept_checkpoint(zone.log_id)?.as_deref().map(anchor::read).transpose())
    }
}

/// Evidence.
#[cfg(feature = "attestation")]
impl<M: Committed> Zone<M> {
    /// The proof that the newest [seal](crate::PolicyStore::seal) has a checkpoint of this zone, and the signed checkpoint of the
    /// store's log that it is proven against: the newest that is kept. None if that does not cover the seal, or if a zone was
    /// erased since.
    ///
    /// [`SealProof::verify`](crate::evidence::SealProof::verify) gives the zone's checkpoint.
    ///
    /// # Errors
    ///
    /// As any read: see [`Zone`].
    pub fn seal_proof(&self) -> Result<Option<(SignedCheckpoint, SealProof)>> {
        self.read(|zone| {
            let Some((note, proof)) = anchor::sealed(zone)? else { return Ok(None) };
            Ok(Some((anchor::read(&note)?, proof)))
        })
    }

    /// The evidence for the decision of a receipt: one file that shows, without the store, which rules decided, who put them
    /// in force, when and why, and that nothing had replaced them when the decision was made. It is proven against the
    /// newest signed checkpoint that the store [keeps](crate::PolicyStore::keep_checkpoint): of the zone's log, or else of the
    /// store's log with a [seal](crate::PolicyStore::seal).
    ///
    /// [`Evidence::verify`](crate::evidence::Evidence::verify) verifies it with public keys alone.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if no checkpoint is kept that covers the decision: it is so until the next one
    /// is kept. With seals, keep a checkpoint of the store's log after each one, since only the newest seal counts. As
    /// [`replay`](crate::PolicyStore::replay) for a receipt that disagrees with the store, and
    /// [`Invalid`](crate::ErrorKind::Invalid) for a receipt of form 1 or 2; [`TooLarge`](crate::ErrorKind::TooLarge) if
    /// [too many bindings](crate::limits::EVIDENCE_BINDINGS_LARGEST) were made since.
    pub fn evidence(&self, receipt: &Receipt) -> Result<Evidence> {
        self.evidence_at(receipt, Anchor::kept)
    }

    /// The same, proven against a signed checkpoint that the caller has: of the zone's log, or of the store's log if it covers
    /// the newest [seal](crate::PolicyStore::seal). Its signatures are not verified here.
    ///
    /// # Errors
    ///
    /// As [`evidence`](Self::evidence), and [`Conflict`](crate::ErrorKind::Conflict) for a checkpoint of another log, or of
    /// another history.
    pub fn evidence_with(&self, receipt: &Receipt, checkpoint: &SignedCheckpoint) -> Result<Evidence> {
        self.evidence_at(receipt, |zone, size| Anchor::given(zone, checkpoint, size))
    }

    fn evidence_at(
        &self,
        receipt: &Receipt,
        anchor: impl FnOnce(ZoneReader<'_>, u64) -> Result<Anchor>,
    ) -> Result<Evidence> {
        let end = evidence::end_of(receipt)?;
        if receipt.zone_id != *self.id() {
            return Err(mismatch("zone_id", &receipt.zone_id, self.id()));
        }
        Authorizer::of_receipt(&self.engine, receipt)?;
        self.read(|zone| evidence::evidence(zone, receipt, anchor(zone, end.size)?))
    }
}

/// Signed rules.
#[cfg(feature = "attestation")]
impl<M: Committed> Zone<M> {
    /// The rules in force for `target`, for programs that decide without the store: one file with the version's texts, those of
    /// the zone's guardrail, and the proof that they are in force at the end of the newest signed checkpoint that the store
    /// [keeps](crate::PolicyStore::keep_checkpoint): of the zone's log, or of the store's log with a
    /// [seal](crate::PolicyStore::seal).
    ///
    /// [`SignedRules::verify`](crate::evidence::SignedRules::verify) verifies it with public keys alone, and
    /// [`Authorizer::of_rules`](crate::Authorizer::of_rules) decides by it.
    ///
    /// The file has each binding and unbinding of the zone since the version was bound, and since the guardrail was last bound
    /// or unbound: about a kilobyte each. In a zone with very many bindings and without a guardrail, bind one and unbind it
    /// again.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing was in force for the target at that point;
    /// [`NotFound`](crate::ErrorKind::NotFound) if no checkpoint is kept; [`TooLarge`](crate::ErrorKind::TooLarge) if
    /// [too many bindings](crate::limits::EVIDENCE_BINDINGS_LARGEST) were made since, and over
    /// [`EVIDENCE_BYTES`](crate::limits::EVIDENCE_BYTES).
    pub fn signed_rules(&self, target: Target) -> Result<SignedRules> {
        self.read(|zone| signed_rules::signed_rules(zone, target, Anchor::newest(zone)?))
    }

    /// The same at the end of a signed checkpoint that the caller has: of the zone's log, or of the store's log if it covers the
    /// newest [seal](crate::PolicyStore::seal). The rules are those of then, whatever is in force now. Its signatures are not
    /// verified here.
    ///
    /// # Errors
    ///
    /// As [`signed_rules`](Self::signed_rules), and [`Conflict`](crate::ErrorKind::Conflict) for a checkpoint of another log or
    /// of another history, and for one that ends within a write.
    pub fn signed_rules_with(&self, target: Target, checkpoint: &SignedCheckpoint) -> Result<SignedRules> {
        self.read(|zone| signed_rules::signed_rules(zone, target, Anchor::given(zone, checkpoint, 1)?))
    }
}
