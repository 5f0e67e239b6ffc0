//! Compiling a set: a whole set, and a set with three changed policies.

use cedar_policy::{Policy, PolicySet};
use criterion::{BatchSize, BenchmarkId, Criterion};
use policy_store::{NewPolicySetVersion, NewPolicyVersion, PolicySetVersion, PolicyStore};

use crate::sample::{self, SCHEMA, SCHEMA_VERSION, text};
use crate::world;

const CHANGED: usize = 3;

/// Floors: Cedar parses the same text; Cedar makes a new set from parsed policies.
pub fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile a set");
    group.sample_size(20);
    for (number, policies) in [("100", 100), ("1,000", 1_000)] {
        let line = format!("{number} policies, cold");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            // Without a budget, each authorizer needs a new compilation.
            let store = PolicyStore::builder().compiled_cache_bytes(0).in_memory().unwrap();
            world::with_schema(&store, SCHEMA);
            let version = world::in_force(&store, (0..policies).map(text));
            let zone = store.zone("z").unwrap();
            b.iter(|| zone.authorizer_of_version(&version.id).unwrap());
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let all: String = (0..policies).map(text).collect();
            b.iter(|| all.parse::<PolicySet>().unwrap());
        });
        let line = format!("{number} policies, after a change of {CHANGED}");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            let folder = sample::folder();
            let store = PolicyStore::open(folder.path().join("store.redb")).unwrap();
            world::with_schema(&store, SCHEMA);
            let mut newest = world::in_force(&store, (0..policies).map(text));
            let zone = store.zone("z").unwrap();
            zone.authorizer_of_version(&newest.id).unwrap();
            let mut texts = (policies..).map(text);
            b.iter_batched(
                || {
                    newest = change(&store, &newest, &mut texts);
                    newest.id.clone()
                },
                |id| zone.authorizer_of_version(&id).unwrap(),
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let all: String = (0..policies).map(text).collect();
            let parsed: Vec<Policy> = all.parse::<PolicySet>().unwrap().policies().cloned().collect();
            b.iter(|| PolicySet::from_policies(parsed.iter().cloned()).unwrap());
        });
    }
    group.finish();
}

/// A set version with new versions of the first policies.
fn change(
    store: &PolicyStore,
    before: &PolicySetVersion,
    texts: &mut impl Iterator<Item = String>,
) -> PolicySetVersion {
    store
        .write(&world::actor(), |w| {
            let mut zone = w.zone("z")?;
            let mut manifest = NewPolicySetVersion::from(before);
            for (entry, text) in before.manifest.entries.iter().zip(texts).take(CHANGED) {
                let version = NewPolicyVersion::cedar(SCHEMA_VERSION, text);
                manifest = manifest.pin(&zone.create_policy_version(&entry.policy_id, version)?);
            }
            zone.create_policy_set_version("s", manifest)
        })
        .unwrap()
}
