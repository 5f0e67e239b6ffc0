//! Filters of each kind, for the store and for the model. Different numbers are different filters, so that none accepts
//! the cursors of another.

use std::collections::BTreeSet;

use policy_store::{
    Actor, BindingFilter, BindingMode, ChangeKind, HistoryFilter, OwnerType, PolicyFilter, PolicySetFilter,
    SchemaFilter, Target, TargetType, Timestamp,
};
use serde_json::Value;

use super::state::{Broken, Policy, Zone, one};

/// The number of policy filters.
pub const POLICIES: u8 = 14;
/// The number of policy set filters.
pub const SETS: u8 = 12;
/// The number of binding filters.
pub const BINDINGS: u8 = 6;
/// The number of history filters.
pub const HISTORIES: u8 = 18;
/// The number of filters of a zone's schemas.
pub const SCHEMAS: u8 = 3;

/// The policy filter by ids.
const BY_IDS: u8 = 8;

/// Whether a text contains a term, ignoring case.
fn holds(text: &str, term: &str) -> bool {
    let lower = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    lower(text).contains(&lower(term))
}

impl Zone {
    /// Every second id, one of them twice, and two unknown ones.
    fn some_ids(&self) -> Vec<String> {
        let ids = self.policies.iter().step_by(2).take(90).map(|policy| policy.id.clone());
        let first = self.policies.first().map(|policy| policy.id.clone());
        ids.chain(first).chain(["none".to_owned(), "no id".to_owned()]).collect()
    }

    /// The number of ids, if the filter is one by ids.
    pub fn ids_given(&self, filter: u8) -> Option<usize> {
        (filter == BY_IDS).then(|| self.some_ids().into_iter().collect::<BTreeSet<_>>().len())
    }

    pub fn policy_filter(&self, filter: u8) -> PolicyFilter {
        let new = PolicyFilter::new();
        match filter {
            0 => new,
            1 => new.owner_type(OwnerType::Customer),
            2 => new.owner_type(OwnerType::Platform),
            3 => new.name("E 1"),
            4 => new.name("NAME 2").name("name 0"),
            5 => new.any("1"),
            6 => new.description("TEXT"),
            7 => new.owner_type(OwnerType::Customer).any("2").description("t"),
            BY_IDS => new.ids(self.some_ids()),
            9 => new.name("É"),
            10 => new.owner_type(OwnerType::Platform).owner_type(OwnerType::Customer),
            11 => new.name("1").any(""),
            12 => new.name("x".repeat(257)),
            _ => new.ids((0..101).map(|n| n.to_string())),
        }
    }

    /// Whether a policy matches, or the error of the filter.
    pub fn passes(&self, filter: u8, policy: &Policy) -> Result<bool, Broken> {
        let Policy { id, name, description, created, .. } = policy;
        let description = |term| description.as_ref().is_some_and(|text| holds(text, term));
        let owner = created.by.owner_type();
        Ok(match filter {
            0 | 10 => true,
            1 => owner == OwnerType::Customer,
            2 => owner == OwnerType::Platform,
            3 => holds(name, "e 1"),
            4 => holds(name, "name 0") || holds(name, "name 2"),
            5 => holds(name, "1") || description("1"),
            6 => description("text"),
            7 => owner == OwnerType::Customer && (holds(name, "2") || description("2")) && description("t"),
            BY_IDS => self.some_ids().contains(id),
            9 => holds(name, "é"),
            _ => {
                policy_filter_rules(filter)?;
                false
            }
        })
    }

    /// Whether a policy set matches, or the error of the filter.
    pub fn set_passes(&self, filter: u8, place: usize) -> Result<bool, Broken> {
        let set = &self.sets[place];
        let (active, owner) = (self.active(place).is_some(), set.created.by.owner_type());
        Ok(match filter {
            0 => true,
            1 => !set.for_users,
            2 => set.for_users,
            3 => active && !set.for_users,
            4 => !active,
            5 => owner == OwnerType::Platform,
            6 => holds(&set.name, "1"),
            7 => active && holds(&set.name, "name 0"),
            8 => owner == OwnerType::Customer && !set.for_users,
            9 => holds(&set.name, "1") || holds(&set.name, "2"),
            _ => {
                set_filter_rules(filter)?;
                false
            }
        })
    }
}

/// A filter of a zone's schemas, and whether the default and other schemas match it.
pub fn schema_filter(filter: u8) -> (SchemaFilter, fn(bool) -> bool) {
    match filter {
        0 => (SchemaFilter::new(), |_| true),
        1 => (SchemaFilter::new().is_default(true), |is_default| is_default),
        _ => (SchemaFilter::new().is_default(false), |is_default| !is_default),
    }
}

/// Whether a binding matches, by its target, its mode, and whether it has ended.
type Passes = fn(&Target, BindingMode, bool) -> bool;

/// A filter of bindings, and its condition.
pub fn binding_filter(filter: u8) -> (BindingFilter, Passes) {
    let new = BindingFilter::new();
    let user = |id: &str| Target::User(id.to_owned());
    match filter {
        0 => (new, |_, _, _| true),
        1 => (new.target(Target::Zone), |target, _, _| *target == Target::Zone),
        2 => (new.mode(BindingMode::Active).ended(false), |_, mode, ended| mode == BindingMode::Active && !ended),
        3 => (new.mode(BindingMode::Guardrail).mode(BindingMode::Shadow), |_, mode, _| mode != BindingMode::Active),
        4 => (new.ended(true), |_, _, ended| ended),
        _ => (new.target(user("ann")).target(user("an")), |target, _, _| *target != Target::Zone),
    }
}

/// Whether an entry matches, by the zone of its log and its view.
type PassesEntry = fn(Option<&str>, &Value) -> bool;

/// The time of some history filters: early in a run. Entries have times before and after it.
const EARLY: i64 = 1_771_939_200_000_000 + 3_000;

fn early() -> Timestamp {
    Timestamp::from_micros(EARLY)
}

fn is_late(entry: &Value) -> bool {
    entry["created_at"].as_str().unwrap().parse::<Timestamp>().unwrap() >= early()
}

fn is_of(entry: &Value, kinds: &[&str]) -> bool {
    kinds.iter().any(|kind| entry["change"]["kind"] == *kind)
}

fn is_of_set(entry: &Value, set: &str) -> bool {
    let change = &entry["change"];
    [change, &change["to"], &change["from"]].iter().any(|part| part["policy_set_id"] == set)
}

/// A history filter, valid or not.
pub fn any_history_filter(filter: u8) -> HistoryFilter {
    let new = HistoryFilter::new();
    let later = Timestamp::from_micros(EARLY + 1);
    match history_filter(filter) {
        Ok((filter, _)) => filter,
        Err(_) if filter == 14 => new.since(later).until(early()),
        Err(_) if filter == 15 => new.target(Target::User(String::new())),
        Err(_) => (0..101).fold(new, |new, n| new.policy(n.to_string())),
    }
}

/// A history filter and its condition, or the error of the filter.
pub fn history_filter(filter: u8) -> Result<(HistoryFilter, PassesEntry), Broken> {
    let new = HistoryFilter::new();
    Ok(match filter {
        0 => (new, |_, _| true),
        1 => {
            let filter = new.kind(ChangeKind::PolicyCreated).kind(ChangeKind::PolicyVersionCreated);
            (filter, |_, entry| is_of(entry, &["policy_created", "policy_version_created"]))
        }
        2 => (new.by(Actor::customer("ann").unwrap()), |_, entry| {
            entry["created_by"]["id"] == "ann" && entry["created_by"]["owner_type"] == "customer"
        }),
        3 => (new.by(Actor::platform("ops").unwrap()).kind(ChangeKind::Bound), |_, entry| {
            entry["created_by"]["id"] == "ops" && is_of(entry, &["bound"])
        }),
        4 => (new.since(early()), |_, entry| is_late(entry)),
        5 => (new.until(early()), |_, entry| !is_late(entry)),
        6 => (new.policy("p0").policy("p1"), |_, entry| {
            entry["change"]["policy_id"] == "p0" || entry["change"]["policy_id"] == "p1"
        }),
        7 => (new.policy_set("s0"), |_, entry| is_of_set(entry, "s0")),
        8 => (new.schema("s1").since(early()), |_, entry| {
            let of_schema = ["schema_published", "schema_status_changed", "default_schema_changed"];
            is_late(entry) && is_of(entry, &of_schema) && entry["change"]["version"] == "s1"
        }),
        9 => (new.zone("z1"), |zone, entry| zone.map_or(entry["change"]["zone_id"] == "z1", |zone| zone == "z1")),
        10 => (new.zone("z0").zone("z1").kind(ChangeKind::ZoneCreated), |zone, entry| {
            is_of(entry, &["zone_created"])
                && entry["change"]["zone_id"].as_str().is_some_and(|id| id < "z2")
                && zone.is_none_or(|zone| zone == entry["change"]["zone_id"])
        }),
        11 => (new.target(Target::Zone), |_, entry| entry["change"]["target"] == "zone"),
        12 => (new.target(Target::user("ann")).target(Target::user("an")).kind(ChangeKind::Bound), |_, entry| {
            is_of(entry, &["bound"]) && ["ann", "an"].iter().any(|user| entry["change"]["target"]["user"] == *user)
        }),
        13 => (new.policy("p0").policy_set("s0"), |_, _| false),
        14 | 15 => return Err(one("invalid_input")),
        16 => return Err(one("too_large")),
        _ => (new.since(early()).until(early()), |_, _| false),
    })
}

/// The error of a policy filter, for every list.
pub fn policy_filter_rules(filter: u8) -> Result<(), Broken> {
    match filter {
        11 => Err(one("invalid_input")),
        12 | 13 => Err(one("too_large")),
        _ => Ok(()),
    }
}

pub fn set_filter(filter: u8) -> PolicySetFilter {
    let (new, any) = (PolicySetFilter::new(), PolicySetFilter::new().any_target());
    match filter {
        0 => any,
        1 => new,
        2 => new.target_type(TargetType::User),
        3 => new.active(true),
        4 => any.active(false),
        5 => any.owner_type(OwnerType::Platform),
        6 => any.name("1"),
        7 => any.any("NAME 0").active(true),
        8 => new.owner_type(OwnerType::Customer).target_type(TargetType::Zone),
        9 => any.name("2").name("1"),
        10 => new.name(""),
        _ => (0..101).fold(new, |new, n| new.any(n.to_string())),
    }
}

/// The error of a policy set filter, for every list.
pub fn set_filter_rules(filter: u8) -> Result<(), Broken> {
    match filter {
        10 => Err(one("invalid_input")),
        11 => Err(one("too_large")),
        _ => Ok(()),
    }
}
