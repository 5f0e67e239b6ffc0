//! Small durable writes of several threads at once, and of one thread.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

use crate::content::Content;
use crate::engine::ENGINES;
use crate::sample;
use crate::store::Shared;

/// Writes of each thread in one iteration. With few, the end of the last thread would count for more than the writes.
const WRITES: u32 = 20;

/// Each write adds one version of prepared content, and returns when it is durable. The result is the time for each
/// write: the time of all threads, divided by the number of all writes.
pub fn write<'a>(c: &mut Criterion, contents: &dyn Fn() -> &'a [Content]) {
    let mut group = c.benchmark_group("peers: 16 threads, each its own small durable writes");
    group.sample_size(20).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    for (line, threads) in [("16 threads, for each write", 16_u32), ("one thread, for each write", 1)] {
        for engine in ENGINES {
            group.bench_function(BenchmarkId::new(engine.name(), line), |b| {
                let (folder, contents, next) = (sample::folder(), contents(), AtomicUsize::new(0));
                engine.shared(folder.path(), |store| {
                    b.iter_custom(|writes| {
                        time(store, threads, writes, || {
                            let next = next.fetch_add(1, Ordering::Relaxed) % contents.len();
                            &contents[next..=next]
                        })
                    });
                });
            });
        }
    }
    group.finish();
}

/// The time of as many writes as `iterations`: that of `WRITES` times as many on each thread, divided by their number.
fn time<'a>(store: &dyn Shared, threads: u32, iterations: u64, next: impl Fn() -> &'a [Content] + Sync) -> Duration {
    let barrier = Barrier::new(threads as usize + 1);
    let write = || {
        store.with(&mut |store| {
            barrier.wait();
            (0..iterations * u64::from(WRITES)).for_each(|_| store.create(next()));
            barrier.wait();
        });
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(write)));
        barrier.wait();
        let started = Instant::now();
        barrier.wait();
        started.elapsed() / (threads * WRITES)
    })
}
