//! A new follower of a large zone.

use std::cell::Cell;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
use tokio::runtime::Runtime;

use crate::run;
use crate::storage::Storage;
use crate::world::{World, actor, follower};

const GROUP: &str = "bootstrap";

/// A follower with a new file. Baseline: the zone is copied into a new file, without a publication.
pub fn bootstrap(c: &mut Criterion, runtime: &Runtime) {
    if !run::takes(GROUP) {
        return;
    }
    let versions = run::size(100_000, 1_000);
    let world = World::new(versions);
    let line = format!("{versions} versions");
    let mut group = c.benchmark_group(GROUP);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    // A name for each file. A sample's files are removed with the next one's beginning.
    let number = Cell::new(0);
    let next = || {
        number.set(number.get() + 1);
        world.remove(&format!("new-{}", number.get() - 1));
        format!("new-{}", number.get())
    };
    group.bench_function(BenchmarkId::new("copy", &line), |b| {
        let copy = |name: String| world.store.copy_zones(&actor(), &["z"], &world.other(&name)).unwrap();
        b.iter_batched(next, copy, BatchSize::PerIteration);
    });
    for storage in Storage::all() {
        let begin = tokio::time::Instant::now();
        let mut publisher = world.publisher(storage.objects.clone()).build().unwrap();
        runtime.block_on(publisher.publish()).unwrap();
        println!("\nbootstrap: the first publication to {} took {}", storage.name, run::ms(begin.elapsed()));
        let begin = |name: String| {
            let mut follower = follower(storage.objects.clone(), world.replica(&name));
            runtime.block_on(follower.poll()).unwrap();
            assert_eq!(follower.store().checkpoint().unwrap(), world.store.checkpoint().unwrap());
        };
        group.bench_function(BenchmarkId::new(storage.name, &line), |b| {
            b.iter_batched(next, begin, BatchSize::PerIteration);
        });
    }
    group.finish();
}
