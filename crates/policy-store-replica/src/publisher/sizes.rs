//! The sizes of all logs at a size of the store's log, as its seals say them. Does not know storage.

use std::collections::{BTreeMap, BTreeSet};

use policy_store::log::{Change, Entry};
use policy_store::{Checkpoint, LogId, PolicyStore};

use crate::error::{Error, Result};

/// The logs at a size of the store's log.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// The size of the store's log.
    pub store: u64,
    /// The zones in the newest seal.
    pub zones: BTreeMap<LogId, Checkpoint>,
    /// All zones that were ever erased.
    pub erased: BTreeSet<LogId>,
}

/// The growth of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Growth {
    pub log_id: LogId,
    pub start: u64,
    pub end: u64,
}

impl Sizes {
    /// Reads the entries of the store's log up to a later size. Blocks.
    pub(super) fn advance(mut self, store: &PolicyStore, to: u64) -> Result<Self> {
        for position in self.store..to {
            let entry = Entry::decode(&store.entry_bytes(position)?);
            let entry = entry.map_err(|problem| Error::damaged(format!("entry {position} of the store"), problem))?;
            self.apply(&entry.change);
        }
        self.store = self.store.max(to);
        Ok(self)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::ZonesSealed { zones, .. } => self.zones.extend(zones.iter().map(|zone| (zone.log_id, *zone))),
            Change::ZoneErased { log_id, .. } => {
                self.zones.remove(log_id);
                self.erased.insert(*log_id);
            }
            // The next seal has it under its new id.
            Change::ZoneForked { from, .. } => drop(self.zones.remove(from)),
            _ => {}
        }
    }

    /// The logs that have grown since `earlier`, in the order of their ids. `store` is the id of the store's log.
    pub(super) fn since(&self, earlier: &Self, store: LogId) -> Vec<Growth> {
        let own = Growth { log_id: store, start: earlier.store, end: self.store };
        let zones = self.zones.iter().map(|(log_id, zone)| {
            let start = earlier.zones.get(log_id).map_or(0, |zone| zone.size);
            Growth { log_id: *log_id, start, end: zone.size }
        });
        let mut grown: Vec<_> = zones.chain([own]).filter(|growth| growth.end > growth.start).collect();
        grown.sort_unstable_by_key(|growth| growth.log_id);
        grown
    }

    /// The zones that were erased since `earlier`.
    pub(super) fn erased_since(&self, earlier: &Self) -> Vec<LogId> {
        self.erased.difference(&earlier.erased).copied().collect()
    }
}
