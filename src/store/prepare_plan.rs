//! Planning a policy set ahead of its write.

use std::sync::Arc;

use crate::decide::authorizer::Authorizer;
use crate::engine::validation::Validation;
use crate::plan::context::Inputs;
use crate::plan::desired::DesiredPolicySet;
use crate::plan::prepared::Prepared;
use crate::plan::value::PolicySetPlan;
use crate::read::zone::Zone;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::target::{BindingMode, Target};

/// Plans.
impl Zone {
    /// Plans the change of a policy set to a desired content, and its binding: the schema version to publish, the policies
    /// to create, update, pin and unpin, the version to create, and the binding to make. Writes nothing.
    ///
    /// - A policy with the text of its version in force, or of its newest version, keeps that version. With another text, it
    ///   gets its next version.
    /// - A policy that the desired content leaves out is no longer pinned, and is otherwise unchanged.
    /// - A version of the set with the same pins and schema, in force or its newest one, is bound again. Otherwise the set gets
    ///   a new version.
    /// - `mode` is active, or shadow to try the version beside the one in force. Changes are relative to the version in force
    ///   in both cases.
    ///
    /// Policies that do not validate are [findings](PolicySetPlan::findings) and no error. Apply the plan with
    /// [`ZoneTransaction::apply_plan`](crate::ZoneTransaction::apply_plan).
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the schema version is published with another source, or if the set is for
    /// another target; [`Invalid`](crate::ErrorKind::Invalid) for a schema that does not parse, and for a name that several
    /// policies or sets have; [`NotFound`](crate::ErrorKind::NotFound) for a schema version that is neither given nor published;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) if `actor` may not change a policy or the set;
    /// [`Archived`](crate::ErrorKind::Archived) if a step would change or newly pin something archived.
    pub fn plan(
        &self,
        actor: &Actor,
        target: Target,
        mode: BindingMode,
        desired: DesiredPolicySet,
    ) -> Result<PolicySetPlan> {
        let prepared = Arc::new(Prepared::default());
        let inputs = Inputs { actor, target: &target, mode, desired: &desired, prepared: &prepared };
        let (mut plan, steps, validated) = self.read_with_room(|zone, engine| {
            zone.check_open()?;
            inputs.plan(zone, Validation::ahead(&engine.compiler, &prepared.validated))
        })?;
        plan.prepared = Arc::new(plan.prepared.with(steps, validated));
        Ok(plan)
    }
    /// Parses and validates the content of a plan that was read from JSON, before its write, on any thread. A plan as
    /// [`plan`](Self::plan) returns it is prepared already.
    ///
    /// # Errors
    ///
    /// As [`plan`](Self::plan); [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) with the code `plan_outdated` if the zone has
    /// changed in a way that concerns the plan.
    pub fn prepare_plan(&self, actor: &Actor, plan: &PolicySetPlan) -> Result<PolicySetPlan> {
        let now = self.plan(actor, plan.target.clone(), plan.mode, plan.desired.clone())?;
        plan.check_current(&now)?;
        Ok(now)
    }

    /// An authorizer that decides by the content of a plan, with the zone's guardrail of now: to test a plan, or to replay
    /// decisions with it. Statements of versions that the plan creates have ids of their own:
    /// [`policy_of`](PolicySetPlan::policy_of) finds their policies. Its answers have no receipts.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a plan with findings that are errors;
    /// [`Conflict`](crate::ErrorKind::Conflict) if the guardrail does not validate against the plan's schema version.
    pub fn authorizer_of_plan(&self, plan: &PolicySetPlan) -> Result<Authorizer> {
        plan.check_fit()?;
        self.read(|zone| plan.authorizer(zone, &self.engine))
    }
}
