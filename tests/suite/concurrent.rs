//! Threads. Defends against: a snapshot whose reads are of different moments; a read that is older than one before it or than
//! an acknowledged write; a torn binding; numbers or pages with gaps; an erased zone in an answer.
//!
//! Each thread records its observations. The final log judges them. `POLICY_STORE_SWEEP` multiplies the writes.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use policy_store::{Builder, PolicyStore};

use super::observing::{
    Floor, Floors, Truth, come_and_go, read_brief, read_latest, read_pages, read_snapshots, settle, sweep, write,
};
use super::support::{Clock, World};

const WRITERS: usize = 3;
/// Of each writer.
const ROUNDS: u64 = 12;

/// Ends the process after a timeout: a deadlock must not look like a slow test.
fn within(seconds: u64, done: &AtomicBool) {
    for _ in 0..seconds * 100 {
        if done.load(Ordering::SeqCst) {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    eprintln!("deadlock");
    std::process::abort();
}

/// Sets a flag when it is dropped, so that a thread that panics ends the others too.
struct OnExit<'a>(&'a dyn Fn());

impl Drop for OnExit<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Runs all kinds of threads on one store until the writers have ended, and judges their observations.
fn run(store: &PolicyStore, recovers: bool) -> Truth {
    settle(store);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("floor");
    let (floor, floors) = (Floor::new(&path), Floors(vec![path]));
    let (left, ended) = (AtomicUsize::new(WRITERS), AtomicBool::new(false));
    let done = || left.load(Ordering::SeqCst) == 0;
    let (acknowledged, seen, pages) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| within(120 * sweep(), &ended));
        let readers = std::thread::scope(|scope| {
            let (floor, floors, done, left) = (&floor, &floors, &done, &left);
            for writer in 0..WRITERS {
                let acknowledged = &acknowledged;
                scope.spawn(move || {
                    let _left = OnExit(&|| {
                        left.fetch_sub(1, Ordering::SeqCst);
                    });
                    for round in 0..ROUNDS * sweep() {
                        let name = format!("w{writer}");
                        let number = write(store, floor, &name, round);
                        acknowledged.lock().unwrap().push((format!("p.{name}.{round}"), number));
                    }
                });
            }
            let mut readers = Vec::new();
            for _ in 0..2 {
                readers.push(scope.spawn(|| {
                    read_snapshots(store, floors, done, |observed| seen.lock().unwrap().push(observed.clone()));
                }));
            }
            readers.push(scope.spawn(|| read_latest(store, floors, done)));
            readers.push(scope.spawn(|| pages.lock().unwrap().extend(read_pages(store, floors, done, 200))));
            readers.push(scope.spawn(|| read_brief(store, floors, done)));
            readers.push(scope.spawn(|| {
                for generation in 0.. {
                    come_and_go(store, floor, generation);
                    if done() {
                        break;
                    }
                }
            }));
            if recovers {
                readers.push(scope.spawn(|| {
                    while !done() {
                        store.recover().unwrap();
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }));
            }
            readers.into_iter().map(|reader| reader.join()).filter_map(Result::err).collect::<Vec<_>>()
        });
        ended.store(true, Ordering::SeqCst);
        if let Some(panic) = readers.into_iter().next() {
            std::panic::resume_unwind(panic);
        }
    });
    let (acknowledged, seen, pages) =
        (acknowledged.into_inner().unwrap(), seen.into_inner().unwrap(), pages.into_inner().unwrap());
    let truth = Truth::of(store);
    truth.judge_acknowledged(&acknowledged);
    assert_eq!(acknowledged.len(), WRITERS * usize::try_from(ROUNDS * sweep()).unwrap());
    assert!(seen.len() > 4 && pages.len() > 2, "{} snapshots, {} lists", seen.len(), pages.len());
    seen.iter().for_each(|seen| truth.judge(seen));
    pages.iter().for_each(|found| truth.judge_pages(found));
    truth
}

fn world(configure: impl FnOnce(Builder) -> Builder) -> World {
    let clock = Clock::new();
    World::with(configure(clock.builder()).in_memory().unwrap(), clock)
}

#[test]
fn observations_of_all_threads_are_states_of_one_log() {
    run(&world(|builder| builder).store, false);
}

#[test]
fn the_same_with_small_caches_and_recoveries() {
    let small = |builder: Builder| builder.record_cache_bytes(4_096).compiled_cache_bytes(16_384);
    run(&world(small).store, true);
}

#[test]
fn the_same_in_a_file_with_recoveries() {
    let world = World::in_file();
    let before = run(&world.store, true);
    let world = world.reopened();
    assert_eq!(Truth::of(&world.store).all_versions("p"), before.all_versions("p"));
}
