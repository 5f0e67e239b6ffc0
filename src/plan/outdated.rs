//! The first difference between a plan and a plan of now for the same content.

use std::fmt::Debug;

use super::value::{PlannedPolicy, PolicySetPlan};
use crate::change::difference::ComparedVersion;
use crate::change::policy::ChangedVersion;
use crate::types::error::{Error, ErrorDetail, Result, cut};

impl PolicySetPlan {
    /// Refuses a plan that differs from the plan of `now`.
    pub(crate) fn check_current(&self, now: &Self) -> Result<()> {
        if self == now {
            return Ok(());
        }
        differs("zone", self.zone_id.as_str(), now.zone_id.as_str())?;
        differs("log id of the zone", &self.log_id.to_string(), &now.log_id.to_string())?;
        differs("version in force", &version(self.base.as_ref()), &version(now.base.as_ref()))?;
        differs("version to replace", &version(self.replaces.as_ref()), &version(now.replaces.as_ref()))?;
        differs("schema version", &debug(&self.schema), &debug(&now.schema))?;
        differs("policy set", &debug(&self.policy_set), &debug(&now.policy_set))?;
        differs("test suite", &debug(&self.tests), &debug(&now.tests))?;
        let missing = || "not in the plan".to_owned();
        let mut ours = self.policies.iter();
        for theirs in &now.policies {
            let field = format!("policy `{}`", theirs.change.name);
            differs(&field, &ours.next().map_or_else(missing, step), &step(theirs))?;
        }
        if let Some(ours) = ours.next() {
            differs(&format!("policy `{}`", ours.change.name), &step(ours), &missing())?;
        }
        differs("list of findings", &debug(&self.findings), &debug(&now.findings))?;
        // Everything that is left: the whole plan, cut short.
        Err(outdated("plan", &debug(self), &debug(now)))
    }
}

fn differs(field: &str, planned: &str, now: &str) -> Result<()> {
    if planned == now { Ok(()) } else { Err(outdated(field, planned, now)) }
}

fn outdated(field: &str, planned: &str, now: &str) -> Error {
    let (field, planned, now) = (field.to_owned(), cut(planned), cut(now));
    ErrorDetail::PlanOutdated { field, planned, now }.into()
}

fn debug(value: &impl Debug) -> String {
    format!("{value:?}")
}

fn version(compared: Option<&ComparedVersion>) -> String {
    compared.map_or_else(|| "none".to_owned(), |it| format!("version {} of {}", it.version, it.policy_set_id))
}

/// The step for a policy in words.
fn step(policy: &PlannedPolicy) -> String {
    let number = |version: &Option<ChangedVersion>| {
        version.as_ref().map_or_else(|| "none".to_owned(), |version| version.version.to_string())
    };
    let PlannedPolicy { step, change, renamed_from, description } = policy;
    let id = change.policy_id.as_ref().map_or("new", |id| id.as_str());
    let (from, to) = (number(&change.from), number(&change.to));
    let mut words = format!("{step:?} {} ({id}), version {from} to {to}", change.name);
    for (what, value) in [("name", renamed_from), ("description", description)] {
        if let Some(value) = value {
            words.push_str(&format!(", {what} `{value}`"));
        }
    }
    words
}
