//! Verifying a store of 100,000 versions: all of it, and what was added after a checkpoint.

use std::cell::LazyCell;
use std::path::PathBuf;

use criterion::{BenchmarkId, Criterion, SamplingMode};
use policy_store::{Checkpoint, PolicyStore, WriteTransaction};

use crate::large::large;
use crate::{floor, sample, world};

/// Floor: plain redb reads every row of the file, and BLAKE3 hashes all bytes once.
pub fn verify(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify a store of 100,000 versions");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function(BenchmarkId::new("store", "everything"), |b| {
        let store = large().open(|options| options);
        b.iter(|| assert!(store.verify().unwrap().is_clean()));
    });
    group.bench_function(BenchmarkId::new("floor", "everything"), |b| {
        let database = floor::open(&large().path());
        b.iter(|| {
            let mut hash = 0;
            floor::for_each_row(&database, |key, value| {
                // As in the store, each row has a hash of its own.
                let row = blake3::Hasher::new().update(key).update(value).finalize();
                hash ^= row.as_bytes()[0];
            });
            hash
        });
    });
    group.finish();
    since(c);
}

/// Versions that are added after the checkpoint.
const ADDED: usize = 1_000;

/// Floor: plain redb reads the rows of as many entries and pieces of content, and BLAKE3 hashes their bytes once.
fn since(c: &mut Criterion) {
    let mut group = c.benchmark_group("verify 1,000 versions after 100,000");
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    let grown = LazyCell::new(Grown::make);
    group.bench_function(BenchmarkId::new("store", "since a checkpoint"), |b| {
        let store = PolicyStore::builder().check_integrity(false).open(&grown.path).unwrap();
        b.iter(|| {
            let report = store.verify_since(&grown.kept).unwrap();
            assert!(report.is_clean() && report.entries == 2 + grown.added as u64, "{report:?}");
        });
    });
    group.bench_function(BenchmarkId::new("floor", "since a checkpoint"), |b| {
        let database = floor::open(&grown.path);
        b.iter(|| {
            let mut hash = 0;
            floor::for_each_last_row(&database, grown.added, |key, value| {
                hash ^= blake3::Hasher::new().update(key).update(value).finalize().as_bytes()[0];
            });
            hash
        });
    });
    group.finish();
}

/// A copy of the large store with more versions, and the checkpoints from before them.
struct Grown {
    path: PathBuf,
    kept: Vec<Checkpoint>,
    added: usize,
}

impl Grown {
    fn make() -> Self {
        let path = large().beside("grown.redb");
        std::fs::copy(large().path(), &path).unwrap();
        let added = sample::size(ADDED);
        let store = PolicyStore::builder().check_integrity(false).open(&path).unwrap();
        let kept = store.verify().unwrap().checkpoints();
        let first = large().versions();
        let prepared = world::prepare_on_two_threads(&store, first..first + added);
        let write = |w: &mut WriteTransaction<'_, '_>| {
            let mut zone = w.zone("z")?;
            prepared.into_iter().try_for_each(|prepared| zone.create_policy_version("p", prepared).map(drop))
        };
        store.write(&world::actor(), write).unwrap();
        Self { path, kept, added }
    }
}

impl Drop for Grown {
    fn drop(&mut self) {
        std::fs::remove_file(&self.path).unwrap();
    }
}
