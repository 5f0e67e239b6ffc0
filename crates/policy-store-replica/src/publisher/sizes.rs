//! The sizes of all logs at a size of the store's log, as its seals say them. Does not know storage.

use std::collections::BTreeMap;

use policy_store::log::{Change, Entry};
use policy_store::{Checkpoint, LogId, PolicyStore, ZoneId};

use crate::error::{Error, Result};

/// The logs at a size of the store's log.
#[derive(Clone, Debug, Default)]
pub(super) struct Sizes {
    /// The size of the store's log.
    pub store: u64,
    /// The zones in the newest seal.
    pub zones: BTreeMap<LogId, Checkpoint>,
    /// All zones that were ever erased. Later zones can have their ids.
    pub erased: BTreeMap<LogId, ZoneId>,
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
            Change::ZoneErased { zone_id, log_id, .. } => {
                self.zones.remove(log_id);
                self.erased.insert(*log_id, zone_id.clone());
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
        self.erased.keys().filter(|log_id| !earlier.erased.contains_key(*log_id)).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use policy_store::{Actor, NewPolicy, Restore};

    use super::*;

    fn ops() -> Actor {
        Actor::platform("ops").unwrap()
    }

    fn zones(store: &PolicyStore) -> BTreeMap<LogId, Checkpoint> {
        let zones = store.zones_iter(&policy_store::PageRequest::new());
        let checkpoint = |id: &str| store.zone(id).unwrap().checkpoint().unwrap();
        zones.map(|zone| checkpoint(zone.unwrap().id.as_str())).map(|found| (found.log_id, found)).collect()
    }

    #[test]
    fn the_sizes_are_those_of_the_zones_after_growth_erasure_and_fork() {
        let folder = tempfile::tempdir().unwrap();
        let store = PolicyStore::builder().open(folder.path().join("store")).unwrap();
        let log = store.checkpoint().unwrap().log_id;
        let create = |id: &str| store.write(&ops(), |w| w.create_zone(id).map(drop)).unwrap();
        create("a");
        create("b");
        let first = store.seal(&ops()).unwrap().checkpoint.size;
        let sizes = Sizes::default().advance(&store, first).unwrap();
        assert_eq!((sizes.store, &sizes.zones), (first, &zones(&store)));
        let a = store.zone("a").unwrap().checkpoint().unwrap().log_id;
        let b = store.zone("b").unwrap().checkpoint().unwrap().log_id;

        create("c");
        store.write(&ops(), |w| w.zone("b")?.create_policy(NewPolicy::named("p")).map(drop)).unwrap();
        store.erase_zone(&ops(), "a").unwrap();
        let to = store.seal(&ops()).unwrap().checkpoint.size;
        let later = sizes.clone().advance(&store, to).unwrap();
        assert_eq!(later.zones, zones(&store));
        assert_eq!((later.erased_since(&sizes), later.erased_since(&later)), (vec![a], vec![]));
        // Step by step gives the same.
        let steps = (0..=to).try_fold(Sizes::default(), |sizes, to| sizes.advance(&store, to)).unwrap();
        assert_eq!(
            (steps.store, steps.zones.clone(), steps.erased),
            (later.store, later.zones.clone(), later.erased.clone())
        );

        let mut grown = later.since(&sizes, log);
        assert!(grown.is_sorted_by_key(|growth| growth.log_id));
        let c = zones(&store).into_keys().find(|id| *id != b).unwrap();
        let expected = [(log, first, to), (b, 1, 2), (c, 0, 1)];
        grown.sort_by_key(|growth| [log, b, c].iter().position(|id| *id == growth.log_id));
        let found: Vec<_> = grown.iter().map(|growth| (growth.log_id, growth.start, growth.end)).collect();
        assert_eq!(found, expected);
        assert!(later.since(&later, log).is_empty());

        let backup = folder.path().join("backup");
        store.backup(&backup).unwrap();
        let fork = PolicyStore::builder().restore(Restore::Fork(ops())).open(&backup).unwrap();
        let to = fork.seal(&ops()).unwrap().checkpoint.size;
        assert_eq!(Sizes::default().advance(&fork, to).unwrap().zones, zones(&fork));
    }
}
