//! Policy sets as they decide: the statements of all members together, each leading back to its member.
//!
//! Members come parsed and validated. Which set is in force, and for whom, is not known here.

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, Entities, EvaluationError, PolicyId, PolicySet, Request,
};

use super::policy::ParsedPolicy;
use super::stack::{evaluate, on_grown_stack};
use crate::error::{ErrorDetail, Result};

const WHAT: &str = "policy set";

/// A policy set that is ready to decide.
pub(crate) struct CompiledSet {
    set: PolicySet,
    /// Where each statement comes from: its member's index and its number in it.
    origins: HashMap<PolicyId, (u32, u32)>,
    height: usize,
    weight: usize,
}

/// What a request was answered with, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// Allow or deny.
    pub decision: Decision,
    /// The statements that determined it, as (member, statement), sorted.
    pub determining: Vec<(u32, u32)>,
    /// The statements that failed and were therefore left out, sorted.
    pub errors: Vec<EvaluationFailure>,
}

/// A statement that failed on a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EvaluationFailure {
    /// The member's index.
    pub member: u32,
    /// The statement's number in it.
    pub statement: u32,
    /// Whether it is a `forbid`: then the answer may be too permissive.
    pub forbid: bool,
    /// What Cedar says.
    pub message: String,
}

impl CompiledSet {
    /// Puts the statements of all members into one set, under the ids `{policy version id}#{number}`.
    pub(crate) fn assemble(members: &[(String, Arc<ParsedPolicy>)]) -> Result<Self> {
        let mut compiled =
            Self { set: PolicySet::new(), origins: HashMap::new(), height: 0, weight: size_of::<Self>() };
        for (member, (version_id, policy)) in (0_u32..).zip(members) {
            for (number, statement) in (0_u32..).zip(policy.policies()) {
                let id = PolicyId::new(format!("{version_id}#{number}"));
                compiled.set.add(statement.new_id(id.clone())).map_err(|error| failed(error.to_string()))?;
                compiled.origins.insert(id, (member, number));
            }
            compiled.height = compiled.height.max(policy.height());
            // The syntax trees are shared with the parsed policy; ids, table entries and texts are not. Statements of
            // real policies took 1.8 KiB each, and those of 1.8 KiB of text 3.8 KiB.
            compiled.weight += policy.weight() / 8 + policy.statements() * (1024 + 4 * version_id.len());
        }
        Ok(compiled)
    }

    /// Decides as Cedar's authorizer does. A statement that ran out of stack is an error, never left out.
    pub(crate) fn evaluate(&self, request: &Request, entities: &Entities) -> Result<Evaluation> {
        let response = on_grown_stack(evaluate(self.height), WHAT, || {
            Authorizer::new().is_authorized(request, &self.set, entities)
        })?;
        let reasons = response.diagnostics().reason().map(|id| self.origin(id));
        let mut determining = reasons.collect::<Result<Vec<_>>>()?;
        determining.sort_unstable();
        let errors = response.diagnostics().errors().map(|error| self.failure(error));
        let mut errors = errors.collect::<Result<Vec<_>>>()?;
        errors.sort_unstable();
        Ok(Evaluation { decision: response.decision(), determining, errors })
    }

    fn origin(&self, id: &PolicyId) -> Result<(u32, u32)> {
        let origin = self.origins.get(id).copied();
        origin.ok_or_else(|| failed(format!("`{id}` is not one of its statements")))
    }

    fn failure(&self, error: &AuthorizationError) -> Result<EvaluationFailure> {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let id = error.policy_id();
        if matches!(error.inner(), EvaluationError::RecursionLimit(_)) {
            return Err(failed(format!("statement `{id}` ran out of stack")));
        }
        let (member, statement) = self.origin(id)?;
        let forbid = self.set.policy(id).is_none_or(|policy| policy.effect() == Effect::Forbid);
        Ok(EvaluationFailure { member, statement, forbid, message: error.inner().to_string() })
    }

    /// An estimate of its bytes in memory, without those that it shares with its parsed policies.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

fn failed(message: String) -> crate::error::Error {
    ErrorDetail::CedarFailed { what: WHAT, message }.into()
}

#[cfg(test)]
mod tests {
    use super::super::schema::ParsedSchema;
    use super::*;
    use crate::model::Form;

    fn decide(texts: &[&str]) -> Evaluation {
        let schema =
            ParsedSchema::parse(Form::Cedar, "entity U { n: Long }; action a appliesTo { principal: U, resource: U };");
        let schema = schema.unwrap();
        let members = (0..).zip(texts).map(|(n, text)| (format!("v{n}"), Arc::new(ParsedPolicy::parse(text).unwrap())));
        let set = CompiledSet::assemble(&members.collect::<Vec<_>>()).unwrap();
        assert!(set.weight() > 0);
        let entities = r#"[{"uid":{"type":"U","id":"x"},"attrs":{"n":9223372036854775807},"parents":[]}]"#;
        let request = schema.request("U::\"x\"", "Action::\"a\"", "U::\"x\"", "{}").unwrap();
        set.evaluate(&request, &schema.entities(entities).unwrap()).unwrap()
    }

    const PERMIT: &str = "permit(principal, action, resource);";

    #[test]
    fn equal_texts_of_two_versions_stay_two() {
        let evaluation = decide(&[PERMIT, "forbid(principal, action, resource) when { false };", PERMIT]);
        assert_eq!((evaluation.decision, evaluation.determining), (Decision::Allow, vec![(0, 0), (2, 0)]));
    }

    #[test]
    fn each_statement_leads_back_to_its_member() {
        let two = "permit(principal, action, resource) when { false }; forbid(principal, action, resource);";
        let evaluation = decide(&[PERMIT, two]);
        assert_eq!((evaluation.decision, evaluation.determining), (Decision::Deny, vec![(1, 1)]));
        assert_eq!(decide(&[]).decision, Decision::Deny);
    }

    #[test]
    fn a_failing_statement_is_named_and_whether_it_forbids() {
        let overflow = "when { principal.n + 1 == 0 };";
        let permit = format!("permit(principal, action, resource) {overflow}");
        let forbid = format!("forbid(principal, action, resource) {overflow}");
        let evaluation = decide(&[PERMIT, &forbid, &permit]);
        let found: Vec<_> = evaluation.errors.iter().map(|e| (e.member, e.statement, e.forbid)).collect();
        assert_eq!(found, [(1, 0, true), (2, 0, false)]);
        assert!(evaluation.errors[0].message.contains("overflow"), "{evaluation:?}");
    }

    #[test]
    fn one_version_twice_is_an_error() {
        let policy = Arc::new(ParsedPolicy::parse(PERMIT).unwrap());
        let members = [("v".to_owned(), Arc::clone(&policy)), ("v".to_owned(), policy)];
        assert!(CompiledSet::assemble(&members).is_err());
    }
}
