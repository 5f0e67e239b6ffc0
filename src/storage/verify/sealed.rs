//! Compares the logs with their newest checkpoints in a seal or a note: one that has vanished, shrunk or changed contradicts
//! it.

use super::check::Check;
use super::checkpoints::Checkpoints;
use super::report::Place;
use super::seals::Seals;
use crate::storage::failure::contained;
use crate::storage::index::key::STORE_LOG;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;

impl Check<'_> {
    /// Compares each zone's log with its newest checkpoint in a seal.
    pub(super) fn sealed_zones(&mut self, seals: &Seals) -> Result<()> {
        let mut zones = seals.0.values();
        zones.try_for_each(|(position, zone)| self.log_has(*position, &zone.clone().into(), "checkpoint in the seal"))
    }

    /// Compares each log with its newest kept checkpoint.
    pub(super) fn kept_checkpoints(&mut self, checkpoints: &Checkpoints) -> Result<()> {
        checkpoints.0.values().try_for_each(|(position, kept)| self.log_has(*position, kept, "kept checkpoint"))
    }

    /// Compares a log with a checkpoint that the entry at `position` of the store's log has.
    pub(super) fn log_has(&mut self, position: u64, checkpoint: &Checkpoint, what: &str) -> Result<()> {
        let place = Place::Entry { log: self.name(STORE_LOG), position };
        let log_id = checkpoint.log_id;
        let found = self.numbers.get(&log_id).and_then(|log| Some((*log, self.heads.get(log)?.clone())));
        let Some((log, head)) = found else {
            self.find(place, format_args!("log {log_id} of the {what} is missing"));
            return Ok(());
        };
        if head.length == 0 && self.may_lack_logs() {
            return Ok(());
        }
        let source = self.source;
        match contained(|| head.has(source, log, checkpoint)) {
            Ok(true) => {}
            Ok(false) => self.find(place, format_args!("log {log_id} does not have its {what}")),
            Err(error) => self.note(Err(error), place)?,
        }
        Ok(())
    }
}
