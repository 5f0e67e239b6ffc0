//! The rules for active and shadow bindings: the rules that a call breaks, and its effect if it breaks none.

use policy_store::{BindingMode, OwnerType, Target};
use serde_json::{Value, json};

use super::rules::clock_rules;
use super::state::{Binding, Broken, Expected, State, Zone, check, one, owner_rules, text_rules};

/// The rules that a target itself breaks.
pub fn target_rules(target: &Target) -> Broken {
    match target {
        Target::User(id) => text_rules(id, 256, false),
        _ => Broken::new(),
    }
}

impl Zone {
    /// The target of a user set: that of its first activation, or, before that, of its shadow binding.
    fn takes(&self, place: usize, target: &Target) -> bool {
        let set = &self.sets[place];
        let Target::User(user) = target else { return !set.for_users };
        let observed = self.bound(place, BindingMode::Shadow).and_then(|(target, _)| match target {
            Target::User(user) => Some(user),
            _ => None,
        });
        set.for_users && set.user.as_ref().or(observed).is_none_or(|own| own == user)
    }
}

impl State {
    pub fn bind(&mut self, zone: &str, version: &str, target: &Target, mode: BindingMode) -> Expected {
        let mut broken = target_rules(target);
        if mode == BindingMode::Guardrail && self.author.actor.owner_type() == OwnerType::Customer {
            broken.insert("guardrail_reserved".to_owned());
        }
        let (place, number) = match self.zone(zone)?.set_version(version) {
            Ok(found) => found,
            Err(missing) => return Err(missing.into_iter().chain(broken).collect()),
        };
        let mut guardrail_rules = self.guardrail_rules(zone, (place, number), mode);
        if mode == BindingMode::Active {
            guardrail_rules.extend(self.demand_rules(zone, (place, number)));
        }
        let (author, zone) = self.zone_mut(zone)?;
        let set = &zone.sets[place];
        for (wrong, rule) in [
            (set.archived.is_some(), "archived policy set"),
            (set.versions[number].archived.is_some(), "archived policy set version"),
            (!zone.takes(place, target), "wrong_target"),
        ] {
            if wrong {
                broken.insert(rule.to_owned());
            }
        }
        let fixes_user = mode == BindingMode::Active && set.for_users && set.user.is_none();
        if fixes_user {
            broken.extend(owner_rules(&set.created.by, &author.actor, "policy set"));
        }
        let before = zone.bound_at(target, mode, usize::MAX).and_then(|before| before.bound);
        let same = before == Some((place, number));
        if !same {
            broken.extend(clock_rules(&zone.log, author));
            broken.extend(guardrail_rules);
        }
        check(broken)?;
        let mut replaced = Value::Null;
        if !same {
            let (to, from) = (zone.bound_to((place, number)), before.map(|before| zone.bound_to(before)));
            let change = json!({"kind": "bound", "target": target, "mode": mode, "to": to, "from": from});
            replaced = json!(from);
            let mark = zone.log.append(author, change);
            for changed in before.map(|(set, _)| set).into_iter().chain([place]) {
                zone.sets[changed].revision = mark.position;
            }
            if let (Target::User(user), true) = (target, fixes_user) {
                zone.sets[place].user = Some(user.clone());
            }
            zone.bindings.push(Binding { target: target.clone(), mode, bound: Some((place, number)), mark });
        }
        let binding = zone.bound_view(target, mode, usize::MAX)?;
        Ok(json!({"binding": binding, "replaced": replaced, "changed": !same}))
    }

    /// Rolls a target back to the newest other version that was in force.
    pub fn rollback(&mut self, zone: &str, target: &Target) -> Expected {
        check(target_rules(target))?;
        let its = self.zone(zone)?;
        let current = its.bound_at(target, BindingMode::Active, usize::MAX).and_then(|it| it.bound);
        let own = |it: &&Binding| it.target == *target && it.mode == BindingMode::Active && it.bound.is_some();
        let mut before = its.bindings.iter().rev().filter(own).map(|it| it.bound);
        let Some((set, version)) = before.find(|bound| *bound != current).flatten() else {
            return Err(one("no_earlier_binding"));
        };
        let version = its.sets[set].versions[version].id.clone();
        self.bind(zone, &version, target, BindingMode::Active)
    }

    pub fn unbind(&mut self, zone: &str, target: &Target, mode: BindingMode) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        check(target_rules(target))?;
        let mut broken = clock_rules(&zone.log, author);
        if mode == BindingMode::Guardrail && author.actor.owner_type() == OwnerType::Customer {
            broken.insert("guardrail_reserved".to_owned());
        }
        let Some(before) = zone.bound_at(target, mode, usize::MAX) else {
            broken.insert("not_bound".to_owned());
            return Err(broken);
        };
        check(broken)?;
        let (view, bound) = (zone.binding_view(before), before.bound);
        let from = bound.map(|bound| zone.bound_to(bound));
        let change = json!({"kind": "unbound", "target": target, "mode": mode, "from": from});
        let mark = zone.log.append(author, change);
        if let Some((set, _)) = bound {
            zone.sets[set].revision = mark.position;
        }
        zone.bindings.push(Binding { target: target.clone(), mode, bound: None, mark });
        Ok(view)
    }
}
