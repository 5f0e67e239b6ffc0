//! Which policy sets a list is asked for.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};
use super::terms::{Terms, lower};
use crate::types::actor::OwnerType;
use crate::types::error::Result;
use crate::types::limits;
use crate::types::target::TargetType;

/// Which policy sets to list. The default is every set for the zone, and none for users.
///
/// Values and search terms combine as in a [`PolicyFilter`](crate::PolicyFilter).
///
/// ```
/// use policy_store::PolicySetFilter;
/// let idle = PolicySetFilter::new().any_target().active(false);
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicySetFilter {
    active: BTreeSet<bool>,
    owner_types: BTreeSet<OwnerType>,
    target_types: BTreeSet<TargetType>,
    any_target: bool,
    any: Vec<String>,
    name: Vec<String>,
}

impl PolicySetFilter {
    /// All sets for the zone.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a version in force, or without one.
    pub fn active(mut self, active: bool) -> Self {
        self.active.insert(active);
        self
    }

    /// Managed by this kind of owner.
    pub fn owner_type(mut self, owner_type: OwnerType) -> Self {
        self.owner_types.insert(owner_type);
        self
    }

    /// For this kind of target, in the place of the zone.
    pub fn target_type(mut self, target_type: TargetType) -> Self {
        self.target_types.insert(target_type);
        self
    }

    /// For whatever target, those that were named before included.
    pub fn any_target(mut self) -> Self {
        self.any_target = true;
        self
    }

    /// With this term in any text that can be searched, which is the name: up to 256 bytes.
    pub fn any(mut self, term: impl Into<String>) -> Self {
        self.any.push(term.into());
        self
    }

    /// With this term in the name: up to 256 bytes.
    pub fn name(mut self, term: impl Into<String>) -> Self {
        self.name.push(term.into());
        self
    }

    pub(crate) fn check(&self) -> Result<WantedPolicySets> {
        let target_types = match (self.any_target, self.target_types.is_empty()) {
            (true, _) => BTreeSet::new(),
            (false, true) => BTreeSet::from([TargetType::Zone]),
            (false, false) => self.target_types.clone(),
        };
        Ok(WantedPolicySets {
            active: only(&self.active),
            owner_types: self.owner_types.clone(),
            target_types,
            any: Terms::new("search term", &self.any, limits::NAME_BYTES)?,
            name: Terms::new("search term for a name", &self.name, limits::NAME_BYTES)?,
        })
    }
}

/// A filter of policy sets that was checked.
#[derive(Clone, Debug)]
pub(crate) struct WantedPolicySets {
    pub active: Option<bool>,
    owner_types: BTreeSet<OwnerType>,
    /// Empty for any.
    target_types: BTreeSet<TargetType>,
    any: Terms,
    name: Terms,
}

impl WantedPolicySets {
    /// The same, but only sets that are active, or only the others.
    pub(crate) fn only_active(self, active: bool) -> Self {
        Self { active: Some(active), ..self }
    }

    /// Whether it depends on nothing but the kind of target.
    pub(crate) fn is_by_target(&self) -> bool {
        self.active.is_none() && self.owner_types.is_empty() && !self.reads_name()
    }

    /// Whether it depends on the name.
    pub(crate) fn reads_name(&self) -> bool {
        !(self.any.is_empty() && self.name.is_empty())
    }

    pub(crate) fn takes_owner(&self, owner_type: OwnerType) -> bool {
        self.owner_types.is_empty() || self.owner_types.contains(&owner_type)
    }

    pub(crate) fn takes_target(&self, target_type: TargetType) -> bool {
        self.target_types.is_empty() || self.target_types.contains(&target_type)
    }

    pub(crate) fn takes_name(&self, name: &str) -> bool {
        let name = lower(name);
        self.any.match_any(&[name.as_str()]) && self.name.match_any(&[name.as_str()])
    }

    /// What cursors are bound to.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default()
            .with(Field::OwnerType, self.owner_types.iter().map(|owner_type| owner_type.as_str()))
            .with(Field::TargetType, self.target_types.iter().map(|target_type| target_type.as_str()))
            .with(Field::Active, self.active.map(flag))
            .with(Field::Any, self.any.iter())
            .with(Field::Name, self.name.iter())
            .done()
    }
}
