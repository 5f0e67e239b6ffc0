//! The calls of a write, each done to the store and to the model.

use std::borrow::Borrow;
use std::fmt::Debug;

use policy_store::{
    Forms, NewPolicy, NewPolicySet, NewPolicyVersion, NewSchema, PolicyStore, PolicyUpdate, PolicyVersion,
    PreparedPolicyVersion, Result, SchemaStatus, SchemaVersion, Target, TargetType, Write, ZoneWrite,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::operation::{Call, Input};
use super::runner::{Prepared, Tally, agree, count, new_version};
use super::state::{Expected, State, Zone, one};
use super::texts;

/// What a write has changed, to be read again once it ended.
#[derive(Clone, Debug)]
pub enum Touched {
    Schema(String),
    Policy(String, String),
    Version(String, String),
    Set(String, String),
    SetVersion(String, String),
    Target(String, Target),
}

/// A write under way.
pub struct Doing<'a> {
    pub store: &'a PolicyStore,
    /// The model as the write leaves it.
    pub model: &'a mut State,
    pub prepared: &'a [Prepared],
    pub foreign: &'a PreparedPolicyVersion,
    pub tally: &'a mut Tally,
    pub touched: &'a mut Vec<Touched>,
}

/// A value as JSON.
pub fn seen(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// A version with its JSON form as it is, byte for byte.
pub fn seen_version(version: impl Borrow<PolicyVersion>) -> Value {
    let version = version.borrow();
    let mut value = seen(version);
    value["cedar_json"] = json!(version.cedar_json);
    value
}

pub fn seen_schema(schema: SchemaVersion) -> Value {
    let mut value = seen(&schema);
    value["cedar_schema_json"] = json!(schema.cedar_schema_json);
    value
}

impl Doing<'_> {
    /// Compares what a call did, and passes on what the store answered.
    #[track_caller]
    fn agree(
        &mut self,
        call: &Call,
        told: Result<Value>,
        model: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        let told = self.read(call, told, model)?;
        *self.tally.entry(call.name()).or_default() += 1;
        Some(told)
    }

    /// Compares what is read in the write.
    #[track_caller]
    fn read(
        &mut self,
        what: &dyn Debug,
        told: Result<Value>,
        model: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        count(self.tally, &told);
        let answer = told.as_ref().ok().cloned().unwrap_or_default();
        let expected = model(self.model, &answer);
        agree(what, told.as_ref(), expected);
        told.ok()
    }

    pub fn call(&mut self, w: &mut Write<'_, '_>, zone: &str, call: &Call) {
        match call {
            Call::PublishSchema { version, source } => {
                let source = texts::schema(*source);
                let new = if source.json { NewSchema::json } else { NewSchema::cedar };
                let told = w.publish_schema(new(version.clone(), source.source.clone())).map(seen_schema);
                self.agree(call, told, |model, told| model.publish_schema(version, &source, told));
                self.read_schema(w, version);
            }
            Call::SetSchemaStatus { schema, status } => {
                let version = self.model.pick_schema(*schema);
                let (status, name) = match status {
                    0..70 => (SchemaStatus::Active, "active"),
                    70..190 => (SchemaStatus::Deprecated, "deprecated"),
                    _ => (SchemaStatus::Archived, "archived"),
                };
                let told = w.set_schema_status(&version, status).map(seen_schema);
                self.agree(call, told, |model, _| model.set_schema_status(&version, name));
                self.read_schema(w, &version);
            }
            Call::CreateZone { id } => {
                let told = w.create_zone(id.as_str()).and_then(|zone| zone.info()).map(seen);
                self.agree(call, told, |model, told| model.create_zone(id, told));
            }
            Call::Nested => {
                let author = self.model.author.actor.clone();
                let told = self.store.write(&author, |w| w.zone("z0").map(|_| Value::Null));
                self.agree(call, told, |_, _| Err(one("nested_write")));
            }
            call => match w.zone(zone) {
                Ok(mut zone) => {
                    assert_eq!(Ok(seen(zone.info().unwrap())), self.model.zone(zone.id().as_str()).map(Zone::view));
                    self.zone_call(&mut zone, call);
                }
                Err(error) => {
                    self.read(&zone, Err(error), |model, _| model.zone(zone).map(Zone::view));
                }
            },
        }
    }

    fn read_schema(&mut self, w: &Write<'_, '_>, version: &str) {
        let told = w.schema(version, Forms::Both).map(seen_schema);
        self.read(&version, told, |model, _| model.schema(version).map(super::state::Schema::view));
        self.touched.push(Touched::Schema(version.to_owned()));
    }

    fn zone_call(&mut self, zone: &mut ZoneWrite<'_, '_>, call: &Call) {
        let id = zone.id().to_string();
        match call {
            Call::CreateVersion { .. } | Call::ArchiveVersion { .. } => self.version_call(zone, &id, call),
            Call::CreateSet { .. }
            | Call::RenameSet { .. }
            | Call::ArchiveSet { .. }
            | Call::CreateSetVersion { .. }
            | Call::ArchiveSetVersion { .. } => self.set_call(zone, &id, call),
            Call::Bind { version, target } => {
                let version = self.model.pick(&id, *version, Zone::set_version_ids);
                let told = match target {
                    Target::Zone if self.model.log.entries.len().is_multiple_of(2) => zone.activate(&version),
                    target => zone.bind(&version, target.clone()),
                };
                self.agree(call, told.map(seen), |model, _| model.bind(&id, &version, target));
                self.read_target(zone, &id, target);
            }
            Call::Unbind { target } => {
                let told = zone.unbind(target.clone()).map(seen);
                self.agree(call, told, |model, _| model.unbind(&id, target));
                self.read_target(zone, &id, target);
            }
            call => self.policy_call(zone, &id, call),
        }
    }

    fn read_target(&mut self, zone: &ZoneWrite<'_, '_>, id: &str, target: &Target) {
        let told = zone.in_force(target.clone()).map(seen);
        self.read(target, told, |model, _| model.in_force(id, target, usize::MAX));
        self.touched.push(Touched::Target(id.to_owned(), target.clone()));
    }

    fn policy_call(&mut self, zone: &mut ZoneWrite<'_, '_>, id: &str, call: &Call) {
        let changed = match call {
            Call::CreatePolicy { own, name, description } => {
                let mut new = NewPolicy::named(name.as_str());
                if let Some(description) = description {
                    new = new.description(description.as_str());
                }
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let told = zone.create_policy(new).map(seen);
                let told = self.agree(call, told, |model, told| {
                    model.create_policy(id, own.as_deref(), name, description.as_deref(), told)
                });
                told.and_then(|told| Some(told["id"].as_str()?.to_owned())).or(own.clone())
            }
            Call::UpdatePolicy { policy, name, description } => {
                let policy = self.model.pick(id, *policy, Zone::policy_ids);
                let mut update = PolicyUpdate::new();
                if let Some(name) = name {
                    update = update.name(name.as_str());
                }
                update = match description {
                    Some(Some(description)) => update.description(description.as_str()),
                    Some(None) => update.no_description(),
                    None => update,
                };
                let told = zone.update_policy(&policy, update).map(seen);
                let description = description.as_ref().map(Option::as_deref);
                self.agree(call, told, |model, _| model.update_policy(id, &policy, name.as_deref(), description));
                Some(policy)
            }
            Call::ArchivePolicy { policy } => {
                let policy = self.model.pick(id, *policy, Zone::policy_ids);
                let told = zone.archive_policy(&policy).map(seen);
                self.agree(call, told, |model, _| model.archive_policy(id, &policy));
                Some(policy)
            }
            _ => None,
        };
        if let Some(policy) = changed {
            let told = zone.policy(&policy).map(seen);
            self.read(&policy, told, |model, _| model.read_policy(id, &policy));
            self.touched.push(Touched::Policy(id.to_owned(), policy));
        }
    }

    fn version_call(&mut self, zone: &mut ZoneWrite<'_, '_>, id: &str, call: &Call) {
        let version = match call {
            Call::CreateVersion { policy, schema, own, input } => {
                let policy = self.model.pick(id, *policy, Zone::policy_ids);
                let schema = self.model.pick_schema(*schema);
                let told = self.create_version(zone, call, (id, &policy), &schema, own.as_deref(), input);
                self.touched.push(Touched::Policy(id.to_owned(), policy));
                match told {
                    Some(told) => told["id"].as_str().unwrap_or_default().to_owned(),
                    None => return,
                }
            }
            Call::ArchiveVersion { version } => {
                let version = self.model.pick(id, *version, Zone::version_ids);
                let told = zone.archive_policy_version(&version).map(seen_version);
                self.agree(call, told, |model, _| model.archive_policy_version(id, &version));
                version
            }
            _ => return,
        };
        let told = zone.policy_version(&version, Forms::Both).map(seen_version);
        self.read(&version, told, |model, _| model.read_version(id, &version));
        self.touched.push(Touched::Version(id.to_owned(), version));
    }

    fn create_version(
        &mut self,
        zone: &mut ZoneWrite<'_, '_>,
        call: &Call,
        (id, policy): (&str, &str),
        schema: &str,
        own: Option<&str>,
        input: &Input,
    ) -> Option<Value> {
        let new = match input {
            Input::New(draft) => (draft.clone(), None),
            Input::Prepared(pick) if !self.prepared.is_empty() => {
                let prepared = &self.prepared[usize::from(pick.0) % self.prepared.len()];
                (prepared.draft.clone(), Some(prepared))
            }
            Input::Foreign => {
                let told = zone.create_policy_version(policy, self.foreign.clone()).map(seen_version);
                return self.agree(call, told, |model, _| {
                    // Only what it would break with this store's schema is not looked at.
                    let draft = texts::Draft::bad(0);
                    let broken = model.create_policy_version(id, policy, None, ("s0", &draft, true), &Value::Null);
                    let mut broken = broken.err().unwrap_or_default();
                    broken.remove("empty_policy");
                    broken.insert("prepared_elsewhere".to_owned());
                    Err(broken)
                });
            }
            input => {
                let given = matches!(input, Input::Either(true)).then(|| "permit".to_owned());
                let told = NewPolicyVersion::either(schema, given.clone(), given).map(|_| Value::Null);
                return self.agree(call, told, |_, _| Err(one("exactly_one")));
            }
        };
        match new {
            (draft, None) => {
                let told = zone.create_policy_version(policy, new_version(schema, &draft, own)).map(seen_version);
                self.agree(call, told, |model, told| {
                    model.create_policy_version(id, policy, own, (schema, &draft, false), told)
                })
            }
            (draft, Some(prepared)) => {
                let told = zone.create_policy_version(policy, prepared.version.clone()).map(seen_version);
                let (schema, own) = (prepared.schema.as_str(), prepared.own.as_deref());
                self.agree(call, told, |model, told| {
                    model.create_policy_version(id, policy, own, (schema, &draft, true), told)
                })
            }
        }
    }

    fn set_call(&mut self, zone: &mut ZoneWrite<'_, '_>, id: &str, call: &Call) {
        let changed = match call {
            Call::CreateSet { own, name, for_users } => {
                let target_type = if *for_users { TargetType::User } else { TargetType::Zone };
                let mut new = NewPolicySet::named(name.as_str()).target_type(target_type);
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let told = zone.create_policy_set(new).map(seen);
                let told =
                    self.agree(call, told, |model, told| model.create_set(id, own.as_deref(), name, *for_users, told));
                told.and_then(|told| Some(told["id"].as_str()?.to_owned())).or(own.clone())
            }
            Call::RenameSet { set, name } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let told = zone.rename_policy_set(&set, name.as_str()).map(seen);
                self.agree(call, told, |model, _| model.rename_set(id, &set, name));
                Some(set)
            }
            Call::ArchiveSet { set } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let told = zone.archive_policy_set(&set).map(seen);
                self.agree(call, told, |model, _| model.archive_set(id, &set));
                Some(set)
            }
            Call::CreateSetVersion { set, schema, own, pins, style } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let schema = self.model.pick_schema(*schema);
                let (mut new, schema, pins) = self.model.manifest(zone, &set, &schema, pins, *style);
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let told = zone.create_policy_set_version(&set, new).map(seen);
                self.agree(call, told, |model, told| {
                    model.create_set_version(id, &set, own.as_deref(), (&schema, &pins), told)
                });
                Some(set)
            }
            Call::ArchiveSetVersion { version } => {
                let version = self.model.pick(id, *version, Zone::set_version_ids);
                let told = zone.archive_policy_set_version(&version).map(seen);
                self.agree(call, told, |model, _| model.archive_set_version(id, &version));
                let told = zone.policy_set_version(&version).map(seen);
                self.read(&version, told, |model, _| model.read_set_version(id, &version));
                self.touched.push(Touched::SetVersion(id.to_owned(), version));
                None
            }
            _ => None,
        };
        if let Some(set) = changed {
            let told = zone.policy_set(&set).map(seen);
            self.read(&set, told, |model, _| model.read_set(id, &set));
            self.touched.push(Touched::Set(id.to_owned(), set));
        }
    }
}
