//! Test suites of policy set versions: the suites of operations, their results without Cedar, and the rules for keeping
//! and demanding them.

use policy_store::{Actor, OwnerType, TestSuite};
use serde_json::json;

use super::decisions::who_and_what;
use super::rules::clock_rules;
use super::state::{Broken, Expected, State, Zone, check, one, owner_rules};
use super::texts::{ACTIONS, PRINCIPALS, Vocabulary, entities};

/// The number of different suites.
pub const SUITES: u8 = 24;

/// The suite of a number: one case, with the decision and the number of errors that it expects.
pub fn suite(number: u8) -> TestSuite {
    let (principal, action) = who_and_what(number);
    let (allow, errors) = expects(number);
    let largest = Vocabulary { write: true, number: true };
    let decision = if allow { "allow" } else { "deny" };
    let text = format!(
        r#"[{{"request":{{"principal":"U::\"{}\"","action":"Action::\"{}\"","resource":"D::\"d\"","context":{{}}}},
        "entities":{},"decision":"{decision}","reason":[],"num_errors":{errors}}}]"#,
        PRINCIPALS[principal],
        ACTIONS[action],
        entities(largest),
    );
    TestSuite::from_json(text).unwrap()
}

fn expects(number: u8) -> (bool, usize) {
    ((number / 6).is_multiple_of(2), usize::from(number / 12 % 2))
}

impl State {
    /// Whether a version passes a suite: by its own statements alone.
    fn passes(&self, zone: &Zone, place: (usize, usize), number: u8) -> bool {
        let vocabulary = self.schema(&zone.sets[place.0].versions[place.1].schema).unwrap().vocabulary;
        let (_, action) = who_and_what(number);
        // The suite's entities have the number, and its request may be to write.
        let fits = vocabulary.number && (vocabulary.write || action == 0);
        let verdict = zone.verdict(&[place], number, false).unwrap();
        fits && (verdict.allow, verdict.failed.len()) == expects(number)
    }

    /// The rules for putting a version in force.
    pub fn demand_rules(&self, zone: &str, place: (usize, usize)) -> Broken {
        let Ok(zone) = self.zone(zone) else { return Broken::new() };
        match (&zone.required_by, zone.sets[place.0].versions[place.1].tests) {
            (None, _) => Broken::new(),
            (Some(_), None) => one("tests_missing"),
            (Some(_), Some(number)) if self.passes(zone, place, number) => Broken::new(),
            (Some(_), Some(_)) => one("tests_failed"),
        }
    }

    pub fn keep_tests(&mut self, zone: &str, id: &str, number: u8) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let (set, place) = zone.set_version(id)?;
        let version = &zone.sets[set].versions[place];
        let mut broken = owner_rules(&version.created.by, &author.actor, "policy set version");
        for (archived, rule) in [
            (version.archived.is_some(), "archived policy set version"),
            (zone.sets[set].archived.is_some(), "archived policy set"),
        ] {
            if archived {
                broken.insert(rule.to_owned());
            }
        }
        let same = version.tests == Some(number);
        if !same {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !same {
            let mut change = zone.bound_to((set, place));
            change["kind"] = json!("tests_kept");
            change["sha"] = json!(suite(number).sha());
            change["cases"] = json!(1);
            zone.log.append(author, change);
            zone.sets[set].versions[place].tests = Some(number);
        }
        Ok(zone.set_version_view(set, place))
    }

    pub fn require_tests(&mut self, zone: &str, required: bool) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let is_platform = |actor: &Actor| actor.owner_type() == OwnerType::Platform;
        let (by, platform) = (zone.required_by.as_ref().map(is_platform), is_platform(&author.actor));
        let changes = if required { by.is_none() || by == Some(false) && platform } else { by.is_some() };
        let mut broken = Broken::new();
        if !required && by == Some(true) && !platform {
            broken.insert("tests_reserved".to_owned());
        }
        if changes {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if changes {
            zone.log.append(author, json!({"kind": "tests_required", "required": required}));
            zone.required_by = required.then(|| author.actor.clone());
        }
        Ok(zone.view())
    }
}
