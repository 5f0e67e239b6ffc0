//! Writing one policy version in a commit of its own.

use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion};
use policy_store::PolicyStore;

use crate::sample::{self, Cedar, text};
use crate::{floor, import, world};

/// Floor: Cedar's parse, strict validation and JSON, and one raw two-phase commit with as many rows of the same
/// lengths.
pub fn create(c: &mut Criterion) {
    let mut group = c.benchmark_group("create a version in its own commit");
    group.sample_size(50);
    group.bench_function(BenchmarkId::new("store", "one version"), |b| {
        let folder = sample::folder();
        let store = PolicyStore::open(folder.path().join("store.redb")).unwrap();
        world::empty(&store);
        let mut numbers = 0..;
        b.iter_batched(
            || world::new_version(numbers.next().unwrap()),
            |new| store.write(&world::actor(), |w| w.zone("z")?.create_policy_version("p", new)).unwrap(),
            BatchSize::SmallInput,
        );
    });
    group.bench_function(BenchmarkId::new("floor", "one version"), |b| {
        let folder = sample::folder();
        let database = floor::builder().create(folder.path().join("floor.redb")).unwrap();
        let cedar = Cedar::new();
        import::check_floor();
        let mut numbers = 0..;
        b.iter_batched(
            || numbers.next().unwrap(),
            |n| {
                black_box(cedar.json(&text(n)));
                floor::commit(&database, n as u64..n as u64 + 1);
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}
