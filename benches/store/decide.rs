//! Deciding by the active set.

use std::cell::LazyCell;

use cedar_policy::{Authorizer, Decision, Entities, PolicySet, Request, Response};
use criterion::{BenchmarkId, Criterion};
use policy_store::{Answer, PolicyStore, Target, Zone, limits};

use crate::scopes::{CASES, ENTITIES, SCHEMA, Scopes, statement};
use crate::world;

/// Floor: Cedar's authorizer with the same statements, requests and entities. Three requests take turns: one is
/// allowed, one is denied by a statement, and one is denied because no statement matches.
pub fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("take an authorizer and decide");
    for (line, scopes, statements) in [
        ("10 statements", Scopes::Varied, 10),
        ("100 statements", Scopes::Varied, 100),
        ("1,000 statements", Scopes::Varied, 1_000),
        ("10,000 statements", Scopes::Varied, 10_000),
        ("10 statements, no scope constrained", Scopes::None, 10),
        ("1,000 statements, no scope constrained", Scopes::None, 1_000),
    ] {
        let world = LazyCell::new(|| World::new(scopes, statements));
        group.bench_function(BenchmarkId::new("store", line), |b| {
            let mut requests = world.requests.iter().cycle();
            b.iter(|| world.answer(requests.next().unwrap()));
        });
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let mut requests = world.requests.iter().cycle();
            b.iter(|| world.response(requests.next().unwrap()));
        });
    }
    group.finish();
}

/// An active set, and a policy set of plain Cedar with the same statements.
struct World {
    zone: Zone,
    set: PolicySet,
    cedar: Authorizer,
    requests: Vec<Request>,
    entities: Entities,
}

impl World {
    fn new(scopes: Scopes, statements: usize) -> Self {
        // The number of policies in a manifest has a limit. A larger set has more statements in each policy.
        let each = statements.div_ceil(limits::MANIFEST_ENTRIES);
        let text = |policy: usize| -> String {
            (policy * each..(policy + 1) * each).map(|n| statement(scopes, n) + "\n").collect()
        };
        let texts: Vec<String> = (0..statements / each).map(text).collect();
        let store = PolicyStore::builder().in_memory().unwrap();
        world::with_schema(&store, SCHEMA);
        world::in_force(&store, texts.iter().cloned());
        let zone = store.zone("z").unwrap();
        let authorizer = zone.authorizer(Target::Zone).unwrap();
        let request = |[principal, action, resource, context]: [&str; 4]| {
            authorizer.request(principal, action, resource, context).unwrap()
        };
        let world = Self {
            requests: CASES.iter().map(|case| request(case.request)).collect(),
            entities: authorizer.entities(ENTITIES).unwrap(),
            set: texts.concat().parse().unwrap(),
            cedar: Authorizer::new(),
            zone,
        };
        world.check();
        world
    }

    fn answer(&self, request: &Request) -> Answer {
        self.zone.authorizer(Target::Zone).unwrap().is_authorized(request, &self.entities).unwrap()
    }

    fn response(&self, request: &Request) -> Response {
        self.cedar.is_authorized(request, &self.set, &self.entities)
    }

    /// Asserts that both sides give the expected decision, with the same number of statements.
    fn check(&self) {
        for (case, request) in CASES.iter().zip(&self.requests) {
            let (answer, response) = (self.answer(request), self.response(request));
            let expected: (Decision, bool) = (case.decision, case.determined);
            assert_eq!((answer.decision(), !answer.determining().is_empty()), expected);
            assert_eq!(response.decision(), case.decision);
            assert_eq!(response.diagnostics().reason().count(), answer.determining().len());
            assert_eq!(response.diagnostics().errors().count(), 0);
        }
    }
}
