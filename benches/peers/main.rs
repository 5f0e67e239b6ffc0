//! Compares policy-store with SQLite and LMDB: same rows, same operations, same durability, same run.
//!
//! Run `cargo bench --workspace --bench peers`, with a part of a group's name after `--` for that group only. Then
//! `cargo bench --bench table` prints the results. A peer does the work of a typical service: it keeps no log, no
//! history and no hash except the SHA-256, and checks no hash on a read.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod content;
mod engine;
mod filled;
mod lmdb;
mod ours;
#[path = "../store/run.rs"]
mod run;
#[path = "../store/sample.rs"]
mod sample;
mod sqlite;
mod store;
mod threads;

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use content::Content;
use criterion::{BenchmarkId, Criterion, SamplingMode};
use engine::ENGINES;
use filled::Filled;
use run::Sizes;
use sample::{Cedar, text};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .configure_from_args();
    let filled = LazyCell::new(Filled::new);
    create(&mut criterion, &|| &filled.contents);
    threads::write(&mut criterion, &|| &filled.contents);
    import(&mut criterion, &|| &filled.contents);
    read(&mut criterion, &|| &filled);
    run::record("sizes-peers.json", "peers: size of the file", || sizes(&filled));
    criterion.final_summary();
}

/// Writes one version in a durable commit of its own: with Cedar's work, which is the same for all engines, and with
/// prepared content.
fn create<'a>(c: &mut Criterion, contents: &dyn Fn() -> &'a [Content]) {
    let mut group = c.benchmark_group("peers: create a version in its own commit");
    group.sample_size(50);
    for engine in ENGINES {
        group.bench_function(BenchmarkId::new(engine.name(), "with Cedar's work"), |b| {
            let (folder, cedar, mut numbers) = (sample::folder(), Cedar::new(), 0..);
            engine.with(folder.path(), |store| {
                b.iter(|| store.create_from_text(&cedar, text(numbers.next().unwrap())));
            });
        });
        group.bench_function(BenchmarkId::new(engine.name(), "storage alone"), |b| {
            let (folder, mut contents) = (sample::folder(), contents().chunks(1).cycle());
            engine.with(folder.path(), |store| b.iter(|| store.create(contents.next().unwrap())));
        });
    }
    group.finish();
}

/// Imports 10,000 versions of prepared content into a new store, in one commit.
fn import<'a>(c: &mut Criterion, contents: &dyn Fn() -> &'a [Content]) {
    let mut group = c.benchmark_group("peers: import of 10,000 prepared versions in one commit");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for engine in ENGINES {
        group.bench_function(BenchmarkId::new(engine.name(), "storage alone"), |b| {
            let contents = &contents()[..sample::size(10_000)];
            b.iter_custom(|imports| {
                let import = |_| {
                    let folder = sample::folder();
                    engine.with(folder.path(), |store| {
                        let started = Instant::now();
                        store.create(contents);
                        started.elapsed()
                    })
                };
                (0..imports).map(import).sum::<Duration>()
            });
        });
    }
    group.finish();
}

/// Reads from 100,000 versions with warm caches.
fn read<'a>(c: &mut Criterion, filled: &dyn Fn() -> &'a Filled) {
    let mut group = c.benchmark_group("peers: get a version by (zone, policy, version), both forms");
    for engine in ENGINES {
        group.bench_function(BenchmarkId::new(engine.name(), "the same 100"), |b| {
            let mut numbers = (1..=100).cycle();
            engine.with(filled().folder(engine), |store| b.iter(|| store.get(numbers.next().unwrap())));
        });
        group.bench_function(BenchmarkId::new(engine.name(), "all over the file"), |b| {
            let versions = filled().contents.len();
            let mut numbers = (0..).map(|n| sample::scattered(n, versions));
            engine.with(filled().folder(engine), |store| b.iter(|| store.get(numbers.next().unwrap())));
        });
    }
    group.finish();
    let mut group = c.benchmark_group("peers: the newest 100 of 100,000 versions");
    for (line, include) in [("both forms", true), ("metadata only", false)] {
        for engine in ENGINES {
            group.bench_function(BenchmarkId::new(engine.name(), line), |b| {
                engine.with(filled().folder(engine), |store| b.iter(|| black_box(store.page(include))));
            });
        }
    }
    group.finish();
}

/// Sizes of the files, and of their payload.
fn sizes(filled: &Filled) -> Sizes {
    let mut sizes: BTreeMap<_, _> = ENGINES.map(|engine| (engine.name(), filled.bytes(engine))).into();
    sizes.insert("payload", filled.payload());
    BTreeMap::from([("100,000 versions", sizes)])
}
