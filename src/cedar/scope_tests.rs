//! A set grouped by scopes decides as Cedar does: same answers, reasons and errors, on generated policies, hierarchies
//! and requests. `POLICY_STORE_SWEEP` multiplies the number of cases.

use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::compiled::CompiledSet;
use super::policy::ParsedPolicy;

const TYPES: [&str; 3] = ["U", "N::G", "G"];
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// One of a few entities, so that constraints and requests match often.
fn uid() -> impl Strategy<Value = String> {
    (prop::sample::select(&TYPES[..]), prop::sample::select(&NAMES[..])).prop_map(|(t, n)| format!("{t}::\"{n}\""))
}

fn action() -> impl Strategy<Value = String> {
    prop::sample::select(&NAMES[..]).prop_map(|name| format!("Action::\"{name}\""))
}

fn principal_or_resource(variable: &'static str) -> impl Strategy<Value = String> {
    let type_name = || prop::sample::select(&TYPES[..]);
    prop_oneof![
        2 => Just(variable.to_owned()),
        2 => uid().prop_map(move |uid| format!("{variable} == {uid}")),
        2 => uid().prop_map(move |uid| format!("{variable} in {uid}")),
        1 => type_name().prop_map(move |t| format!("{variable} is {t}")),
        1 => (type_name(), uid()).prop_map(move |(t, uid)| format!("{variable} is {t} in {uid}")),
    ]
}

fn action_scope() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just("action".to_owned()),
        2 => action().prop_map(|uid| format!("action == {uid}")),
        1 => action().prop_map(|uid| format!("action in {uid}")),
        2 => prop::collection::vec(action(), 0..3).prop_map(|uids| format!("action in [{}]", uids.join(", "))),
    ]
}

/// A statement with a condition that is true, is false, depends on the request, or fails.
fn statement() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        4 => Just(""),
        1 => Just("when { false }"),
        2 => Just("when { principal == resource }"),
        2 => Just("when { principal.n > 0 }"),
        1 => Just("unless { context.missing }"),
        1 => Just("when { resource in principal }"),
    ];
    let effect = prop_oneof![3 => Just("permit"), 1 => Just("forbid")];
    (effect, principal_or_resource("principal"), action_scope(), principal_or_resource("resource"), condition).prop_map(
        |(effect, principal, action, resource, condition)| {
            format!("{effect}({principal}, {action}, {resource}) {condition};\n")
        },
    )
}

/// Entities with parents among earlier ones, so that there is no cycle. Some parents do not exist.
fn hierarchy() -> impl Strategy<Value = Entities> {
    let mut all: Vec<String> = Vec::new();
    all.extend(TYPES.iter().flat_map(|t| NAMES.iter().map(move |n| format!("{t}::\"{n}\""))));
    let actions: Vec<String> = NAMES.iter().map(|n| format!("Action::\"{n}\"")).collect();
    let family = |uids: Vec<String>| {
        let count = uids.len();
        let parents = prop::collection::vec(prop::collection::vec(0..count, 0..6), count);
        (Just(uids).prop_shuffle(), parents, prop::collection::vec(0..5_u8, count))
    };
    (family(all), family(actions)).prop_map(|families| {
        let mut entities = Vec::new();
        for (uids, parents, fates) in [families.0, families.1] {
            for (number, ((uid, parents), fate)) in uids.iter().zip(parents).zip(fates).enumerate() {
                let above: HashSet<EntityUid> =
                    parents.into_iter().filter(|parent| *parent < number).map(|p| parse(&uids[p])).collect();
                let attributes = [("n".to_owned(), cedar_policy::RestrictedExpression::new_long(i64::from(fate) - 2))];
                let attributes = if fate % 2 == 0 { Vec::from(attributes) } else { Vec::new() };
                if fate > 0 {
                    entities.push(Entity::new(parse(uid), attributes.into_iter().collect(), above).unwrap());
                }
            }
        }
        Entities::from_entities(entities, None).unwrap()
    })
}

fn parse(uid: &str) -> EntityUid {
    EntityUid::from_str(uid).unwrap()
}

/// An answer: allow or deny, the determining statements, and the failed statements with their errors.
pub(super) type Answer = (Decision, Vec<usize>, Vec<(usize, String)>);

pub(super) fn by_cedar(set: &PolicySet, request: &Request, entities: &Entities) -> Answer {
    let response = Authorizer::new().is_authorized(request, set, entities);
    let number = |id: &cedar_policy::PolicyId| id.to_string().strip_prefix("policy").unwrap().parse().unwrap();
    let mut reasons: Vec<_> = response.diagnostics().reason().map(number).collect();
    reasons.sort_unstable();
    let errors = response.diagnostics().errors().map(|error| {
        let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
        (number(error.policy_id()), error.inner().to_string())
    });
    let mut errors: Vec<_> = errors.collect();
    errors.sort_unstable();
    (response.decision(), reasons, errors)
}

/// The answer of a set with `chunk` statements in each member.
pub(super) fn by_groups(set: &CompiledSet, chunk: usize, request: &Request, entities: &Entities) -> Answer {
    let evaluation = set.evaluate(request, entities).unwrap();
    let number = |member: usize, statement: usize| member * chunk + statement;
    let reasons = evaluation.determining.iter().map(|(member, statement)| number(*member, *statement)).collect();
    let errors = evaluation.errors.into_iter().map(|e| (number(e.member, e.statement), e.message)).collect();
    (evaluation.decision, reasons, errors)
}

/// The number of requests for each generated set.
const REQUESTS: usize = 64;
/// The number of statements in each member.
const CHUNK: usize = 3;

#[test]
fn groups_of_scopes_decide_as_cedar_does() {
    let sweep: u32 = std::env::var("POLICY_STORE_SWEEP").ok().and_then(|n| n.parse().ok()).unwrap_or(1).max(1);
    let mut runner = TestRunner::new(ProptestConfig { cases: 100 * sweep, ..ProptestConfig::default() });
    let statements = prop_oneof![2 => 1..6_usize, 2 => 6..30_usize, 1 => 30..120_usize]
        .prop_flat_map(|count| prop::collection::vec(statement(), count));
    let requests = prop::collection::vec((uid(), action(), uid()), REQUESTS);
    runner
        .run(&(statements, hierarchy(), requests, any::<bool>()), |(statements, entities, requests, grouped)| {
            let text = statements.concat();
            let plain: PolicySet = text.parse().unwrap();
            let members = statements.chunks(CHUNK).map(|texts| Arc::new(ParsedPolicy::parse(texts.concat()).unwrap()));
            let members = members.collect();
            let compiled = if grouped { CompiledSet::grouped(members, 0) } else { CompiledSet::assemble(members) };
            for (principal, action, resource) in requests {
                let parts = [principal, action, resource].map(|uid| parse(&uid));
                let [principal, action, resource] = parts;
                let request = Request::new(principal, action, resource, Context::empty(), None).unwrap();
                let expected = by_cedar(&plain, &request, &entities);
                prop_assert_eq!(by_groups(&compiled, CHUNK, &request, &entities), expected, "{} for {}", text, request);
            }
            Ok(())
        })
        .unwrap();
}
