//! Zones as of earlier points: every read must answer as it did after the write before the point.
//!
//! After each write, a copy of the model's zone is kept, with the length of the store's log and the zone's checkpoint. A
//! point is compared by a run of its own, over the kept zone and the schemas as they were.

use std::rc::Rc;

use policy_store::{At, Checkpoint, Include, Order, PageRequest, Precondition, SchemaFilter, Timestamp, ZoneAsOf};
use serde_json::{Value, json};

use super::calls::{seen, seen_schema};
use super::runner::{Handle, Runner};
use super::state::{Log, Schema, State, Zone};
use super::views;

/// A zone after a write.
pub struct Moment {
    zone: Rc<Zone>,
    /// The length of the store's log.
    store_length: usize,
    checkpoint: Checkpoint,
}

impl Log {
    /// A length, extended to the end of a write.
    fn whole(&self, length: usize) -> usize {
        length.checked_sub(1).map_or(0, |last| self.entries[last].write.1 + 1)
    }

    /// The lengths that the log can have had when the clock was at `clock`: more than one if the clock went back by itself.
    fn lengths_by_clock(&self, clock: i64) -> Vec<usize> {
        let first = self.entries.iter().position(|entry| entry.clock > clock).unwrap_or(self.entries.len());
        let last = self.entries.iter().rposition(|entry| entry.clock <= clock).map_or(0, |last| last + 1);
        (first.min(last)..=last).map(|length| self.whole(length)).collect()
    }

    fn length_at(&self, time: i64) -> usize {
        self.whole(self.entries.iter().rposition(|entry| entry.at <= time).map_or(0, |last| last + 1))
    }
}

impl Schema {
    /// The schema as of a length of the store's log, if it was published.
    fn then(&self, length: usize) -> Option<Self> {
        let changes = self.changes.iter().filter(|(_, mark)| mark.position < length).cloned().collect();
        (self.created.position < length).then(|| Self { changes, ..self.clone() })
    }
}

impl State {
    /// A zone of then and the schemas of a length of the store's log.
    fn then(&self, zone: &Zone, length: usize) -> Self {
        let mut zone = zone.clone();
        let schemas: Vec<Schema> = self.schemas.iter().filter_map(|schema| schema.then(length)).collect();
        let chosen = zone.default_schema.take().or(zone.archived_default.take());
        zone.default_schema = chosen
            .filter(|chosen| schemas.iter().any(|schema| schema.version == *chosen && schema.status() != "archived"));
        Self { schemas, zones: vec![zone], ..Self::new(self.author.clone()) }
    }

    /// The lengths of the store's log that a point of a zone can have.
    fn store_lengths(&self, zone: &Zone, at: At) -> Vec<usize> {
        let chosen = zone.default_schema.as_ref().or(zone.archived_default.as_ref());
        let published = chosen.map_or(0, |chosen| self.schema(chosen).unwrap().created.position + 1);
        let by_time = if let At::Time(time) = at { self.log.length_at(time.as_micros()) } else { 0 };
        let least = self.log.whole(published).max(self.log.whole(zone.created + 1)).max(by_time);
        let clock = zone.log.entries.last().unwrap().clock;
        self.log.lengths_by_clock(clock).into_iter().map(|length| length.max(least)).collect()
    }
}

impl Runner {
    /// Keeps the zones that the last write has changed.
    pub fn keep_moments(&mut self) {
        for zone in &self.model.zones {
            let place = (zone.log.id.clone(), zone.log.entries.len());
            if !self.moments.contains_key(&place) {
                let checkpoint = self.store().zone(&zone.id).unwrap().checkpoint().unwrap();
                let (zone, store_length) = (Rc::new(zone.clone()), self.model.log.entries.len());
                self.moments.insert(place, Moment { zone, store_length, checkpoint });
            }
        }
    }

    /// Compares `count` earlier points of each zone, and the points that are refused.
    pub fn as_of(&mut self, count: usize) {
        for zone in self.model.zones.clone() {
            let length = zone.log.entries.len();
            for n in 0..count {
                // Any number.
                let chosen = (n + 1) * 7_919 + self.hashes.len() * 104_729;
                let position = chosen % length;
                let micros = zone.log.entries[position].at + [0, 1, -1][chosen / 3 % 3];
                let at = match chosen / 11 % 4 {
                    0 => At::Time(Timestamp::from_micros(micros)),
                    1 => At::Before(position as u64),
                    _ => At::Position(position as u64),
                };
                self.as_of_point(&zone, at);
            }
            self.as_of_point(&zone, At::Position(length as u64));
            self.as_of_point(&zone, At::Time(Timestamp::from_micros(zone.log.entries[0].at - 1)));
        }
    }

    fn as_of_point(&mut self, zone: &Zone, at: At) {
        let handle = self.store().zone(&zone.id).unwrap();
        let told = if zone.log.entries.len().is_multiple_of(2) {
            handle.as_of(at)
        } else {
            handle.snapshot().unwrap().as_of(at)
        };
        let length = zone.length_at(at).and_then(|length| match length {
            0 => Err(super::state::one("before_zone")),
            length => Ok(length),
        });
        let size = told.as_ref().map(|then| json!(then.checkpoint().unwrap().size));
        self.agree((&zone.id, at), &size, length.clone().map(|length| json!(length)));
        let (Ok(then), Ok(length)) = (told, length) else { return };
        *self.tally.entry("AsOf".to_owned()).or_default() += 1;
        let place = (zone.log.id.clone(), length);
        let moment = &self.moments[&place];
        assert_eq!(then.checkpoint().unwrap(), moment.checkpoint);
        let lengths = self.model.store_lengths(&moment.zone, at);
        if self.ticks && !matches!(at, At::Time(_)) {
            assert_eq!(lengths, [moment.store_length], "the rule must give the length of then");
        }
        let models = lengths.into_iter().map(|length| self.model.then(&moment.zone, length));
        let told = schemas(&then);
        let model = models.into_iter().find(|model| schemas_of(model, &zone.id) == told);
        let model =
            model.unwrap_or_else(|| panic!("no moment of the store's log has these schemas at {at:?}: {told:?}"));
        let mut run = self.of_another_store(self.store().clone(), model);
        run.then = Some(then);
        run.later = self.model.schemas.clone();
        run.compare_then(zone);
        self.hashes.extend(run.hashes);
        for (name, count) in run.tally {
            *self.tally.entry(name).or_default() += count;
        }
    }

    /// Compares all reads of the zone of then. `now` has what came later.
    fn compare_then(&mut self, now: &Zone) {
        let zone = self.model.zones[0].clone();
        let limit = 1 + zone.log.entries.len() % 7;
        self.everything_in(&zone, limit);
        let Some(Handle::Then(then)) = self.handle(&zone.id) else { panic!("a run of a zone of then") };
        for schema in self.later.clone() {
            let told = then.schema(&schema.version, Include::Both).map(|it| seen_schema(it.schema));
            self.agree(("schema", &schema.version), &told, self.model.schema(&schema.version).map(Schema::view));
        }
        for entry in &now.log.entries {
            let Some(key) = entry.request else { continue };
            let first = zone.log.entries.iter().position(|entry| entry.request == Some(key));
            let expected = first.map(|first| views::entry(first, &zone.log.entries[first]));
            let mut told = seen(then.entry_for_key(key).unwrap());
            told.as_object_mut().map(|told| told.remove("hash"));
            assert_eq!(told, json!(expected), "{key:?}");
        }
        for policy in &now.policies {
            let known = zone.policy(&policy.id).ok();
            let told = then.check(&Precondition::policy_revision(policy.id.as_str(), policy.revision as u64));
            let expected = known.map(|known| known.revision == policy.revision);
            let code = told.err().map(|error| error.code().to_owned());
            let failed = match expected {
                None => Some("not_found"),
                Some(true) => None,
                Some(false) => Some("precondition_failed"),
            };
            assert_eq!(code.as_deref(), failed, "{policy:?}");
        }
    }
}

/// The schemas of a zone: name, last change and whether each is the default.
fn schemas(zone: &ZoneAsOf) -> Vec<Value> {
    let list = PageRequest::new().order(Order::Ascending).limit(100);
    let page = zone.schemas(&SchemaFilter::new(), Include::Neither, &list).unwrap();
    page.items.iter().map(|it| json!([it.schema.version, it.schema.updated_at, it.is_default])).collect()
}

fn schemas_of(model: &State, zone: &str) -> Vec<Value> {
    let default = &model.zone(zone).unwrap().default_schema;
    let view = |schema: &Schema| (schema.view()["updated_at"].clone(), default.as_ref() == Some(&schema.version));
    model.schemas.iter().map(|it| json!([it.version, view(it).0, view(it).1])).collect()
}
