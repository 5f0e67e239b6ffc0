//! Erases a zone and leaves one tombstone in the store's log.

use serde::Serialize;

use super::PolicyStore;
use crate::resource::zone;
use crate::resource::zone::ZoneReader;
use crate::rules::guardrail;
use crate::storage::Snapshot;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, ZoneId};

/// The tombstone of an erased zone.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedZone {
    /// The zone's id. A new zone can have the same id.
    pub zone_id: ZoneId,
    /// The id of its log. No other zone of this store ever has it.
    pub log_id: LogId,
    /// The number of entries that its log had.
    pub length: u64,
    /// The hash of the log's last entry. It identifies a copy of the log.
    pub last: EntryHash,
}

impl PolicyStore {
    /// Erases a zone, suspended or not: its log, its resources, and the content that nothing else in the store names.
    /// The store's log records the erasure, its author, and the length and last hash of the zone's log. The store does
    /// not check who may erase; only a zone with a guardrail requires a platform actor.
    ///
    /// The erasure first reads the whole store, while writes go on, to find content that other zones share. Then it is a
    /// write of its own, which reads only what came meanwhile. Reads that begin while it is made durable wait for it.
    /// Handles of the zone return [`NotFound`](crate::ErrorKind::NotFound) afterwards; existing authorizers go on
    /// deciding.
    ///
    /// The file does not shrink, and freed pages keep their old bytes until they are used again. To remove those bytes,
    /// copy the other zones into a new file ([`PolicyStore::copy_zones`]) and delete the old one.
    ///
    /// The call takes no idempotency key, because the zone's keys are erased with its log. A second call returns
    /// [`NotFound`](crate::ErrorKind::NotFound), and [`PolicyStore::history`] shows the erasure. If a new zone has the
    /// id by then, the second call erases that one. After an unknown outcome, read first:
    /// [`ZoneInfo::log_id`](crate::ZoneInfo::log_id) distinguishes a zone from a later one with the same id.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown zone; [`Forbidden`](crate::ErrorKind::Forbidden) for a
    /// customer, if the zone has a guardrail; [`Corrupt`](crate::ErrorKind::Corrupt) if any log is damaged, because the
    /// content of the other zones is then unknown; otherwise as [`PolicyStore::write`].
    pub fn erase_zone(&self, actor: &Actor, zone_id: impl AsRef<str>) -> Result<ErasedZone> {
        let engine = &*self.engine;
        let find = |snapshot: &Snapshot<'_>| {
            let zone = zone::find(snapshot, zone_id.as_ref())?;
            guardrail::check_actor(ZoneReader::new(snapshot, &zone), actor, "erase")?;
            Ok(zone)
        };
        let mut names = engine.storage.names_of_content(find)?;
        let erased = engine.storage.write_and_forget(
            || engine.author(actor, None),
            |writer| {
                let zone = writer.read(find)?;
                writer.erase_log(&zone.id, zone.log, &mut names)
            },
        )?;
        Ok(ErasedZone { zone_id: erased.zone_id, log_id: erased.log_id, length: erased.length, last: erased.last })
    }
}
