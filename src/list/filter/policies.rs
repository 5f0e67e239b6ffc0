//! Which policies a list is asked for.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes};
use super::terms::{Terms, lower};
use crate::types::actor::OwnerType;
use crate::types::error::{Result, at_most};
use crate::types::id::PolicyId;
use crate::types::limits;

/// Which policies to list. The default is all.
///
/// Values of the same kind are alternatives: a policy passes if one of them fits. It must pass every kind that is given. A
/// kind that no value was given of lets everything pass.
///
/// Search terms are substrings of 1 character or more, found whatever the case: both sides are lower-cased character by
/// character after Unicode's table. There are at most [`FILTER_VALUES`](limits::FILTER_VALUES) of each kind.
///
/// ```
/// use policy_store::{OwnerType, PolicyFilter};
/// let mine = PolicyFilter::new().owner_type(OwnerType::Customer).name("billing").name("invoice");
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicyFilter {
    ids: Vec<String>,
    owner_types: BTreeSet<OwnerType>,
    any: Vec<String>,
    name: Vec<String>,
    description: Vec<String>,
}

impl PolicyFilter {
    /// All policies.
    pub fn new() -> Self {
        Self::default()
    }

    /// With this id. A list by ids is one page: it takes and gives no cursors, its limit is by default the number of
    /// ids, and what is over a smaller limit is left out. An id that the zone does not have is left out too, and one
    /// that is given twice counts once.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.ids.push(id.into());
        self
    }

    /// With one of these ids, as [`id`](PolicyFilter::id). None at all is no filter.
    pub fn ids<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.ids.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Managed by this kind of owner.
    pub fn owner_type(mut self, owner_type: OwnerType) -> Self {
        self.owner_types.insert(owner_type);
        self
    }

    /// With this term in the name or the description: up to 4,096 bytes.
    pub fn any(mut self, term: impl Into<String>) -> Self {
        self.any.push(term.into());
        self
    }

    /// With this term in the name: up to 256 bytes.
    pub fn name(mut self, term: impl Into<String>) -> Self {
        self.name.push(term.into());
        self
    }

    /// With this term in the description: up to 4,096 bytes. A policy without a description does not pass.
    pub fn description(mut self, term: impl Into<String>) -> Self {
        self.description.push(term.into());
        self
    }

    pub(crate) fn check(&self) -> Result<WantedPolicies> {
        at_most("ids of the filter", self.ids.len(), limits::FILTER_VALUES)?;
        // An id that nothing can have is one that is not there.
        let known = |ids: &[String]| ids.iter().filter_map(|id| PolicyId::new(id.as_str()).ok()).collect();
        Ok(WantedPolicies {
            ids: (!self.ids.is_empty()).then(|| (self.ids.iter().collect::<BTreeSet<_>>().len(), known(&self.ids))),
            owner_types: self.owner_types.clone(),
            any: Terms::new("search term", &self.any, limits::DESCRIPTION_BYTES)?,
            name: Terms::new("search term for a name", &self.name, limits::NAME_BYTES)?,
            description: Terms::new("search term for a description", &self.description, limits::DESCRIPTION_BYTES)?,
        })
    }
}

/// A filter of policies that was checked.
#[derive(Debug)]
pub(crate) struct WantedPolicies {
    /// How many ids were given, and those of them that a policy can have.
    pub ids: Option<(usize, BTreeSet<PolicyId>)>,
    owner_types: BTreeSet<OwnerType>,
    any: Terms,
    name: Terms,
    description: Terms,
}

impl WantedPolicies {
    /// Whether all policies are wanted.
    pub(crate) fn is_all(&self) -> bool {
        self.ids.is_none() && self.owner_types.is_empty() && !self.reads_texts()
    }

    /// Whether it depends on the name or the description.
    pub(crate) fn reads_texts(&self) -> bool {
        ![&self.any, &self.name, &self.description].into_iter().all(Terms::is_empty)
    }

    pub(crate) fn takes_owner(&self, owner_type: OwnerType) -> bool {
        self.owner_types.is_empty() || self.owner_types.contains(&owner_type)
    }

    pub(crate) fn takes_texts(&self, name: &str, description: Option<&str>) -> bool {
        let (name, description) = (lower(name), description.map(lower));
        let description = description.as_deref();
        self.any.match_any(&[name.as_str(), description.unwrap_or_default()])
            && self.name.match_any(&[name.as_str()])
            && self.description.match_any(description.as_slice())
    }

    /// What cursors are bound to. Lists by id have none.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default()
            .with(Field::OwnerType, self.owner_types.iter().map(|owner_type| owner_type.as_str()))
            .with(Field::Any, self.any.iter())
            .with(Field::Name, self.name.iter())
            .with(Field::Description, self.description.iter())
            .done()
    }
}
