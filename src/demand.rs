//! Demands: what must still be so for a call to be carried out, so that nobody overwrites what they have not seen.
//!
//! A demand speaks of what its author has read. Whether the call itself may be made is decided where it is made.

use std::fmt;

use crate::asked::Asked;
use crate::binding::{self, At};
use crate::error::{ErrorDetail, Result, cut};
use crate::model::{BindingMode, Target};
use crate::policy;
use crate::policy_set;
use crate::storage::View;
use crate::zone::{self, ZoneRef};

/// Something that must still be so, or the call is refused with
/// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) and writes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    PolicyRevision(String, u64),
    PolicySetRevision(String, u64),
    BindingsRevision(u64),
    LatestPolicyVersion(String, Option<u32>),
    LatestPolicySetVersion(String, Option<u32>),
    ActiveVersion(Target, Option<String>),
}

impl Demand {
    /// The policy is as it was at this [`revision`](crate::Policy::revision).
    pub fn policy_revision(policy_id: impl Into<String>, revision: u64) -> Self {
        Self(Kind::PolicyRevision(policy_id.into(), revision))
    }

    /// The policy set is as it was at this [`revision`](crate::PolicySet::revision).
    pub fn policy_set_revision(policy_set_id: impl Into<String>, revision: u64) -> Self {
        Self(Kind::PolicySetRevision(policy_set_id.into(), revision))
    }

    /// Nothing was bound or unbound in the zone since this [`revision`](crate::ZoneInfo::bindings_revision).
    pub fn bindings_revision(revision: u64) -> Self {
        Self(Kind::BindingsRevision(revision))
    }

    /// The policy's newest version has this number; `None` if it has no version yet.
    pub fn latest_policy_version(policy_id: impl Into<String>, version: Option<u32>) -> Self {
        Self(Kind::LatestPolicyVersion(policy_id.into(), version))
    }

    /// The policy set's newest version has this number; `None` if it has no version yet.
    pub fn latest_policy_set_version(policy_set_id: impl Into<String>, version: Option<u32>) -> Self {
        Self(Kind::LatestPolicySetVersion(policy_set_id.into(), version))
    }

    /// This policy set version is in force for the target; `None` if nothing is.
    pub fn active_version(target: Target, policy_set_version_id: Option<String>) -> Self {
        Self(Kind::ActiveVersion(target, policy_set_version_id))
    }

    /// Adds the demand to what was asked.
    pub(crate) fn add_to(&self, asked: Asked) -> Asked {
        let asked = asked.text("demand");
        match &self.0 {
            Kind::PolicyRevision(id, revision) => asked.text("policy_revision").text(id).number(*revision),
            Kind::PolicySetRevision(id, revision) => asked.text("policy_set_revision").text(id).number(*revision),
            Kind::BindingsRevision(revision) => asked.text("bindings_revision").number(*revision),
            Kind::LatestPolicyVersion(id, version) => asked.text("latest_policy_version").text(id).version(*version),
            Kind::LatestPolicySetVersion(id, version) => {
                asked.text("latest_policy_set_version").text(id).version(*version)
            }
            Kind::ActiveVersion(target, version) => {
                asked.text("active_version").target(target).option(version.as_deref())
            }
        }
    }

    /// Refuses what does not hold in the zone.
    pub(crate) fn check(&self, view: &View<'_>, zone: &ZoneRef) -> Result<()> {
        match &self.0 {
            Kind::PolicyRevision(id, demanded) => {
                let actual = policy::find(view, zone, id)?.revision;
                same(|| format!("the revision of policy `{id}`"), demanded, &actual)
            }
            Kind::PolicySetRevision(id, demanded) => {
                let actual = policy_set::find(view, zone, id)?.revision;
                same(|| format!("the revision of policy set `{id}`"), demanded, &actual)
            }
            Kind::BindingsRevision(demanded) => {
                let actual = zone::state(view, zone)?.bindings.unwrap_or(0);
                same(|| format!("the revision of the bindings of zone `{}`", zone.id), demanded, &actual)
            }
            Kind::LatestPolicyVersion(id, demanded) => {
                let actual = policy::find(view, zone, id)?.latest.map(|latest| latest.version);
                same(|| format!("the newest version of policy `{}`", cut(id)), &OrNone(*demanded), &OrNone(actual))
            }
            Kind::LatestPolicySetVersion(id, demanded) => {
                let actual = policy_set::find(view, zone, id)?.latest.map(|latest| latest.version);
                same(|| format!("the newest version of policy set `{}`", cut(id)), &OrNone(*demanded), &OrNone(actual))
            }
            Kind::ActiveVersion(target, demanded) => {
                let actual = binding::find(view, zone, target, BindingMode::Active, At::Now)?;
                let actual = actual.map(|binding| String::from(binding.policy_set_version_id));
                let (demanded, actual) = (demanded.as_deref(), actual.as_deref());
                same(|| format!("the version in force for {target}"), &OrNone(demanded), &OrNone(actual))
            }
        }
    }
}

/// A number or an id that may be missing: `none` is an id like any other.
#[derive(PartialEq)]
struct OrNone<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrNone<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("none"),
        }
    }
}

fn same<T: PartialEq + ToString>(what: impl FnOnce() -> String, demanded: &T, actual: &T) -> Result<()> {
    if demanded == actual {
        return Ok(());
    }
    let (demanded, actual) = (cut(&demanded.to_string()), cut(&actual.to_string()));
    Err(ErrorDetail::PreconditionFailed { what: what(), demanded, actual }.into())
}
