//! Verifying a store of 100,000 versions.

use criterion::{BenchmarkId, Criterion, SamplingMode};

use crate::floor;
use crate::large::large;

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
}
