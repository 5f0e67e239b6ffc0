//! Explanations: the statements behind an answer, their conditions, and which of them held.
//!
//! Reads the compiled rules of the answer. Does not read the store.

use std::collections::BTreeSet;

use cedar_policy::{Decision, Entities};
use policy_store_verify::text_enum;
use serde::Serialize;

use super::answer::{Answer, reference};
use super::receipt::{Layer, StatementRef};
use super::statement::Statement;
use crate::cedar::ExplainedCondition;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::limits;

/// The statements behind an answer, each with its conditions and their values.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The decision of the answer.
    pub decision: Decision,
    /// Whether the request is denied only because a `forbid` failed to evaluate. That statement is in the role
    /// [`Failed`](StatementRole::Failed).
    pub denied_by_error: bool,
    /// Whether the request is denied because no `permit` applied, and no `forbid` either.
    pub default_deny: bool,
    /// The determining statements, then those that failed, and for a default deny the permits with a matching scope that
    /// did not apply: sorted in each role, at most [`EXPLAINED_STATEMENTS`](limits::EXPLAINED_STATEMENTS).
    pub statements: Vec<ExplainedStatement>,
    /// The number of statements beyond those.
    pub omitted: usize,
}

/// The part of a statement in an answer.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementRole {
    /// It determined the decision: all of its conditions hold.
    Determining,
    /// It failed to evaluate: its first condition that does not hold has the error.
    Failed,
    /// A `permit` with a scope that matches and a condition that does not hold.
    NotApplied,
}

text_enum!(StatementRole, "statement role", {
    Determining => "determining",
    Failed => "failed",
    NotApplied => "not_applied",
});

/// A statement of an explanation.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStatement {
    /// Its reference, text, effect and annotations.
    pub statement: Statement,
    /// Its part in the answer.
    pub role: StatementRole,
    /// Its conditions, in order. Cedar evaluates them in this order, up to the first one that does not hold.
    pub conditions: Vec<ExplainedCondition>,
    /// Cedar's message, if it failed.
    pub error: Option<String>,
}

impl ExplainedStatement {
    /// The condition that kept the statement from applying: the first one that does not hold. None if all hold.
    #[must_use]
    pub fn obstacle(&self) -> Option<&ExplainedCondition> {
        self.conditions.iter().find(|condition| !condition.holds)
    }
}

impl Answer {
    /// Explains the answer: the determining statements and those that failed, with the values of their conditions; and if
    /// the request was denied because no statement applied, the permits that its scope would have matched, with the
    /// conditions that did not hold. `entities` are those that the answer was decided with.
    ///
    /// Cedar evaluates every part again, so it takes longer than the decision: about as long as parsing the statements
    /// that are explained.
    ///
    /// ```
    /// # use policy_store::{Answer, Result, cedar_policy::Entities};
    /// /// Why a request was denied, in one line for each `permit` that could have allowed it.
    /// fn reasons(answer: &Answer, entities: &Entities) -> Result<Vec<String>> {
    ///     let explanation = answer.explain(entities)?;
    ///     let reasons = explanation.statements.iter().filter_map(|explained| {
    ///         let condition = explained.obstacle()?;
    ///         let name = explained.statement.id().unwrap_or("a permit");
    ///         Some(format!("{name} needs {} {{ {} }}", condition.kind, condition.text))
    ///     });
    ///     Ok(reasons.collect())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with code `request` if the answer is another one with these entities.
    pub fn explain(&self, entities: &Entities) -> Result<Explanation> {
        self.check_entities(entities)?;
        let mut explanation = Explanation {
            decision: self.decision,
            denied_by_error: self.denied_by_error,
            default_deny: self.decision == Decision::Deny && self.determining.is_empty(),
            statements: Vec::new(),
            omitted: 0,
        };
        // An answer that an error denied has the failed statements as determining, too.
        let determining = self.determining.iter().filter(|_| !self.denied_by_error);
        let known = determining.map(|statement| (statement, StatementRole::Determining, None));
        let failed = self.errors.iter();
        let failed = failed.map(|error| (&error.statement, StatementRole::Failed, Some(error.message.clone())));
        for (reference, role, error) in known.chain(failed) {
            if explanation.statements.len() < limits::EXPLAINED_STATEMENTS {
                explanation.statements.push(self.explained(reference, role, error, entities)?);
            } else {
                explanation.omitted += 1;
            }
        }
        if explanation.default_deny {
            self.explain_permits(&mut explanation, entities)?;
        }
        Ok(explanation)
    }

    /// Refuses entities that give another answer.
    fn check_entities(&self, entities: &Entities) -> Result<()> {
        let again = self.authorizer.is_authorized(&self.request, entities)?;
        if again.decision == self.decision && again.determining == self.determining && again.errors == self.errors {
            return Ok(());
        }
        let message = "the answer was decided with other entities; pass those of its decision".to_owned();
        Err(ErrorDetail::Request { what: "entities", message }.into())
    }

    /// Adds the permits of the target that could have allowed the request. A guardrail has none.
    fn explain_permits(&self, explanation: &mut Explanation, entities: &Entities) -> Result<()> {
        let compiled = self.authorizer.compiled();
        let failed = self.errors.iter().filter(|error| error.statement.layer == Layer::Target);
        let failed: BTreeSet<_> = failed.filter_map(|error| compiled.place(&error.statement)).collect();
        let most = limits::EXPLAINED_STATEMENTS - explanation.statements.len();
        let (permits, beyond) = compiled.set.permits_in_scope(&failed, most, &self.request, entities)?;
        for (member, number) in permits {
            let reference = reference(Layer::Target, compiled, member, number).ok_or_else(unknown)?;
            let explained = self.explained(&reference, StatementRole::NotApplied, None, entities)?;
            explanation.statements.push(explained);
        }
        explanation.omitted += beyond;
        Ok(())
    }

    fn explained(
        &self,
        reference: &StatementRef,
        role: StatementRole,
        error: Option<String>,
        entities: &Entities,
    ) -> Result<ExplainedStatement> {
        let compiled = self.authorizer.layer(reference.layer).ok_or_else(unknown)?;
        let place = compiled.place(reference).ok_or_else(unknown)?;
        let statement = self.statement(reference).ok_or_else(unknown)?;
        let conditions = compiled.set.conditions(place, &self.request, entities)?;
        Ok(ExplainedStatement { statement, role, conditions, error })
    }
}

/// The error for a statement that the rules of the answer do not have.
fn unknown() -> Error {
    ErrorDetail::CedarFailed { what: "policy set", message: "unknown statement".to_owned() }.into()
}
