//! Finds the policies and the policy set that a desired content names: by id, or by name. Does not check permissions.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use super::desired::{DesiredPolicy, DesiredPolicySet};
use crate::list::scan::in_order;
use crate::resource::contents::Contents;
use crate::resource::policy::Policy;
use crate::resource::policy_set::PolicySet;
use crate::resource::zone::ZoneReader;
use crate::rules::target::check_target;
use crate::storage::Direction;
use crate::storage::key::RowKind;
use crate::types::error::{Error, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::id::PolicySetId;
use crate::types::target::Target;

/// The ids that an error lists.
const LISTED: usize = 10;

/// Finds policies by their names.
pub(super) struct Matching<'a> {
    zone: ZoneReader<'a>,
    base: Option<&'a Contents>,
    /// The ids of the policies in force, by name.
    in_force: BTreeMap<String, Vec<String>>,
    /// The ids of the zone's policies that are not archived, by name. Read when a name is not in force.
    all: OnceCell<BTreeMap<String, Vec<String>>>,
}

impl<'a> Matching<'a> {
    pub(super) fn new(zone: ZoneReader<'a>, base: Option<&'a Contents>) -> Result<Self> {
        let mut in_force: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for entry in base.into_iter().flat_map(|base| &base.entries) {
            let policy = zone.policy(entry.policy_id.as_str())?;
            in_force.entry(policy.name).or_default().push(policy.id.to_string());
        }
        Ok(Self { zone, base, in_force, all: OnceCell::new() })
    }

    /// The existing policy of each desired one; none for a policy to create.
    pub(super) fn policies(&self, desired: &DesiredPolicySet) -> Result<Vec<Option<Policy>>> {
        let named: BTreeSet<&str> = desired.policies.iter().filter_map(|policy| policy.id.as_deref()).collect();
        let mut seen = BTreeSet::new();
        let mut new = BTreeSet::new();
        let mut found = Vec::with_capacity(desired.policies.len());
        for policy in &desired.policies {
            let existing = self.policy(policy, &named).map_err(|cause| policy.refused(cause))?;
            let id = existing.as_ref().map(|existing| existing.id.to_string()).or_else(|| policy.id.clone());
            let is_new = match id {
                Some(id) => seen.insert(id),
                None => new.insert(policy.name.as_str()),
            };
            if !is_new {
                let twice = "given twice: policies with the same name need ids";
                return Err(ErrorDetail::invalid("policy of the plan", &policy.name, twice).into());
            }
            found.push(existing);
        }
        Ok(found)
    }

    /// `named` are the ids that are given: their policies are not looked up by name.
    fn policy(&self, desired: &DesiredPolicy, named: &BTreeSet<&str>) -> Result<Option<Policy>> {
        if let Some(id) = &desired.id {
            return match self.zone.policy(id) {
                Ok(policy) => Ok(Some(policy)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            };
        }
        let others = |ids: &Vec<String>| -> Vec<String> {
            ids.iter().filter(|id| !named.contains(id.as_str())).cloned().collect()
        };
        let in_force = self.in_force.get(&desired.name).map(others).filter(|ids| !ids.is_empty());
        if let Some(ids) = in_force {
            return self.only(&desired.name, &ids).map(Some);
        }
        let all = match self.all.get() {
            Some(all) => all,
            None => {
                let read = self.by_name()?;
                self.all.get_or_init(|| read)
            }
        };
        let all = all.get(&desired.name).map(others).filter(|ids| !ids.is_empty());
        all.map(|ids| self.only(&desired.name, &ids)).transpose()
    }

    fn only(&self, name: &str, ids: &[String]) -> Result<Policy> {
        match ids {
            [id] => self.zone.policy(id),
            _ => Err(ambiguous(Resource::Policy, name, ids)),
        }
    }

    /// Reads every policy of the zone.
    fn by_name(&self) -> Result<BTreeMap<String, Vec<String>>> {
        let order = (self.zone.log, RowKind::PolicyOrder);
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (_, id) in in_order(&self.zone, order, None, Direction::Ascending, usize::MAX, |_, _| Ok(true))? {
            let policy = self.zone.policy(&id)?;
            if policy.archived_at.is_none() {
                all.entry(policy.name).or_default().push(id);
            }
        }
        Ok(all)
    }

    /// The policy set to change, or the id and name of one to create.
    pub(super) fn policy_set(&self, desired: &DesiredPolicySet, target: &Target) -> Result<FoundSet> {
        let name = || -> Result<String> {
            desired.name.clone().ok_or_else(|| {
                let given = desired.id.as_deref().unwrap_or_default();
                Error::from(ErrorDetail::invalid("policy set", given, "a policy set that is created needs a name"))
            })
        };
        if let Some(id) = &desired.id {
            return match self.zone.policy_set(id) {
                Ok(set) => Ok(FoundSet::Existing(Box::new(set))),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    Ok(FoundSet::New(Some(PolicySetId::new(id)?), name()?))
                }
                Err(error) => Err(error),
            };
        }
        let base = self.base.map(|base| &base.version.policy_set_id);
        let Some(wanted) = &desired.name else {
            return match base {
                Some(id) => Ok(FoundSet::Existing(Box::new(self.zone.policy_set(id.as_str())?))),
                None => Ok(FoundSet::New(None, name()?)),
            };
        };
        let mut fitting = Vec::new();
        let order = (self.zone.log, RowKind::PolicySetOrder);
        for (_, id) in in_order(&self.zone, order, None, Direction::Ascending, usize::MAX, |_, _| Ok(true))? {
            let set = self.zone.policy_set(&id)?;
            let is_free = set.archived_at.is_none() && set.name == *wanted;
            if is_free && check_target(self.zone, &set, target).is_ok() {
                fitting.push(set);
            }
        }
        if let Some(in_force) = fitting.iter().find(|set| Some(&set.id) == base) {
            return Ok(FoundSet::Existing(Box::new(in_force.clone())));
        }
        match fitting.as_slice() {
            [] => Ok(FoundSet::New(None, wanted.clone())),
            [set] => Ok(FoundSet::Existing(Box::new(set.clone()))),
            _ => {
                let ids: Vec<_> = fitting.iter().map(|set| set.id.to_string()).collect();
                Err(ambiguous(Resource::PolicySet, wanted, &ids))
            }
        }
    }
}

/// The policy set of a desired content.
pub(super) enum FoundSet {
    /// An existing one.
    Existing(Box<PolicySet>),
    /// A new one: its id, if given, and its name.
    New(Option<PolicySetId>, String),
}

fn ambiguous(what: Resource, name: &str, ids: &[String]) -> Error {
    let ids = ids.iter().take(LISTED).map(|id| format!("`{id}`")).collect();
    ErrorDetail::AmbiguousName { what, name: name.to_owned(), ids }.into()
}
