//! Fifty followers of one publisher.

use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion};
use futures_util::future::join_all;
use policy_store::PolicyStore;
use policy_store_replica::object_store::ObjectStore;
use policy_store_replica::{Follower, Publisher};
use tokio::runtime::Runtime;

use crate::faulty::Faulty;
use crate::run;
use crate::storage::Storage;
use crate::world::{World, decides_by, follower};

const GROUP: &str = "fifty";

/// A change is published, and all followers decide by it. Baseline: one follower.
pub fn fifty(c: &mut Criterion, runtime: &Runtime) {
    if !run::takes(GROUP) {
        return;
    }
    let world = World::new(run::size(1_000, 50));
    let mut group = c.benchmark_group(GROUP);
    group.sample_size(20);
    for storage in Storage::all() {
        for followers in [1, 50] {
            let mut all = All::new(&world, storage.objects.clone(), followers);
            runtime.block_on(all.step(&world, world.change()));
            group.bench_function(BenchmarkId::new(storage.name, format!("{followers} followers")), |b| {
                b.iter_batched(|| world.change(), |n| runtime.block_on(all.step(&world, n)), BatchSize::PerIteration);
            });
        }
    }
    group.finish();
    requests(runtime, &world);
}

struct All {
    publisher: Publisher,
    followers: Vec<Follower>,
}

impl All {
    fn new(world: &World, objects: Arc<dyn ObjectStore>, followers: usize) -> Self {
        let replica = || PolicyStore::builder().replica_in_memory().unwrap();
        Self {
            publisher: world.publisher(objects.clone()).build().unwrap(),
            followers: (0..followers).map(|_| follower(objects.clone(), replica())).collect(),
        }
    }

    async fn step(&mut self, world: &World, change: usize) {
        self.publisher.publish().await.unwrap();
        let own = world.store.checkpoint().unwrap();
        let one = async |follower: &mut Follower| {
            follower.poll().await.unwrap();
            let store = follower.store().clone();
            tokio::task::spawn_blocking(move || {
                assert!(store.checkpoint().unwrap() == own && decides_by(&store, change));
            })
            .await
            .unwrap();
        };
        join_all(self.followers.iter_mut().map(one)).await;
    }
}

/// Prints the requests of one change with fifty followers.
fn requests(runtime: &Runtime, world: &World) {
    let counted = Faulty::new(Storage::memory().objects, []);
    let mut all = All::new(world, Arc::new(counted.clone()), 50);
    runtime.block_on(all.step(world, world.change()));
    let before = counted.requests();
    runtime.block_on(all.step(world, world.change()));
    println!("\nfifty: requests of one change, publisher and 50 followers: {}", counted.requests() - before);
}
