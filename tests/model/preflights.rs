//! Preflights: the versions that a report must contain, and the result of plain Cedar for each with the candidate.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use policy_store::{BindingMode, Candidate, NewSchema};
use serde_json::{Value, json};

use super::calls::seen;
use super::operation::Tried;
use super::runner::{Handle, Runner};
use super::state::{Broken, Policy, State, Zone, check, id_rules};
use super::texts::{self, SchemaSource};

/// A candidate: a new schema or a published one.
struct Trial {
    version: String,
    validator: Validator,
}

impl Trial {
    fn new(version: &str, json: bool, source: &str) -> Self {
        let schema = if json { Schema::from_json_str(source).unwrap() } else { source.parse().unwrap() };
        Self { version: version.to_owned(), validator: Validator::new(schema) }
    }

    /// The numbers of errors and warnings of a text; warnings only without errors.
    fn findings(&self, text: &str) -> (usize, usize) {
        let policies: PolicySet = text.parse().unwrap();
        let result = self.validator.validate(&policies, ValidationMode::Strict);
        match result.validation_errors().count() {
            0 => (0, result.validation_warnings().count()),
            errors => (errors, 0),
        }
    }
}

impl State {
    fn trial(&self, version: &str, source: &SchemaSource) -> Result<Trial, Broken> {
        let mut broken = id_rules(version);
        if self.schema(version).is_ok() {
            broken.insert("already_exists schema".to_owned());
        }
        broken.extend(source.holds.err().map(str::to_owned));
        check(broken)?;
        Ok(Trial::new(version, source.json, &source.source))
    }
}

impl Zone {
    fn preflight(&self, trial: &Trial) -> Value {
        // By their positions in the log.
        let mut versions: BTreeMap<usize, (&Policy, usize)> = BTreeMap::new();
        for policy in self.policies.iter().filter(|policy| policy.archived.is_none()) {
            if let Some(newest) = policy.versions.last().filter(|newest| newest.archived.is_none()) {
                versions.insert(newest.created.position, (policy, policy.versions.len()));
            }
        }
        let mut sets = BTreeMap::new();
        for (set, place) in self.sets_in_use() {
            let version = &self.sets[set].versions[place];
            sets.insert(version.created.position, (set, place));
            for (_, pinned, _) in &version.entries {
                let (policy, number, pinned) = self.version(pinned).unwrap();
                versions.insert(pinned.created.position, (policy, number));
            }
        }
        let mut invalid = BTreeSet::new();
        let checks = versions.into_values().map(|(policy, number)| {
            let version = &policy.versions[number - 1];
            let (findings, warnings) = trial.findings(&version.content.text);
            if findings > 0 {
                invalid.insert(&version.id);
            }
            json!({
                "policy_id": policy.id, "id": version.id, "version": number, "schema_version": version.schema,
                "latest": number == policy.versions.len(), "valid": findings == 0,
                "findings": findings, "warnings": warnings, "omitted": 0,
            })
        });
        let checks: Vec<Value> = checks.collect();
        let set_checks = sets.into_values().map(|(set, place)| {
            let version = &self.sets[set].versions[place];
            let used = |mode| self.bound(set, mode).filter(|(_, bound)| *bound == place).map(|(target, _)| target);
            let pinned = version.entries.iter().map(|(_, pinned, _)| pinned);
            let failing: Vec<_> = pinned.filter(|pinned| invalid.contains(pinned)).collect();
            json!({
                "policy_set_id": self.sets[set].id, "id": version.id, "version": place + 1,
                "schema_version": version.schema, "active": used(BindingMode::Active),
                "shadow": used(BindingMode::Shadow), "guardrail": self.guarding(set) == Some(place), "latest": place + 1 == self.sets[set].versions.len(),
                "valid": failing.is_empty(), "failing": failing,
            })
        });
        let set_checks: Vec<Value> = set_checks.collect();
        json!({
            "zone_id": self.id, "schema_version": trial.version, "entries": self.log.entries.len(),
            "policy_versions": checks, "policy_set_versions": set_checks,
        })
    }

    /// The set versions that are active, shadow, guardrail or newest, unless they or their sets are archived.
    fn sets_in_use(&self) -> BTreeSet<(usize, usize)> {
        let mut used = BTreeSet::new();
        for (set, it) in self.sets.iter().enumerate().filter(|(_, it)| it.archived.is_none()) {
            let places = [self.active(set), self.observed(set), self.guarding(set), it.versions.len().checked_sub(1)];
            let places = places.into_iter().flatten().filter(|place| it.versions[*place].archived.is_none());
            used.extend(places.map(|place| (set, place)));
        }
        used
    }
}

/// A zone's preflight, with the number of findings in place of Cedar's messages.
fn counted(mut told: Value) -> Value {
    for check in told["policy_versions"].as_array_mut().unwrap() {
        for name in ["findings", "warnings"] {
            check[name] = json!(check[name].as_array().unwrap().len());
        }
    }
    told
}

impl Runner {
    /// Runs a preflight of one zone or of all.
    pub fn preflight(&mut self, zone: Option<&str>, tried: &Tried) {
        let (candidate, trial) = match tried {
            Tried::New(version, source) => {
                let source = texts::schema(*source);
                let new = if source.json { NewSchema::json } else { NewSchema::cedar };
                let candidate = Candidate::from(new(version.clone(), source.source.clone()));
                (candidate, self.model.trial(version, &source))
            }
            Tried::Published(pick) => {
                let version = self.model.pick_schema(*pick);
                let trial = self.model.schema(&version).map(|it| Trial::new(&version, it.json, &it.source));
                (Candidate::from(version), trial)
            }
        };
        let (told, expected) = match zone {
            Some(id) => {
                let Some(Handle::Now(handle)) = self.handle(id) else { return };
                let told = handle.preflight(candidate).map(|flown| counted(seen(flown)));
                (told, trial.and_then(|trial| Ok(self.model.zone(id)?.preflight(&trial))))
            }
            None => {
                let told = self.store().preflight(candidate).map(|flown| {
                    let zones = flown.zones.iter().map(|zone| counted(seen(zone))).collect::<Vec<_>>();
                    json!({"schema_version": flown.schema_version, "zones": zones})
                });
                let all = |trial: Trial| {
                    let zones = self.model.zones.iter().map(|zone| zone.preflight(&trial)).collect::<Vec<_>>();
                    json!({"schema_version": trial.version, "zones": zones})
                };
                (told, trial.map(all))
            }
        };
        self.agree(("preflight", zone, tried), &told, expected);
        if let Ok(told) = told {
            let clean = !told.to_string().contains("\"valid\":false");
            *self.tally.entry(if clean { "PreflightClean" } else { "PreflightFails" }.to_owned()).or_default() += 1;
        }
    }
}
