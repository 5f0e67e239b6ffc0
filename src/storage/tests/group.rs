//! Writes that share a commit. Defends against: an answer that comes before the rows behind it are durable; a failed
//! commit that some of its writes do not learn of; a write that is built on rows that are gone; a position given twice;
//! a thread that waits for ever.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use super::disk::*;
use super::gated::*;
use super::thread::within;
use crate::*;

/// A call that runs alone.
type Alone<'a> = &'a (dyn Fn(&PolicyStore) -> Result<()> + Sync);

#[test]
fn writes_that_come_during_a_commit_share_the_next_one() {
    let (gated, store) = Gated::store();
    let before = commits(&store);
    within(30, || {
        std::thread::scope(|scope| {
            let first = gated.hold(scope, || pair(&store, "first"));
            let store = &store;
            let rest: Vec<_> = (0..8).map(|n| scope.spawn(move || pair(store, &format!("w{n}")))).collect();
            until_waiting(store, 8);
            // A read does not wait, and sees nothing that is not durable.
            assert!(!is_there(store, "first") && !is_there(store, "w0"));
            gated.set_closed(false);
            first.join().unwrap().unwrap();
            rest.into_iter().for_each(|write| write.join().unwrap().unwrap());
        });
    });
    assert_eq!(commits(&store), before + 2);
    let reopened = open(&Disk::new(gated.disk.crashed(|| 0))).unwrap();
    assert_eq!(commits(&reopened), before + 2);
    for store in [store, reopened] {
        assert!(is_there(&store, "first") && (0..8).all(|n| is_there(&store, &format!("w{n}"))));
        check(&store);
    }
}

/// Three calls that add no rows but rest on rows that are not durable yet.
#[test]
fn an_answer_waits_for_the_rows_that_it_rests_on() {
    let keyed = |store: &PolicyStore| {
        store.write(&actor(), |w| {
            let mut zone = w.zone("a")?;
            zone.idempotency_key(IdempotencyKey::from([7; 16]));
            zone.create_policy(NewPolicy::named("one").id("once"))
        })
    };
    for fails in [false, true] {
        let (gated, store) = Gated::store();
        let (ran, (sender, answers)) = (AtomicUsize::new(0), mpsc::channel());
        let run = AtomicBool::new(false);
        within(30, || {
            std::thread::scope(|scope| {
                let (store, ran) = (&store, &ran);
                let first = gated.hold(scope, || keyed(store));
                let calls: [fn(&mut ZoneTransaction<'_, '_>) -> Result<Policy>; 3] = [
                    |zone| {
                        zone.idempotency_key(IdempotencyKey::from([7; 16]));
                        zone.create_policy(NewPolicy::named("one").id("once"))
                    },
                    |zone| zone.create_policy(NewPolicy::named("another").id("once")),
                    |zone| zone.policy("once"),
                ];
                for (number, call) in calls.into_iter().enumerate() {
                    let sender = sender.clone();
                    scope.spawn(move || {
                        let answer = store.write(&actor(), |w| {
                            let answer = call(&mut w.zone("a")?);
                            ran.fetch_add(1, Ordering::SeqCst);
                            answer
                        });
                        sender.send((number, answer)).unwrap();
                    });
                }
                while ran.load(Ordering::SeqCst) < 3 {
                    std::thread::sleep(Duration::from_millis(1));
                }
                assert!(answers.recv_timeout(Duration::from_millis(50)).is_err(), "an answer came too early");
                if fails {
                    gated.disk.fail(Fault::Sync, 0, true);
                }
                gated.set_closed(false);
                let first = first.join().unwrap();
                let mut all: Vec<_> = (0..3).map(|_| answers.recv().unwrap()).collect();
                all.sort_by_key(|(number, _)| *number);
                let [again, refused, read] = <[_; 3]>::try_from(all).unwrap().map(|(_, answer)| answer);
                if fails {
                    for unknown in [first, again, read] {
                        assert_eq!(unknown.unwrap_err().code(), "outcome_unknown");
                    }
                    // It was certainly not carried out.
                    assert_eq!(refused.unwrap_err().code(), "recovery_needed");
                } else {
                    let first = first.unwrap();
                    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Conflict);
                    assert_eq!((again.unwrap(), read.unwrap()), (first.clone(), first));
                }
                run.store(true, Ordering::SeqCst);
            });
        });
        assert!(run.load(Ordering::SeqCst));
        gated.disk.heal();
        store.recover().unwrap();
        check(&store);
        keyed(&store).unwrap();
    }
}

/// Four writes wait while a fifth commits, and the disk fails. Returns `false` if it did not.
fn run(fault: Fault, countdown: u64, panics: bool) -> bool {
    let (gated, store) = Gated::store();
    let outcomes = Mutex::new(Vec::new());
    within(30, || {
        std::thread::scope(|scope| {
            let store = &store;
            let first = gated.hold(scope, || pair(store, "first"));
            let rest: Vec<_> = (0..4).map(|n| scope.spawn(move || pair(store, &format!("w{n}")))).collect();
            until_waiting(store, 4);
            if panics {
                gated.disk.panic_instead();
            }
            gated.disk.fail(fault, countdown, true);
            gated.set_closed(false);
            let mut all = vec![("first".to_owned(), first.join().unwrap())];
            all.extend((0..).zip(rest).map(|(n, write)| (format!("w{n}"), write.join().unwrap())));
            *outcomes.lock().unwrap() = all;
        });
    });
    let outcomes = outcomes.into_inner().unwrap();
    let failed = gated.disk.failures() > 0;
    let codes: Vec<_> =
        outcomes.iter().map(|(_, outcome)| outcome.as_ref().map_or_else(Error::code, |()| "ok")).collect();
    assert!(codes[2..].iter().all(|code| *code == codes[1]), "{codes:?}");
    let definite = if panics { ["storage", "corrupt"] } else { ["storage", "storage"] };
    match codes[0] {
        "outcome_unknown" => assert_eq!(codes[1], "recovery_needed"),
        "ok" => assert!(["ok", "outcome_unknown"].contains(&codes[1]) || definite.contains(&codes[1]), "{codes:?}"),
        _ => panic!("{codes:?}"),
    }
    let later = pair(&store, "later");
    if codes.contains(&"outcome_unknown") {
        assert_eq!(later.unwrap_err().code(), "recovery_needed");
        assert_eq!(store.zone("a").unwrap_err().code(), "recovery_needed");
    }
    let check_all = |store: &PolicyStore| {
        let there: Vec<_> = outcomes.iter().map(|(id, _)| is_there(store, id)).collect();
        for (code, there) in codes.iter().zip(&there) {
            match *code {
                "ok" => assert!(there, "an acknowledged write is gone"),
                "outcome_unknown" => {}
                code => assert!(!there, "a write with the error {code} is there"),
            }
        }
        assert!(there[2..].iter().all(|other| *other == there[1]), "half of a group is there");
        check(store);
    };
    let mut numbers = Numbers(countdown);
    for luck in [false, true] {
        let image = gated.disk.crashed(|| if luck { numbers.next() } else { 0 });
        check_all(&open(&Disk::new(image)).unwrap());
    }
    gated.disk.heal();
    store.recover().unwrap();
    check_all(&store);
    pair(&store, "after").unwrap();
    failed
}

#[test]
fn all_of_a_group_learn_that_its_commit_failed_and_what_was_built_on_it_is_not_there() {
    for (fault, stride, panics) in [(Fault::Sync, 1, false), (Fault::Any, 3, false), (Fault::Sync, 1, true)] {
        let mut countdown = 0;
        while run(fault, countdown, panics) {
            countdown += stride;
        }
        assert!(countdown > 3 * stride, "{fault:?}: both commits must fail");
    }
}

#[test]
fn sixteen_writers_share_positions_and_preconditions() {
    const WRITERS: usize = 16;
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let rounds = usize::try_from(12 * sweep()).unwrap();
    let (barrier, wins) = (Barrier::new(WRITERS), AtomicUsize::new(0));
    within(60 * sweep(), || {
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (store, barrier, wins) = (&store, &barrier, &wins);
                scope.spawn(move || {
                    for round in 0..rounds {
                        let id = format!("w{writer}.{round}");
                        pair(store, &id).unwrap();
                        assert!(is_there(store, &id), "the write was acknowledged");
                        let revision = store.zone("a").unwrap().policy("p1").unwrap().revision;
                        barrier.wait();
                        let updated = store.write(&actor(), |w| {
                            let mut zone = w.zone("a")?;
                            zone.precondition(Precondition::policy_revision("p1", revision));
                            zone.update_policy("p1", PolicyUpdate::new().name(id))
                        });
                        match updated {
                            Ok(_) => drop(wins.fetch_add(1, Ordering::SeqCst)),
                            Err(error) => assert_eq!(error.code(), "precondition_failed", "{error:?}"),
                        }
                        barrier.wait();
                        assert_eq!(wins.load(Ordering::SeqCst), round + 1, "one of them wins");
                        barrier.wait();
                    }
                });
            }
        });
    });
    let reopened = open(&Disk::new(disk.crashed(|| 0))).unwrap();
    for store in [store, reopened] {
        for id in (0..WRITERS).flat_map(|writer| (0..rounds).map(move |round| format!("w{writer}.{round}"))) {
            assert!(is_there(&store, &id));
        }
        let (head, last) = store
            .engine
            .storage
            .read(|snapshot| {
                let (mut next, head) = (0, snapshot.head(1)?);
                snapshot.walk(1, &mut |entry| {
                    assert_eq!(entry.envelope.position, next);
                    next += 1;
                    Ok(())
                })?;
                Ok((head.length, next))
            })
            .unwrap();
        assert_eq!(head, last);
        check(&store);
    }
}

#[test]
fn a_panicking_closure_takes_no_other_write_with_it() {
    let (gated, store) = Gated::store();
    within(30, || {
        std::thread::scope(|scope| {
            let store = &store;
            let first = gated.hold(scope, || pair(store, "first"));
            let before = scope.spawn(|| pair(store, "before"));
            until_waiting(store, 1);
            let panicked = catch_unwind(AssertUnwindSafe(|| {
                store.write(&actor(), |w| -> Result<()> {
                    let mut zone = w.zone("a")?;
                    zone.policy("before.1")?;
                    zone.create_policy(NewPolicy::named("n").id("panics"))?;
                    panic!("of the caller");
                })
            }));
            assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"of the caller"));
            let after = scope.spawn(|| pair(store, "after"));
            until_waiting(store, 2);
            gated.set_closed(false);
            [first, before, after].into_iter().for_each(|write| write.join().unwrap().unwrap());
        });
    });
    assert!(["first", "before", "after"].into_iter().all(|id| is_there(&store, id)));
    assert_eq!(store.zone("a").unwrap().policy("panics").unwrap_err().kind(), ErrorKind::NotFound);
    check(&store);
}

#[test]
fn every_image_after_an_acknowledgement_has_the_write() {
    let disk = Disk::new(base());
    let store = open(&disk).unwrap();
    let acknowledged = Mutex::new(Vec::new());
    let rounds = usize::try_from(12 * sweep()).unwrap();
    let mut images = Vec::new();
    within(60 * sweep(), || {
        std::thread::scope(|scope| {
            let (store, acknowledged) = (&store, &acknowledged);
            let write = |writer| {
                for round in 0..rounds {
                    let id = format!("w{writer}.{round}");
                    pair(store, &id).unwrap();
                    acknowledged.lock().unwrap().push(id);
                }
            };
            let writers: Vec<_> = (0..6).map(|writer| scope.spawn(move || write(writer))).collect();
            let mut numbers = Numbers(7);
            while writers.iter().any(|writer| !writer.is_finished()) {
                let before = acknowledged.lock().unwrap().clone();
                let luck = numbers.next().is_multiple_of(2);
                images.push((before, disk.crashed(|| if luck { numbers.next() } else { 0 })));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    });
    let step = images.len().div_ceil(16);
    for (before, image) in images.into_iter().step_by(step) {
        let store = open(&Disk::new(image)).unwrap();
        for id in before {
            assert!(is_there(&store, &id), "{id} was acknowledged before the crash");
        }
        check(&store);
    }
}

/// A recovery, a rebuild, an erasure and a copy run alone, after the writes that wait.
#[test]
fn what_runs_alone_waits_for_the_writes_before_it() {
    let erased = |store: &PolicyStore| store.erase_zone(&Actor::platform("ops").unwrap(), "b").map(drop);
    let copied = |store: &PolicyStore| {
        let from = builder().in_memory().unwrap();
        let ops = Actor::platform("ops").unwrap();
        from.write(&ops, |w| w.create_zone("c").map(drop)).unwrap();
        from.copy_zones(&ops, &["c"], store).map(drop)
    };
    let alone: [Alone<'_>; 4] = [&PolicyStore::recover, &PolicyStore::rebuild_indexes, &erased, &copied];
    for alone in alone {
        let (gated, store) = Gated::store();
        within(30, || {
            std::thread::scope(|scope| {
                let store = &store;
                let first = gated.hold(scope, || pair(store, "first"));
                // It takes a position of the store's log and the number of a log, as an erasure and a copy do.
                let second = scope.spawn(|| store.write(&actor(), |w| w.create_zone("second").map(drop)));
                until_waiting(store, 1);
                let (sender, ended) = mpsc::channel();
                scope.spawn(move || sender.send(alone(store)).unwrap());
                assert!(ended.recv_timeout(Duration::from_millis(20)).is_err(), "it did not wait");
                gated.set_closed(false);
                ended.recv().unwrap().unwrap();
                [first, second].into_iter().for_each(|write| write.join().unwrap().unwrap());
            });
        });
        assert!(is_there(&store, "first"));
        store.zone("second").unwrap();
        check(&store);
    }
}

#[test]
fn reads_share_one_snapshot_until_the_next_commit() {
    let store = open(&Disk::new(base())).unwrap();
    let storage = &store.engine.storage;
    let tables = || storage.begin_read().unwrap().1;
    let (first, second) = (tables(), tables());
    assert!(Arc::ptr_eq(&first, &second));
    let (first, _) = (Arc::downgrade(&first), drop((first, second)));
    assert!(first.upgrade().is_some(), "the handle keeps the newest state");
    pair(&store, "w").unwrap();
    assert!(first.upgrade().is_none(), "and no older one");
    let held = store.zone("a").unwrap().snapshot().unwrap();
    let newest = tables();
    // The held snapshot, this test and the handle.
    assert_eq!(Arc::strong_count(&newest), 3);
    drop(held);
}
