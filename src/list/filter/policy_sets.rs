//! The filter of the list of policy sets.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes, flag, only};
use super::terms::{Terms, lower};
use crate::types::actor::OwnerType;
use crate::types::error::Result;
use crate::types::limits;
use crate::types::target::TargetType;

/// A filter of policy sets. The default passes every set for the zone, and none for users.
///
/// Values and search terms combine as in a [`PolicyFilter`](crate::PolicyFilter).
///
/// ```
/// use policy_store::PolicySetFilter;
/// let idle = PolicySetFilter::new().any_target().active(false);
/// ```
#[must_use]
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
    /// A filter that passes all policy sets for the zone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes policy sets with a version in force, or those without.
    pub fn active(mut self, active: bool) -> Self {
        self.active.insert(active);
        self
    }

    /// Passes policy sets with this kind of owner.
    pub fn owner_type(mut self, owner_type: OwnerType) -> Self {
        self.owner_types.insert(owner_type);
        self
    }

    /// Passes policy sets with this type of target, instead of only those for the zone.
    pub fn target_type(mut self, target_type: TargetType) -> Self {
        self.target_types.insert(target_type);
        self
    }

    /// Passes policy sets with any type of target, even after [`target_type`](Self::target_type).
    pub fn any_target(mut self) -> Self {
        self.any_target = true;
        self
    }

    /// Passes policy sets with this term in any searchable text, which is only the name: up to 256 bytes.
    pub fn any(mut self, term: impl Into<String>) -> Self {
        self.any.push(term.into());
        self
    }

    /// Passes policy sets with this term in the name: up to 256 bytes.
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

/// A checked filter of policy sets.
#[derive(Clone, Debug)]
pub(crate) struct WantedPolicySets {
    pub active: Option<bool>,
    owner_types: BTreeSet<OwnerType>,
    /// Empty for all types.
    target_types: BTreeSet<TargetType>,
    any: Terms,
    name: Terms,
}

impl WantedPolicySets {
    /// The same filter for active sets only, or for the others only.
    pub(crate) fn only_active(self, active: bool) -> Self {
        Self { active: Some(active), ..self }
    }

    /// Whether the filter depends on the target type only.
    pub(crate) fn is_by_target(&self) -> bool {
        self.active.is_none() && self.owner_types.is_empty() && !self.reads_name()
    }

    /// Whether the filter depends on the name.
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

    /// The bytes that cursors contain.
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
