//! The signed checkpoint that evidence or signed rules are proven against: one that the store keeps, or the caller's.

use policy_store_verify::evidence::SealProof;
use policy_store_verify::note::SignedCheckpoint;

use super::proven::proven;
use crate::resource::zone::ZoneReader;
use crate::storage::key::STORE_LOG;
use crate::types::error::{Error, ErrorDetail, Result};

/// The signed checkpoint that everything is proven against.
pub(crate) struct Anchor {
    pub(super) note: String,
    /// The size of the zone's log in it.
    pub(super) size: u64,
    pub(super) seal: Option<SealProof>,
}

impl Anchor {
    /// The newest signed checkpoint that is kept and covers `size` entries: of the zone's log, or else of the store's with a
    /// seal.
    pub(crate) fn kept(zone: ZoneReader<'_>, size: u64) -> Result<Self> {
        let covers = |anchor: &Self| anchor.size >= size;
        match Self::of_zone(zone)?.filter(covers) {
            Some(own) => Ok(own),
            None => Self::of_store(zone)?.filter(covers).ok_or_else(|| none(zone, size)),
        }
    }

    /// The kept signed checkpoint with the most entries of the zone's log.
    pub(crate) fn newest(zone: ZoneReader<'_>) -> Result<Self> {
        let (own, of_store) = (Self::of_zone(zone)?, Self::of_store(zone)?);
        let larger = match (own, of_store) {
            (Some(own), Some(of_store)) if of_store.size > own.size => Some(of_store),
            (own, of_store) => own.or(of_store),
        };
        larger.ok_or_else(|| none(zone, 1))
    }

    fn of_zone(zone: ZoneReader<'_>) -> Result<Option<Self>> {
        let Some(note) = zone.kept_checkpoint(zone.log_id)? else { return Ok(None) };
        let size = read(&note)?.unverified().size;
        Ok(Some(Self { note, size, seal: None }))
    }

    fn of_store(zone: ZoneReader<'_>) -> Result<Option<Self>> {
        Ok(sealed(zone)?.map(|(note, seal)| Self { note, size: seal.zone.size, seal: Some(seal) }))
    }

    /// A signed checkpoint that the caller has, of the zone's log, or of the store's with the newest seal.
    pub(crate) fn given(zone: ZoneReader<'_>, signed: &SignedCheckpoint, size: u64) -> Result<Self> {
        let checkpoint = signed.unverified();
        let of_store = zone.head(STORE_LOG)?.log_id == checkpoint.log_id;
        if !of_store && checkpoint.log_id != zone.log_id {
            return Err(mismatch("log_id", checkpoint.log_id, zone.log_id));
        }
        if !zone.has(if of_store { STORE_LOG } else { zone.log }, &checkpoint)? {
            let given = format!("{} of {} entries", checkpoint.root, checkpoint.size);
            return Err(mismatch("root", given, "another root, or fewer entries"));
        }
        let seal = if of_store { sealed_in(zone, checkpoint.size)? } else { None };
        let own = match &seal {
            Some(seal) => Some(seal.zone.size),
            None => (!of_store).then_some(checkpoint.size),
        };
        let own = own.filter(|own| *own >= size).ok_or_else(|| none(zone, size))?;
        Ok(Self { note: signed.to_string(), size: own, seal })
    }
}

/// The error for a caller's checkpoint that differs from the store.
pub(super) fn mismatch(field: &'static str, given: impl ToString, stored: impl ToString) -> Error {
    ErrorDetail::CheckpointMismatch { field, given: given.to_string(), stored: stored.to_string() }.into()
}

/// The error for a zone without a signed checkpoint of so many entries.
pub(super) fn none(zone: ZoneReader<'_>, size: u64) -> Error {
    ErrorDetail::NoCheckpoint { zone_id: zone.id.to_string(), size }.into()
}

/// The newest signed checkpoint of the store's log that is kept, and the proof that the newest seal has the zone.
pub(crate) fn sealed(zone: ZoneReader<'_>) -> Result<Option<(String, SealProof)>> {
    let Some(note) = zone.kept_checkpoint(zone.head(STORE_LOG)?.log_id)? else { return Ok(None) };
    let size = read(&note)?.unverified().size;
    Ok(sealed_in(zone, size)?.map(|seal| (note, seal)))
}

/// The proof that the newest seal has the zone, if the store's log of `size` entries has that seal.
fn sealed_in(zone: ZoneReader<'_>, size: u64) -> Result<Option<SealProof>> {
    let Some(sealed) = zone.sealed()?.filter(|sealed| sealed.position < size) else { return Ok(None) };
    let Some((own, proof)) = sealed.proof(zone.log_id) else { return Ok(None) };
    let entry = proven(zone, STORE_LOG, sealed.position, size)?;
    Ok(Some(SealProof { entry, zone: own.into(), index: proof.index, hashes: proof.hashes }))
}

/// The signed checkpoint in a note that was kept.
pub(crate) fn read(note: &str) -> Result<SignedCheckpoint> {
    note.parse().map_err(|problem| ErrorDetail::corrupt("a checkpoint that was kept", problem).into())
}
