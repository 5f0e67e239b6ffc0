//! Compares the zones with their newest checkpoints in a seal: a zone that has vanished, shrunk or changed contradicts it.

use super::check::Check;
use super::report::Place;
use super::seals::Seals;
use crate::storage::failure::contained;
use crate::storage::index::key::STORE_LOG;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;

impl Check<'_> {
    /// Compares each zone's log with its newest checkpoint in a seal.
    pub(super) fn sealed_zones(&mut self, seals: &Seals) -> Result<()> {
        for (log_id, (position, zone)) in &seals.0 {
            let place = || Place::Entry { log: self.name(STORE_LOG), position: *position };
            let Some((log, head)) = self.numbers.get(log_id).and_then(|log| Some((*log, self.heads.get(log)?.clone())))
            else {
                let place = place();
                self.find(place, format_args!("sealed log {log_id} is missing"));
                continue;
            };
            let (place, kept) = (place(), Checkpoint::from(zone.clone()));
            let source = self.source;
            match contained(|| head.has(source, log, &kept)) {
                Ok(true) => {}
                Ok(false) => self.find(place, format_args!("log {log_id} does not have its checkpoint in the seal")),
                Err(error) => self.note(Err(error), place)?,
            }
        }
        Ok(())
    }
}
