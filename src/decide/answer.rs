//! Answers: a decision, the statements that determined it, and its receipt.

use cedar_policy::{Decision, Entities, Request};

use super::authorizer::Authorizer;
use super::receipt::{GUARDRAIL_FORM, Layer, PLAIN_FORM, Receipt, StatementRef, mismatch};
use crate::cedar;
use crate::cedar::{Evaluation, EvaluationFailure};
use crate::engine::compiler::{BoundSet, Compiled};
use crate::types::error::Result;

/// A decision, with what determined it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) authorizer: Authorizer,
    pub(crate) decision: Decision,
    pub(crate) determining: Vec<StatementRef>,
    pub(crate) errors: Vec<StatementError>,
    pub(crate) denied_by_error: bool,
}

/// A statement that failed to evaluate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StatementError {
    /// Which one.
    pub statement: StatementRef,
    /// Whether it is a `forbid`.
    pub forbid: bool,
    /// What Cedar says.
    pub message: String,
}

impl Answer {
    /// Allow or deny.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether it is denied only because a `forbid` failed to evaluate.
    pub fn denied_by_error(&self) -> bool {
        self.denied_by_error
    }

    /// The statements that determined the decision, sorted: the `permit`s that allowed, or the `forbid`s that denied.
    /// None if nothing applied, and so it was denied; and for [`Answer::denied_by_error`] the `forbid`s that failed.
    pub fn determining(&self) -> &[StatementRef] {
        &self.determining
    }

    /// The statements that failed to evaluate, sorted.
    pub fn errors(&self) -> &[StatementError] {
        &self.errors
    }

    /// Whether the decision is the one that a receipt states, for the same reasons: what a replay is for.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict), naming the first field that differs. Which Cedar decided may differ.
    pub fn agrees_with(&self, receipt: &Receipt) -> Result<()> {
        self.authorizer.check(receipt)?;
        let own = self.receipt();
        let told = |statements: &[StatementRef]| statements.iter().map(StatementRef::to_string).collect::<Vec<_>>();
        for (field, said, now) in [
            ("decision", format!("{:?}", receipt.decision), format!("{:?}", own.decision)),
            ("determining", told(&receipt.determining).join(", "), told(&own.determining).join(", ")),
            ("failed", told(&receipt.failed).join(", "), told(&own.failed).join(", ")),
            ("binding", format!("{:?}", receipt.binding), format!("{:?}", own.binding)),
            ("deny_on_forbid_error", receipt.deny_on_forbid_error.to_string(), own.deny_on_forbid_error.to_string()),
        ] {
            if said != now {
                return Err(mismatch(field, said, now));
            }
        }
        Ok(())
    }

    /// What the decision rested on, to be kept beside it.
    pub fn receipt(&self) -> Receipt {
        let Compiled { zone, version, entry_hash, schema_sha, .. } = &**self.authorizer.compiled();
        Receipt {
            v: if self.authorizer.guardrail().is_some() { GUARDRAIL_FORM } else { PLAIN_FORM },
            zone_id: zone.id.clone(),
            log_id: zone.log_id,
            binding: self.authorizer.binding().cloned(),
            guardrail: self.authorizer.guardrail_receipt(),
            policy_set_id: version.policy_set_id.clone(),
            policy_set_version_id: version.version_id.clone(),
            policy_set_version: version.version,
            policy_set_version_entry: *entry_hash,
            manifest_sha: version.manifest_sha,
            schema_version: version.schema.version.clone(),
            schema_sha: *schema_sha,
            decision: self.decision,
            determining: self.determining.clone(),
            failed: self.errors.iter().map(|error| error.statement.clone()).collect(),
            deny_on_forbid_error: self.authorizer.denies_on_forbid_error(),
            cedar_version: cedar::version(),
        }
    }
}

impl Authorizer {
    /// Decides, as Cedar does.
    ///
    /// Request and entities are best read with this authorizer, whose limits make sure that they can be evaluated on
    /// every thread. Those that Cedar's own constructors made are taken too; nest their values no deeper than
    /// Cedar's JSON can (128 levels), since Cedar compares values without looking at the stack that is left.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if Cedar fails in a way that is neither allow nor deny.
    pub fn is_authorized(&self, request: &Request, entities: &Entities) -> Result<Answer> {
        let own = self.compiled().set.evaluate(request, entities)?;
        let (mut determining, mut errors) = told(Layer::Target, self.compiled(), own.determining, own.errors);
        let mut decision = own.decision;
        if let Some(BoundSet { compiled, .. }) = self.guardrail_layer() {
            let Evaluation { decision: by_guardrail, determining: forbids, errors: failed } =
                compiled.set.evaluate(request, entities)?;
            let (forbids, failed) = told(Layer::Guardrail, compiled, forbids, failed);
            // Cedar's rule for all statements together: a `forbid` denies, and then no `permit` determines anything.
            if by_guardrail == Decision::Deny && !forbids.is_empty() {
                if decision == Decision::Allow {
                    determining.clear();
                }
                decision = Decision::Deny;
                determining.extend(forbids);
            }
            errors.extend(failed);
        }
        let denied_by_error =
            self.denies_on_forbid_error() && decision == Decision::Allow && errors.iter().any(|error| error.forbid);
        Ok(if denied_by_error {
            let forbids = errors.iter().filter(|error| error.forbid).map(|error| error.statement.clone()).collect();
            Answer { authorizer: self.clone(), decision: Decision::Deny, determining: forbids, errors, denied_by_error }
        } else {
            Answer { authorizer: self.clone(), decision, determining, errors, denied_by_error }
        })
    }
}

/// The statements that an evaluation of one layer names.
fn told(
    layer: Layer,
    compiled: &Compiled,
    determining: Vec<(usize, usize)>,
    errors: Vec<EvaluationFailure>,
) -> (Vec<StatementRef>, Vec<StatementError>) {
    // It numbers the very members that were compiled.
    let named = |member: usize, statement: usize| {
        let (policy_id, policy_version_id) = compiled.members.get(member)?;
        let (policy_id, policy_version_id) = (policy_id.clone(), policy_version_id.clone());
        Some(StatementRef { layer, policy_id, policy_version_id, statement: u32::try_from(statement).ok()? })
    };
    let determining = determining.into_iter().filter_map(|(member, number)| named(member, number)).collect();
    let failed = |error: EvaluationFailure| {
        let statement = named(error.member, error.statement)?;
        Some(StatementError { statement, forbid: error.forbid, message: error.message })
    };
    (determining, errors.into_iter().filter_map(failed).collect())
}
