//! One policy is changed in a zone of 10,000 versions: the time until a follower has it, the requests and the bytes.

use criterion::{BatchSize, BenchmarkId, Criterion};
use tokio::runtime::Runtime;

use crate::counts::{Change, Cost, Counted};
use crate::run;
use crate::storage::Storage;
use crate::world::{World, decides_by, follower};

const GROUP: &str = "change";

/// The time of a publication and of one follower's poll. Baseline: storage in memory.
pub fn change(c: &mut Criterion, runtime: &Runtime) {
    if !run::takes(GROUP) {
        return;
    }
    let versions = run::size(10_000, 100);
    let world = World::new(versions);
    let mut group = c.benchmark_group(GROUP);
    for storage in Storage::all() {
        let mut publisher = world.publisher(storage.objects.clone()).build().unwrap();
        let mut follower = follower(storage.objects.clone(), world.replica(storage.name));
        let mut step = || {
            runtime.block_on(async {
                publisher.publish().await.unwrap();
                follower.poll().await.unwrap();
            });
            assert_eq!(follower.store().checkpoint().unwrap(), world.store.checkpoint().unwrap());
        };
        step();
        let line = format!("{versions} versions");
        group.bench_function(BenchmarkId::new(storage.name, line), |b| {
            b.iter_batched(|| world.change(), |_| step(), BatchSize::PerIteration);
        });
        let n = world.change();
        step();
        assert!(decides_by(follower.store(), n));
    }
    group.finish();
    counts(runtime);
}

/// Prints the counts of a change. They are the same in every run and for every storage.
fn counts(runtime: &Runtime) {
    println!("\nOne change of one policy: a version of it, a set version with 20 pins, a binding. 128 changes each.");
    run::row([
        "Versions",
        "Side",
        "Head",
        "Changes",
        "Bytes, median",
        "Bytes, most",
        "Puts",
        "Gets",
        "Lists",
        "Removed",
    ]);
    run::row(["---"; 11]);
    for versions in [run::size(1_000, 50), run::size(10_000, 100)] {
        let world = World::in_memory(versions);
        let storage = Storage::memory();
        let (changes, idle) = runtime.block_on(async {
            let mut counted = Counted::new(&world, &storage.objects, 64).await;
            let changes = counted.changes(&world, 128).await;
            assert!(decides_by(counted.store(), 129));
            (changes, counted.idle().await)
        });
        for (side, cost) in [("publisher", publisher as fn(&Change) -> Cost), ("follower", |change| change.follower)] {
            for (head, has_tiles) in [("delta", false), ("tiles", true)] {
                let chosen = changes.iter().filter(|change| change.has_tiles == has_tiles);
                print(versions, side, head, &chosen.map(cost).collect::<Vec<_>>());
            }
        }
        print(versions, "follower", "nothing new", &[idle]);
    }
}

fn publisher(change: &Change) -> Cost {
    change.publisher
}

fn print(versions: usize, side: &str, head: &str, costs: &[Cost]) {
    let range = |count: fn(&Cost) -> u64| {
        let [least, most] = [costs.iter().map(count).min().unwrap(), costs.iter().map(count).max().unwrap()];
        if least == most { most.to_string() } else { format!("{least} to {most}") }
    };
    let bytes = costs.iter().map(|cost| cost.bytes);
    let (median, most) = (run::median(bytes.clone()).to_string(), bytes.max().unwrap().to_string());
    let counts = [
        range(Cost::requests),
        range(|cost| cost.puts),
        range(|cost| cost.gets),
        range(|cost| cost.lists),
        range(|cost| cost.removed),
    ];
    let first = [&versions.to_string(), side, head, &costs.len().to_string(), &median, &most];
    run::row(first.into_iter().chain(counts.iter().map(String::as_str)));
}
