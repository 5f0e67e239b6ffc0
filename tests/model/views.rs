//! The expected JSON of each resource of the model, so that no field is missed. The JSON forms of policies and schemas
//! are strings in it, to be compared byte for byte.

use policy_store::{BindingMode, OwnerType, Target, TargetType};
use serde_json::{Value, json};

use super::state::{Binding, Entry, Mark, Policy, PolicyVersion, Schema, SetVersion, State, Zone, sha, time};

fn cedar() -> Value {
    json!({
        "sdk": cedar_policy::get_sdk_version().to_string(),
        "language": cedar_policy::get_lang_version().to_string(),
    })
}

fn at(mark: Option<&Mark>) -> Value {
    mark.map_or(Value::Null, |mark| time(mark.at))
}

fn by(mark: Option<&Mark>) -> Option<&str> {
    mark.map(|mark| mark.by.id())
}

fn owner(created: &Mark) -> OwnerType {
    created.by.owner_type()
}

impl Schema {
    pub fn view(&self) -> Value {
        let last = self.changes.last().map(|(_, mark)| mark);
        let became = |status| self.changes.iter().rfind(|(changed, _)| *changed == status).map(|(_, mark)| mark);
        let (text, json) = if self.json { (&self.converted, &self.source) } else { (&self.source, &self.converted) };
        let deprecated = became("deprecated").filter(|_| self.status() != "active");
        json!({
            "version": self.version, "status": self.status(), "syntax": if self.json { "json" } else { "cedar" },
            "sha": sha(&self.source), "owner_type": owner(&self.created), "cedar_version": cedar(),
            "created_at": time(self.created.at), "created_by": self.created.by.id(),
            "updated_at": time(last.unwrap_or(&self.created).at), "updated_by": by(last),
            "deprecated_at": at(deprecated), "archived_at": at(became("archived")),
            "cedar_schema": text, "cedar_schema_json": json,
        })
    }
}

impl Zone {
    pub fn view(&self) -> Value {
        let created = &self.log.entries[0];
        json!({
            "id": self.id, "log_id": self.log.id, "created_at": time(created.at), "created_by": created.by.id(),
            "suspended": self.suspended, "tests_required": self.required_by.is_some(), "default_schema": self.default_schema,
            "bindings_revision": self.bindings.last().map_or(0, |it| it.mark.position),
        })
    }

    pub fn policy_view(&self, policy: &Policy) -> Value {
        let (updated, archived) = (policy.updated.as_ref(), policy.archived.as_ref());
        let latest = policy.versions.last();
        json!({
            "zone_id": self.id, "id": policy.id, "owner_type": owner(&policy.created), "name": policy.name,
            "description": policy.description, "created_at": time(policy.created.at),
            "created_by": policy.created.by.id(), "updated_at": time(updated.unwrap_or(&policy.created).at),
            "updated_by": by(updated), "archived_at": at(archived), "archived_by": by(archived),
            "latest_version": latest.map(|_| policy.versions.len()), "latest_version_id": latest.map(|it| &it.id),
            "latest_schema_version": latest.map(|it| &it.schema), "revision": policy.revision,
        })
    }

    pub fn version_view(&self, policy: &Policy, number: usize, version: &PolicyVersion) -> Value {
        let archived = version.archived.as_ref();
        json!({
            "zone_id": self.id, "policy_id": policy.id, "id": version.id, "version": number,
            "owner_type": owner(&version.created), "schema_version": version.schema,
            "sha": sha(&version.content.text), "syntax": if version.from_json { "json" } else { "cedar" },
            "statements": version.content.statements.len(), "warnings": version.warnings, "cedar_version": cedar(),
            "created_at": time(version.created.at), "created_by": version.created.by.id(),
            "archived_at": at(archived), "archived_by": by(archived),
            "cedar_raw": version.content.text, "cedar_json": version.content.json,
        })
    }

    pub fn set_view(&self, place: usize) -> Value {
        let set = &self.sets[place];
        let (updated, archived) = (set.updated.as_ref(), set.archived.as_ref());
        let (latest, active, shadow) = (set.versions.last(), self.active(place), self.observed(place));
        let guardrail = self.guarding(place);
        json!({
            "zone_id": self.id, "id": set.id, "owner_type": owner(&set.created), "name": set.name,
            "target_type": if set.for_users { TargetType::User } else { TargetType::Zone },
            "target_id": if set.for_users { set.user.as_ref() } else { Some(&self.id) },
            "created_at": time(set.created.at), "created_by": set.created.by.id(),
            "updated_at": time(updated.unwrap_or(&set.created).at), "updated_by": by(updated),
            "archived_at": at(archived), "archived_by": by(archived),
            "latest_version": latest.map(|_| set.versions.len()), "latest_version_id": latest.map(|it| &it.id),
            "active": active.is_some(), "active_version": active.map(|n| n + 1),
            "active_version_id": active.map(|n| &set.versions[n].id),
            "shadow_version": shadow.map(|n| n + 1), "shadow_version_id": shadow.map(|n| &set.versions[n].id),
            "guardrail_version": guardrail.map(|n| n + 1),
            "guardrail_version_id": guardrail.map(|n| &set.versions[n].id),
            "mode": active.map(|_| "active").or(guardrail.map(|_| "guardrail")).or(shadow.map(|_| "shadow")),
            "revision": set.revision,
        })
    }

    pub fn set_version_view(&self, set: usize, place: usize) -> Value {
        let version = &self.sets[set].versions[place];
        let archived = version.archived.as_ref();
        json!({
            "zone_id": self.id, "policy_set_id": self.sets[set].id, "id": version.id, "version": place + 1,
            "owner_type": owner(&version.created), "schema_version": version.schema,
            "manifest": { "entries": version.entries.iter().map(|(policy, version, sha)| json!({
                "policy_id": policy, "policy_version_id": version, "sha": sha,
            })).collect::<Vec<_>>() },
            "manifest_sha": version.manifest_sha(), "cedar_version": cedar(),
            "created_at": time(version.created.at), "created_by": version.created.by.id(),
            "archived_at": at(archived), "archived_by": by(archived),
            "active": self.active(set) == Some(place), "attestations": [],
            "tests_sha": version.tests.map(|number| super::test_rules::suite(number).sha()),
        })
    }

    /// A set version in the form of bindings and of the history.
    pub fn bound_to(&self, (set, version): (usize, usize)) -> Value {
        let set = &self.sets[set];
        json!({
            "policy_set_id": set.id, "policy_set_version_id": set.versions[version].id, "version": version + 1,
        })
    }

    pub fn binding_view(&self, binding: &Binding) -> Value {
        let mut view = binding.bound.map_or(Value::Null, |bound| self.bound_to(bound));
        let Binding { target, mode, mark, .. } = binding;
        for (name, value) in [
            ("zone_id", json!(self.id)),
            ("target", json!(target)),
            ("mode", json!(mode)),
            ("since", time(mark.at)),
            ("by", json!(mark.by)),
            ("position", json!(mark.position)),
        ] {
            view[name] = value;
        }
        view
    }

    /// The bindings of the zone, oldest first, each with the one that it replaced and with its end.
    pub fn binding_records(&self) -> Vec<(&Binding, Value)> {
        let places = self.bindings.iter().enumerate().filter(|(_, it)| it.bound.is_some());
        let records = places.map(|(n, it)| {
            let is_same = |other: &&Binding| other.target == it.target && other.mode == it.mode;
            let before = self.bindings[..n].iter().rev().find(is_same).and_then(|before| before.bound);
            let end = self.bindings[n + 1..].iter().find(is_same).map(|end| &end.mark);
            let mut view = self.binding_view(it);
            view["replaced"] = json!(before.map(|before| self.bound_to(before)));
            view["ended"] = json!(end.map(|end| json!({"at": time(end.at), "by": end.by, "position": end.position})));
            (it, view)
        });
        records.collect()
    }

    /// The binding of a target as of `length` entries, or the error.
    pub fn bound_view(&self, target: &Target, mode: BindingMode, length: usize) -> super::state::Expected {
        let bound = self.bound_at(target, mode, length);
        bound.map(|bound| self.binding_view(bound)).ok_or_else(|| super::state::one("not_bound"))
    }
}

impl SetVersion {
    /// The SHA-256 of the manifest's canonical JSON, written by hand.
    pub fn manifest_sha(&self) -> String {
        let entries = self.entries.iter().map(|(policy, version, sha)| {
            format!(r#"{{"policy_id":"{policy}","policy_version_id":"{version}","sha":"{sha}"}}"#)
        });
        sha(&format!(r#"{{"entries":[{}]}}"#, entries.collect::<Vec<_>>().join(",")))
    }
}

/// An entry of a history, without its hash.
pub fn entry(position: usize, entry: &Entry) -> Value {
    json!({
        "position": position, "created_at": time(entry.at), "clock": time(entry.clock),
        "created_by": entry.by, "imported_by": entry.imported_by, "idempotency_key": entry.request,
        "write": [entry.write.0, entry.write.1], "change": entry.change,
    })
}

impl State {
    pub fn set_place(&self, zone: &str, set: &str) -> Option<usize> {
        self.zone(zone).ok()?.sets.iter().position(|it| it.id == set)
    }
}
