//! Iterators over whole lists of a store and of a zone.

use std::sync::Arc;

use super::moment::Committed;
use super::zone::Zone;
use crate::list::filter::{BindingFilter, HistoryFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
use crate::list::items::Items;
use crate::list::page::PageRequest;
use crate::resource::binding::BindingRecord;
use crate::resource::history::HistoryEntry;
use crate::resource::policy::Policy;
use crate::resource::policy_set::PolicySet;
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::policy_version::PolicyVersion;
use crate::resource::schema::ZoneSchema;
use crate::types::syntax::Include;

/// Iterators over whole lists. Each starts at the cursor of its page request and reads to the end. An error of the
/// method without `_iter` is an item.
impl<M: Committed> Zone<M> {
    /// Iterates over the policies of the zone: see [`policies`](Self::policies).
    ///
    /// ```
    /// # use policy_store::{PageRequest, PolicyFilter, Result, Zone};
    /// fn names(zone: &Zone) -> Result<Vec<String>> {
    ///     zone.policies_iter(&PolicyFilter::new(), &PageRequest::new()).map(|policy| Ok(policy?.name)).collect()
    /// }
    /// ```
    pub fn policies_iter(&self, filter: &PolicyFilter, page_request: &PageRequest) -> Items<Policy> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| zone.policies(&filter, page_request))
    }

    /// Iterates over the versions of a policy: see [`policy_versions`](Self::policy_versions).
    pub fn policy_versions_iter(
        &self,
        policy_id: impl Into<String>,
        include: Include,
        page_request: &PageRequest,
    ) -> Items<Arc<PolicyVersion>> {
        let (zone, policy_id) = (self.clone(), policy_id.into());
        Items::new(page_request, move |page_request| zone.policy_versions(&policy_id, include, page_request))
    }

    /// Iterates over the policy sets of the zone: see [`policy_sets`](Self::policy_sets).
    pub fn policy_sets_iter(&self, filter: &PolicySetFilter, page_request: &PageRequest) -> Items<PolicySet> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| zone.policy_sets(&filter, page_request))
    }

    /// Iterates over the versions of a policy set: see [`policy_set_versions`](Self::policy_set_versions).
    pub fn policy_set_versions_iter(
        &self,
        policy_set_id: impl Into<String>,
        page_request: &PageRequest,
    ) -> Items<PolicySetVersion> {
        let (zone, policy_set_id) = (self.clone(), policy_set_id.into());
        Items::new(page_request, move |page_request| zone.policy_set_versions(&policy_set_id, page_request))
    }

    /// Iterates over the policy versions that a policy set version pins: see
    /// [`pinned_policy_versions`](Self::pinned_policy_versions).
    pub fn pinned_policy_versions_iter(
        &self,
        id: impl Into<String>,
        include: Include,
        page_request: &PageRequest,
    ) -> Items<Arc<PolicyVersion>> {
        let (zone, id) = (self.clone(), id.into());
        Items::new(page_request, move |page_request| zone.pinned_policy_versions(&id, include, page_request))
    }

    /// Iterates over the bindings of the zone: see [`bindings`](Self::bindings).
    pub fn bindings_iter(&self, filter: &BindingFilter, page_request: &PageRequest) -> Items<BindingRecord> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| zone.bindings(&filter, page_request))
    }

    /// Iterates over the schema versions, each with whether it is the zone's default: see [`schemas`](Self::schemas).
    pub fn schemas_iter(
        &self,
        filter: &SchemaFilter,
        include: Include,
        page_request: &PageRequest,
    ) -> Items<ZoneSchema> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| zone.schemas(&filter, include, page_request))
    }

    /// Iterates over entries of the zone's log: see [`history`](Self::history).
    pub fn history_iter(&self, filter: &HistoryFilter, page_request: &PageRequest) -> Items<HistoryEntry> {
        let (zone, filter) = (self.clone(), filter.clone());
        Items::new(page_request, move |page_request| zone.history(&filter, page_request))
    }
}
