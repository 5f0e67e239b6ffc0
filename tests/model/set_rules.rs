//! The rules for writes to policy sets: the rules that a call breaks, and its effect if it breaks none.

use std::collections::BTreeSet;

use policy_store::Pin;
use serde_json::{Value, json};

use super::rules::{assert_generated, clock_rules, new_id};
use super::state::{Broken, Expected, Set, SetVersion, State, check, one, owner_rules, sha, text_rules};

/// Policy sets and their versions.
impl State {
    pub fn create_set(&mut self, zone: &str, own: Option<&str>, name: &str, for_users: bool, told: &Value) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let (mut broken, id) = new_id(own, told, |id| zone.set(id).is_ok(), "policy set");
        broken.extend(text_rules(name, 256, false));
        broken.extend(clock_rules(&zone.log, author));
        check(broken)?;
        let target_type = if for_users { "user" } else { "zone" };
        let change = json!({
            "kind": "policy_set_created", "policy_set_id": id, "name": name, "target_type": target_type,
        });
        let created = zone.log.append(author, change);
        if own.is_none() {
            assert_generated(told, &id, &created);
            assert!(zone.set(&id).is_err(), "`{id}` is taken");
        }
        zone.sets.push(Set {
            id,
            name: name.to_owned(),
            for_users,
            user: None,
            revision: created.position,
            created,
            updated: None,
            archived: None,
            versions: Vec::new(),
        });
        Ok(zone.set_view(zone.sets.len() - 1))
    }

    /// The index of a set that may be changed.
    fn changeable_set(&self, zone: &str, id: &str, also_archived: bool) -> Result<(usize, Broken), Broken> {
        let set = self.zone(zone)?.set(id)?;
        let mut broken = owner_rules(&set.created.by, &self.author.actor, "policy set");
        if set.archived.is_some() && !also_archived {
            broken.insert("archived policy set".to_owned());
        }
        Ok((self.set_place(zone, id).unwrap_or_default(), broken))
    }

    pub fn rename_set(&mut self, zone: &str, id: &str, name: &str) -> Expected {
        let (place, mut broken) = self.changeable_set(zone, id, false)?;
        let (author, zone) = self.zone_mut(zone)?;
        broken.extend(text_rules(name, 256, false));
        let same = zone.sets[place].name == name;
        if !same {
            broken.extend(clock_rules(&zone.log, author));
        }
        check(broken)?;
        if !same {
            let change = json!({"kind": "policy_set_updated", "policy_set_id": id, "name": name});
            let mark = zone.log.append(author, change);
            let set = &mut zone.sets[place];
            (set.name, set.revision) = (name.to_owned(), mark.position);
            set.updated = Some(mark);
        }
        Ok(zone.set_view(place))
    }

    pub fn archive_set(&mut self, zone: &str, id: &str) -> Expected {
        let (place, mut broken) = self.changeable_set(zone, id, true)?;
        let (author, zone) = self.zone_mut(zone)?;
        let archived = zone.sets[place].archived.is_some();
        if !archived {
            broken.extend(clock_rules(&zone.log, author));
            if zone.active(place).or(zone.observed(place)).or(zone.guarding(place)).is_some() {
                broken.insert("in_force policy set".to_owned());
            }
        }
        check(broken)?;
        if !archived {
            let mark = zone.log.append(author, json!({"kind": "policy_set_archived", "policy_set_id": id}));
            let set = &mut zone.sets[place];
            set.revision = mark.position;
            set.archived = Some(mark);
        }
        Ok(zone.set_view(place))
    }

    pub fn create_set_version(
        &mut self,
        zone: &str,
        set: &str,
        own: Option<&str>,
        (schema, pins): (&str, &[Pin]),
        told: &Value,
    ) -> Expected {
        let (place, mut broken) = self.changeable_set(zone, set, false)?;
        broken.extend(self.schema_rules(schema));
        if pins.len() > 1_000 {
            broken.insert("too_large".to_owned());
        }
        let policies: BTreeSet<&str> = pins.iter().map(|pin| pin.policy_id.as_str()).collect();
        if policies.len() < pins.len() {
            broken.insert("duplicate_policy".to_owned());
        }
        for pin in pins {
            broken.extend(self.pin_rules(zone, schema, pin));
        }
        let (author, zone) = self.zone_mut(zone)?;
        let (wrong_id, id) = new_id(own, told, |id| zone.set_version(id).is_ok(), "policy set version");
        broken.extend(wrong_id);
        broken.extend(clock_rules(&zone.log, author));
        check(broken)?;
        let mut entries = Vec::new();
        for pin in pins {
            let (_, _, version) = zone.version(&pin.policy_version_id)?;
            entries.push((pin.policy_id.clone(), pin.policy_version_id.clone(), sha(&version.content.text)));
        }
        entries.sort();
        let number = zone.sets[place].versions.len() + 1;
        let (schema_of, tests, archived) = (schema.to_owned(), None, None);
        let new = |created| SetVersion { id: id.clone(), schema: schema_of, entries, tests, created, archived };
        let position = zone.log.entries.len();
        let mut version = new(super::state::Mark { at: 0, by: author.actor.clone(), position });
        let change = json!({
            "kind": "policy_set_version_created", "policy_set_id": set, "policy_set_version_id": id,
            "version": number, "manifest_sha": version.manifest_sha(), "schema_version": schema,
        });
        version.created = zone.log.append(author, change);
        if own.is_none() {
            assert_generated(told, &id, &version.created);
            assert!(zone.set_version(&id).is_err(), "`{id}` is taken");
        }
        zone.sets[place].revision = position;
        zone.sets[place].versions.push(version);
        Ok(zone.set_version_view(place, number - 1))
    }

    /// The rules for one pin of a manifest under a schema.
    fn pin_rules(&self, zone: &str, schema: &str, pin: &Pin) -> Broken {
        let Ok(zone) = self.zone(zone) else { return Broken::new() };
        let mut broken = Broken::new();
        match zone.policy(&pin.policy_id) {
            Ok(policy) if policy.archived.is_some() => broken.extend(one("archived policy")),
            Ok(_) => {}
            Err(missing) => broken.extend(missing),
        }
        let (policy, version) = match zone.version(&pin.policy_version_id) {
            Ok((policy, _, version)) => (policy, version),
            Err(missing) => {
                broken.extend(missing);
                return broken;
            }
        };
        let misfit = |vocabulary| version.content.statements.iter().any(|it| !it.fits(vocabulary));
        for (wrong, rule) in [
            (policy.id != pin.policy_id, "foreign_version"),
            (pin.sha.is_some_and(|given| given.to_string() != sha(&version.content.text)), "wrong_sha"),
            (version.archived.is_some(), "archived policy version"),
            (self.schema(schema).is_ok_and(|schema| misfit(schema.vocabulary)), "policy_validation"),
        ] {
            if wrong {
                broken.insert(rule.to_owned());
            }
        }
        broken
    }

    pub fn archive_set_version(&mut self, zone: &str, id: &str) -> Expected {
        let (author, zone) = self.zone_mut(zone)?;
        let (set, place) = zone.set_version(id)?;
        let version = &zone.sets[set].versions[place];
        let mut broken = owner_rules(&version.created.by, &author.actor, "policy set version");
        let archived = version.archived.is_some();
        if !archived {
            broken.extend(clock_rules(&zone.log, author));
            if [zone.active(set), zone.observed(set), zone.guarding(set)].contains(&Some(place)) {
                broken.insert("in_force policy set version".to_owned());
            }
        }
        check(broken)?;
        if !archived {
            let mut change = zone.bound_to((set, place));
            change["kind"] = json!("policy_set_version_archived");
            zone.sets[set].versions[place].archived = Some(zone.log.append(author, change));
        }
        Ok(zone.set_version_view(set, place))
    }
}
