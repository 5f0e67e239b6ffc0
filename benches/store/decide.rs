//! Compiling sets and deciding by them.

use std::hint::black_box;

use cedar_policy::{Authorizer, PolicySet};
use criterion::Criterion;
use policy_store::{PolicyStore, Target};

use crate::world::{self, ENTITIES, REQUEST, text};

/// Floor: Cedar's parse of the same text.
pub fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile a set");
    group.sample_size(20);
    for policies in [100, 1_000] {
        // Without a budget, each authorizer is compiled anew.
        let store = PolicyStore::builder().compiled_cache_bytes(0).in_memory().unwrap();
        let version = world::in_force(&store, policies);
        let zone = store.zone("z").unwrap();
        group.bench_function(format!("store, {policies} policies"), |b| {
            b.iter(|| zone.authorizer_of_version(&version.id).unwrap());
        });
        let all: String = (0..policies).map(text).collect();
        group.bench_function(format!("floor, {policies} policies"), |b| {
            b.iter(|| all.parse::<PolicySet>().unwrap());
        });
    }
    group.finish();
}

/// Floor: Cedar's authorizer on the same statements.
pub fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("take an authorizer and decide");
    for policies in [10, 100, 1_000] {
        let store = PolicyStore::builder().in_memory().unwrap();
        world::in_force(&store, policies);
        let zone = store.zone("z").unwrap();
        let authorizer = zone.authorizer(Target::Zone).unwrap();
        let (principal, action, resource, context) = REQUEST;
        let request = authorizer.request(principal, action, resource, context).unwrap();
        let entities = authorizer.entities(ENTITIES).unwrap();
        group.bench_function(format!("store, {policies} policies"), |b| {
            b.iter(|| zone.authorizer(Target::Zone).unwrap().is_authorized(&request, &entities).unwrap());
        });
        let set: PolicySet = (0..policies).map(text).collect::<String>().parse().unwrap();
        let cedar = Authorizer::new();
        group.bench_function(format!("floor, {policies} policies"), |b| {
            b.iter(|| black_box(cedar.is_authorized(&request, &set, &entities)));
        });
    }
    group.finish();
}
