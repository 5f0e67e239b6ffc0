//! Erases zones, and checks that nothing of them can be read.

use policy_store::{Actor, HistoryFilter, Include, PageRequest, PolicyFilter, Target};
use serde_json::Value;

use super::calls::seen;
use super::runner::Runner;
use super::state::{Author, one};

impl Runner {
    /// Erases a zone in the store and in the model. Its handle is kept, and must find nothing.
    pub fn erase(&mut self, id: &str, actor: &Actor) {
        self.handle(id);
        let told = self.store().erase_zone(actor, id).map(seen);
        self.model.begin(Author { actor: actor.clone(), clock: self.now(), import: None });
        let last = told.as_ref().map(|left| left["last"].clone()).unwrap_or_default();
        if let (Value::String(last), Ok(zone)) = (&last, self.model.zone(id)) {
            let place = (zone.log.id.clone(), zone.log.entries.len() - 1);
            assert_eq!(self.hashes.get(&place).unwrap_or(last), last, "the hash of the last entry of `{id}`");
        }
        let expected = self.model.erase(id, &last);
        self.agree(("erase", id), &told, expected);
        if told.is_ok() {
            *self.tally.entry("Erase".to_owned()).or_default() += 1;
            let handle = self.zones.remove(id);
            self.erased.extend(handle);
            let erased = self.model.erased.clone();
            self.moments.retain(|(log, _), _| !erased.contains(log));
            self.look_for_erased();
        }
    }

    /// Handles of erased zones find nothing, although other zones may have their ids.
    pub fn look_for_erased(&mut self) {
        for zone in self.erased.clone() {
            let id = zone.id().to_string();
            let list = PageRequest::new();
            for told in [
                zone.info().map(seen),
                zone.policy("p0").map(seen),
                zone.policies(&PolicyFilter::new(), &list).map(|page| seen(page.items)),
                zone.history(&HistoryFilter::new(), &list).map(|page| seen(page.items)),
                zone.schema("s0", Include::Neither).map(seen),
                zone.observed(Target::Zone).map(seen),
                zone.authorizer(Target::Zone).map(|it| seen(it.binding())),
            ] {
                self.agree(("erased", &id), &told, Err(one("not_found zone")));
            }
        }
    }
}
