//! Erasing zones: who leaves takes everything along but a note in the store's log.

use serde::Serialize;

use super::PolicyStore;
use crate::resource::zone;
use crate::resource::zone::ZoneReader;
use crate::rules::guardrail;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, ZoneId};

/// What is left of a zone that was erased.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ErasedZone {
    /// The zone's id: another zone can have it from now on.
    pub zone_id: ZoneId,
    /// Its log, whose id no other zone of this store ever has.
    pub log_id: LogId,
    /// How many entries its log had.
    pub length: u64,
    /// The hash of the last of them: a copy of the log can be told by it.
    pub last: EntryHash,
}

impl PolicyStore {
    /// Erases a zone, suspended or not: its history, all that it has, and the content that nothing else in the store names.
    /// The store's own history tells that it was erased, by whom, and where its log ended. Whoever may write may erase: who
    /// that is, is the caller's business. Only a platform actor erases a zone that has a guardrail.
    ///
    /// It is a write of its own, and reads the whole store to find what other zones share. Reads that begin while it
    /// is made durable wait for it; handles of the zone find nothing afterwards, and an authorizer that was taken before goes
    /// on deciding.
    ///
    /// The file does not get smaller, and pages that have become free keep their old bytes until they are used again. To be
    /// rid of those, copy the other zones into a new file ([`PolicyStore::copy_zones`]) and delete the old one.
    ///
    /// It takes no request id, as the zone's requests go with its log. Called again, it says that there is no such zone,
    /// and [`PolicyStore::history`] tells whether there was one that was erased; but if the id has been given to another zone
    /// since, it is that one that goes. So a caller who does not know how the first call ended looks first: a zone is told
    /// from a later one of its id by [`ZoneInfo::log_id`](crate::ZoneInfo::log_id).
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such zone; [`Forbidden`](crate::ErrorKind::Forbidden) for a
    /// customer, if the zone has a guardrail; [`Corrupt`](crate::ErrorKind::Corrupt) if any log is
    /// damaged, since it cannot be told then what only this zone names; otherwise as [`PolicyStore::write`].
    pub fn erase_zone(&self, actor: &Actor, zone_id: impl AsRef<str>) -> Result<ErasedZone> {
        let engine = &*self.engine;
        let erased = engine.storage.write_and_forget(
            || engine.author(actor, None),
            |writer| {
                let zone = writer.read(|snapshot| {
                    let zone = zone::find(snapshot, zone_id.as_ref())?;
                    guardrail::check_actor(ZoneReader::new(snapshot, &zone), actor, "erase")?;
                    Ok(zone)
                })?;
                writer.erase_log(&zone.id, zone.log)
            },
        )?;
        // They would not answer any more: what leads to them is gone.
        engine.compiler.clear();
        engine.versions.clear();
        engine.recent.clear();
        Ok(ErasedZone { zone_id: erased.zone_id, log_id: erased.log_id, length: erased.length, last: erased.last })
    }
}
