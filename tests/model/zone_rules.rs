//! The rules for a zone as a whole, and their effects: suspension, the default schema, erasure.

use serde_json::{Value, json};

use super::rules::clock_rules;
use super::state::{Broken, Expected, State, Zone, check};

impl State {
    /// `asked`: with an idempotency key, so that an entry is written in any case.
    pub fn set_suspended(&mut self, zone: &str, suspended: bool, asked: bool) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let reserved = if suspended { zone.guarded_rules(&author.actor) } else { Broken::new() };
        let takes_back = zone.archived_default.is_some() && (asked || zone.suspended != suspended);
        check(reserved)?;
        if takes_back || zone.suspended != suspended {
            check(clock_rules(&zone.log, author))?;
        }
        if takes_back {
            zone.archived_default = None;
            zone.log.append(author, json!({"kind": "default_schema_changed", "version": null}));
        }
        if zone.suspended != suspended {
            zone.log.append(author, json!({"kind": "zone_suspended", "suspended": suspended}));
            zone.suspended = suspended;
        }
        Ok(zone.view())
    }

    pub fn set_default_schema(&mut self, zone: &str, schema: Option<&str>) -> Expected {
        let mut broken = schema.map(|schema| self.schema_rules(schema)).unwrap_or_default();
        let (author, zone) = self.zone_mut(zone)?;
        let same = zone.default_schema.as_deref() == schema;
        if !same {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !same {
            zone.log.append(author, json!({"kind": "default_schema_changed", "version": schema}));
            zone.default_schema = schema.map(str::to_owned);
            zone.archived_default = None;
        }
        Ok(zone.view())
    }

    /// Erases a zone, in its own write. `last` is the hash of its last entry, which only the store can know.
    pub fn erase(&mut self, zone: &str, last: &Value) -> Expected {
        let mut broken = clock_rules(&self.log, &self.author);
        match self.zone(zone) {
            Ok(zone) => broken.extend(zone.guarded_rules(&self.author.actor)),
            Err(missing) => broken.extend(missing),
        }
        check(broken)?;
        let Zone { log, .. } = self.zone(zone)?;
        let mut left = json!({"zone_id": zone, "log_id": log.id, "length": log.entries.len(), "last": last});
        let view = left.clone();
        self.erased.push(log.id.clone());
        left["kind"] = json!("zone_erased");
        self.log.append(&self.author, left);
        self.zones.retain(|it| it.id != zone);
        Ok(view)
    }
}
