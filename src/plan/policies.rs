//! Plans the step for each policy: keep, pin, update, create or unpin, with the findings of its validation.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::desired::DesiredPolicy;
use super::value::{PlanFinding, PlannedPolicy, PlannedStep};
use crate::change::difference::{Side, pinned};
use crate::change::policy::{ChangedVersion, PolicyChange};
use crate::record::PolicyVersionCreated;
use crate::resource::contents::Contents;
use crate::resource::policy::{NewPolicy, Policy, PolicyUpdate};
use crate::resource::policy_set_version::Pin;
use crate::resource::policy_version::PreparedPolicyVersion;
use crate::resource::version::{VersionRecord, next_version};
use crate::rules::manifest;
use crate::rules::ownership::check_changeable;
use crate::rules::steps::Step;
use crate::types::error::{Diagnostic, Error, ErrorDetail, ErrorKind, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::PolicyId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;

/// Plans the policies of a desired content.
pub(super) struct PolicyPlanner<'a> {
    pub context: Context<'a>,
    /// The content in force.
    pub base: Option<&'a Contents>,
    pub schema: &'a SchemaRef,
}

/// The planned policies.
pub(super) struct PolicySteps {
    /// Sorted by name.
    pub policies: Vec<PlannedPolicy>,
    /// None if a finding is an error.
    pub steps: Option<Vec<Step>>,
    pub updates: Vec<(PolicyId, PolicyUpdate)>,
    pub findings: Vec<PlanFinding>,
}

impl PolicyPlanner<'_> {
    /// The plan for each policy. `existing` has the zone's policy of each desired one.
    pub(super) fn plan(&self, existing: Vec<Option<Policy>>) -> Result<PolicySteps> {
        let mut planned =
            PolicySteps { policies: Vec::new(), steps: Some(Vec::new()), updates: Vec::new(), findings: Vec::new() };
        let mut named = BTreeSet::new();
        for (desired, existing) in self.context.inputs.desired.policies.iter().zip(existing) {
            named.extend(existing.as_ref().map(|policy| policy.id.clone()));
            self.policy(desired, existing, &mut planned).map_err(|cause| desired.refused(cause))?;
        }
        for entry in self.base.into_iter().flat_map(|base| &base.entries) {
            if !named.contains(&entry.policy_id) {
                let name = self.context.zone.policy(entry.policy_id.as_str())?.name;
                let from = self.pinned(&entry.policy_id)?;
                let change = PolicyChange::new(Some(entry.policy_id.clone()), name, from, None)?;
                planned.policies.push(planned_policy(PlannedStep::Unpin, change));
            }
        }
        planned.policies.sort_by(|a, b| a.change.by_name(&b.change));
        Ok(planned)
    }

    fn policy(&self, desired: &DesiredPolicy, existing: Option<Policy>, planned: &mut PolicySteps) -> Result<()> {
        let sha = desired.sha();
        let from = existing.as_ref().map(|policy| self.pinned(&policy.id)).transpose()?.flatten();
        let kept = existing.as_ref().map(|policy| self.kept(policy, sha)).transpose()?.flatten();
        let text: Arc<str> = desired.cedar_raw.as_str().into();
        let (kind, to) = match (&existing, &kept) {
            (_, Some((entry, version))) => {
                let in_force = from.as_ref().and_then(|(from, _)| from.policy_version_id.as_ref());
                let is_in_force = in_force == Some(&entry.policy_version_id);
                (if is_in_force { PlannedStep::Keep } else { PlannedStep::Pin }, version.clone())
            }
            (Some(policy), None) => (PlannedStep::Update, new_version(next_version(policy.latest_version)?, sha)),
            (None, None) => (PlannedStep::Create, new_version(1, sha)),
        };
        let step = match (existing.as_ref(), kept) {
            (_, Some((entry, _))) => self.keep(entry, kind),
            (Some(policy), None) => {
                self.check_changeable(policy)?;
                self.prepare(desired, sha, planned).map(|version| Step::Edit(policy.id.clone(), version))
            }
            (None, None) => {
                self.prepare(desired, sha, planned).map(|version| Step::Create(new_policy(desired), version))
            }
        };
        let is_valid = self.add(desired, step, planned)?;
        let policy_id = match &existing {
            Some(policy) => Some(policy.id.clone()),
            None => desired.id.as_ref().map(PolicyId::new).transpose()?,
        };
        let change = if is_valid {
            PolicyChange::new(policy_id, &desired.name, from, Some((to, text)))?
        } else {
            // The text may not parse, and then has no statements to compare.
            let from = from.map(|(version, _)| version);
            PolicyChange { policy_id, name: desired.name.clone(), from, to: Some(to), statements: Vec::new() }
        };
        let mut policy = planned_policy(kind, change);
        if let Some(before) = existing {
            self.update(desired, before, &mut policy, &mut planned.updates)?;
        } else {
            policy.description.clone_from(&desired.description);
        }
        planned.policies.push(policy);
        Ok(())
    }

    /// Adds a step, or the findings of one that does not validate. Tells whether it validates.
    fn add(&self, desired: &DesiredPolicy, step: Result<Step>, planned: &mut PolicySteps) -> Result<bool> {
        let error = match step {
            Ok(step) => {
                if let Some(steps) = &mut planned.steps {
                    steps.push(step);
                }
                return Ok(true);
            }
            Err(error) => error,
        };
        // It may be the budget of the write, which is no property of the policy.
        if self.context.validation.is_in_write() && matches!(error.detail(), ErrorDetail::ValidationTooCostly { .. }) {
            return Err(error);
        }
        planned.findings.extend(findings(&desired.name, error)?);
        planned.steps = None;
        Ok(false)
    }

    /// The version in force of a policy.
    fn pinned(&self, id: &PolicyId) -> Result<Option<Side>> {
        let Some(base) = self.base else { return Ok(None) };
        base.pins(id).map(|entry| pinned(self.context.zone, base, entry)).transpose()
    }

    /// The existing version with a text: the one in force, or the newest one.
    fn kept(&self, policy: &Policy, sha: Sha256) -> Result<Option<(ManifestEntry, ChangedVersion)>> {
        let in_force = self.base.and_then(|base| base.pins(&policy.id)).map(|entry| &entry.policy_version_id);
        let candidates = in_force.map(|id| (id, true)).into_iter();
        for (id, is_in_force) in candidates.chain(policy.latest_version_id.as_ref().map(|id| (id, false))) {
            let found = VersionRecord::<PolicyVersionCreated>::by_id(self.context.zone, id.as_str())?;
            let body = found.body()?;
            let can_be_pinned = found.row.archived.is_none() && policy.archived_at.is_none();
            if body.sha == sha && (is_in_force || can_be_pinned) {
                let (policy_id, policy_version_id) = (policy.id.clone(), id.clone());
                let version = ChangedVersion { version: body.version, policy_version_id: Some(id.clone()), sha };
                return Ok(Some((ManifestEntry { policy_id, policy_version_id, sha }, version)));
            }
        }
        Ok(None)
    }

    /// A version in force was checked when it was pinned, for the schema of then. Whether it may be pinned again matters only
    /// for a new version of the set.
    fn keep(&self, entry: ManifestEntry, kind: PlannedStep) -> Result<Step> {
        if kind == PlannedStep::Keep && self.base.is_some_and(|base| base.version.schema == *self.schema) {
            return Ok(Step::Keep(entry));
        }
        let Context { zone, validation, .. } = self.context;
        manifest::entry(zone, validation, self.schema, &Pin::from(&entry)).map(Step::Keep)
    }

    fn check_changeable(&self, policy: &Policy) -> Result<()> {
        let archived = policy.archived_at.is_some();
        check_changeable(self.context.inputs.actor, Resource::Policy, policy.id.as_str(), policy.owner_type, archived)
    }

    /// Parses and validates a new version, unless that was done before.
    fn prepare(
        &self,
        desired: &DesiredPolicy,
        sha: Sha256,
        planned: &mut PolicySteps,
    ) -> Result<PreparedPolicyVersion> {
        let Context { zone, validation, inputs, .. } = self.context;
        let known = inputs.prepared.versions.get(&sha).filter(|known| known.schema == *self.schema);
        let version = match known {
            Some(known) => known.clone(),
            None => {
                let parsed = validation.schema(&zone, self.schema)?;
                validation.prepare(&desired.cedar_raw, self.schema, &parsed)?
            }
        };
        planned.findings.extend(version.warnings().iter().map(|warning| finding(&desired.name, "warning", warning)));
        Ok(version)
    }

    /// Notes the changes of a policy's name and description.
    fn update(
        &self,
        desired: &DesiredPolicy,
        before: Policy,
        policy: &mut PlannedPolicy,
        updates: &mut Vec<(PolicyId, PolicyUpdate)>,
    ) -> Result<()> {
        let description = desired.description.clone().filter(|it| before.description.as_ref() != Some(it));
        let renamed = before.name != desired.name;
        if !renamed && description.is_none() {
            return Ok(());
        }
        self.check_changeable(&before)?;
        let mut update = PolicyUpdate::new();
        if renamed {
            update = update.name(&desired.name);
            policy.renamed_from = Some(before.name);
        }
        if let Some(description) = &description {
            update = update.description(description);
        }
        policy.description = description;
        updates.push((before.id, update));
        Ok(())
    }
}

fn planned_policy(step: PlannedStep, change: PolicyChange) -> PlannedPolicy {
    PlannedPolicy { step, renamed_from: None, description: None, change }
}

fn new_policy(desired: &DesiredPolicy) -> NewPolicy {
    let DesiredPolicy { id, name, description, .. } = desired.clone();
    NewPolicy { id, name, description, origin: None }
}

fn new_version(version: u32, sha: Sha256) -> ChangedVersion {
    ChangedVersion { version, policy_version_id: None, sha }
}

/// The findings behind an error that is about a policy's text. Any other error ends the plan.
fn findings(policy: &str, error: Error) -> Result<Vec<PlanFinding>> {
    let diagnostics = match error.detail() {
        ErrorDetail::Syntax { diagnostics, .. } | ErrorDetail::PolicyValidation { diagnostics, .. } => {
            diagnostics.clone()
        }
        ErrorDetail::ExpressionTooDeep { statement, place, .. } => {
            let (statement, place) = (Some(*statement), *place);
            vec![Diagnostic { statement, place, ..Diagnostic::without_place(error.to_string()) }]
        }
        _ if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::TooLarge) => {
            vec![Diagnostic::without_place(error.to_string())]
        }
        _ => return Err(error),
    };
    let found =
        diagnostics.iter().map(|diagnostic| PlanFinding { error: true, ..finding(policy, error.code(), diagnostic) });
    Ok(found.collect())
}

fn finding(policy: &str, code: &str, diagnostic: &Diagnostic) -> PlanFinding {
    PlanFinding { policy: policy.to_owned(), error: false, code: code.to_owned(), diagnostic: diagnostic.clone() }
}
