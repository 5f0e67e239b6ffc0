//! Copies zones into a new store, which must equal the model with those zones only.

use std::collections::BTreeSet;

use policy_store::Actor;
use serde_json::{Value, json};

use super::calls::seen;
use super::runner::Runner;
use super::state::{Author, Broken, Entry, State, TOLERANCE, Zone, check, one};

impl Zone {
    /// The schemas in the zone's history.
    fn schemas_used(&self) -> BTreeSet<&str> {
        let changes = self.log.entries.iter().map(|entry| &entry.change);
        changes
            .filter_map(|change| match change["kind"].as_str()? {
                "policy_version_created" | "policy_set_version_created" => change["schema_version"].as_str(),
                "default_schema_changed" => change["version"].as_str(),
                _ => None,
            })
            .collect()
    }
}

impl State {
    /// The model of a new store with these zones, and the entries that they need from the store's log.
    fn with_only(&self, zones: &[String], author: &Author) -> Result<Self, Broken> {
        let mut broken = Broken::new();
        if zones.iter().collect::<BTreeSet<_>>().len() < zones.len() {
            broken.insert("invalid_input".to_owned());
        }
        if zones.iter().any(|id| self.zone(id).is_err()) {
            broken.extend(one("not_found zone"));
        }
        let named = self.zones.iter().filter(|zone| zones.contains(&zone.id));
        broken.extend(named.flat_map(|zone| zone.guarded_rules(&author.actor)));
        let mut copy = Self::new(author.clone());
        copy.zones = self.zones.iter().filter(|zone| zones.contains(&zone.id)).cloned().collect();
        let used: BTreeSet<&str> = copy.zones.iter().flat_map(Zone::schemas_used).collect();
        copy.schemas = self.schemas.iter().filter(|it| used.contains(it.version.as_str())).cloned().collect();
        let mut created = Vec::new();
        for (position, entry) in self.log.entries.iter().enumerate() {
            let of_zone = self.zones.iter().any(|zone| zones.contains(&zone.id) && zone.created == position);
            let of_schema = entry.change["version"].as_str().is_some_and(|version| used.contains(version));
            if of_zone || of_schema {
                created.extend(of_zone.then_some(copy.log.entries.len()));
                let (imported_by, entry) = (Some(author.actor.clone()), entry.clone());
                copy.log.entries.push(Entry { clock: author.clock, imported_by, request: None, ..entry });
            }
        }
        let last = copy.log.entries.len().saturating_sub(1);
        for entry in &mut copy.log.entries {
            entry.write = (0, last);
            if entry.at - author.clock > TOLERANCE {
                broken.insert("clock_behind".to_owned());
            }
        }
        check(broken)?;
        for (zone, created) in copy.zones.iter_mut().zip(created) {
            zone.created = created;
            // Logs are copied in the order of the call.
            zone.number = 1 + zones.iter().position(|id| *id == zone.id).unwrap_or_default();
        }
        copy.logs = zones.len();
        Ok(copy)
    }
}

impl Runner {
    /// Copies zones into a new store and compares everything there.
    pub fn copy(&mut self, zones: &[String], actor: &Actor) {
        let author = Author { actor: actor.clone(), clock: self.now(), import: None };
        let into = self.another_store();
        let told = self.store().copy_zones(actor, zones, &into).map(seen);
        let copy = self.model.with_only(zones, &author);
        let expected = copy.as_ref().map_err(Broken::clone).map(|copy| {
            let last = |n: usize, place| match self.hashes.get(&place) {
                Some(known) => json!(known),
                None => told.as_ref().map(|told| told["zones"][n]["last"].clone()).unwrap_or_default(),
            };
            let copied = zones.iter().enumerate().filter_map(|(n, id)| {
                let log = &copy.zone(id).ok()?.log;
                let (log_id, length) = (&log.id, log.entries.len());
                let last = last(n, (log_id.clone(), length - 1));
                Some(json!({"zone_id": id, "log_id": log_id, "length": length, "last": last}))
            });
            let schemas: Vec<_> = copy.schemas.iter().map(|schema| &schema.version).collect();
            json!({"zones": copied.collect::<Vec<Value>>(), "schemas": schemas})
        });
        self.agree(("copy", zones), &told, expected);
        *self.tally.entry(if told.is_ok() { "Copy" } else { "CopyRefused" }.to_owned()).or_default() += 1;
        // A refused copy has not changed the other store.
        let mut there = self.of_another_store(into, copy.unwrap_or_else(|_| State::new(author)));
        there.everything();
        there.verify();
    }
}
