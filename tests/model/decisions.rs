//! Decisions: the expected answers of authorizers, the expected receipts, and replays.

use std::rc::Rc;

use cedar_policy::{Decision, Entities, Request};
use policy_store::{Answer, At, Authorizer, BindingMode, Receipt, Result, Target, Timestamp};
use serde_json::{Value, json};

use super::agreement::{count, rule};
use super::calls::seen;
use super::operation::{By, Pick};
use super::runner::{Runner, read};
use super::state::{Broken, Schema, State, Zone, check, sha};
use super::texts::{ACTIONS, PRINCIPALS, Says, entities};

/// An authorizer and its expected rules, which later writes do not change.
#[derive(Clone)]
pub struct Kept {
    authorizer: Authorizer,
    /// The zone at that time; it may have been erased since.
    zone: Rc<Zone>,
    /// The indexes of the set and of its version.
    place: (usize, usize),
    binding: Value,
    /// The indexes of the guardrail's set and version, and its binding.
    guardrail: Option<((usize, usize), Value)>,
    strict: bool,
}

/// A receipt and its request.
pub struct Decided {
    receipt: Receipt,
    asked: u8,
}

/// The decision of the model.
pub struct Verdict {
    pub allow: bool,
    determining: Vec<Value>,
    pub failed: Vec<(Value, bool)>,
    by_error: bool,
    /// The number of statements.
    of: usize,
}

/// From this number of statements on, the store looks up the statements that can match a request.
const MANY: usize = 17;

/// A request: its principal and action.
pub fn who_and_what(asked: u8) -> (usize, usize) {
    (usize::from(asked) % PRINCIPALS.len(), usize::from(asked / 3) % ACTIONS.len())
}

impl Zone {
    /// Evaluates the statements of all layers: the deciding version and the guardrail.
    pub fn verdict(&self, layers: &[(usize, usize)], asked: u8, strict: bool) -> Result<Verdict, Broken> {
        let (principal, action) = who_and_what(asked);
        let (mut permits, mut forbids, mut failed, mut of) = (Vec::new(), Vec::new(), Vec::new(), 0);
        let entries = layers.iter().enumerate().flat_map(|(layer, (set, version))| {
            self.sets[*set].versions[*version].entries.iter().map(move |entry| (layer, entry))
        });
        for (layer, (policy, version, _)) in entries {
            for (n, statement) in self.version(version)?.2.content.statements.iter().enumerate() {
                of += 1;
                let mut name = json!({"policy_id": policy, "policy_version_id": version, "statement": n});
                if layer > 0 {
                    name["layer"] = json!("guardrail");
                }
                match statement.says(principal, action) {
                    Says::Applies if statement.permit => permits.push(name),
                    Says::Applies => forbids.push(name),
                    Says::Fails => failed.push((name, !statement.permit)),
                    Says::Nothing => {}
                }
            }
        }
        let broken: Vec<_> = failed.iter().filter(|(_, forbid)| *forbid).map(|(name, _)| name.clone()).collect();
        let allow = forbids.is_empty() && !permits.is_empty();
        let by_error = strict && allow && !broken.is_empty();
        let determining = match (by_error, allow) {
            (true, _) => broken,
            (false, true) => permits,
            (false, false) => forbids,
        };
        Ok(Verdict { allow: allow && !by_error, determining, failed, by_error, of })
    }
}

impl State {
    /// The version that an authorizer decides by, its binding, and the guardrail.
    fn decides_by(&self, zone: &str, by: &By) -> Result<Decides, Broken> {
        let zone = self.zone(zone)?;
        let (target, mode, at) = match by {
            By::Now(target) => (target, BindingMode::Active, At::Now),
            By::Observed(target) => (target, BindingMode::Shadow, At::Now),
            By::Position(target, n) => (target, BindingMode::Active, zone.position(*n)),
            By::Time(target, n) => (target, BindingMode::Active, zone.time(*n)),
            By::Version(pick) => {
                let id = self.pick(&zone.id, *pick, Zone::set_version_ids);
                let place = zone.set_version(&id)?;
                check(self.guardrail_rules(&zone.id, place, BindingMode::Active))?;
                return Ok((place, Value::Null, zone.guardrail_then(At::Now)));
            }
            By::Kept(_) => return Err(Broken::new()),
        };
        let binding = zone.bound_then(target, mode, at)?;
        let bound = zone.bound_at(target, mode, zone.length_at(at)?).and_then(|it| it.bound);
        bound.map(|bound| (bound, binding, zone.guardrail_then(at))).ok_or_else(Broken::new)
    }
}

/// The indexes of a set version, its binding, and the indexes and binding of the guardrail.
type Decides = ((usize, usize), Value, Option<((usize, usize), Value)>);

impl Zone {
    fn guardrail_then(&self, at: At) -> Option<((usize, usize), Value)> {
        let place = self.guardrail_at(self.length_at(at).ok()?)?;
        Some((place, self.bound_then(&Target::Zone, BindingMode::Guardrail, at).ok()?))
    }

    /// A position in the log, or the one after its end.
    fn position(&self, n: u8) -> At {
        At::Position((usize::from(n) % (self.log.entries.len() + 1)) as u64)
    }

    /// The time of an entry, or a microsecond before or after it.
    fn time(&self, n: u8) -> At {
        let entry = &self.log.entries[usize::from(n) % self.log.entries.len()];
        At::Time(Timestamp::from_micros(entry.at + i64::from(n) % 3 - 1))
    }
}

impl Runner {
    pub fn decide(&mut self, zone: &str, by: &By, strict: bool, keep: bool, asked: u8) {
        let kept = match by {
            By::Kept(pick) if self.kept.is_empty() => return self.replay(*pick, 0),
            By::Kept(pick) => self.kept[usize::from(pick.0) % self.kept.len()].clone(),
            by => match self.authorizer(zone, by, strict) {
                Some(kept) => kept,
                None => return,
            },
        };
        if keep {
            self.kept.push(kept.clone());
        }
        if let Some(receipt) = self.ask(&kept, asked) {
            self.receipts.push(Decided { receipt, asked });
        }
    }

    fn authorizer(&mut self, zone: &str, by: &By, strict: bool) -> Option<Kept> {
        let expected = self.model.decides_by(zone, by);
        let told = self.new_handle(zone).and_then(|handle| {
            read!(&handle, handle => match by {
                By::Now(target) => handle.authorizer(target.clone()),
                By::Observed(target) => handle.shadow_authorizer(target.clone()),
                By::Position(target, n) => {
                    handle.authorizer_at(target.clone(), self.model.zone(zone).unwrap().position(*n))
                }
                By::Time(target, n) => handle.authorizer_at(target.clone(), self.model.zone(zone).unwrap().time(*n)),
                By::Version(pick) => handle.authorizer_of_version(self.model.pick(zone, *pick, Zone::set_version_ids)),
                By::Kept(_) => handle.authorizer(Target::Zone),
            })
        });
        let binding = told.as_ref().map(|authorizer| seen(authorizer.binding()));
        self.agree((zone, by), &binding, expected.clone().map(|(_, binding, _)| binding));
        let (authorizer, (place, binding, guardrail)) = (told.ok()?, expected.ok()?);
        assert_eq!(seen(authorizer.guardrail()), json!(guardrail.as_ref().map(|(_, binding)| binding)), "{by:?}");
        let authorizer = if strict { authorizer.deny_on_forbid_error() } else { authorizer };
        if matches!(by, By::Observed(_)) {
            *self.tally.entry("Observed".to_owned()).or_default() += 1;
        }
        let zone = Rc::new(self.model.zone(zone).ok()?.clone());
        Some(Kept { authorizer, zone, place, binding, guardrail, strict })
    }

    /// Compares the answer of an authorizer, and its receipt, with the model.
    fn ask(&mut self, kept: &Kept, asked: u8) -> Option<Receipt> {
        let zone = &*kept.zone;
        let version = &zone.sets[kept.place.0].versions[kept.place.1];
        let vocabulary = self.published(&version.schema).vocabulary;
        let (_, action) = who_and_what(asked);
        if action == 1 && !vocabulary.write {
            let refused = request(&kept.authorizer, asked).unwrap_err();
            assert_eq!(rule(&refused), "request", "{refused}");
            count(&mut self.tally, &Err::<(), _>(refused));
            return None;
        }
        let asked_for = (request(&kept.authorizer, asked).unwrap(), given(&kept.authorizer, &entities(vocabulary)));
        let answer = kept.authorizer.is_authorized(&asked_for.0, &asked_for.1).unwrap();
        let layers: Vec<_> = [kept.place].into_iter().chain(kept.guardrail.as_ref().map(|(place, _)| *place)).collect();
        let verdict = zone.verdict(&layers, asked, kept.strict).unwrap();
        if verdict.determining.iter().any(|name| name["layer"] == "guardrail") {
            *self.tally.entry("GuardrailDenies".to_owned()).or_default() += 1;
        }
        let failed: Vec<_> = answer.errors().iter().map(|error| (seen(&error.statement), error.forbid)).collect();
        let what = (&zone.id, &version.id, who_and_what(asked), kept.strict);
        assert_eq!(answer.decision() == Decision::Allow, verdict.allow, "{what:?}");
        assert_eq!(seen(answer.determining()), json!(verdict.determining), "{what:?}");
        assert_eq!(failed, verdict.failed, "{what:?}");
        assert_eq!(answer.denied_by_error(), verdict.by_error, "{what:?}");
        let name = match (verdict.allow, verdict.by_error) {
            (true, _) => "Allow",
            (false, true) => "DeniedByError",
            (false, false) => "Deny",
        };
        let of = if verdict.of < MANY { "OfFew" } else { "OfMany" };
        *self.tally.entry(format!("{name}{of}")).or_default() += 1;
        let receipt = answer.receipt(&asked_for.1).unwrap();
        let mut told = seen(&receipt);
        let parts = told.as_object_mut().unwrap();
        let mut entries = vec![(version.created.position, parts.remove("policy_set_version_entry").unwrap())];
        // The model does not know Cedar's values: other tests compute these hashes on their own.
        assert!(parts.remove("request_sha").is_some() && parts.remove("entities_sha").is_some());
        let end = parts.remove("log_end").unwrap();
        let place = |position: &Value| usize::try_from(position.as_u64().unwrap()).unwrap();
        entries.push((place(&end["size"]) - 1, end["last"].clone()));
        let position = |binding: &Value| place(&binding["position"]);
        if let Some(entry) = parts.remove("binding_entry") {
            entries.push((position(&kept.binding), entry));
        }
        if let Some(((set, place), binding)) = &kept.guardrail {
            let guardrail = told["guardrail"].as_object_mut().unwrap();
            let entry = guardrail.remove("policy_set_version_entry").unwrap();
            entries.push((zone.sets[*set].versions[*place].created.position, entry));
            entries.push((position(binding), guardrail.remove("binding_entry").unwrap()));
        }
        assert_eq!(told, self.receipt(kept, &verdict), "{what:?}");
        for (position, entry) in entries {
            if let Some(known) = self.hashes.get(&(zone.log.id.clone(), position)) {
                assert_eq!(entry, *known, "{what:?}");
            }
        }
        Some(receipt)
    }

    /// A schema that a version names. As of a point, times may not show that it was published.
    fn published(&self, version: &str) -> &Schema {
        let later = || self.later.iter().find(|schema| schema.version == version);
        self.model.schema(version).ok().or_else(later).unwrap()
    }

    /// The expected receipt, except for the hash of an entry.
    fn receipt(&self, kept: &Kept, verdict: &Verdict) -> Value {
        let zone = &*kept.zone;
        let view = zone.set_version_view(kept.place.0, kept.place.1);
        let schema = self.published(&zone.sets[kept.place.0].versions[kept.place.1].schema);
        let mut receipt = json!({
            "v": 3, "zone_id": zone.id, "log_id": zone.log.id, "binding": kept.binding,
            "policy_set_id": view["policy_set_id"], "policy_set_version_id": view["id"],
            "policy_set_version": view["version"], "manifest_sha": view["manifest_sha"],
            "schema_version": schema.version, "schema_sha": sha(&schema.source),
            "decision": if verdict.allow { "allow" } else { "deny" }, "determining": verdict.determining,
            "failed": verdict.failed.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            "deny_on_forbid_error": kept.strict, "cedar_version": view["cedar_version"],
        });
        if let Some(((set, place), binding)) = &kept.guardrail {
            let view = zone.set_version_view(*set, *place);
            let schema = self.published(&zone.sets[*set].versions[*place].schema);
            receipt["guardrail"] = json!({
                "binding": binding, "manifest_sha": view["manifest_sha"], "schema_version": schema.version,
                "schema_sha": sha(&schema.source),
            });
        }
        receipt
    }

    /// Decides every request by the version in force, if there is one.
    pub fn decide_all(&mut self, zone: &str, target: &Target) {
        if let Some(kept) = self.authorizer(zone, &By::Now(target.clone()), false) {
            for asked in 0..6 {
                self.ask(&kept, asked);
            }
        }
    }

    pub fn replay(&mut self, pick: Pick, change: u8) {
        let Some(last) = self.receipts.len().checked_sub(1) else { return };
        let Decided { receipt, asked } = &self.receipts[last - usize::from(pick.0) % self.receipts.len()];
        let (asked, receipt) = (*asked, receipt.clone());
        let gone = match self.model.zone(receipt.zone_id.as_str()) {
            Ok(zone) if zone.log.id == receipt.log_id.to_string() => None,
            Ok(_) => Some("receipt_mismatch"),
            Err(_) => Some("not_found zone"),
        };
        if let Some(rule) = gone {
            let told = self.store().authorizer_of_receipt(&receipt).map(|_| Value::Null);
            return self.agree("the receipt of an erased zone", &told, Err(super::state::one(rule)));
        }
        let (authorizer, vocabulary) = {
            let schema = self.model.schema(receipt.schema_version.as_str()).unwrap();
            (self.store().authorizer_of_receipt(&receipt).unwrap(), schema.vocabulary)
        };
        let (request, entities) = (request(&authorizer, asked).unwrap(), given(&authorizer, &entities(vocabulary)));
        let again = self.store().replay(&receipt, &request, &entities).unwrap();
        again.agrees_with(&receipt).unwrap();
        assert_eq!(again.receipt(&entities).unwrap(), receipt);
        let other = self.model.zones.iter().find(|zone| receipt.zone_id != zone.id.as_str()).map(|it| it.id.clone());
        if let Some((doctored, expected)) = doctored(&receipt, change, other.as_deref()) {
            let replayed = self.store().replay(&doctored, &request, &entities);
            let agreed = replayed.and_then(|answer: Answer| answer.agrees_with(&doctored));
            let told = agreed.map(|()| Value::Null);
            self.agree(("replay", change), &told, Err(super::state::one(expected)));
        }
    }
}

fn request(authorizer: &Authorizer, asked: u8) -> Result<Request> {
    let (principal, action) = who_and_what(asked);
    let (principal, action) = (format!("U::{:?}", PRINCIPALS[principal]), format!("Action::{:?}", ACTIONS[action]));
    authorizer.request(&principal, &action, "D::\"d\"", "{}")
}

fn given(authorizer: &Authorizer, json: &str) -> Entities {
    authorizer.entities(json).unwrap()
}

/// A receipt with a wrong value, and the expected error.
fn doctored(receipt: &Receipt, change: u8, other: Option<&str>) -> Option<(Receipt, &'static str)> {
    let mut json = seen(receipt);
    let next = |value: &Value| json!(value.as_u64().unwrap_or_default() + 1);
    let (pointer, value, expected) = match change % 18 {
        0 => ("/zone_id", json!("none"), "not_found zone"),
        1 => ("/zone_id", json!(other?), "receipt_mismatch"),
        2 => ("/policy_set_version", next(&json["policy_set_version"]), "receipt_mismatch"),
        3 => ("/schema_sha", json!("0".repeat(64)), "receipt_mismatch"),
        4 => ("/v", json!(4), "newer_format"),
        5 => ("/v", json!(0), "invalid_input"),
        6 => {
            let flipped = if receipt.decision == Decision::Allow { "deny" } else { "allow" };
            ("/decision", json!(flipped), "receipt_mismatch")
        }
        7 if receipt.binding.is_some() => ("/binding/position", next(&json["binding"]["position"]), "receipt_mismatch"),
        8 if receipt.binding.is_some() => ("/binding/by/id", json!("mallory"), "receipt_mismatch"),
        9 => ("/policy_set_version_id", json!("unknown"), "not_found policy set version"),
        10 => ("/manifest_sha", json!("0".repeat(64)), "receipt_mismatch"),
        11 if receipt.guardrail.is_some() => ("/guardrail/binding/by/id", json!("mallory"), "receipt_mismatch"),
        12 => ("/v", json!(1 + u64::from(receipt.guardrail.is_none())), "invalid_input"),
        13 => ("/log_end/size", json!(1_000_000), "receipt_mismatch"),
        14 => ("/log_end/last", json!("0".repeat(64)), "receipt_mismatch"),
        15 if receipt.binding.is_some() => ("/binding_entry", json!("0".repeat(64)), "receipt_mismatch"),
        16 => ("/request_sha", json!("0".repeat(64)), "receipt_mismatch"),
        17 => ("/entities_sha", json!("0".repeat(64)), "receipt_mismatch"),
        _ => return None,
    };
    *json.pointer_mut(pointer)? = value;
    Some((serde_json::from_value(json).unwrap(), expected))
}
