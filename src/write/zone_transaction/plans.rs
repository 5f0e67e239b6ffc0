//! Applies plans: plans anew in the write, compares, and carries the steps out with other calls of the zone.

use serde::Serialize;

use super::ZoneTransaction;
use super::bindings::has_bound;
use crate::cedar::with_room;
use crate::engine::validation::Validation;
use crate::plan::context::Inputs;
use crate::plan::kept_tests;
use crate::plan::steps::{SetStep, Steps, VersionStep};
use crate::plan::value::PolicySetPlan;
use crate::record::Manifest;
use crate::record::fingerprint::Fingerprint;
use crate::resource::binding::{At, Binding};
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::schema::SchemaInput;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::rules::manifest::Planned;
use crate::storage::key::STORE_LOG;
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::BindingMode;
use crate::write::add_schema;

/// The result of applying a plan.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppliedPlan {
    /// Whether anything was written: false for a plan with nothing to do.
    pub changed: bool,
    /// The version that the plan was for.
    pub policy_set_version: PolicySetVersion,
    /// Its binding.
    pub binding: Binding,
}

/// Plans.
impl ZoneTransaction<'_, '_> {
    /// Carries out a [plan](crate::Zone::plan): exactly its steps, or none. It plans anew first, and refuses a plan that differs
    /// from the new one. A plan with nothing to do changes nothing. Other writes wait while it parses and validates the content
    /// of a plan that was read from JSON.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) with the code `plan_outdated` if the zone has changed in a
    /// way that concerns the plan; [`Invalid`](crate::ErrorKind::Invalid) with the code `plan_findings` if it has findings that
    /// are errors; otherwise as [`Zone::plan`](crate::Zone::plan) and [`bind`](Self::bind).
    pub fn apply_plan(&mut self, plan: &PolicySetPlan) -> Result<AppliedPlan> {
        let fingerprint = Fingerprint::of("apply_plan").bytes(plan.digest()?.as_bytes());
        self.once(fingerprint, |zone| zone.carry_out(plan), |reader, entry| applied(reader, plan, has_bound(entry)))
    }

    fn carry_out(&mut self, plan: &PolicySetPlan) -> Result<AppliedPlan> {
        let PolicySetPlan { target, mode, desired, prepared, .. } = plan;
        let inputs = Inputs { actor: self.actor(), target, mode: *mode, desired, prepared };
        let validation = Validation::in_write(&self.engine.compiler, &prepared.validated);
        let (now, steps, _) = with_room(|| self.read(|reader| inputs.plan(reader, validation)))?;
        plan.check_current(&now)?;
        plan.check_fit()?;
        let Some(mut steps) = steps else {
            return Err(ErrorDetail::failed("apply the plan", "it has no steps").into());
        };
        let changed = !plan.is_empty();
        if changed {
            if let VersionStep::New { policies, .. } = &mut steps.version
                && steps.tests.is_some()
            {
                self.give_ids(policies)?;
            }
            self.read(|reader| kept_tests::check(reader, &self.engine.compiler, plan, &steps))?;
            self.room_for_entries(steps.entries() + usize::from(plan.binds))?;
            let before = self.writer().next_position(STORE_LOG)?;
            if let Err(error) = self.take(steps, plan) {
                // The schema version is in another log than the rest.
                self.writer().refused_at(STORE_LOG, before, &error)?;
                return Err(error);
            }
        }
        self.read(|reader| applied(reader, plan, changed))
    }

    fn take(&mut self, steps: Steps, plan: &PolicySetPlan) -> Result<()> {
        let Steps { publish, rename, updates, version, tests } = steps;
        if let Some(schema) = publish {
            add_schema(self.writer(), SchemaInput::Prepared(schema.new))?;
        }
        if let Some((id, update)) = rename {
            self.update_policy_set(id, update)?;
        }
        for (id, update) in updates {
            self.update_policy(id, update)?;
        }
        let version = match version {
            VersionStep::Existing(id) => id,
            VersionStep::New { set, schema, policies } => {
                let entries = self.take_steps(policies)?;
                let set = match set {
                    SetStep::Existing(id) => self.policy_set(id)?,
                    SetStep::New(new) => self.create_policy_set(new)?,
                };
                let planned = Planned { schema, manifest: Manifest::new(entries)? };
                self.add_policy_set_version(set, None, planned)?.id
            }
        };
        if let Some(suite) = tests {
            self.keep_tests(&version, &suite)?;
        }
        match plan.mode {
            BindingMode::Shadow => self.bind_shadow(version, plan.target.clone()),
            _ => self.bind(version, plan.target.clone()),
        }
        .map(drop)
    }
}

/// The result, read from the zone as the call left it.
fn applied(reader: ZoneReader<'_>, plan: &PolicySetPlan, changed: bool) -> Result<AppliedPlan> {
    let binding = reader.bound(&plan.target, plan.mode, At::Now)?;
    let found = VersionRecord::by_id(reader, binding.policy_set_version_id.as_str())?;
    Ok(AppliedPlan { changed, policy_set_version: reader.policy_set_version(&found)?, binding })
}
