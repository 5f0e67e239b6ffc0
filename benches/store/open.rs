//! Opening a store of 100,000 versions, after a close and after the end of a killed process.

use std::fs;
use std::path::{Path, PathBuf};

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode};
use policy_store::PolicyStore;
use redb::Database;

use crate::large::{Large, large};
use crate::{floor, world};

/// Floor: redb opens the same file, and checks all pages if the store does so too.
pub fn open(c: &mut Criterion) {
    let mut group = c.benchmark_group("open a store of 100,000 versions");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for (name, check) in [("not checked", false), ("integrity checked", true)] {
        let store = |path: &Path| PolicyStore::builder().check_integrity(check).open(path).unwrap();
        let raw = |path: &Path| -> Database {
            let mut database = floor::open(path);
            assert!(!check || database.check_integrity().unwrap());
            database
        };
        let line = format!("closed, {name}");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            let large = large();
            b.iter_batched(|| large.path(), |path| store(&path), BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let large = large();
            b.iter_batched(|| large.path(), |path| raw(&path), BatchSize::PerIteration);
        });
        let line = format!("after a kill, {name}");
        group.bench_function(BenchmarkId::new("store", &line), |b| {
            let large = large();
            b.iter_batched(|| killed(&large), |path| store(&path), BatchSize::PerIteration);
        });
        group.bench_function(BenchmarkId::new("floor", &line), |b| {
            let large = large();
            b.iter_batched(|| killed(&large), |path| raw(&path), BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// A copy of the file that a killed process leaves: its bytes after a commit, while it is open.
fn killed(large: &Large) -> PathBuf {
    let (left, copy) = (large.beside("killed.redb"), large.beside("copy.redb"));
    if !left.exists() {
        fs::copy(large.path(), &copy).unwrap();
        let store = PolicyStore::builder().check_integrity(false).open(&copy).unwrap();
        store.write(&world::actor(), |w| w.zone("z")?.create_policy_version("p", world::new_version(0))).unwrap();
        fs::copy(&copy, &left).unwrap();
    }
    fs::copy(left, &copy).unwrap();
    fs::File::open(&copy).unwrap().sync_all().unwrap();
    copy
}
