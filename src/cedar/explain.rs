//! Explains the result of a statement on a request: which permits have a scope that matches, which conditions hold, and
//! which term of a chain decided.
//!
//! Cedar evaluates each part: the part alone, as the condition of a statement with an open scope, or as the scope of a
//! statement without conditions. The parts are the statement's own text. Does not know the answer.

use std::collections::BTreeSet;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, Entities, EvaluationError, Policy, PolicySet, Request,
};
use serde::Serialize;

use super::clauses::{self, Clauses, ConditionKind, Operator};
use super::compiled::CompiledSet;
use super::stack::in_one_go;
use super::{gate, parse};
use crate::types::error::{Error, ErrorDetail, Result};

const WHAT: &str = "policy set";

/// A condition of a statement, with its value for the request of an answer.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedCondition {
    /// `when` or `unless`.
    pub kind: ConditionKind,
    /// The text of its expression, as in the statement, without the braces.
    pub text: String,
    /// The value of the expression. None if it failed, or if an earlier condition already did not hold: Cedar does not
    /// evaluate further conditions then.
    pub value: Option<bool>,
    /// Whether the condition holds: a `when` with the value true, an `unless` with the value false.
    pub holds: bool,
    /// Cedar's message, if the expression failed.
    pub error: Option<String>,
    /// If the expression is a chain of `&&` or `||` and the condition does not hold, the first term that decided: the
    /// first one that is false or fails in a chain of `&&`, and the first one that is true or fails in a chain of `||`.
    /// Brackets within a chain do not hide its terms. None if all terms decided together, as when every alternative
    /// of a `when` is false.
    pub because: Option<ExplainedTerm>,
}

/// A term of a chain, with its value for the request of an answer.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedTerm {
    /// Its text, as in the statement.
    pub text: String,
    /// Its value. None if it failed.
    pub value: Option<bool>,
    /// Cedar's message, if it failed.
    pub error: Option<String>,
}

impl CompiledSet {
    /// The permits with a scope that matches a request, as (member, statement), sorted, at most `most` of them; and the
    /// number of those beyond. `known` are left out.
    pub(crate) fn permits_in_scope(
        &self,
        known: &BTreeSet<(usize, usize)>,
        most: usize,
        request: &Request,
        entities: &Entities,
    ) -> Result<(Vec<(usize, usize)>, usize)> {
        let mut candidates = self.in_scope(Effect::Permit, request, entities)?;
        candidates.retain(|place| !known.contains(place));
        let beyond = candidates.len().saturating_sub(most);
        candidates.truncate(most);
        in_one_go(WHAT, || {
            let mut found = Vec::with_capacity(candidates.len());
            for (member, statement) in candidates {
                let text = self.text(member, statement)?;
                let scope = Evaluated::alone(&format!("{};", parts(&text)?.head), request, entities)?;
                if scope == Evaluated::Value(true) {
                    found.push((member, statement));
                }
            }
            Ok((found, beyond))
        })?
    }

    /// The conditions of a member's statement, in order, with their values for a request.
    pub(crate) fn conditions(
        &self,
        (member, statement): (usize, usize),
        request: &Request,
        entities: &Entities,
    ) -> Result<Vec<ExplainedCondition>> {
        in_one_go(WHAT, || {
            let text = self.text(member, statement)?;
            let mut reached = true;
            let conditions = parts(&text)?.conditions.into_iter().map(|(kind, expression)| {
                let mut condition = ExplainedCondition {
                    kind,
                    text: expression.to_owned(),
                    value: None,
                    holds: false,
                    error: None,
                    because: None,
                };
                if reached {
                    condition.evaluate(request, entities)?;
                    reached = condition.holds;
                }
                Ok(condition)
            });
            conditions.collect()
        })?
    }

    fn text(&self, member: usize, statement: usize) -> Result<String> {
        let text = self.source(member, statement).and_then(Policy::to_cedar);
        text.ok_or_else(|| failed(format!("member {member} has no statement {statement}")))
    }
}

fn parts(statement: &str) -> Result<Clauses<'_>> {
    Clauses::of(statement).ok_or_else(|| failed("the text of a statement has no clauses".to_owned()))
}

impl ExplainedCondition {
    fn evaluate(&mut self, request: &Request, entities: &Entities) -> Result<()> {
        let found = Evaluated::expression(&self.text, request, entities)?;
        self.holds = found == Evaluated::Value(self.kind == ConditionKind::When);
        if !self.holds {
            self.because = deciding_term(&self.text, &found, request, entities)?;
        }
        (self.value, self.error) = found.into_parts();
        Ok(())
    }
}

/// The first term of a chain that gave the chain its result.
fn deciding_term(
    expression: &str,
    found: &Evaluated,
    request: &Request,
    entities: &Entities,
) -> Result<Option<ExplainedTerm>> {
    let Some((operator, terms)) = clauses::terms(expression) else { return Ok(None) };
    // A chain goes on while its terms have this value, and ends with it only if all of them do.
    let going_on = Evaluated::Value(operator == Operator::And);
    if *found == going_on {
        return Ok(None);
    }
    for term in terms {
        let result = Evaluated::expression(term, request, entities)?;
        if result != going_on {
            let (value, error) = result.into_parts();
            return Ok(Some(ExplainedTerm { text: term.to_owned(), value, error }));
        }
    }
    Ok(None)
}

/// The result of an expression.
#[derive(PartialEq, Eq)]
enum Evaluated {
    Value(bool),
    /// Cedar's message.
    Failed(String),
}

impl Evaluated {
    /// Evaluates an expression of a statement.
    fn expression(text: &str, request: &Request, entities: &Entities) -> Result<Self> {
        // With as few tokens and bytes as the statement of the expression has, so that the gate accepts it too.
        Self::alone(&format!("permit(principal,action,resource)when{{{text}}};"), request, entities)
    }

    /// Decides by one statement alone: whether it applies. The caller supplies the stack.
    fn alone(statement: &str, request: &Request, entities: &Entities) -> Result<Self> {
        gate::policy_text(statement)?;
        let set = PolicySet::from_policies(parse::statements(statement)?).map_err(|error| failed(error.to_string()))?;
        let response = Authorizer::new().is_authorized(request, &set, entities);
        match response.diagnostics().errors().next() {
            None => Ok(Self::Value(response.decision() == Decision::Allow)),
            Some(AuthorizationError::PolicyEvaluationError(error)) => match error.inner() {
                EvaluationError::RecursionLimit(_) => Err(failed("a condition ran out of stack".to_owned())),
                inner => Ok(Self::Failed(inner.to_string())),
            },
        }
    }

    fn into_parts(self) -> (Option<bool>, Option<String>) {
        match self {
            Self::Value(value) => (Some(value), None),
            Self::Failed(message) => (None, Some(message)),
        }
    }
}

fn failed(message: String) -> Error {
    ErrorDetail::CedarFailed { what: WHAT, message }.into()
}
