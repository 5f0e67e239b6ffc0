//! A change in one of 10,000 zones: every head covers all of them.

use criterion::{BatchSize, BenchmarkId, Criterion};
use tokio::runtime::Runtime;
use tokio::time::Instant;

use crate::run;
use crate::storage::Storage;
use crate::world::{World, actor, follower};

const GROUP: &str = "zones";

/// The time of a publication and of a poll. Baselines: one zone, and storage in memory.
pub fn zones(c: &mut Criterion, runtime: &Runtime) {
    if !run::takes(GROUP) {
        return;
    }
    let mut group = c.benchmark_group(GROUP);
    group.sample_size(30);
    for zones in [0, run::size(10_000, 100)] {
        let world = World::new(100).with_zones(zones);
        // A first publication puts four objects for each zone, which a server in Python takes minutes for.
        for storage in [Storage::memory(), Storage::folder()] {
            let mut publisher = world.publisher(storage.objects.clone()).build().unwrap();
            let mut follower = follower(storage.objects.clone(), world.replica(storage.name));
            let begin = Instant::now();
            runtime.block_on(publisher.publish()).unwrap();
            let first = begin.elapsed();
            runtime.block_on(follower.poll()).unwrap();
            let (first, polled) = (run::ms(first), run::ms(begin.elapsed() - first));
            println!(
                "\nzones: {} zones, {}: first publication {first}, new follower {polled}",
                zones + 1,
                storage.name
            );
            group.bench_function(BenchmarkId::new(storage.name, format!("{} zones", zones + 1)), |b| {
                let step = |_| {
                    runtime.block_on(async { (publisher.publish().await.unwrap(), follower.poll().await.unwrap()) })
                };
                b.iter_batched(|| world.change(), step, BatchSize::PerIteration);
            });
            let parts = (0..run::size(20, 2)).map(|_| {
                world.change();
                let begin = Instant::now();
                world.store.seal(&actor()).unwrap();
                let sealed = begin.elapsed();
                runtime.block_on(publisher.publish()).unwrap();
                let published = begin.elapsed();
                runtime.block_on(follower.poll()).unwrap();
                [sealed, published - sealed, begin.elapsed() - published]
            });
            let parts: Vec<_> = parts.collect();
            let [seal, publish, poll] =
                [0, 1, 2].map(|part| run::ms(run::median(parts.iter().map(|parts| parts[part]))));
            println!(
                "zones: {} zones, {}: seal {seal}, publish after it {publish}, poll {poll}",
                zones + 1,
                storage.name
            );
        }
    }
    group.finish();
}
