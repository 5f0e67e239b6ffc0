//! Threads. Defends against: a read of half a write; a deadlock between writes, reads and a recovery; a panicking closure
//! that leaves data behind or poisons the store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use super::disk::*;
use crate::*;

fn two_policies(store: &PolicyStore, name: &str) -> Result<()> {
    store.write(&actor(), |w| {
        let mut zone = w.zone("a")?;
        zone.create_policy(NewPolicy::named("one").id(format!("{name}.1")))?;
        zone.create_policy(NewPolicy::named("two").id(format!("{name}.2")))?;
        Ok(())
    })
}

fn store() -> PolicyStore {
    let store = open(&Disk::default()).unwrap();
    fill(&store);
    store
}

/// Ends the process after a timeout: a deadlock must not look like a slow test.
pub(super) fn within(seconds: u64, f: impl FnOnce()) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..seconds * 100 {
                std::thread::sleep(Duration::from_millis(10));
                if done.load(Ordering::SeqCst) {
                    return;
                }
            }
            eprintln!("deadlock");
            std::process::abort();
        });
        let result = catch_unwind(AssertUnwindSafe(f));
        done.store(true, Ordering::SeqCst);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

#[test]
fn a_read_sees_all_of_a_write_or_nothing() {
    let store = store();
    let rounds = usize::try_from(20 * sweep()).unwrap();
    let done = AtomicUsize::new(0);
    within(60 * sweep(), || {
        std::thread::scope(|scope| {
            for writer in 0..3 {
                let (store, done) = (&store, &done);
                scope.spawn(move || {
                    for round in 0..rounds {
                        two_policies(store, &format!("w{writer}.{round}")).unwrap();
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                });
            }
            for _ in 0..2 {
                let (zone, done) = (store.zone("a").unwrap(), &done);
                scope.spawn(move || {
                    while done.load(Ordering::SeqCst) < 3 {
                        let newest = zone
                            .policies(&PolicyFilter::new(), &PageRequest::new().limit(100).order(Order::Descending))
                            .unwrap()
                            .items;
                        let history = zone.history(&HistoryFilter::new(), &PageRequest::new().limit(2)).unwrap().items;
                        assert_eq!(history[0].position, history[0].write.1, "a log ends with a whole write");
                        let pairs = newest.iter().filter(|policy| policy.id.as_str().starts_with('w'));
                        let pairs: Vec<&str> = pairs.map(|policy| policy.id.as_str()).collect();
                        for pair in pairs.chunks_exact(2) {
                            assert_eq!(pair[0].strip_suffix(".2"), pair[1].strip_suffix(".1"), "{pair:?}");
                        }
                    }
                });
            }
        });
    });
    for writer in 0..3 {
        for round in 0..rounds {
            store.zone("a").unwrap().policy(format!("w{writer}.{round}.2")).unwrap();
        }
    }
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_recovery_waits_for_reads_and_writes_and_they_for_it() {
    let store = store();
    let done = AtomicBool::new(false);
    let acknowledged = AtomicUsize::new(0);
    let allowed = |error: &Error| assert_eq!(error.code(), "recovery_needed", "{error:?}");
    within(60 * sweep(), || {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::SeqCst) {
                        let read =
                            store.zone("a").and_then(|zone| zone.policies(&PolicyFilter::new(), &PageRequest::new()));
                        read.map(|_| ()).unwrap_or_else(|error| allowed(&error));
                        let taken = store.zone("a").and_then(|zone| zone.authorizer(Target::Zone));
                        taken.map(|taken| drop(decide(&taken))).unwrap_or_else(|error| allowed(&error));
                    }
                });
            }
            scope.spawn(|| {
                let mut round = 0;
                while !done.load(Ordering::SeqCst) {
                    // The closure reads through other handles during the write.
                    let wrote = store.write(&actor(), |w| {
                        store.zone("a").map(|zone| zone.policy("p0").unwrap()).unwrap();
                        w.zone("a")?.create_policy(NewPolicy::named("n").id(format!("r{round}"))).map(|_| ())
                    });
                    wrote.unwrap();
                    round += 1;
                    acknowledged.store(round, Ordering::SeqCst);
                }
            });
            for _ in 0..10 * sweep() {
                store.recover().unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            done.store(true, Ordering::SeqCst);
        });
    });
    for round in 0..acknowledged.load(Ordering::SeqCst) {
        store.zone("a").unwrap().policy(format!("r{round}")).unwrap();
    }
    assert!(store.verify().unwrap().is_clean());
}

#[test]
fn a_write_inside_a_write_is_refused_and_so_is_a_recovery() {
    let store = store();
    within(20, || {
        store
            .write(&actor(), |w| {
                w.zone("a")?.create_policy(NewPolicy::named("n").id("outer"))?;
                assert_eq!(two_policies(&store, "inner").unwrap_err().code(), "nested_write");
                assert_eq!(store.recover().unwrap_err().code(), "nested_write");
                assert_eq!(store.rebuild_indexes().unwrap_err().code(), "nested_write");
                assert!(store.verify()?.is_clean(), "a check sees the store as it was");
                Ok(())
            })
            .unwrap();
        two_policies(&store, "later").unwrap();
    });
    store.zone("a").unwrap().policy("outer").unwrap();
    assert!(store.zone("a").unwrap().policy("inner.1").is_err());
}

#[test]
fn a_panic_in_a_closure_leaves_nothing_and_the_store_in_use() {
    let panics = std::sync::Arc::new(AtomicBool::new(false));
    let told = panics.clone();
    let now = AtomicUsize::new(0);
    let clock = move || {
        assert!(!told.load(Ordering::SeqCst), "the clock panics");
        Timestamp::from_micros(1_771_939_200_000_000 + now.fetch_add(1, Ordering::SeqCst) as i64)
    };
    let store = PolicyStore::builder().clock(clock).in_memory().unwrap();
    fill(&store);
    let zone = store.zone("a").unwrap();
    let before = zone.history(&HistoryFilter::new(), &PageRequest::new()).unwrap();
    within(20, || {
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write(&actor(), |w| -> Result<()> {
                let new = NewPolicyVersion::cedar("s1", format!("// of the panic\n{PERMIT}"));
                w.zone("a")?.create_policy_version("p1", new)?;
                w.create_zone("half")?;
                panic!("of the caller");
            })
        }));
        assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"of the caller"));
        panics.store(true, Ordering::SeqCst);
        assert!(catch_unwind(AssertUnwindSafe(|| two_policies(&store, "x"))).is_err());
        panics.store(false, Ordering::SeqCst);
        let refused = store.write(&actor(), |w| {
            w.create_zone("half")?;
            w.zone("nowhere").map(|_| ())
        });
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    });
    assert_eq!(zone.history(&HistoryFilter::new(), &PageRequest::new()).unwrap(), before);
    assert_eq!(store.zone("half").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(store.verify().unwrap().is_clean());
    two_policies(&store, "later").unwrap();
    store.recover().unwrap();
    assert!(store.verify().unwrap().is_clean());
}
