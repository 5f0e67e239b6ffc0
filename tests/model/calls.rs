//! A write: its calls, each on the store and on the model. `zone_calls` has those in a zone.

use std::borrow::Borrow;
use std::fmt::Debug;
use std::rc::Rc;

use policy_store::{
    Include, NewSchema, PolicyStore, PolicyVersion, PreparedPolicyVersion, Result, SchemaStatus, SchemaVersion, Target,
    WriteTransaction, ZoneTransaction,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::agreement::{Tally, agree, count};
use super::operation::{Call, Under};
use super::requests::{Again, Asked, InStore, InZone};
use super::runner::Prepared;
use super::state::{Expected, State, Zone, one};
use super::texts;

/// The resources that a write has changed, to be read again after it.
#[derive(Clone, Debug)]
pub enum Touched {
    Schema(String),
    Policy(String, String),
    Version(String, String),
    Set(String, String),
    SetVersion(String, String),
    Target(String, Target),
    Zone(String),
}

/// A write.
pub struct Doing<'a> {
    pub store: &'a PolicyStore,
    /// The model with the changes of the write.
    pub model: &'a mut State,
    pub prepared: &'a [Prepared],
    pub foreign: &'a PreparedPolicyVersion,
    pub tally: &'a mut Tally,
    pub touched: &'a mut Vec<Touched>,
    /// The idempotency key and preconditions of the call.
    pub under: &'a Under,
}

/// A value as JSON.
pub fn seen(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// A version with its exact JSON form.
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
    /// Compares the results of a call, and returns the store's answer.
    #[track_caller]
    pub fn agree(
        &mut self,
        call: &Call,
        told: Result<Value>,
        model: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        let told = self.read(call, told, model)?;
        *self.tally.entry(call.name()).or_default() += 1;
        Some(told)
    }

    /// Makes a call in a zone, with the idempotency key and preconditions of the operation, and compares the results.
    /// `what` is the operation and its input, for the fingerprint.
    #[track_caller]
    pub fn ask(
        &mut self,
        zone: &mut ZoneTransaction<'_, '_>,
        (call, what): (&Call, String),
        ask: impl Fn(&mut ZoneTransaction<'_, '_>) -> Result<Value> + 'static,
        rules: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        let asked = self.model.asked(Some(zone.id().as_str()), what, self.under);
        self.ask_as(zone, call, asked, Rc::new(ask), rules)
    }

    #[track_caller]
    pub fn ask_as(
        &mut self,
        zone: &mut ZoneTransaction<'_, '_>,
        call: &Call,
        asked: Asked,
        ask: InZone,
        rules: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        if let Some(id) = asked.request {
            zone.idempotency_key(id);
        }
        for expected in &asked.preconditions {
            zone.precondition(expected.given());
        }
        let told = ask(zone);
        let id = zone.id().to_string();
        self.compare(call, told, Some(&id), (asked, Again::Zone(ask)), rules)
    }

    /// The same for a call on the store itself.
    #[track_caller]
    fn ask_store(
        &mut self,
        w: &mut WriteTransaction<'_, '_>,
        (call, what): (&Call, String),
        ask: impl Fn(&mut WriteTransaction<'_, '_>) -> Result<Value> + 'static,
        rules: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        let asked = self.model.asked(None, what, self.under);
        self.ask_store_as(w, call, asked, Rc::new(ask), rules)
    }

    #[track_caller]
    fn ask_store_as(
        &mut self,
        w: &mut WriteTransaction<'_, '_>,
        call: &Call,
        asked: Asked,
        ask: InStore,
        rules: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        if let Some(id) = asked.request {
            w.idempotency_key(id);
        }
        let told = ask(w);
        self.compare(call, told, None, (asked, Again::Store(ask)), rules)
    }

    #[track_caller]
    fn compare(
        &mut self,
        call: &Call,
        told: Result<Value>,
        scope: Option<&str>,
        asked: (Asked, Again),
        rules: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        let mut tally = Tally::new();
        let what = (scope, asked.0.clone());
        let told = self.told(&(call, what), told, |model, told| {
            model.answer(scope, asked, &mut tally, |model| rules(model, told))
        });
        tally.extend(told.is_some().then(|| (call.name(), 1)));
        for (name, count) in tally {
            *self.tally.entry(name).or_default() += count;
        }
        told
    }

    /// Compares reads within the write.
    #[track_caller]
    pub fn read(
        &mut self,
        what: &dyn Debug,
        told: Result<Value>,
        model: impl FnOnce(&mut State, &Value) -> Expected,
    ) -> Option<Value> {
        self.told(what, told, |state, told| state.as_read(|state| model(state, told)))
    }

    #[track_caller]
    fn told(
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

    pub fn call(&mut self, w: &mut WriteTransaction<'_, '_>, zone: &str, call: &Call) {
        self.model.then = None;
        match call {
            Call::PublishSchema { version, source } => {
                let source = texts::schema(*source);
                let new = if source.json { NewSchema::json } else { NewSchema::cedar };
                let what = format!("publish_schema {version} {} {}", source.json, source.source);
                let given = new(version.clone(), source.source.clone());
                self.ask_store(
                    w,
                    (call, what),
                    move |w| w.publish_schema(given.clone()).map(seen_schema),
                    |model, told| model.publish_schema(version, &source, told),
                );
                self.read_schema(w, version);
            }
            Call::SetSchemaStatus { schema, status } => {
                let version = self.model.pick_schema(*schema);
                let (status, name) = match status {
                    0..70 => (SchemaStatus::Active, "active"),
                    70..190 => (SchemaStatus::Deprecated, "deprecated"),
                    _ => (SchemaStatus::Archived, "archived"),
                };
                let given = version.clone();
                self.ask_store(
                    w,
                    (call, format!("set_schema_status {version} {name}")),
                    move |w| w.set_schema_status(&given, status).map(seen_schema),
                    |model, _| model.set_schema_status(&version, name),
                );
                self.read_schema(w, &version);
            }
            Call::CreateZone { id } => {
                let given = id.clone();
                self.ask_store(
                    w,
                    (call, format!("create_zone {id}")),
                    move |w| w.create_zone(given.as_str()).and_then(|zone| zone.info()).map(seen),
                    |model, told| model.create_zone(id, told),
                );
            }
            Call::Again { in_store: true, request } => {
                if let Some(known) = self.model.pick_request(None, request.0)
                    && let Again::Store(again) = known.again
                {
                    self.ask_store_as(w, call, known.asked, again, |_, _| Err(one("never done")));
                }
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

    fn read_schema(&mut self, w: &WriteTransaction<'_, '_>, version: &str) {
        let told = w.schema(version, Include::Both).map(seen_schema);
        self.read(&version, told, |model, _| model.schema(version).map(super::state::Schema::view));
        self.touched.push(Touched::Schema(version.to_owned()));
    }
}
