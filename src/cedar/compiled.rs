//! Policy sets as they decide: the statements of all members together, each leading back to its member.
//!
//! Members come parsed and validated. Which set is in force, and for whom, is not known here.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, Entities, EvaluationError, Policy, PolicyId, PolicySet, Request,
};

use super::policy::ParsedPolicy;
use super::scope::{Scope, ScopeIndex};
use super::stack::{evaluate, on_grown_stack};
use crate::error::{ErrorDetail, Result};

const WHAT: &str = "policy set";

/// Up to so many statements, all are evaluated for every request: looking up which can match would take as long.
const SMALL: usize = 16;

/// The syntax trees are shared with the parsed policy; ids, table entries and texts are not. Statements of real policies
/// took 1.8 KiB each, and those of 1.8 KiB of text 3.8 KiB.
const STATEMENT_BYTES: usize = 1_152;

/// A policy set that is ready to decide.
pub(crate) struct CompiledSet {
    groups: ScopeIndex<Group>,
    /// Where each statement comes from. A statement's id in Cedar is its number in here: short ids are kept in place.
    origins: Vec<Origin>,
    /// All groups in one, made for the first request that most of them match.
    whole: OnceLock<PolicySet>,
    height: usize,
    weight: usize,
}

/// Statements with the same scope.
#[derive(Debug, Default)]
struct Group {
    set: PolicySet,
    statements: usize,
}

/// Where a statement comes from.
#[derive(Clone, Copy)]
struct Origin {
    member: u32,
    statement: u32,
    forbid: bool,
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
    /// Puts the statements of all members together.
    pub(crate) fn assemble(members: &[Arc<ParsedPolicy>]) -> Result<Self> {
        Self::grouped(members, SMALL)
    }

    /// Groups the statements by their scopes if there are more than `small`.
    pub(super) fn grouped(members: &[Arc<ParsedPolicy>], small: usize) -> Result<Self> {
        let statements: usize = members.iter().map(|policy| policy.statements()).sum();
        let mut origins = Vec::with_capacity(statements);
        let (mut groups, mut numbers): (Vec<(Scope, Group)>, HashMap<Scope, usize>) = Default::default();
        let (mut height, mut weight) = (0, size_of::<Self>());
        for (member, policy) in (0_u32..).zip(members) {
            for (number, statement) in (0_u32..).zip(policy.policies()) {
                let scope = if statements > small { Scope::of(statement) } else { Scope::ANY };
                let group = *numbers.entry(scope).or_insert_with_key(|scope| {
                    groups.push((scope.clone(), Group::default()));
                    groups.len() - 1
                });
                if let Some((_, group)) = groups.get_mut(group) {
                    add(&mut group.set, statement.new_id(PolicyId::new(origins.len().to_string())))?;
                    group.statements += 1;
                }
                let forbid = statement.effect() == Effect::Forbid;
                origins.push(Origin { member, statement: number, forbid });
            }
            height = height.max(policy.height());
            weight += policy.weight() / 8 + policy.statements() * STATEMENT_BYTES;
        }
        if groups.len() > 1 {
            weight *= 2;
        }
        Ok(Self { groups: ScopeIndex::new(groups), origins, whole: OnceLock::new(), height, weight })
    }

    /// Decides as Cedar's authorizer does. A statement that ran out of stack is an error, never left out.
    ///
    /// Each group that can match is decided by Cedar's authorizer, and the answers are put together by its rule: a
    /// `forbid` of any group denies, else a `permit` of any group allows.
    pub(crate) fn evaluate(&self, request: &Request, entities: &Entities) -> Result<Evaluation> {
        on_grown_stack(evaluate(self.height), WHAT, || {
            let authorizer = Authorizer::new();
            let (mut permits, mut forbids, mut errors) = (Vec::new(), Vec::new(), Vec::new());
            for set in self.can_match(request, entities)? {
                let response = authorizer.is_authorized(request, set, entities);
                let determining = match response.decision() {
                    Decision::Allow => &mut permits,
                    Decision::Deny => &mut forbids,
                };
                for id in response.diagnostics().reason() {
                    let Origin { member, statement, .. } = self.origin(id)?;
                    determining.push((member, statement));
                }
                for error in response.diagnostics().errors() {
                    errors.push(self.failure(error)?);
                }
            }
            let allowed = forbids.is_empty() && !permits.is_empty();
            let (decision, mut determining) =
                if allowed { (Decision::Allow, permits) } else { (Decision::Deny, forbids) };
            determining.sort_unstable();
            errors.sort_unstable();
            Ok(Evaluation { decision, determining, errors })
        })?
    }

    /// The statements that can match a request, and perhaps others.
    fn can_match(&self, request: &Request, entities: &Entities) -> Result<Vec<&PolicySet>> {
        let groups: Vec<&Group> = self.groups.matching(request, entities).collect();
        let statements: usize = groups.iter().map(|group| group.statements).sum();
        // A further group costs Cedar about as much as a statement that does not match.
        if groups.len() > 1 && groups.len() > self.origins.len() - statements {
            return Ok(vec![self.whole()?]);
        }
        Ok(groups.into_iter().map(|group| &group.set).collect())
    }

    fn whole(&self) -> Result<&PolicySet> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let mut whole = PolicySet::new();
        for statement in self.groups.all().flat_map(|group| group.set.policies()) {
            add(&mut whole, statement.clone())?;
        }
        Ok(self.whole.get_or_init(|| whole))
    }

    fn origin(&self, id: &PolicyId) -> Result<Origin> {
        let number = AsRef::<str>::as_ref(id).parse::<usize>().ok();
        let origin = number.and_then(|number| self.origins.get(number)).copied();
        origin.ok_or_else(|| failed(format!("`{id}` is not one of its statements")))
    }

    fn failure(&self, error: &AuthorizationError) -> Result<EvaluationFailure> {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let Origin { member, statement, forbid } = self.origin(error.policy_id())?;
        if matches!(error.inner(), EvaluationError::RecursionLimit(_)) {
            return Err(failed(format!("statement {statement} of member {member} ran out of stack")));
        }
        Ok(EvaluationFailure { member, statement, forbid, message: error.inner().to_string() })
    }

    /// An estimate of its bytes in memory, without those that it shares with its parsed policies.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

fn add(set: &mut PolicySet, statement: Policy) -> Result<()> {
    set.add(statement).map_err(|error| failed(error.to_string()))
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
        let members = texts.iter().map(|text| Arc::new(ParsedPolicy::parse(*text).unwrap()));
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
}
