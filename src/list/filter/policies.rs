//! The filter of the list of policies.

use std::collections::BTreeSet;

use super::bytes::{Field, FilterBytes};
use super::terms::{Terms, lower};
use crate::types::actor::OwnerType;
use crate::types::error::{Result, at_most};
use crate::types::id::PolicyId;
use crate::types::limits;

/// A filter of policies. The default passes all.
///
/// Repeated values of one field are alternatives; different fields must all match. A field without values matches every
/// policy, and each field takes at most [`FILTER_VALUES`](limits::FILTER_VALUES) values.
///
/// Search terms are case-insensitive substrings of at least 1 character: both sides are lower-cased character by
/// character by Unicode's table.
///
/// ```
/// use policy_store::{OwnerType, PolicyFilter};
/// let mine = PolicyFilter::new().owner_type(OwnerType::Customer).name("billing").name("invoice");
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct PolicyFilter {
    ids: Vec<String>,
    owner_types: BTreeSet<OwnerType>,
    any: Vec<String>,
    name: Vec<String>,
    description: Vec<String>,
}

impl PolicyFilter {
    /// A filter that passes all policies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Passes the policy with this id. A list by ids is a single page without cursors. Its default limit is the number
    /// of ids, and a smaller limit cuts it off. Unknown ids are left out, and repeated ids count once.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.ids.push(id.into());
        self
    }

    /// Passes the policies with these ids, as [`id`](PolicyFilter::id). An empty sequence adds no condition.
    pub fn ids<I: Into<String>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        self.ids.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Passes policies with this kind of owner.
    pub fn owner_type(mut self, owner_type: OwnerType) -> Self {
        self.owner_types.insert(owner_type);
        self
    }

    /// Passes policies with this term in the name or the description: up to 4,096 bytes.
    pub fn any(mut self, term: impl Into<String>) -> Self {
        self.any.push(term.into());
        self
    }

    /// Passes policies with this term in the name: up to 256 bytes.
    pub fn name(mut self, term: impl Into<String>) -> Self {
        self.name.push(term.into());
        self
    }

    /// Passes policies with this term in the description: up to 4,096 bytes. A policy without a description does not
    /// pass.
    pub fn description(mut self, term: impl Into<String>) -> Self {
        self.description.push(term.into());
        self
    }

    pub(crate) fn check(&self) -> Result<WantedPolicies> {
        at_most("ids of the filter", self.ids.len(), limits::FILTER_VALUES)?;
        // A malformed id is treated as an unknown id.
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

/// A checked filter of policies.
#[derive(Debug)]
pub(crate) struct WantedPolicies {
    /// The number of ids given, and the well-formed ones among them.
    pub ids: Option<(usize, BTreeSet<PolicyId>)>,
    owner_types: BTreeSet<OwnerType>,
    any: Terms,
    name: Terms,
    description: Terms,
}

impl WantedPolicies {
    /// Whether every policy passes.
    pub(crate) fn is_all(&self) -> bool {
        self.ids.is_none() && self.owner_types.is_empty() && !self.reads_texts()
    }

    /// Whether the filter depends on the name or the description.
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

    /// The bytes that cursors contain. Lists by ids have no cursors.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        FilterBytes::default()
            .with(Field::OwnerType, self.owner_types.iter().map(|owner_type| owner_type.as_str()))
            .with(Field::Any, self.any.iter())
            .with(Field::Name, self.name.iter())
            .with(Field::Description, self.description.iter())
            .done()
    }
}
