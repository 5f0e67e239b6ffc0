//! A plan as a value: the steps that lead from what is in force to the desired content, each with its reason to exist.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::desired::DesiredPolicySet;
use super::prepared::Prepared;
use crate::change::difference::ComparedVersion;
use crate::change::policy::PolicyChange;
use crate::types::error::{Diagnostic, ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::id::{LogId, PolicySetId, PolicySetVersionId, SchemaName, ZoneId};
use crate::types::target::{BindingMode, Target};

/// The plan for bringing a policy set to a desired content and binding it, made by [`Zone::plan`](crate::Zone::plan).
///
/// It is a value: print it, save it as JSON, and apply it later with
/// [`ZoneTransaction::apply_plan`](crate::ZoneTransaction::apply_plan). The call plans anew inside the write and refuses a plan
/// that differs, so exactly these steps are taken or none.
///
/// ```
/// # use policy_store::{Actor, BindingMode, DesiredPolicySet, PolicySetPlan, PolicyStore, Result, Target};
/// fn plan(store: &PolicyStore, actor: &Actor, desired: DesiredPolicySet) -> Result<PolicySetPlan> {
///     store.zone("acme")?.plan(actor, Target::Zone, BindingMode::Active, desired)
/// }
/// fn apply(store: &PolicyStore, actor: &Actor, plan: &PolicySetPlan) -> Result<bool> {
///     store.write(actor, |w| w.zone(plan.zone_id())?.apply_plan(plan)).map(|applied| applied.changed)
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicySetPlan {
    /// The form of the plan's JSON.
    pub(crate) v: u16,
    pub(crate) zone_id: ZoneId,
    pub(crate) log_id: LogId,
    pub(crate) target: Target,
    pub(crate) mode: BindingMode,
    pub(crate) base: Option<ComparedVersion>,
    pub(crate) schema: PlannedSchema,
    pub(crate) policy_set: PlannedPolicySet,
    pub(crate) policies: Vec<PlannedPolicy>,
    pub(crate) tests: Option<PlannedTests>,
    pub(crate) replaces: Option<ComparedVersion>,
    pub(crate) binds: bool,
    pub(crate) findings: Vec<PlanFinding>,
    pub(crate) desired: DesiredPolicySet,
    /// The parsed and validated content, so that the write need not parse and validate it.
    #[serde(skip)]
    pub(crate) prepared: Arc<Prepared>,
}

/// The schema version of a plan.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedSchema {
    /// Its name.
    pub version: SchemaName,
    /// The SHA-256 of its source.
    pub sha: Sha256,
    /// Whether the plan publishes it.
    pub publish: bool,
}

/// The policy set of a plan, and its version.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPolicySet {
    /// The policy set; none for one that the plan creates with a generated id.
    pub policy_set_id: Option<PolicySetId>,
    /// Its name.
    pub name: String,
    /// Whether the plan creates it.
    pub create: bool,
    /// Its name until the plan renames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The number of the version that is bound.
    pub version: u32,
    /// That version; none if the plan creates it.
    pub policy_set_version_id: Option<PolicySetVersionId>,
}

/// The test suite that a plan keeps with its version.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedTests {
    /// The SHA-256 of the suite.
    pub sha: Sha256,
    /// The number of its cases.
    pub cases: u32,
    /// Whether the plan keeps it: false if it is the version's newest suite already.
    pub keep: bool,
}

/// The step of a plan for one policy.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannedStep {
    /// Creates the policy with its first version.
    Create,
    /// Creates the policy's next version.
    Update,
    /// Pins an existing version that is not in force.
    Pin,
    /// Keeps the version in force.
    Keep,
    /// Leaves the policy out: it is no longer pinned, and otherwise unchanged.
    Unpin,
}

/// One policy of a plan.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPolicy {
    /// The step.
    pub step: PlannedStep,
    /// The policy's name until the plan renames it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renamed_from: Option<String>,
    /// The description that the policy gets in place of another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The change, relative to the version in force.
    #[serde(flatten)]
    pub change: PolicyChange,
}

/// A finding about one policy: errors prevent the plan from being applied, warnings do not.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFinding {
    /// The policy's name.
    pub policy: String,
    /// Whether it is an error.
    pub error: bool,
    /// The code of the error, as of [`Error::code`](crate::Error::code); `warning` for a warning.
    pub code: String,
    /// The finding, with its place in the policy's text.
    #[serde(flatten)]
    pub diagnostic: Diagnostic,
}

impl PolicySetPlan {
    /// The form of the JSON that this release writes.
    pub const FORM: u16 = 1;

    /// Reads a plan that was saved as JSON.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for JSON that is not a plan; [`Unavailable`](crate::ErrorKind::Unavailable) for a
    /// plan of a newer release.
    pub fn from_json(json: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Form {
            v: u16,
        }
        let problem = |error: serde_json::Error| ErrorDetail::Json { what: "plan", message: error.to_string() };
        let Form { v } = serde_json::from_str(json).map_err(problem)?;
        if v > Self::FORM {
            let (found, known) = (v.into(), Self::FORM.into());
            return Err(ErrorDetail::NewerFormat { what: "plan form", found, known }.into());
        }
        let plan: Self = serde_json::from_str(json).map_err(problem)?;
        plan.desired.check()?;
        plan.target.check()?;
        Ok(plan)
    }

    /// The zone that it was made for.
    #[must_use]
    pub fn zone_id(&self) -> &ZoneId {
        &self.zone_id
    }

    /// The target whose binding it changes.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The mode of the binding.
    #[must_use]
    pub fn mode(&self) -> BindingMode {
        self.mode
    }

    /// The version in force for the target when the plan was made: its changes are relative to it.
    #[must_use]
    pub fn base(&self) -> Option<&ComparedVersion> {
        self.base.as_ref()
    }

    /// The schema version.
    #[must_use]
    pub fn schema(&self) -> &PlannedSchema {
        &self.schema
    }

    /// The policy set, and the version of it that is bound.
    #[must_use]
    pub fn policy_set(&self) -> &PlannedPolicySet {
        &self.policy_set
    }

    /// All policies of the desired set and those that it leaves out, sorted by name.
    #[must_use]
    pub fn policies(&self) -> &[PlannedPolicy] {
        &self.policies
    }

    /// The test suite of the version: the desired one, or for a new version of a zone that demands tests the suite of the version
    /// in force.
    #[must_use]
    pub fn tests(&self) -> Option<&PlannedTests> {
        self.tests.as_ref()
    }

    /// The version that its binding replaces; none if nothing is bound in its mode, or if the binding does not change.
    #[must_use]
    pub fn replaces(&self) -> Option<&ComparedVersion> {
        self.replaces.as_ref()
    }

    /// Whether it binds the version: false if the version is bound already.
    #[must_use]
    pub fn binds(&self) -> bool {
        self.binds
    }

    /// The findings of the validation, in the order of the policies. A plan with errors cannot be applied.
    #[must_use]
    pub fn findings(&self) -> &[PlanFinding] {
        &self.findings
    }

    /// The content that it was made for.
    pub fn desired(&self) -> &DesiredPolicySet {
        &self.desired
    }

    /// Whether there is nothing to do: the desired content is bound already, in the mode of the plan. A shadow's changes are relative
    /// to the version in force, so it may have some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let stays = |policy: &PlannedPolicy| policy.renamed_from.is_none() && policy.description.is_none();
        let PlannedPolicySet { create, renamed_from, policy_set_version_id, .. } = &self.policy_set;
        let keeps_set = !create && renamed_from.is_none() && policy_set_version_id.is_some();
        let keeps_tests = self.tests.is_none_or(|tests| !tests.keep);
        keeps_set
            && keeps_tests
            && !self.schema.publish
            && !self.binds
            && self.findings.iter().all(|finding| !finding.error)
            && self.policies.iter().all(stays)
    }

    /// Refuses a plan with findings that are errors.
    pub(crate) fn check_fit(&self) -> Result<()> {
        let mut errors = self.findings.iter().filter(|finding| finding.error);
        let Some(first) = errors.next() else { return Ok(()) };
        let (policy, message) = (first.policy.clone(), first.diagnostic.to_string());
        Err(ErrorDetail::PlanFindings { policy, message, more: errors.count() }.into())
    }

    /// The SHA-256 of its JSON, for fingerprints.
    pub(crate) fn digest(&self) -> Result<Sha256> {
        let json = serde_json::to_vec(self);
        let json = json.map_err(|error| ErrorDetail::Json { what: "plan", message: error.to_string() })?;
        Ok(Sha256::of(&json))
    }
}
