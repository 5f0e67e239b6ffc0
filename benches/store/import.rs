//! Importing 10,000 policy versions in one write.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Once;

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
use policy_store::PolicyStore;

use crate::sample::{self, Cedar, text};
use crate::{floor, world};

/// Floor: Cedar's parse, strict validation and JSON of the same texts, on as many threads, and one raw two-phase commit
/// with as many rows of the same lengths.
pub fn import(c: &mut Criterion) {
    let versions = sample::size(10_000);
    let mut group = c.benchmark_group("import of 10,000 versions in one write");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (line, threads) in [("on one thread", 1), ("prepared on two threads", 2)] {
        group.bench_function(BenchmarkId::new("store", line), |b| {
            b.iter_batched_ref(
                || {
                    let folder = sample::folder();
                    let store = PolicyStore::open(folder.path().join("store.redb")).unwrap();
                    world::empty(&store);
                    (store, folder)
                },
                |(store, _)| if threads == 1 { import_new(store, versions) } else { import_prepared(store, versions) },
                BatchSize::PerIteration,
            );
        });
        group.bench_function(BenchmarkId::new("floor", line), |b| {
            let cedar = Cedar::new();
            check_floor();
            b.iter_batched_ref(
                || {
                    let folder = sample::folder();
                    (floor::builder().create(folder.path().join("floor.redb")).unwrap(), folder)
                },
                |(database, _)| {
                    black_box(contents(&cedar, versions, threads));
                    floor::commit(database, 0..versions as u64);
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn import_new(store: &PolicyStore, versions: usize) {
    let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
        let mut zone = w.zone("z")?;
        (0..versions).try_for_each(|n| zone.create_policy_version("p", world::new_version(n)).map(drop))
    };
    store.write(&world::actor(), write).unwrap();
}

fn import_prepared(store: &PolicyStore, versions: usize) {
    let prepared = world::prepare_on_two_threads(store, 0..versions);
    let write = |w: &mut policy_store::WriteTransaction<'_, '_>| {
        let mut zone = w.zone("z")?;
        prepared.into_iter().try_for_each(|version| zone.create_policy_version("p", version).map(drop))
    };
    store.write(&world::actor(), write).unwrap();
}

/// Texts, and their JSON from plain Cedar.
fn contents(cedar: &Cedar, versions: usize, threads: usize) -> Vec<(String, String)> {
    let each = versions / threads;
    let make = |numbers: Range<usize>| -> Vec<(String, String)> {
        let pair = |text: String| {
            let json = cedar.json(&text);
            (text, json)
        };
        numbers.map(|n| pair(text(n))).collect()
    };
    std::thread::scope(|scope| {
        let spawned: Vec<_> =
            (1..threads).map(|thread| scope.spawn(move || make(thread * each..(thread + 1) * each))).collect();
        let mut contents = make(0..each);
        spawned.into_iter().for_each(|thread| contents.extend(thread.join().unwrap()));
        contents
    })
}

/// Asserts that the floor writes as many rows as the store, and about as many bytes. Runs once, though criterion calls
/// it for every sample.
pub fn check_floor() {
    static CHECKED: Once = Once::new();
    CHECKED.call_once(compare_with_floor);
}

fn compare_with_floor() {
    const VERSIONS: usize = 250;
    let folder = sample::folder();
    let [store_path, floor_path] = ["store.redb", "floor.redb"].map(|name| folder.path().join(name));
    let store = PolicyStore::open(&store_path).unwrap();
    world::empty(&store);
    drop(store);
    let empty = floor::rows_and_bytes(&store_path);
    import_new(&PolicyStore::open(&store_path).unwrap(), VERSIONS);
    let full = floor::rows_and_bytes(&store_path);
    floor::commit(&floor::builder().create(&floor_path).unwrap(), 0..VERSIONS as u64);
    let floor = floor::rows_and_bytes(&floor_path);
    // The head of the log, two counts, and the row of the policy existed before.
    assert_eq!(full.0 - empty.0 + 4, floor.0);
    let ratio = (full.1 - empty.1) as f64 / floor.1 as f64;
    assert!((0.98..1.02).contains(&ratio), "the store writes {ratio} of its floor's bytes");
}
