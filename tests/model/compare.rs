//! Compares reads: the resources that a write changed, single resources by id and number, and everything.

use policy_store::{At, BindingMode, Include, Order, Result, SchemaName, Target, Timestamp};
use serde_json::{Value, json};

use super::binding_rules::target_rules;
use super::calls::{Touched, seen, seen_schema, seen_version};
use super::filters::{BINDINGS, HISTORIES, POLICIES, SCHEMAS, SETS};
use super::lists::Listed;
use super::operation::Pick;
use super::runner::{Handle, Runner, read};
use super::state::{Broken, Expected, Schema, State, Zone, check, one};

/// The id for a missing resource.
const UNKNOWN: &str = "unknown";

impl Zone {
    pub fn policy_ids(&self) -> Vec<String> {
        self.policies.iter().map(|it| it.id.clone()).collect()
    }

    pub fn version_ids(&self) -> Vec<String> {
        self.policies.iter().flat_map(|it| it.versions.iter().map(|it| it.id.clone())).collect()
    }

    pub fn set_ids(&self) -> Vec<String> {
        self.sets.iter().map(|it| it.id.clone()).collect()
    }

    pub fn set_version_ids(&self) -> Vec<String> {
        self.sets.iter().flat_map(|it| it.versions.iter().map(|it| it.id.clone())).collect()
    }

    /// The length of a log at a point in history. A write counts as a whole.
    pub fn length_at(&self, at: At) -> Result<usize, Broken> {
        let entries = &self.log.entries;
        let last = match at {
            At::Position(position) if position >= entries.len() as u64 => return Err(one("invalid_input")),
            At::Position(position) => Some(position as usize),
            At::Before(position) if position >= entries.len() as u64 => return Err(one("invalid_input")),
            At::Before(position) => return Ok(entries[position as usize].write.0),
            At::Time(time) => entries.iter().rposition(|entry| entry.at <= time.as_micros()),
            _ => entries.len().checked_sub(1),
        };
        Ok(last.map_or(0, |last| entries[last].write.1 + 1))
    }

    /// The binding of a target at a point in history.
    pub fn bound_then(&self, target: &Target, mode: BindingMode, at: At) -> Expected {
        let mut broken = target_rules(target);
        let length = self.length_at(at).unwrap_or_else(|wrong| {
            broken.extend(wrong);
            0
        });
        check(broken)?;
        self.bound_view(target, mode, length)
    }
}

impl State {
    /// The resource that an operation names in a zone: usually an existing one, the newest first.
    pub fn pick(&self, zone: &str, pick: Pick, ids: impl Fn(&Zone) -> Vec<String>) -> String {
        let own = self.zone(zone).map(&ids).unwrap_or_default();
        let chosen = match pick.0 {
            254.. => None,
            252..254 => Some(String::new()),
            248..252 => self.zones.iter().find(|other| other.id != zone).and_then(|other| ids(other).pop()),
            n => own.len().checked_sub(1).map(|last| own[last - usize::from(n) % own.len()].clone()),
        };
        chosen.unwrap_or_else(|| UNKNOWN.to_owned())
    }

    pub fn pick_schema(&self, pick: Pick) -> String {
        match pick.0 {
            0..110 => "s0".to_owned(),
            253.. => UNKNOWN.to_owned(),
            n => self.schemas[usize::from(n) % self.schemas.len()].version.clone(),
        }
    }

    pub fn read_policy(&self, zone: &str, id: &str) -> Expected {
        let zone = self.zone(zone)?;
        Ok(zone.policy_view(zone.policy(id)?))
    }

    pub fn read_version(&self, zone: &str, id: &str) -> Expected {
        let zone = self.zone(zone)?;
        let (policy, number, version) = zone.version(id)?;
        Ok(zone.version_view(policy, number, version))
    }

    pub fn read_set(&self, zone: &str, id: &str) -> Expected {
        self.zone(zone)?.set(id)?;
        Ok(self.zone(zone)?.set_view(self.set_place(zone, id).unwrap_or_default()))
    }

    pub fn read_set_version(&self, zone: &str, id: &str) -> Expected {
        let zone = self.zone(zone)?;
        let (set, place) = zone.set_version(id)?;
        Ok(zone.set_version_view(set, place))
    }

    pub fn bound(&self, zone: &str, target: &Target, mode: BindingMode) -> Expected {
        check(target_rules(target))?;
        self.zone(zone)?.bound_view(target, mode, usize::MAX)
    }

    fn read_version_numbered(&self, zone: &str, policy: &str, number: u32) -> Expected {
        let zone = self.zone(zone)?;
        let policy = zone.policy(policy)?;
        let version = (number as usize).checked_sub(1).and_then(|place| policy.versions.get(place));
        let version = version.ok_or_else(|| one("not_found policy version"))?;
        Ok(zone.version_view(policy, number as usize, version))
    }

    fn read_set_version_numbered(&self, zone: &str, set: &str, number: u32) -> Expected {
        let versions = self.zone(zone)?.set(set)?.versions.len();
        let place = (number as usize).checked_sub(1).filter(|place| *place < versions);
        let place = place.ok_or_else(|| one("not_found policy set version"))?;
        Ok(self.zone(zone)?.set_version_view(self.set_place(zone, set).unwrap_or_default(), place))
    }
}

/// A version without the forms that the read excludes.
fn without(expected: Expected, absent: &[&str]) -> Expected {
    expected.map(|mut view| {
        for name in absent {
            view[*name] = Value::Null;
        }
        view
    })
}

impl Runner {
    /// A handle of a zone, an earlier one if there is one.
    pub fn handle(&mut self, id: &str) -> Option<Handle> {
        if let Some(then) = &self.then {
            return Some(Handle::Then(then.clone()));
        }
        if !self.zones.contains_key(id) {
            let told = self.store().zone(id);
            let seen = told.as_ref().map(|zone| seen(zone.info().unwrap()));
            self.agree(("zone", id), &seen, self.model.zone(id).map(Zone::view));
            self.zones.insert(id.to_owned(), told.ok()?);
        }
        self.zones.get(id).cloned().map(Handle::Now)
    }

    /// A new handle of a zone, or the zone of then.
    pub fn new_handle(&self, id: &str) -> policy_store::Result<Handle> {
        match &self.then {
            Some(then) => Ok(Handle::Then(then.clone())),
            None => self.store().zone(id).map(Handle::Now),
        }
    }

    /// Reads the resources that a write has touched, after success or failure.
    pub fn look(&mut self, touched: &[Touched]) {
        for touched in touched {
            let zone = match touched {
                Touched::Schema(version) => {
                    self.read_schema(version);
                    continue;
                }
                Touched::Policy(zone, _) | Touched::Version(zone, _) | Touched::Target(zone, _) => zone,
                Touched::Set(zone, _) | Touched::SetVersion(zone, _) | Touched::Zone(zone) => zone,
            };
            match touched {
                Touched::Schema(_) | Touched::Zone(_) => {}
                Touched::Policy(_, id) => {
                    self.get_by_id(zone, 0, id);
                    self.page(&Listed::Policies(zone.clone(), 0), None, Order::Descending, &super::lists::Side::Start);
                }
                Touched::Version(_, id) => self.get_by_id(zone, 1, id),
                Touched::Set(_, id) => {
                    self.get_by_id(zone, 2, id);
                    self.page(
                        &Listed::SetVersions(zone.clone(), id.clone()),
                        None,
                        Order::Descending,
                        &super::lists::Side::Start,
                    );
                }
                Touched::SetVersion(_, id) => self.get_by_id(zone, 3, id),
                Touched::Target(_, target) => {
                    self.read_binding(zone, target, BindingMode::Active, At::Now);
                    self.read_binding(zone, target, BindingMode::Shadow, At::Now);
                    self.read_binding(zone, &Target::Zone, BindingMode::Guardrail, At::Now);
                    self.page(
                        &Listed::Sets(zone.clone(), 0, true),
                        None,
                        Order::Descending,
                        &super::lists::Side::Start,
                    );
                }
            }
            self.read_zone(zone);
            let newest = Listed::History(zone.clone(), 0);
            self.page(&newest, Some(10), Order::Descending, &super::lists::Side::Start);
        }
    }

    fn read_schema(&mut self, version: &str) {
        let expected = || self.model.schema(version).map(Schema::view);
        let (both, neither) = (expected(), without(expected(), &["cedar_schema", "cedar_schema_json"]));
        let told = self.store().schema(version, Include::Both).map(seen_schema);
        let told_neither = self.store().schema(version, Include::Neither).map(seen_schema);
        self.agree(version, &told, both);
        self.agree(version, &told_neither, neither);
    }

    /// Compares the zone itself, and its default schema, through its handle.
    fn read_zone(&mut self, id: &str) {
        let Some(handle) = self.handle(id) else { return };
        let expected = self.model.zone(id).map(Zone::view);
        self.agree(("zone", id), &read!(&handle, zone => zone.info().map(seen)), expected.clone());
        let default = read!(&handle, zone => zone.default_schema().map(seen));
        self.agree(("default schema", id), &default, expected.map(|view| view["default_schema"].clone()));
    }

    fn read_binding(&mut self, zone: &str, target: &Target, mode: BindingMode, at: At) {
        let Some(handle) = self.handle(zone) else { return };
        if mode == BindingMode::Guardrail {
            let expected = self.model.zone(zone).map(|zone| zone.bound_then(target, mode, at).ok());
            return self.agree(
                (zone, mode, at),
                &read!(&handle, zone => zone.guardrail_at(at).map(seen)),
                expected.map(|it| json!(it)),
            );
        }
        let told = read!(&handle, zone => match (at, mode) {
            (At::Now, BindingMode::Active) => zone.in_force(target.clone()),
            (At::Now, _) => zone.observed(target.clone()),
            (at, BindingMode::Active) => zone.in_force_at(target.clone(), at),
            (at, _) => zone.observed_at(target.clone(), at),
        });
        let expected = self.model.zone(zone).and_then(|zone| zone.bound_then(target, mode, at));
        self.agree((zone, target, mode, at), &told.map(seen), expected);
    }

    pub fn get_by_id(&mut self, zone: &str, what: u8, id: &str) {
        let Some(handle) = self.handle(zone) else { return };
        match what % 4 {
            0 => {
                let told = read!(&handle, zone => zone.policy(id).map(seen));
                self.agree(("policy", id), &told, self.model.read_policy(zone, id));
            }
            1 => {
                for (include, absent) in [
                    (Include::Both, [].as_slice()),
                    (Include::Cedar, &["cedar_json"]),
                    (Include::Json, &["cedar_raw"]),
                    (Include::Neither, &["cedar_json", "cedar_raw"]),
                ] {
                    let told = read!(&handle, zone => zone.policy_version(id, include).map(seen_version));
                    let expected = without(self.model.read_version(zone, id), absent);
                    self.agree(("policy version", id), &told, expected);
                }
            }
            2 => {
                let told = read!(&handle, zone => zone.policy_set(id).map(seen));
                self.agree(("set", id), &told, self.model.read_set(zone, id));
            }
            _ => {
                let told = read!(&handle, zone => zone.policy_set_version(id).map(seen));
                self.agree(("set version", id), &told, self.model.read_set_version(zone, id));
            }
        }
    }

    pub fn get(&mut self, zone: &str, what: u8, id: Pick, number: u32) {
        let ids = [Zone::policy_ids, Zone::version_ids, Zone::set_ids, Zone::set_version_ids];
        let id = self.model.pick(zone, id, ids[usize::from(what % 4)]);
        self.get_by_id(zone, what, &id);
        let Some(handle) = self.handle(zone) else { return };
        let told = read!(&handle, zone => zone.policy_version_numbered(&id, number, Include::Both).map(seen_version));
        self.agree(("policy", &id, number), &told, self.model.read_version_numbered(zone, &id, number));
        let told = read!(&handle, zone => zone.policy_set_version_numbered(&id, number).map(seen));
        self.agree(("set", &id, number), &told, self.model.read_set_version_numbered(zone, &id, number));
        // An invalid id is not found.
        let schema = if SchemaName::new(id.as_str()).is_ok() { id } else { "s0".to_owned() };
        self.read_schema(&schema);
    }

    /// Compares all reads of everything.
    pub fn everything(&mut self) {
        let limit = 1 + self.hashes.len() % 7;
        // Other filters each time.
        let filter = self.hashes.len() as u8 % HISTORIES;
        let of_store = [Listed::StoreHistory(0), Listed::StoreHistory(filter), Listed::Timeline(filter)];
        for list in [Listed::Zones, Listed::Schemas].into_iter().chain(of_store) {
            self.walk(&list, limit, Order::Ascending);
            self.page(&list, Some(100), Order::Descending, &super::lists::Side::Start);
        }
        for zone in self.model.zones.clone() {
            self.everything_in(&zone, limit);
        }
        self.look_for_erased();
    }

    pub fn everything_in(&mut self, zone: &Zone, limit: usize) {
        let id = &zone.id;
        self.read_zone(id);
        // Different filters each time.
        let (policies, sets) = (self.hashes.len() as u8 % POLICIES, self.hashes.len() as u8 % SETS);
        let mut lists = vec![Listed::Policies(id.clone(), 0), Listed::Policies(id.clone(), policies)];
        lists
            .extend([(0, false), (sets, false), (sets, true)].map(|(filter, by)| Listed::Sets(id.clone(), filter, by)));
        lists.push(Listed::History(id.clone(), 0));
        lists.push(Listed::History(id.clone(), self.hashes.len() as u8 % HISTORIES));
        lists.push(Listed::Bindings(id.clone(), 0));
        lists.push(Listed::Bindings(id.clone(), self.hashes.len() as u8 % BINDINGS));
        lists.push(Listed::ZoneSchemas(id.clone(), self.hashes.len() as u8 % SCHEMAS));
        for policy in &zone.policies {
            lists.push(Listed::Versions(id.clone(), policy.id.clone()));
            self.get_by_id(id, 0, &policy.id);
        }
        for set in &zone.sets {
            lists.push(Listed::SetVersions(id.clone(), set.id.clone()));
            self.get_by_id(id, 2, &set.id);
        }
        for version in zone.version_ids() {
            self.get_by_id(id, 1, &version);
        }
        for version in zone.set_version_ids() {
            self.get_by_id(id, 3, &version);
            lists.push(Listed::Pinned(id.clone(), version));
        }
        for list in &lists {
            let longer = if matches!(list, Listed::History(..)) { 7 } else { 0 };
            for order in [Order::Ascending, Order::Descending] {
                self.walk(list, limit + longer, order);
            }
            self.offer_strange_cursors(list);
        }
        for target in [Target::Zone, Target::User("ann".to_owned()), Target::User("an".to_owned())] {
            for (position, entry) in (0..).zip(&zone.log.entries) {
                self.read_binding(id, &target, BindingMode::Active, At::Position(position));
                self.read_binding(id, &target, BindingMode::Active, At::Before(position));
                self.read_binding(id, &target, BindingMode::Active, At::Time(Timestamp::from_micros(entry.at - 1)));
                if target == Target::Zone {
                    self.read_binding(id, &target, BindingMode::Guardrail, At::Position(position));
                }
                if position % 3 == 0 {
                    self.read_binding(id, &target, BindingMode::Shadow, At::Position(position));
                }
            }
            for mode in [BindingMode::Active, BindingMode::Shadow] {
                self.read_binding(id, &target, mode, At::Now);
                self.read_binding(id, &target, mode, At::Time(Timestamp::MAX));
            }
            self.decide_all(id, &target);
        }
    }
}
