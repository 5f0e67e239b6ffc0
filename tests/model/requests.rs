//! Idempotency keys and preconditions: the results that come before all other rules.
//!
//! Stores each call as text, with its first answer, and with a function that repeats the call on the store at any time.

use std::fmt;
use std::rc::Rc;

use policy_store::{Actor, IdempotencyKey, Precondition, Result, Target, WriteTransaction, ZoneTransaction};
use serde_json::{Value, json};

use super::agreement::Tally;
use super::binding_rules::target_rules;
use super::operation::{Claim, Id, Under};
use super::rules::{clock_rules, store_clock_rules};
use super::state::{Broken, Expected, Log, State, Zone, check, one};

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    pub request: Option<IdempotencyKey>,
    /// The operation and its input.
    pub what: String,
    pub preconditions: Vec<Demanded>,
}

/// A precondition.
#[derive(Clone, Debug, PartialEq)]
pub enum Demanded {
    PolicyRevision(String, u64),
    SetRevision(String, u64),
    BindingsRevision(u64),
    LatestPolicyVersion(String, Option<u32>),
    LatestSetVersion(String, Option<u32>),
    ActiveVersion(Target, Option<String>),
}

/// A call on the store, or on a zone.
pub type InStore = Rc<dyn Fn(&mut WriteTransaction<'_, '_>) -> Result<Value>>;
pub type InZone = Rc<dyn Fn(&mut ZoneTransaction<'_, '_>) -> Result<Value>>;

/// The function that makes a call on the store.
#[derive(Clone)]
pub enum Again {
    Store(InStore),
    Zone(InZone),
}

impl fmt::Debug for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a call")
    }
}

/// A call that succeeded under an idempotency key.
#[derive(Clone, Debug)]
pub struct Answered {
    pub asked: Asked,
    pub again: Again,
    actor: Actor,
    answer: Value,
    /// The zone after the call.
    zone: Option<Rc<Zone>>,
}

impl Demanded {
    pub fn given(&self) -> Precondition {
        match self.clone() {
            Self::PolicyRevision(id, revision) => Precondition::policy_revision(id, revision),
            Self::SetRevision(id, revision) => Precondition::policy_set_revision(id, revision),
            Self::BindingsRevision(revision) => Precondition::bindings_revision(revision),
            Self::LatestPolicyVersion(id, version) => Precondition::latest_policy_version(id, version),
            Self::LatestSetVersion(id, version) => Precondition::latest_policy_set_version(id, version),
            Self::ActiveVersion(target, version) => Precondition::active_version(target, version),
        }
    }

    /// The present state.
    fn at_present(&self, zone: &Zone) -> std::result::Result<Self, Broken> {
        let number = |versions: usize| u32::try_from(versions).ok().filter(|number| *number > 0);
        Ok(match self.clone() {
            Self::PolicyRevision(id, _) => Self::PolicyRevision(id.clone(), zone.policy(&id)?.revision as u64),
            Self::SetRevision(id, _) => Self::SetRevision(id.clone(), zone.set(&id)?.revision as u64),
            Self::BindingsRevision(_) => {
                Self::BindingsRevision(zone.bindings.last().map_or(0, |it| it.mark.position as u64))
            }
            Self::LatestPolicyVersion(id, _) => {
                Self::LatestPolicyVersion(id.clone(), number(zone.policy(&id)?.versions.len()))
            }
            Self::LatestSetVersion(id, _) => Self::LatestSetVersion(id.clone(), number(zone.set(&id)?.versions.len())),
            Self::ActiveVersion(target, _) => {
                check(target_rules(&target))?;
                let bound = zone.bound_at(&target, policy_store::BindingMode::Active, usize::MAX);
                let bound = bound.and_then(|it| it.bound).map(|(set, version)| &zone.sets[set].versions[version]);
                Self::ActiveVersion(target, bound.map(|version| version.id.clone()))
            }
        })
    }

    /// Another precondition on the same resource, which does not hold if this one does.
    fn changed(self) -> Self {
        let other = |version: Option<u32>| version.map_or(Some(0), |version| version.checked_sub(1));
        match self {
            Self::PolicyRevision(id, revision) => Self::PolicyRevision(id, revision + 1),
            Self::SetRevision(id, revision) => Self::SetRevision(id, revision.wrapping_sub(1)),
            Self::BindingsRevision(revision) => Self::BindingsRevision(revision + 1),
            Self::LatestPolicyVersion(id, version) => Self::LatestPolicyVersion(id, other(version)),
            Self::LatestSetVersion(id, version) => Self::LatestSetVersion(id, other(version)),
            Self::ActiveVersion(target, None) => Self::ActiveVersion(target, Some("unknown".to_owned())),
            Self::ActiveVersion(target, Some(_)) => Self::ActiveVersion(target, None),
        }
    }
}

impl State {
    /// The precondition of an operation: on a resource of the zone, holding or not.
    fn expected(&self, zone: &str, claim: &Claim) -> Demanded {
        let id = |ids: fn(&Zone) -> Vec<String>| self.pick(zone, claim.of, ids);
        let blank = match claim.kind {
            0 => Demanded::PolicyRevision(id(Zone::policy_ids), 0),
            1 => Demanded::SetRevision(id(Zone::set_ids), 0),
            2 => Demanded::BindingsRevision(0),
            3 => Demanded::LatestPolicyVersion(id(Zone::policy_ids), None),
            4 => Demanded::LatestSetVersion(id(Zone::set_ids), None),
            _ => Demanded::ActiveVersion(claim.target.clone(), None),
        };
        let present = self.zone(zone).and_then(|zone| blank.at_present(zone)).unwrap_or(blank);
        if claim.holds { present } else { present.changed() }
    }

    /// The call of an operation. `scope` is the zone, or `None` for the store itself, which has no preconditions.
    pub fn asked(&mut self, scope: Option<&str>, what: String, under: &Under) -> Asked {
        let preconditions =
            scope.into_iter().flat_map(|zone| under.claims.iter().map(|claim| self.expected(zone, claim)));
        let preconditions = preconditions.collect();
        let request = match under.id {
            Id::None => None,
            Id::Fresh => Some(self.choose()),
            Id::Known(pick) => {
                let logs = self.zones.iter().map(|zone| &zone.requests).chain([&self.requests]);
                let known: Vec<_> = logs.flatten().filter_map(|it| it.asked.request).collect();
                let chosen = usize::from(pick.0).checked_rem(known.len()).map(|n| known[n]);
                Some(chosen.unwrap_or_else(|| self.choose()))
            }
        };
        Asked { request, what, preconditions }
    }

    /// An unused idempotency key.
    fn choose(&mut self) -> IdempotencyKey {
        self.chosen += 1;
        let mut bytes = [0xa5; 16];
        bytes[8..].copy_from_slice(&self.chosen.to_be_bytes());
        IdempotencyKey::from(bytes)
    }

    fn requests(&self, scope: Option<&str>) -> &[Answered] {
        scope.map_or(&self.requests, |zone| self.zone(zone).map_or(&self.requests, |zone| &zone.requests))
    }

    /// An earlier call, the newest first: usually one of the same author.
    pub fn pick_request(&self, scope: Option<&str>, pick: u8) -> Option<Answered> {
        let mine = |it: &&Answered| pick >= 200 || it.actor == self.author.actor;
        let known: Vec<_> = self.requests(scope).iter().rev().filter(mine).collect();
        let chosen = usize::from(pick).checked_rem(known.len())?;
        known.get(chosen).copied().cloned()
    }

    fn log_and_requests(&mut self, scope: Option<&str>) -> (&mut Log, &mut Vec<Answered>) {
        let Self { log, requests, zones, .. } = self;
        match scope.and_then(|id| zones.iter_mut().find(|zone| zone.id == id)) {
            Some(zone) => (&mut zone.log, &mut zone.requests),
            None => (log, requests),
        }
    }

    /// The expected result of a call: the first one under the same idempotency key; otherwise its own, if its
    /// preconditions hold and the zone is not suspended. A call with a key and without effect adds an entry.
    pub fn answer(
        &mut self,
        scope: Option<&str>,
        (asked, again): (Asked, Again),
        tally: &mut Tally,
        call: impl FnOnce(&mut Self) -> Expected,
    ) -> Expected {
        self.then = None;
        if let Some(known) = self.requests(scope).iter().find(|it| it.asked.request == asked.request)
            && asked.request.is_some()
        {
            return if known.asked == asked && known.actor == self.author.actor {
                *tally.entry("Replayed".to_owned()).or_default() += 1;
                let (answer, then) = (self.answered(known), known.zone.clone());
                self.then = then;
                answer
            } else {
                Err(one("request_conflict"))
            };
        }
        self.check_demands(scope, &asked.preconditions, tally)?;
        let author = self.author.clone();
        let suspended = scope.is_some_and(|zone| self.zone(zone).is_ok_and(|zone| zone.suspended));
        let mut broken = Broken::new();
        if suspended && !["suspend", "resume"].contains(&asked.what.as_str()) {
            broken.insert("suspended".to_owned());
        }
        let (log, _) = self.log_and_requests(scope);
        let before = log.entries.len();
        if asked.request.is_some() {
            broken.extend(if scope.is_some() { clock_rules(log, &author) } else { store_clock_rules(log, &author) });
        }
        check(broken)?;
        let answer = call(self)?;
        let (log, requests) = self.log_and_requests(scope);
        if asked.request.is_some() {
            if log.entries.len() == before {
                log.append(&author, json!({"kind": "unchanged"}));
            }
            for entry in &mut log.entries[before..] {
                entry.request = asked.request;
            }
            requests.push(Answered { asked, again, actor: author.actor, answer: answer.clone(), zone: None });
            let left =
                scope.and_then(|id| self.zone(id).ok()).map(|zone| Zone { requests: Vec::new(), ..zone.clone() });
            if let Some(answered) = self.log_and_requests(scope).1.last_mut() {
                answered.zone = left.map(Rc::new);
            }
        }
        Ok(answer)
    }

    /// The result of `f` on the zones as a write reads them: after a repeated call, its zone is as of the end of the
    /// first call, as far as its own log shows.
    pub fn as_read<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> T {
        let Some(mut then) = self.then.clone().map(Rc::unwrap_or_clone) else { return f(self) };
        // The zone's log does not show yet that its default was archived.
        then.default_schema = then.default_schema.or(then.archived_default.take());
        let place = self.zones.iter().position(|zone| zone.id == then.id).unwrap();
        let now = std::mem::replace(&mut self.zones[place], then);
        let value = f(self);
        self.zones[place] = now;
        value
    }

    /// The first answer; but a created zone is returned in its present state.
    fn answered(&self, known: &Answered) -> Expected {
        match known.asked.what.starts_with("create_zone") {
            true => {
                let zone = self.zones.iter().find(|zone| known.answer["log_id"] == zone.log.id);
                zone.map(Zone::view).ok_or_else(|| one("not_found zone"))
            }
            false => Ok(known.answer.clone()),
        }
    }

    fn check_demands(
        &self,
        scope: Option<&str>,
        preconditions: &[Demanded],
        tally: &mut Tally,
    ) -> std::result::Result<(), Broken> {
        let Some(zone) = scope.and_then(|zone| self.zone(zone).ok()) else { return Ok(()) };
        for expected in preconditions {
            let holds = expected.at_present(zone)? == *expected;
            let name: String = format!("{expected:?}").chars().take_while(char::is_ascii_alphabetic).collect();
            *tally.entry(format!("{name}{}", if holds { "Holds" } else { "Fails" })).or_default() += 1;
            if !holds {
                return Err(one("precondition_failed"));
            }
        }
        Ok(())
    }
}
