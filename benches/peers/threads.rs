//! Small durable writes of several threads at once, and of one thread.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};

use crate::content::Content;
use crate::engine::ENGINES;
use crate::sample;
use crate::store::Shared;

/// Each write adds one version of prepared content, and returns when it is durable. The result is the time for each
/// write: the time of all, divided by their number.
pub fn write<'a>(c: &mut Criterion, contents: &dyn Fn() -> &'a [Content]) {
    let mut group = c.benchmark_group("peers: 16 threads, each its own small durable writes");
    group.sample_size(20).sampling_mode(SamplingMode::Flat).throughput(Throughput::Elements(1));
    for (line, threads) in [("16 threads, for each write", 16), ("one thread, for each write", 1)] {
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

/// The time of `writes` writes, by any of the threads.
fn time<'a>(store: &dyn Shared, threads: usize, writes: u64, next: impl Fn() -> &'a [Content] + Sync) -> Duration {
    let (barrier, begun) = (Barrier::new(threads + 1), AtomicU64::new(0));
    let write = || {
        store.with(&mut |store| {
            barrier.wait();
            while begun.fetch_add(1, Ordering::Relaxed) < writes {
                store.create(next());
            }
            barrier.wait();
        });
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| drop(scope.spawn(write)));
        barrier.wait();
        let started = Instant::now();
        barrier.wait();
        started.elapsed()
    })
}
