//! Compiled sets: the statements of all members of a policy set, grouped by scope, each with its member and number.
//!
//! The members are parsed and validated before. Does not know which set is active, or for which target.

use std::sync::{Arc, OnceLock};

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, Entities, EvaluationError, Policy, PolicyId, PolicySet, Request,
};

use super::policy::{ParsedPolicy, Statement};
use super::scope::{Keyed, Scope, ScopeIndex};
use super::stack::{evaluate, on_grown_stack};
use crate::types::error::{ErrorDetail, Result};

const WHAT: &str = "policy set";

/// A set with up to this many statements is one group: a look-up would take as long as evaluating all of them.
const SMALL: usize = 16;

/// Approximate bytes of a statement in Cedar's set. It shares the syntax tree with the parsed policy, but not ids,
/// table entries and texts. Measured 1.8 KiB for statements of real policies, 3.8 KiB for statements with 1.8 KiB of
/// text.
const STATEMENT_BYTES: usize = 1_152;

/// A policy set that is ready to decide.
pub(crate) struct CompiledSet {
    members: Vec<Arc<ParsedPolicy>>,
    /// The member and number of each statement. A statement's id in Cedar is its index here: Cedar stores short ids inline.
    all: Vec<MemberStatement>,
    groups: ScopeIndex<Group>,
    /// All statements, for requests that match most groups. Made at the first such request.
    whole: OnceLock<PolicySet>,
    height: usize,
    weight: usize,
}

/// Statements with the same scope.
#[derive(Debug, Default)]
struct Group {
    /// The indexes of the statements in `CompiledSet::all`.
    statements: Vec<usize>,
    /// Made at the first request that the scope matches.
    set: OnceLock<PolicySet>,
}

/// A statement of a set: the member, and the statement's number in it.
#[derive(Clone, Copy)]
struct MemberStatement {
    member: usize,
    statement: usize,
}

/// The decision on a request, with its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// Allow or deny.
    pub decision: Decision,
    /// The determining statements, as (member, statement), sorted.
    pub determining: Vec<(usize, usize)>,
    /// The statements that failed and took no part in the decision, sorted.
    pub errors: Vec<EvaluationFailure>,
}

/// A statement that failed on a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EvaluationFailure {
    /// The member's index.
    pub member: usize,
    /// The statement's number in the member.
    pub statement: usize,
    /// Whether the statement is a `forbid`. The answer may then be too permissive.
    pub forbid: bool,
    /// Cedar's message.
    pub message: String,
}

impl CompiledSet {
    /// Combines the statements of all members.
    pub(crate) fn assemble(members: Vec<Arc<ParsedPolicy>>) -> Self {
        Self::grouped(members, SMALL)
    }

    /// Groups the statements by scope if there are more than `small`.
    pub(super) fn grouped(members: Vec<Arc<ParsedPolicy>>, small: usize) -> Self {
        let count: usize = members.iter().map(|policy| policy.statements().len()).sum();
        let mut all = Vec::with_capacity(count);
        let mut by_scope: Keyed<&Arc<Scope>, Group> = Keyed::with_capacity_and_hasher(count, Default::default());
        for (member, policy) in members.iter().enumerate() {
            for (number, statement) in policy.statements().iter().enumerate() {
                let scope = if count > small { statement.scope() } else { Scope::any() };
                by_scope.entry(scope).or_default().statements.push(all.len());
                all.push(MemberStatement { member, statement: number });
            }
        }
        let groups = ScopeIndex::new(by_scope.into_iter().map(|(scope, group)| (scope.clone(), group)).collect());
        let height = members.iter().map(|policy| policy.height()).max().unwrap_or_default();
        // Each statement is in its group's set, and may be in the set of all statements.
        let copies = if count > small { 2 } else { 1 };
        let own: usize = members.iter().map(|policy| policy.weight() / 8).sum();
        let weight = size_of::<Self>() + copies * (own + count * STATEMENT_BYTES);
        Self { members, all, groups, whole: OnceLock::new(), height, weight }
    }

    /// Cedar's policy of a member's statement, by its number in the member's text.
    pub(crate) fn source(&self, member: usize, statement: usize) -> Option<&Policy> {
        Some(self.members.get(member)?.statements().get(statement)?.policy())
    }

    /// Cedar's policies of all statements, each with its member and its number in the member's text, in this order.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, usize, &Policy)> {
        let members = self.members.iter().enumerate();
        members.flat_map(|(member, policy)| {
            let statements = policy.statements().iter().enumerate();
            statements.map(move |(number, statement)| (member, number, statement.policy()))
        })
    }

    /// Decides as Cedar's authorizer does, but fails if a statement runs out of stack. Cedar would skip it.
    ///
    /// Cedar's authorizer decides each group that can match. Its rule combines the answers: a `forbid` of any group
    /// denies, or else a `permit` of any group allows.
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
                    let MemberStatement { member, statement } = self.named(id)?;
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

    /// The statements with an effect that can match a request by their scope, as (member, statement), sorted. In a set
    /// that is one group, that is all of them.
    pub(super) fn in_scope(
        &self,
        effect: Effect,
        request: &Request,
        entities: &Entities,
    ) -> Result<Vec<(usize, usize)>> {
        let mut found = Vec::new();
        for number in self.groups.matching(request, entities).flat_map(|group| &group.statements) {
            let named = self.numbered(*number)?;
            if self.statement(named)?.policy().effect() == effect {
                found.push((named.member, named.statement));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Sets with all statements that can match a request, and perhaps others.
    fn can_match(&self, request: &Request, entities: &Entities) -> Result<Vec<&PolicySet>> {
        let groups: Vec<&Group> = self.groups.matching(request, entities).collect();
        let statements: usize = groups.iter().map(|group| group.statements.len()).sum();
        // An additional group costs Cedar about as much as a statement that does not match.
        if groups.len() > 1 && groups.len() > self.all.len() - statements {
            return Ok(vec![self.set(&self.whole, 0..self.all.len())?]);
        }
        groups.into_iter().map(|group| self.set(&group.set, group.statements.iter().copied())).collect()
    }

    /// The statements with these numbers as Cedar's policy set. Makes the set at the first call.
    fn set<'a>(
        &self,
        made: &'a OnceLock<PolicySet>,
        numbers: impl IntoIterator<Item = usize>,
    ) -> Result<&'a PolicySet> {
        if let Some(set) = made.get() {
            return Ok(set);
        }
        let mut set = PolicySet::new();
        for number in numbers {
            let policy = self.statement(self.numbered(number)?)?.policy();
            set.add(policy.new_id(PolicyId::new(number.to_string()))).map_err(|error| failed(error.to_string()))?;
        }
        Ok(made.get_or_init(|| set))
    }

    fn named(&self, id: &PolicyId) -> Result<MemberStatement> {
        let number = AsRef::<str>::as_ref(id).parse();
        self.numbered(number.map_err(|_| failed(format!("unknown statement `{id}`")))?)
    }

    fn numbered(&self, number: usize) -> Result<MemberStatement> {
        let found = self.all.get(number).copied();
        found.ok_or_else(|| failed(format!("unknown statement `{number}`")))
    }

    fn statement(&self, found: MemberStatement) -> Result<&Statement> {
        let statement = self.members.get(found.member).and_then(|policy| policy.statements().get(found.statement));
        statement.ok_or_else(|| failed(format!("member {} has no statement {}", found.member, found.statement)))
    }

    fn failure(&self, error: &AuthorizationError) -> Result<EvaluationFailure> {
        let AuthorizationError::PolicyEvaluationError(error) = error;
        let found = self.named(error.policy_id())?;
        let MemberStatement { member, statement } = found;
        if matches!(error.inner(), EvaluationError::RecursionLimit(_)) {
            return Err(failed(format!("statement {statement} of member {member} ran out of stack")));
        }
        let forbid = self.statement(found)?.policy().effect() == Effect::Forbid;
        Ok(EvaluationFailure { member, statement, forbid, message: error.inner().to_string() })
    }

    /// An estimate of its bytes in memory, without those that it shares with its parsed policies.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }
}

fn failed(message: String) -> crate::types::error::Error {
    ErrorDetail::CedarFailed { what: WHAT, message }.into()
}

#[cfg(test)]
mod tests {
    use super::super::schema::ParsedSchema;
    use super::*;
    use crate::types::syntax::Syntax;

    fn decide(texts: &[&str]) -> Evaluation {
        let schema = ParsedSchema::parse(
            Syntax::Cedar,
            "entity U { n: Long }; action a appliesTo { principal: U, resource: U };",
        );
        let schema = schema.unwrap();
        let members = texts.iter().map(|text| Arc::new(ParsedPolicy::parse(*text).unwrap()));
        let set = CompiledSet::assemble(members.collect());
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
