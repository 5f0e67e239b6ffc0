//! The first difference between a plan and a plan of now for the same content.

use std::fmt::Debug;

use super::value::{PlannedPolicy, PolicySetPlan};
use crate::change::difference::ComparedVersion;
use crate::change::policy::ChangedVersion;
use crate::change::statement::StatementChange;
use crate::types::error::{Error, ErrorDetail, Result, cut};
use crate::types::hash::Sha256;
use crate::types::id::{LogId, ZoneId};

impl PolicySetPlan {
    /// Refuses a plan that differs from the plan of `now`.
    pub(crate) fn check_current(&self, now: &Self) -> Result<()> {
        if self == now {
            return Ok(());
        }
        self.check_zone(&now.zone_id, now.log_id)?;
        differs("version in force", &version(self.base.as_ref()), &version(now.base.as_ref()))?;
        differs("version to replace", &version(self.replaces.as_ref()), &version(now.replaces.as_ref()))?;
        differs("schema version", &debug(&self.schema), &debug(&now.schema))?;
        differs("policy set", &debug(&self.policy_set), &debug(&now.policy_set))?;
        differs("test suite", &debug(&self.tests), &debug(&now.tests))?;
        let missing = || "not in the plan".to_owned();
        let mut ours = self.policies.iter();
        for theirs in &now.policies {
            let field = format!("policy `{}`", theirs.change.name);
            let ours = ours.next();
            differs(&field, &ours.map_or_else(missing, step), &step(theirs))?;
            if let Some(ours) = ours {
                statements(ours, theirs)?;
            }
        }
        if let Some(ours) = ours.next() {
            differs(&format!("policy `{}`", ours.change.name), &step(ours), &missing())?;
        }
        differs("list of findings", &debug(&self.findings), &debug(&now.findings))?;
        differs("binding", &binding(self.binds), &binding(now.binds))?;
        differs("form", &self.v.to_string(), &now.v.to_string())?;
        Err(outdated("plan", "another one", "not that one"))
    }

    /// Refuses a plan of another zone.
    pub(super) fn check_zone(&self, id: &ZoneId, log_id: LogId) -> Result<()> {
        differs("zone", self.zone_id.as_str(), id.as_str())?;
        differs("log id of the zone", &self.log_id.to_string(), &log_id.to_string())
    }

    /// Refuses a plan for a schema version with another source.
    pub(super) fn check_schema(&self, sha: Sha256) -> Result<()> {
        differs("SHA-256 of the schema", &self.schema.sha.to_string(), &sha.to_string())
    }
}

/// Refuses a plan that shows other changes of the statements.
fn statements(ours: &PlannedPolicy, theirs: &PlannedPolicy) -> Result<()> {
    let shown = |change: Option<&StatementChange>| {
        let (change, statement) = match change {
            Some(StatementChange::Added { to }) => ("added", to),
            Some(StatementChange::Removed { from }) => ("removed", from),
            Some(StatementChange::Changed { to, .. }) => ("changed", to),
            None => return "none".to_owned(),
        };
        format!("{change}, statement {}: {}", statement.statement, statement.text)
    };
    let (ours_changes, theirs_changes) = (&ours.change.statements, &theirs.change.statements);
    for index in 0..ours_changes.len().max(theirs_changes.len()) {
        let (planned, now) = (ours_changes.get(index), theirs_changes.get(index));
        if planned != now {
            let field = format!("change of a statement of policy `{}`", theirs.change.name);
            return Err(outdated(&field, &shown(planned), &shown(now)));
        }
    }
    differs(&format!("policy `{}`", theirs.change.name), &debug(&ours.change), &debug(&theirs.change))
}

fn binding(binds: bool) -> String {
    if binds { "made".to_owned() } else { "unchanged".to_owned() }
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
