//! The guardrail of a zone: the actors' rights in a zone with one, the rules for a guardrail, and its part in
//! decisions.

use std::collections::BTreeSet;

use policy_store::{Actor, BindingMode, OwnerType, Target};

use super::state::{Broken, State, Zone};

impl Zone {
    /// The indexes of the guardrail's set and version as of `length` entries.
    pub fn guardrail_at(&self, length: usize) -> Option<(usize, usize)> {
        self.bound_at(&Target::Zone, BindingMode::Guardrail, length)?.bound
    }

    /// The version of a set that is the guardrail.
    pub fn guarding(&self, set: usize) -> Option<usize> {
        self.bound(set, BindingMode::Guardrail).map(|(_, version)| version)
    }

    /// A customer may not suspend, erase or copy a zone with a guardrail.
    pub fn guarded_rules(&self, actor: &Actor) -> Broken {
        let reserved = self.guardrail_at(usize::MAX).is_some() && actor.owner_type() == OwnerType::Customer;
        reserved.then(|| "guardrail_reserved".to_owned()).into_iter().collect()
    }

    /// The schemas of all active and shadow versions.
    fn bound_schemas(&self) -> BTreeSet<&str> {
        let bound = (0..self.sets.len()).flat_map(|set| {
            let versions = [self.active(set), self.observed(set)].into_iter().flatten();
            versions.map(move |version| self.sets[set].versions[version].schema.as_str())
        });
        bound.collect()
    }

    fn permits(&self, (set, version): (usize, usize)) -> bool {
        let mut pinned = self.sets[set].versions[version].entries.iter();
        pinned.any(|(_, id, _)| self.version(id).unwrap().2.content.statements.iter().any(|it| it.permit))
    }
}

impl State {
    /// Whether the statements of a set version validate with another schema.
    pub fn fits(&self, zone: &Zone, (set, version): (usize, usize), schema: &str) -> bool {
        let vocabulary = self.schema(schema).unwrap().vocabulary;
        let mut pinned = zone.sets[set].versions[version].entries.iter();
        pinned.all(|(_, id, _)| zone.version(id).unwrap().2.content.statements.iter().all(|it| it.fits(vocabulary)))
    }

    /// All versions that are evaluated together must validate against one schema; and the rules for the guardrail
    /// itself.
    pub fn guardrail_rules(&self, zone: &str, place: (usize, usize), mode: BindingMode) -> Broken {
        let mut broken = Broken::new();
        let Ok(zone) = self.zone(zone) else { return broken };
        let fits = match mode {
            BindingMode::Guardrail => {
                if zone.permits(place) {
                    broken.insert("guardrail_permits".to_owned());
                }
                zone.bound_schemas().into_iter().all(|schema| self.fits(zone, place, schema))
            }
            _ => {
                let schema = zone.sets[place.0].versions[place.1].schema.as_str();
                zone.guardrail_at(usize::MAX).is_none_or(|guardrail| self.fits(zone, guardrail, schema))
            }
        };
        if !fits {
            broken.insert("guardrail_schema".to_owned());
        }
        broken
    }
}
