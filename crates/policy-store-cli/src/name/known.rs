//! The names of policies and policy sets by their ids, each looked up once.

use std::collections::HashMap;

use policy_store::{Committed, PolicyId, PolicySetId, Zone};

/// Names that were looked up. An id that is not found is its own name.
pub struct KnownNames<M> {
    zone: Zone<M>,
    policies: HashMap<PolicyId, String>,
    sets: HashMap<PolicySetId, String>,
}

impl<M: Committed> KnownNames<M> {
    /// No names yet.
    pub fn new(zone: &Zone<M>) -> Self {
        Self { zone: zone.clone(), policies: HashMap::new(), sets: HashMap::new() }
    }

    /// The zone of the names.
    pub fn zone(&self) -> &Zone<M> {
        &self.zone
    }

    /// The name of a policy.
    pub fn policy(&mut self, id: &PolicyId) -> String {
        let look_up = || self.zone.policy(id).map_or_else(|_| id.to_string(), |policy| policy.name);
        self.policies.entry(id.clone()).or_insert_with(look_up).clone()
    }

    /// The name of a policy set.
    pub fn policy_set(&mut self, id: &PolicySetId) -> String {
        let look_up = || self.zone.policy_set(id).map_or_else(|_| id.to_string(), |set| set.name);
        self.sets.entry(id.clone()).or_insert_with(look_up).clone()
    }
}
