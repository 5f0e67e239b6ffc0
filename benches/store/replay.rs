//! Replay of recorded decisions.

use std::time::Duration;

use cedar_policy::{Authorizer, Entities, PolicySet, Request};
use criterion::{BenchmarkId, Criterion};
use policy_store::{DecisionLog, PolicyStore, ReplayOptions, Target};

use crate::scopes::{CASES, ENTITIES, SCHEMA, Scopes, statement};
use crate::world;

const DECISIONS: usize = 10_000;
const STATEMENTS: usize = 1_000;

/// Floor: Cedar's authorizer with the same statements, requests and entities, on one thread. It reads no line, and no
/// entities.
pub fn replay(c: &mut Criterion) {
    let mut group = c.benchmark_group("replay of 10,000 recorded decisions, 1,000 statements");
    group.sample_size(10).measurement_time(Duration::from_secs(10));
    let world = World::new();
    for (line, own, threads) in [
        ("entities of earlier lines, on one thread", false, 1),
        ("entities of earlier lines", false, 0),
        ("entities of their own", true, 0),
    ] {
        let lines = world.lines(own);
        let options = ReplayOptions::new().threads(threads);
        group.bench_function(BenchmarkId::new("store", line), |b| {
            b.iter(|| {
                let report = world.store.replay_decisions(lines.as_slice(), &options).unwrap();
                assert!(report.agrees() && report.decisions == DECISIONS as u64);
            });
        });
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let cedar = Authorizer::new();
            b.iter(|| {
                for request in world.requests.iter().cycle().take(DECISIONS) {
                    cedar.is_authorized(request, &world.set, &world.entities);
                }
            });
        });
    }
    group.finish();
}

struct World {
    store: PolicyStore,
    set: PolicySet,
    requests: Vec<Request>,
    entities: Entities,
}

impl World {
    fn new() -> Self {
        let texts: Vec<String> = (0..STATEMENTS).map(|n| statement(Scopes::Varied, n)).collect();
        let store = PolicyStore::builder().in_memory().unwrap();
        world::with_schema(&store, SCHEMA);
        world::in_force(&store, texts.iter().cloned());
        let authorizer = store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
        let request = |[principal, action, resource, context]: [&str; 4]| {
            authorizer.request(principal, action, resource, context).unwrap()
        };
        let requests = CASES.iter().map(|case| request(case.request)).collect();
        let entities = authorizer.entities(ENTITIES).unwrap();
        Self { set: texts.concat().parse().unwrap(), requests, entities, store }
    }

    /// Lines with the entities of 100 earlier ones in turn, or each with other entities of its own.
    fn lines(&self, own: bool) -> Vec<u8> {
        let authorizer = self.store.zone("z").unwrap().authorizer(Target::Zone).unwrap();
        let entities = |n: usize| {
            let level = format!("\"level\": {}", n + 3);
            authorizer.entities(&ENTITIES.replace("\"level\": 3", &level)).unwrap()
        };
        let sets: Vec<_> = (0..if own { DECISIONS } else { 100 }).map(entities).collect();
        let decided = (0..DECISIONS).zip(self.requests.iter().cycle()).zip(sets.iter().cycle());
        let (log, mut lines) = (DecisionLog::new(Vec::new()), Vec::new());
        for ((_, request), entities) in decided {
            let answer = authorizer.is_authorized(request, entities).unwrap();
            if own {
                answer.write_record(entities, &mut lines).unwrap();
            } else {
                log.write(&answer, entities).unwrap();
            }
        }
        if own { lines } else { log.into_inner() }
    }
}
