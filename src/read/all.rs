//! Every list of a store and of a zone, item by item: beside each method that returns a page, one that returns all of it.

use std::sync::Arc;

use super::moment::Committed;
use super::zone::Zone;
use crate::list::filter::{PolicyFilter, PolicySetFilter, SchemaFilter};
use crate::list::items::Items;
use crate::list::page::PageRequest;
use crate::resource::history::HistoryEntry;
use crate::resource::policy::Policy;
use crate::resource::policy_set::PolicySet;
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::policy_version::PolicyVersion;
use crate::resource::schema::ZoneSchema;
use crate::types::syntax::Include;

/// Whole lists. Each starts where `list` says and goes on to the end; an error of the method without `_iter` is an item.
impl<M: Committed> Zone<M> {
    /// The policies of the zone, one after the other: see [`policies`](Self::policies).
    ///
    /// ```
    /// # use policy_store::{PageRequest, PolicyFilter, Result, Zone};
    /// fn names(zone: &Zone) -> Result<Vec<String>> {
    ///     zone.policies_iter(&PolicyFilter::new(), &PageRequest::new()).map(|policy| Ok(policy?.name)).collect()
    /// }
    /// ```
    pub fn policies_iter(&self, filter: &PolicyFilter, list: &PageRequest) -> Items<Policy> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(list, move |list| zone.policies(&filter, list))
    }

    /// The versions of a policy, one after the other: see [`policy_versions`](Self::policy_versions).
    pub fn policy_versions_iter(
        &self,
        policy_id: impl Into<String>,
        include: Include,
        list: &PageRequest,
    ) -> Items<Arc<PolicyVersion>> {
        let (zone, policy_id) = (self.clone(), policy_id.into());
        Items::new(list, move |list| zone.policy_versions(&policy_id, include, list))
    }

    /// The policy sets of the zone, one after the other: see [`policy_sets`](Self::policy_sets).
    pub fn policy_sets_iter(&self, filter: &PolicySetFilter, list: &PageRequest) -> Items<PolicySet> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(list, move |list| zone.policy_sets(&filter, list))
    }

    /// The versions of a policy set, one after the other: see [`policy_set_versions`](Self::policy_set_versions).
    pub fn policy_set_versions_iter(
        &self,
        policy_set_id: impl Into<String>,
        list: &PageRequest,
    ) -> Items<PolicySetVersion> {
        let (zone, policy_set_id) = (self.clone(), policy_set_id.into());
        Items::new(list, move |list| zone.policy_set_versions(&policy_set_id, list))
    }

    /// The policy versions that a policy set version pins, one after the other: see
    /// [`pinned_policy_versions`](Self::pinned_policy_versions).
    pub fn pinned_policy_versions_iter(
        &self,
        id: impl Into<String>,
        include: Include,
        list: &PageRequest,
    ) -> Items<Arc<PolicyVersion>> {
        let (zone, id) = (self.clone(), id.into());
        Items::new(list, move |list| zone.pinned_policy_versions(&id, include, list))
    }

    /// The schema versions as the zone sees them, one after the other: see [`schemas`](Self::schemas).
    pub fn schemas_iter(&self, filter: &SchemaFilter, include: Include, list: &PageRequest) -> Items<ZoneSchema> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(list, move |list| zone.schemas(&filter, include, list))
    }

    /// The history of the zone, one entry after the other: see [`history`](Self::history).
    pub fn history_iter(&self, list: &PageRequest) -> Items<HistoryEntry> {
        let zone = self.clone();
        Items::new(list, move |list| zone.history(list))
    }
}
