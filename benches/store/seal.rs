//! Sealing 1,000 zones.

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
use policy_store::{NewPolicy, PolicyStore, WriteTransaction};

use crate::{floor, sample, world};

const ZONES: usize = 1_000;

/// Floor: one raw range over as many heads and rows of the last seal, and one raw two-phase commit of as many rows and bytes.
pub fn seal(c: &mut Criterion) {
    let mut group = c.benchmark_group("seal 1,000 zones");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let zones = sample::size(ZONES);
    for (line, grown) in [("all have grown", zones), ("one has grown", 1)] {
        group.bench_function(BenchmarkId::new("store", line), |b| {
            let folder = sample::folder();
            let store = PolicyStore::open(folder.path().join("store.redb")).unwrap();
            let all = zones_of(zones);
            store.write(&world::actor(), |w| all.iter().try_for_each(|zone| w.create_zone(zone).map(drop))).unwrap();
            store.seal(&world::actor()).unwrap();
            let grow = || {
                let grow = |w: &mut WriteTransaction<'_, '_>, zone| {
                    w.zone(zone)?.create_policy(NewPolicy::named("p")).map(drop)
                };
                store.write(&world::actor(), |w| all.iter().take(grown).try_for_each(|zone| grow(w, zone))).unwrap();
            };
            b.iter_batched(
                grow,
                |()| {
                    let seal = store.seal(&world::actor()).unwrap();
                    assert_eq!((seal.zones, seal.grown), (zones as u64, Some(grown as u64)));
                },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let folder = sample::folder();
            let database = floor::builder().create(folder.path().join("floor.redb")).unwrap();
            floor::seal(&database, zones);
            b.iter(|| floor::seal(&database, grown));
        });
    }
    group.finish();
}

fn zones_of(zones: usize) -> Vec<String> {
    (0..zones).map(|n| format!("z{n}")).collect()
}
