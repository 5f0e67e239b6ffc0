//! What may be bound, in force or under observation: which rules a call breaks, and what it changes if it breaks none.

use policy_store::{BindingMode, Target};
use serde_json::json;

use super::rules::clock_rules;
use super::state::{Binding, Broken, Expected, State, Zone, check, owner_rules, text_rules};

/// How a target breaks the rules by itself.
pub fn target_rules(target: &Target) -> Broken {
    match target {
        Target::User(id) => text_rules(id, 256, false),
        _ => Broken::new(),
    }
}

impl Zone {
    /// A set for users has one: that of its first activation, or until then the one that it is observed for.
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
        let (author, zone) = self.zone_mut(zone)?;
        let mut broken = target_rules(target);
        let (place, number) = match zone.set_version(version) {
            Ok(found) => found,
            Err(missing) => return Err(missing.into_iter().chain(broken).collect()),
        };
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
        }
        check(broken)?;
        if !same {
            let (to, from) = (zone.bound_to((place, number)), before.map(|before| zone.bound_to(before)));
            let change = json!({"kind": "bound", "target": target, "mode": mode, "to": to, "from": from});
            let mark = zone.log.append(author, change);
            for changed in before.map(|(set, _)| set).into_iter().chain([place]) {
                zone.sets[changed].revision = mark.position;
            }
            if let (Target::User(user), true) = (target, fixes_user) {
                zone.sets[place].user = Some(user.clone());
            }
            zone.bindings.push(Binding { target: target.clone(), mode, bound: Some((place, number)), mark });
        }
        zone.bound_view(target, mode, usize::MAX)
    }

    pub fn unbind(&mut self, zone: &str, target: &Target, mode: BindingMode) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        check(target_rules(target))?;
        let mut broken = clock_rules(&zone.log, author);
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
