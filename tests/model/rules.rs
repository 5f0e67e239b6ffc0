//! The rules for writes to the store and to policies: the rules that a call breaks, and its effect if it breaks none.
//!
//! `told` is the store's answer, or null. Only values that the store alone can know are taken from it: generated ids,
//! log ids, Cedar's warnings and the other form of a schema.

use serde_json::{Value, json};

use super::state::{
    Author, Broken, Expected, Log, Mark, Policy, PolicyVersion, Schema, State, Zone, check, id_rules, one, owner_rules,
    sha, text_rules,
};
use super::texts::{Condition, Draft, SchemaSource};

/// The rules for the id of a new resource, and the id.
pub fn new_id(own: Option<&str>, told: &Value, taken: impl Fn(&str) -> bool, what: &str) -> (Broken, String) {
    match own {
        Some(own) => {
            let mut broken = id_rules(own);
            if taken(own) {
                broken.insert(format!("already_exists {what}"));
            }
            (broken, own.to_owned())
        }
        None => (Broken::new(), told["id"].as_str().unwrap_or_default().to_owned()),
    }
}

/// A generated id is a UUIDv7 of the time of creation, in milliseconds.
pub fn assert_generated(told: &Value, id: &str, created: &Mark) {
    if told.is_null() {
        return;
    }
    let hex: String = id.split('-').collect();
    let lengths: Vec<_> = id.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "`{id}` is no UUID");
    assert_eq!(hex[..12], format!("{:012x}", created.at / 1_000), "`{id}` is of another time");
    assert_eq!((&hex[12..13], hex[16..17].contains(['8', '9', 'a', 'b'])), ("7", true), "`{id}` is no UUIDv7");
}

/// A write is refused if the clock is too far behind the log.
pub fn store_clock_rules(log: &Log, author: &Author) -> Broken {
    let mut broken = Broken::new();
    if log.is_ahead_of(author.clock) {
        broken.insert("clock_behind".to_owned());
    }
    broken
}

/// In a zone, an import is also refused if it is earlier than the zone's history.
pub fn clock_rules(log: &Log, author: &Author) -> Broken {
    let mut broken = store_clock_rules(log, author);
    let given = author.import.as_ref().map(|import| import.at);
    if given.zip(log.last_given()).is_some_and(|(given, last)| given < last) {
        broken.insert("imported_out_of_order".to_owned());
    }
    broken
}

impl State {
    pub fn publish_schema(&mut self, version: &str, source: &SchemaSource, told: &Value) -> Expected {
        let mut broken = id_rules(version);
        if self.schema(version).is_ok() {
            broken.insert("already_exists schema".to_owned());
        }
        broken.extend(source.holds.err().map(str::to_owned));
        broken.extend(store_clock_rules(&self.log, &self.author));
        check(broken)?;
        let (sha, other) = (sha(&source.source), if source.json { "cedar_schema" } else { "cedar_schema_json" });
        let change = json!({"kind": "schema_published", "version": version, "sha": sha});
        let schema = Schema {
            version: version.to_owned(),
            json: source.json,
            source: source.source.clone(),
            converted: told[other].as_str().unwrap_or_default().to_owned(),
            vocabulary: source.holds.map_err(one)?,
            created: self.log.append(&self.author, change),
            changes: Vec::new(),
        };
        let view = schema.view();
        self.schemas.push(schema);
        Ok(view)
    }

    pub fn set_schema_status(&mut self, version: &str, status: &'static str) -> Expected {
        let schema = self.schema(version)?;
        check(owner_rules(&schema.created.by, &self.author.actor, "schema"))?;
        let from = schema.status();
        if from == status {
            return Ok(schema.view());
        }
        let mut broken = store_clock_rules(&self.log, &self.author);
        if !matches!((from, status), ("active", "deprecated") | ("deprecated", "active" | "archived")) {
            broken.insert("schema_transition".to_owned());
        }
        check(broken)?;
        let change = json!({"kind": "schema_status_changed", "version": version, "status": status});
        let mark = self.log.append(&self.author, change);
        let changed = self.schemas.iter_mut().find(|schema| schema.version == version);
        let changed = changed.ok_or_else(|| one("not_found schema"))?;
        changed.changes.push((status, mark));
        let view = changed.view();
        // An archived schema is no longer the default of any zone.
        for zone in self.zones.iter_mut().filter(|_| status == "archived") {
            let archived = zone.default_schema.take_if(|default| default == version);
            zone.archived_default = archived.or(zone.archived_default.take());
        }
        Ok(view)
    }

    pub fn create_zone(&mut self, id: &str, told: &Value) -> Expected {
        let mut broken = id_rules(id);
        if self.zone(id).is_ok() {
            broken.insert("already_exists zone".to_owned());
        }
        broken.extend(store_clock_rules(&self.log, &self.author));
        check(broken)?;
        let change = json!({"kind": "zone_created", "zone_id": id});
        let mark = self.log.append(&self.author, change.clone());
        let mut log = Log { id: told["log_id"].as_str().unwrap_or_default().to_owned(), ..Log::default() };
        assert!(self.zones.iter().all(|zone| zone.log.id != log.id), "two logs are called {}", log.id);
        assert!(!self.erased.contains(&log.id), "a log is called as an erased one: {}", log.id);
        // An imported resource has the time of the import.
        let at = self.author.import.as_ref().map_or(mark.at, |import| import.at);
        log.append_at(&self.author, at, change);
        self.logs += 1;
        let zone = Zone {
            id: id.to_owned(),
            created: mark.position,
            number: self.logs,
            log,
            suspended: false,
            required_by: None,
            default_schema: None,
            archived_default: None,
            policies: Vec::new(),
            sets: Vec::new(),
            bindings: Vec::new(),
            requests: Vec::new(),
        };
        let view = zone.view();
        self.zones.push(zone);
        Ok(view)
    }

    /// The rules for a new use of a schema.
    pub fn schema_rules(&self, version: &str) -> Broken {
        match self.schema(version) {
            Ok(schema) if schema.status() == "archived" => one("archived schema"),
            Ok(_) => Broken::new(),
            Err(broken) => broken,
        }
    }

    /// The rules for a draft under a schema.
    pub fn draft_rules(&self, schema: &str, draft: &Draft) -> Broken {
        let mut broken = self.schema_rules(schema);
        match (&draft.holds, self.schema(schema)) {
            (Err(code), _) => {
                broken.insert((*code).to_owned());
            }
            (Ok(content), Ok(schema)) if content.statements.iter().any(|it| !it.fits(schema.vocabulary)) => {
                broken.insert("policy_validation".to_owned());
            }
            _ => {}
        }
        broken
    }

    /// The author and a mutable zone.
    pub fn zone_mut(&mut self, id: &str) -> Result<(&Author, &mut Zone), Broken> {
        let Self { author, zones, .. } = self;
        Ok((author, zones.iter_mut().find(|zone| zone.id == id).ok_or_else(|| one("not_found zone"))?))
    }
}

/// Policies.
impl State {
    pub fn create_policy(
        &mut self,
        zone: &str,
        own: Option<&str>,
        name: &str,
        description: Option<&str>,
        told: &Value,
    ) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let (mut broken, id) = new_id(own, told, |id| zone.policy(id).is_ok(), "policy");
        broken.extend(text_rules(name, 256, false));
        broken.extend(text_rules(description.unwrap_or_default(), 4_096, true));
        broken.extend(clock_rules(&zone.log, author));
        check(broken)?;
        let change = json!({
            "kind": "policy_created", "policy_id": id, "name": name, "description": description, "origin": null,
        });
        let created = zone.log.append(author, change);
        if own.is_none() {
            assert_generated(told, &id, &created);
            assert!(zone.policy(&id).is_err(), "`{id}` is taken");
        }
        zone.policies.push(Policy {
            id,
            name: name.to_owned(),
            description: description.map(str::to_owned),
            revision: created.position,
            created,
            updated: None,
            archived: None,
            versions: Vec::new(),
        });
        Ok(zone.policy_view(&zone.policies[zone.policies.len() - 1]))
    }

    /// The index of a policy that may be changed.
    fn changeable(&self, zone: &str, id: &str, also_archived: bool) -> Result<(usize, Broken), Broken> {
        let zone = self.zone(zone)?;
        let policy = zone.policy(id)?;
        let mut broken = owner_rules(&policy.created.by, &self.author.actor, "policy");
        if policy.archived.is_some() && !also_archived {
            broken.insert("archived policy".to_owned());
        }
        Ok((zone.policies.iter().position(|it| it.id == id).unwrap_or_default(), broken))
    }

    pub fn update_policy(
        &mut self,
        zone: &str,
        id: &str,
        name: Option<&str>,
        description: Option<Option<&str>>,
    ) -> Expected {
        let (place, mut broken) = self.changeable(zone, id, false)?;
        let (author, zone) = self.zone_mut(zone)?;
        let policy = &zone.policies[place];
        let name = name.unwrap_or(&policy.name).to_owned();
        let description = description.map_or_else(|| policy.description.clone(), |new| new.map(str::to_owned));
        broken.extend(text_rules(&name, 256, false));
        broken.extend(text_rules(description.as_deref().unwrap_or_default(), 4_096, true));
        let same = name == policy.name && description == policy.description;
        if !same {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !same {
            let change = json!({"kind": "policy_updated", "policy_id": id, "name": name, "description": description});
            let mark = zone.log.append(author, change);
            let policy = &mut zone.policies[place];
            (policy.name, policy.description, policy.revision) = (name, description, mark.position);
            policy.updated = Some(mark);
        }
        Ok(zone.policy_view(&zone.policies[place]))
    }

    pub fn archive_policy(&mut self, zone: &str, id: &str) -> Expected {
        let (place, mut broken) = self.changeable(zone, id, true)?;
        let (author, zone) = self.zone_mut(zone)?;
        let archived = zone.policies[place].archived.is_some();
        if !archived {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !archived {
            let mark = zone.log.append(author, json!({"kind": "policy_archived", "policy_id": id}));
            let policy = &mut zone.policies[place];
            policy.revision = mark.position;
            policy.archived = Some(mark);
        }
        Ok(zone.policy_view(&zone.policies[place]))
    }

    /// `prepared`: the rules of the draft were checked before, and only the schema is checked again.
    pub fn create_policy_version(
        &mut self,
        zone: &str,
        policy: &str,
        own: Option<&str>,
        (schema, draft, prepared): (&str, &Draft, bool),
        told: &Value,
    ) -> Expected {
        let (place, mut broken) = self.changeable(zone, policy, false)?;
        broken.extend(if prepared { self.schema_rules(schema) } else { self.draft_rules(schema, draft) });
        let (author, zone) = self.zone_mut(zone)?;
        let (wrong_id, id) = new_id(own, told, |id| zone.version(id).is_ok(), "policy version");
        broken.extend(wrong_id);
        broken.extend(clock_rules(&zone.log, author));
        check(broken)?;
        let content = draft.holds.clone().map_err(one)?;
        let change = json!({
            "kind": "policy_version_created", "policy_id": policy, "policy_version_id": id,
            "version": zone.policies[place].versions.len() + 1, "sha": sha(&content.text), "schema_version": schema,
        });
        let created = zone.log.append(author, change);
        if own.is_none() {
            assert_generated(told, &id, &created);
            assert!(zone.version(&id).is_err(), "`{id}` is taken");
        }
        let never = |(n, it): (usize, &super::texts::Statement)| (it.condition == Condition::Never).then_some(json!(n));
        let expected: Vec<Value> = content.statements.iter().enumerate().filter_map(never).collect();
        let warned: Vec<Value> =
            told["warnings"].as_array().into_iter().flatten().map(|warning| warning["statement"].clone()).collect();
        assert!(told.is_null() || warned == expected, "warnings of {}: {warned:?}", content.text);
        let policy = &mut zone.policies[place];
        policy.revision = created.position;
        policy.versions.push(PolicyVersion {
            id: id.clone(),
            schema: schema.to_owned(),
            from_json: draft.json,
            content,
            warnings: told["warnings"].clone(),
            created,
            archived: None,
        });
        let (policy, number, version) = zone.version(&id)?;
        Ok(zone.version_view(policy, number, version))
    }

    pub fn archive_policy_version(&mut self, zone: &str, id: &str) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let (policy, number, version) = zone.version(id)?;
        let policy_id = policy.id.clone();
        let mut broken = owner_rules(&version.created.by, &author.actor, "policy version");
        let archived = version.archived.is_some();
        if !archived {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !archived {
            let mark = zone.log.append(
                author,
                json!({
                    "kind": "policy_version_archived", "policy_id": policy_id, "policy_version_id": id,
                    "version": number,
                }),
            );
            for policy in zone.policies.iter_mut().filter(|policy| policy.id == policy_id) {
                policy.versions[number - 1].archived = Some(mark.clone());
            }
        }
        let (policy, number, version) = zone.version(id)?;
        Ok(zone.version_view(policy, number, version))
    }
}
