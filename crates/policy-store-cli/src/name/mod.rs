//! Names that a user gives, resolved: policies and policy sets by id or exact name, and their versions.

mod choice;
pub mod known;
pub mod nearest;
mod reference;

use std::sync::Arc;

use choice::{Known, choose};
use policy_store::{
    Committed, ErrorKind, Include, PageRequest, Policy, PolicyFilter, PolicySet, PolicySetFilter, PolicySetVersion,
    PolicyVersion, Target, Zone,
};
use reference::Reference;

use crate::failure::{Failure, Result};

/// The largest page of a list.
pub fn pages() -> PageRequest {
    PageRequest::new().limit(100)
}

/// Whether an error says that there is no such thing, or that the text cannot be an id.
fn is_absent(error: &policy_store::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::TooLarge)
}

/// A result without the error that something does not exist.
fn found<T>(result: policy_store::Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The policy with this id, or else with this exact name.
pub fn policy<M: Committed>(zone: &Zone<M>, name: &str) -> Result<Policy> {
    if let Some(policy) = found(zone.policy(name))? {
        return Ok(policy);
    }
    let all = zone.policies_iter(&PolicyFilter::new(), &pages());
    let id = choose("policy", name, all.map(|policy| policy.map(|policy| Known::policy(&policy))))?;
    Ok(zone.policy(id)?)
}

/// The policy set with this id, or else with this exact name.
pub fn policy_set<M: Committed>(zone: &Zone<M>, name: &str) -> Result<PolicySet> {
    if let Some(set) = found(zone.policy_set(name))? {
        return Ok(set);
    }
    let all = zone.policy_sets_iter(&PolicySetFilter::new().any_target(), &pages());
    let id = choose("policy set", name, all.map(|set| set.map(|set| Known::policy_set(&set))))?;
    Ok(zone.policy_set(id)?)
}

/// A policy and one of its versions: `mfa@2`, the id of a version, or `mfa` for its newest version.
pub fn policy_version<M: Committed>(
    zone: &Zone<M>,
    text: &str,
    include: Include,
) -> Result<(Policy, Arc<PolicyVersion>)> {
    if let Some(version) = found(zone.policy_version(text, include))? {
        return Ok((zone.policy(&version.policy_id)?, version));
    }
    let (policy, number) = match policy(zone, text) {
        Ok(policy) => (policy, None),
        Err(failure) => match Reference::read(text) {
            Some(Reference { name: Some(name), version }) => (self::policy(zone, name)?, Some(version)),
            _ => return Err(failure),
        },
    };
    let newest = policy.latest_version;
    let number = number.or(newest).ok_or_else(|| no_versions("policy", &policy.name))?;
    let version = found(zone.policy_version_numbered(&policy.id, number, include))?;
    let version = version.ok_or_else(|| no_version("policy", &policy.name, number, newest))?;
    Ok((policy, version))
}

/// A policy set and one of its versions: `live@7`, the id of a version, `live` for its newest version; `7` or `@7` for version 7
/// of the set in force for the target.
pub fn policy_set_version<M: Committed>(
    zone: &Zone<M>,
    target: &Target,
    text: &str,
) -> Result<(PolicySet, PolicySetVersion)> {
    if let Some(version) = found(zone.policy_set_version(text))? {
        return Ok((zone.policy_set(&version.policy_set_id)?, version));
    }
    let (set, number) = match policy_set(zone, text) {
        Ok(set) => (set, None),
        Err(failure) => match Reference::read(text) {
            Some(Reference { name: Some(name), version }) => (policy_set(zone, name)?, Some(version)),
            Some(Reference { name: None, version }) => {
                (zone.policy_set(zone.in_force(target.clone())?.policy_set_id)?, Some(version))
            }
            None => return Err(failure),
        },
    };
    let newest = set.latest_version;
    let number = number.or(newest).ok_or_else(|| no_versions("policy set", &set.name))?;
    let version = found(zone.policy_set_version_numbered(&set.id, number))?;
    let version = version.ok_or_else(|| no_version("policy set", &set.name, number, newest))?;
    Ok((set, version))
}

fn no_versions(kind: &str, name: &str) -> Failure {
    Failure::not_found(format!("{kind} `{name}` has no versions"))
}

fn no_version(kind: &str, name: &str, number: u32, newest: Option<u32>) -> Failure {
    let failure = Failure::not_found(format!("{kind} `{name}` has no version {number}"));
    match newest {
        Some(newest) => failure.help(format!("its newest version is {newest}")),
        None => failure.help("it has no versions"),
    }
}
