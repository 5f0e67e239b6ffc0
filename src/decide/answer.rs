//! Answers: decides a request, and gives the determining statements and the receipt.

use cedar_policy::{Decision, Entities, Request};

use super::authorizer::Authorizer;
use policy_store_verify::receipt::Decision as StoredDecision;

use super::receipt::{EntitiesInput, Layer, Receipt, StatementRef, entities_sha, mismatch, request_sha};
use crate::cedar;
use crate::cedar::{Evaluation, EvaluationFailure};
use crate::engine::compiler::{BoundSet, Compiled};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;

/// The result of one decision: allow or deny, with the determining statements and errors.
#[derive(Clone, Debug)]
pub struct Answer {
    pub(crate) authorizer: Authorizer,
    pub(crate) request: Request,
    pub(crate) decision: Decision,
    pub(crate) determining: Vec<StatementRef>,
    pub(crate) errors: Vec<StatementError>,
    pub(crate) denied_by_error: bool,
}

/// A decision without its request and authorizer.
pub(super) struct Decided {
    pub decision: Decision,
    pub determining: Vec<StatementRef>,
    pub errors: Vec<StatementError>,
    pub denied_by_error: bool,
}

/// A statement that failed to evaluate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StatementError {
    /// The statement.
    pub statement: StatementRef,
    /// Whether it is a `forbid`.
    pub forbid: bool,
    /// Cedar's message.
    pub message: String,
}

impl Answer {
    /// Allow or deny.
    #[must_use]
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether the request is denied only because a `forbid` failed to evaluate.
    #[must_use]
    pub fn denied_by_error(&self) -> bool {
        self.denied_by_error
    }

    /// The determining statements, sorted: the `permit`s that allowed, or the `forbid`s that denied. Empty if no
    /// statement applied and the request was therefore denied. If [`denied_by_error`](Self::denied_by_error), the
    /// `forbid`s that failed.
    #[must_use]
    pub fn determining(&self) -> &[StatementRef] {
        &self.determining
    }

    /// The statements that failed to evaluate, sorted.
    #[must_use]
    pub fn errors(&self) -> &[StatementError] {
        &self.errors
    }

    /// Compares a replayed answer with the receipt of the first one: decision, determining statements, errors and
    /// bindings. The version of Cedar may differ.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) with the first field that differs.
    pub fn agrees_with(&self, receipt: &Receipt) -> Result<()> {
        self.authorizer.check(receipt)?;
        let failed: Vec<_> = self.errors.iter().map(|error| &error.statement).collect();
        let texts = |statements: &mut dyn Iterator<Item = &StatementRef>| {
            statements.map(StatementRef::to_string).collect::<Vec<_>>().join(", ")
        };
        for (field, said, now) in [
            ("decision", receipt.decision.to_string(), StoredDecision::from(self.decision).to_string()),
            ("determining", texts(&mut receipt.determining.iter()), texts(&mut self.determining.iter())),
            ("failed", texts(&mut receipt.failed.iter()), texts(&mut failed.into_iter())),
            ("binding", format!("{:?}", receipt.binding.as_ref()), format!("{:?}", self.authorizer.binding())),
            (
                "deny_on_forbid_error",
                receipt.deny_on_forbid_error.to_string(),
                self.authorizer.denies_on_forbid_error().to_string(),
            ),
        ] {
            if said != now {
                return Err(mismatch(field, said, now));
            }
        }
        Ok(())
    }

    /// The receipt of the answer, to be kept with the decision: the log, entries and hashes of the rules behind it, and the
    /// hashes of the request and of `entities`. These are the entities that the answer was decided with, or the
    /// [SHA-256](crate::inputs::entities_sha) of them, computed before.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) for a request or entities without a canonical form: with unknowns of a partial
    /// evaluation, or nested deeper than Cedar's JSON allows; for an answer by a [plan](crate::Zone::authorizer_of_plan), whose
    /// rules are not stored.
    pub fn receipt<'a>(&self, entities: impl Into<EntitiesInput<'a>>) -> Result<Receipt> {
        let entities_sha = match entities.into() {
            EntitiesInput::Entities(entities) => entities_sha(entities)?,
            EntitiesInput::Sha(sha) => sha,
        };
        let Compiled { zone_id, log_id, version, entry_hash, .. } = &**self.authorizer.compiled();
        if *entry_hash == EntryHash::NONE {
            let set = version.policy_set_id.as_str();
            return Err(
                ErrorDetail::invalid("answer by a plan for policy set", set, "has no receipt: apply the plan").into()
            );
        }
        Ok(Receipt {
            v: Receipt::FORM,
            zone_id: zone_id.clone(),
            log_id: *log_id,
            log_end: Some(self.authorizer.log_end()),
            binding: self.authorizer.binding().cloned(),
            binding_entry: self.authorizer.binding_entry(),
            guardrail: self.authorizer.guardrail_receipt(),
            policy_set_id: version.policy_set_id.clone(),
            policy_set_version_id: version.version_id.clone(),
            policy_set_version: version.version,
            policy_set_version_entry: *entry_hash,
            manifest_sha: version.manifest_sha,
            schema_version: version.schema.version.clone(),
            schema_sha: version.schema.sha,
            request_sha: Some(request_sha(&self.request)?),
            entities_sha: Some(entities_sha),
            decision: self.decision.into(),
            determining: self.determining.clone(),
            failed: self.errors.iter().map(|error| error.statement.clone()).collect(),
            deny_on_forbid_error: self.authorizer.denies_on_forbid_error(),
            cedar_version: cedar::version(),
        })
    }
}

impl Authorizer {
    /// Decides a request, as Cedar does.
    ///
    /// Read request and entities with this authorizer: its limits ensure that they can be evaluated on every thread.
    /// Values from Cedar's own constructors are accepted too. Nest them no deeper than Cedar's JSON allows (128
    /// levels), because Cedar compares values without checking the remaining stack.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if Cedar fails in a way that is neither allow nor deny.
    pub fn is_authorized(&self, request: &Request, entities: &Entities) -> Result<Answer> {
        let Decided { decision, determining, errors, denied_by_error } = self.decide(request, entities)?;
        let (authorizer, request) = (self.clone(), request.clone());
        Ok(Answer { authorizer, request, decision, determining, errors, denied_by_error })
    }

    /// As [`is_authorized`](Self::is_authorized).
    pub(super) fn decide(&self, request: &Request, entities: &Entities) -> Result<Decided> {
        let own = self.compiled().set.evaluate(request, entities)?;
        let (mut determining, mut errors) = named(Layer::Target, self.compiled(), own.determining, own.errors);
        let mut decision = own.decision;
        if let Some(BoundSet { compiled, .. }) = self.guardrail_layer() {
            let Evaluation { decision: by_guardrail, determining: forbids, errors: failed } =
                compiled.set.evaluate(request, entities)?;
            let (forbids, failed) = named(Layer::Guardrail, compiled, forbids, failed);
            // As Cedar decides over all statements together: a `forbid` denies, and then no `permit` is determining.
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
        if denied_by_error {
            decision = Decision::Deny;
            determining = errors.iter().filter(|error| error.forbid).map(|error| error.statement.clone()).collect();
        }
        Ok(Decided { decision, determining, errors, denied_by_error })
    }
}

/// The reference to a statement, by the index of its compiled member and its number.
pub(super) fn reference(layer: Layer, compiled: &Compiled, member: usize, number: usize) -> Option<StatementRef> {
    let (policy_id, policy_version_id) = compiled.members.get(member)?;
    let (policy_id, policy_version_id) = (policy_id.clone(), policy_version_id.clone());
    Some(StatementRef { layer, policy_id, policy_version_id, statement: u32::try_from(number).ok()? })
}

/// The statements that the evaluation of one layer refers to.
fn named(
    layer: Layer,
    compiled: &Compiled,
    determining: Vec<(usize, usize)>,
    errors: Vec<EvaluationFailure>,
) -> (Vec<StatementRef>, Vec<StatementError>) {
    let reference = |member, number| reference(layer, compiled, member, number);
    let determining = determining.into_iter().filter_map(|(member, number)| reference(member, number)).collect();
    let failed = |error: EvaluationFailure| {
        let statement = reference(error.member, error.statement)?;
        Some(StatementError { statement, forbid: error.forbid, message: error.message })
    };
    (determining, errors.into_iter().filter_map(failed).collect())
}
