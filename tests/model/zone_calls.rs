//! The calls of a write in a zone, each on the store and on the model, with reads of the changes.

use policy_store::{
    BindingMode, Include, NewPolicy, NewPolicySet, NewPolicyVersion, PolicySetUpdate, PolicyUpdate, Target, TargetType,
    ZoneTransaction,
};
use serde_json::Value;

use super::calls::{Doing, Touched, seen, seen_version};
use super::operation::{Call, Id, Input};
use super::requests::{Again, Asked};
use super::runner::new_version;
use super::state::{Zone, one};
use super::texts;

impl Doing<'_> {
    pub fn zone_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, call: &Call) {
        let id = zone.id().to_string();
        match call {
            Call::CreateVersion { .. } | Call::ArchiveVersion { .. } => self.version_call(zone, &id, call),
            Call::CreateSet { .. }
            | Call::RenameSet { .. }
            | Call::ArchiveSet { .. }
            | Call::CreateSetVersion { .. }
            | Call::ArchiveSetVersion { .. } => self.set_call(zone, &id, call),
            Call::Bind { .. } | Call::Unbind { .. } | Call::BindShadow { .. } | Call::UnbindShadow { .. } => {
                self.binding_call(zone, &id, call);
            }
            Call::BindGuardrail { .. } | Call::UnbindGuardrail | Call::Rollback { .. } => {
                self.guardrail_or_rollback(zone, &id, call);
            }
            Call::KeepTests { .. } | Call::RequireTests { .. } => self.suite_call(zone, &id, call),
            Call::Suspend | Call::Resume | Call::SetDefaultSchema { .. } | Call::Again { .. } => {
                self.whole_call(zone, &id, call);
            }
            call => self.policy_call(zone, &id, call),
        }
    }

    /// Calls on the zone as a whole, and repeated calls.
    fn whole_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        match call {
            Call::Suspend => {
                let what = (call, "suspend".to_owned());
                let asked = !matches!(self.under.id, Id::None);
                self.ask(zone, what, |zone| zone.suspend().map(seen), |model, _| model.set_suspended(id, true, asked));
            }
            Call::Resume => {
                let what = (call, "resume".to_owned());
                let asked = !matches!(self.under.id, Id::None);
                self.ask(zone, what, |zone| zone.resume().map(seen), |model, _| model.set_suspended(id, false, asked));
            }
            Call::SetDefaultSchema { schema } => {
                let schema = schema.map(|schema| self.model.pick_schema(schema));
                let (what, given) = ((call, format!("set_default_schema {schema:?}")), schema.clone());
                self.ask(
                    zone,
                    what,
                    move |zone| zone.set_default_schema(given.as_deref()).map(seen),
                    |model, _| model.set_default_schema(id, schema.as_deref()),
                );
            }
            Call::Again { request, .. } => {
                if let Some(known) = self.model.pick_request(Some(id), request.0)
                    && let Again::Zone(again) = known.again
                {
                    let claimed = self.model.asked(Some(id), String::new(), self.under).preconditions;
                    let asked = match claimed.is_empty() {
                        true => known.asked,
                        false => Asked { preconditions: claimed, ..known.asked },
                    };
                    self.ask_as(zone, call, asked, again, |_, _| Err(one("never done")));
                }
            }
            _ => {}
        }
        self.read(&id, zone.info().map(seen), |model, _| model.zone(id).map(Zone::view));
        self.touched.push(Touched::Zone(id.to_owned()));
    }

    fn binding_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        let (mode, word) = match call {
            Call::BindShadow { .. } | Call::UnbindShadow { .. } => (BindingMode::Shadow, "shadow"),
            _ => (BindingMode::Active, "active"),
        };
        let is_shadow = mode == BindingMode::Shadow;
        let target = match call {
            Call::Bind { version, target } | Call::BindShadow { version, target } => {
                let version = self.model.pick(id, *version, Zone::set_version_ids);
                let what = (call, format!("bind {word} {version} {target:?}"));
                let by_activating = *target == Target::Zone && self.model.log.entries.len().is_multiple_of(2);
                let given = (version.clone(), target.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| match given.clone() {
                    (version, target) if is_shadow => zone.bind_shadow(version, target).map(seen),
                    (version, _) if by_activating => zone.activate(version).map(seen),
                    (version, target) => zone.bind(version, target).map(seen),
                };
                self.ask(zone, what, ask, |model, _| model.bind(id, &version, target, mode));
                target
            }
            Call::Unbind { target } | Call::UnbindShadow { target } => {
                let (what, given) = ((call, format!("unbind {word} {target:?}")), target.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| match is_shadow {
                    true => zone.unbind_shadow(given.clone()).map(seen),
                    false => zone.unbind(given.clone()).map(seen),
                };
                self.ask(zone, what, ask, |model, _| model.unbind(id, target, mode));
                target
            }
            _ => return,
        };
        for mode in [BindingMode::Active, BindingMode::Shadow] {
            let told = match mode {
                BindingMode::Active => zone.in_force(target.clone()),
                _ => zone.observed(target.clone()),
            };
            self.read(&target, told.map(seen), |model, _| model.bound(id, target, mode));
        }
        self.touched.push(Touched::Target(id.to_owned(), target.clone()));
    }

    fn guardrail_or_rollback(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        let mode = BindingMode::Guardrail;
        let target = match call {
            Call::BindGuardrail { version } => {
                let version = self.model.pick(id, *version, Zone::set_version_ids);
                let (what, given) = ((call, format!("bind guardrail {version}")), version.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.bind_guardrail(&given).map(seen);
                self.ask(zone, what, ask, |model, _| model.bind(id, &version, &Target::Zone, mode));
                Target::Zone
            }
            Call::UnbindGuardrail => {
                let what = (call, "unbind guardrail".to_owned());
                let ask = |zone: &mut ZoneTransaction<'_, '_>| zone.unbind_guardrail().map(seen);
                self.ask(zone, what, ask, |model, _| model.unbind(id, &Target::Zone, mode));
                Target::Zone
            }
            Call::Rollback { target } => {
                let (what, given) = ((call, format!("rollback {target:?}")), target.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.rollback(given.clone()).map(seen);
                self.ask(zone, what, ask, |model, _| model.rollback(id, target));
                target.clone()
            }
            _ => return,
        };
        self.read(&id, zone.guardrail().map(seen), |model, _| {
            Ok(model.bound(id, &Target::Zone, mode).unwrap_or_default())
        });
        self.touched.push(Touched::Target(id.to_owned(), target));
    }

    fn policy_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        let changed = match call {
            Call::CreatePolicy { own, name, description } => {
                let mut new = NewPolicy::named(name.as_str());
                if let Some(description) = description {
                    new = new.description(description.as_str());
                }
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let told = self.ask(
                    zone,
                    (call, format!("create_policy {own:?} {name:?} {description:?}")),
                    move |zone| zone.create_policy(new.clone()).map(seen),
                    |model, told| model.create_policy(id, own.as_deref(), name, description.as_deref(), told),
                );
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
                let what = (call, format!("update_policy {policy} {name:?} {description:?}"));
                let (given, description) = (policy.clone(), description.as_ref().map(Option::as_deref));
                self.ask(
                    zone,
                    what,
                    move |zone| zone.update_policy(&given, update.clone()).map(seen),
                    |model, _| model.update_policy(id, &policy, name.as_deref(), description),
                );
                Some(policy)
            }
            Call::ArchivePolicy { policy } => {
                let policy = self.model.pick(id, *policy, Zone::policy_ids);
                let (what, given) = ((call, format!("archive_policy {policy}")), policy.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.archive_policy(&given).map(seen);
                self.ask(zone, what, ask, |model, _| model.archive_policy(id, &policy));
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

    fn version_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
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
                let (what, given) = ((call, format!("archive_policy_version {version}")), version.clone());
                let ask =
                    move |zone: &mut ZoneTransaction<'_, '_>| zone.archive_policy_version(&given).map(seen_version);
                self.ask(zone, what, ask, |model, _| model.archive_policy_version(id, &version));
                version
            }
            _ => return,
        };
        let told = zone.policy_version(&version, Include::Both).map(seen_version);
        self.read(&version, told, |model, _| model.read_version(id, &version));
        self.touched.push(Touched::Version(id.to_owned(), version));
    }

    fn create_version(
        &mut self,
        zone: &mut ZoneTransaction<'_, '_>,
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
                let (given, parent) = (self.foreign.clone(), policy.to_owned());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| {
                    zone.create_policy_version(&parent, given.clone()).map(seen_version)
                };
                return self.ask(zone, (call, "a foreign one".to_owned()), ask, |model, _| {
                    // Except for the rules of this store's schema.
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
        let (draft, prepared) = new;
        let (schema, own) = match prepared {
            Some(prepared) => (prepared.schema.as_str(), prepared.own.as_deref()),
            None => (schema, own),
        };
        // A prepared and an unprepared version have the same fingerprint.
        let what = format!("create_policy_version {policy} {own:?} {schema} {} {}", draft.json, draft.source);
        let (given, parent) = (prepared.map(|it| it.version.clone()), policy.to_owned());
        let source = new_version(schema, &draft, own);
        let ask = move |zone: &mut ZoneTransaction<'_, '_>| {
            let told = match &given {
                Some(prepared) => zone.create_policy_version(&parent, prepared.clone()),
                None => zone.create_policy_version(&parent, source.clone()),
            };
            told.map(seen_version)
        };
        self.ask(zone, (call, what), ask, |model, told| {
            model.create_policy_version(id, policy, own, (schema, &draft, prepared.is_some()), told)
        })
    }

    fn set_call(&mut self, zone: &mut ZoneTransaction<'_, '_>, id: &str, call: &Call) {
        let changed = match call {
            Call::CreateSet { own, name, for_users } => {
                let target_type = if *for_users { TargetType::User } else { TargetType::Zone };
                let mut new = NewPolicySet::named(name.as_str()).target_type(target_type);
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let told = self.ask(
                    zone,
                    (call, format!("create_policy_set {own:?} {name:?} {for_users}")),
                    move |zone| zone.create_policy_set(new.clone()).map(seen),
                    |model, told| model.create_set(id, own.as_deref(), name, *for_users, told),
                );
                told.and_then(|told| Some(told["id"].as_str()?.to_owned())).or(own.clone())
            }
            Call::RenameSet { set, name } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let given = (set.clone(), name.clone());
                self.ask(
                    zone,
                    (call, format!("update_policy_set {set} {name:?}")),
                    move |zone| {
                        zone.update_policy_set(&given.0, PolicySetUpdate::new().name(given.1.as_str())).map(seen)
                    },
                    |model, _| model.rename_set(id, &set, name),
                );
                Some(set)
            }
            Call::ArchiveSet { set } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let (what, given) = ((call, format!("archive_policy_set {set}")), set.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.archive_policy_set(&given).map(seen);
                self.ask(zone, what, ask, |model, _| model.archive_set(id, &set));
                Some(set)
            }
            Call::CreateSetVersion { set, schema, own, pins, style } => {
                let set = self.model.pick(id, *set, Zone::set_ids);
                let schema = self.model.pick_schema(*schema);
                let (mut new, schema, pins) = self.model.manifest(zone, &set, &schema, pins, *style);
                if let Some(own) = own {
                    new = new.id(own.as_str());
                }
                let given = set.clone();
                self.ask(
                    zone,
                    (call, format!("create_policy_set_version {set} {own:?} {schema} {pins:?}")),
                    move |zone| zone.create_policy_set_version(&given, new.clone()).map(seen),
                    |model, told| model.create_set_version(id, &set, own.as_deref(), (&schema, &pins), told),
                );
                Some(set)
            }
            Call::ArchiveSetVersion { version } => {
                let version = self.model.pick(id, *version, Zone::set_version_ids);
                let (what, given) = ((call, format!("archive_policy_set_version {version}")), version.clone());
                let ask = move |zone: &mut ZoneTransaction<'_, '_>| zone.archive_policy_set_version(&given).map(seen);
                self.ask(zone, what, ask, |model, _| model.archive_set_version(id, &version));
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
