//! Waits for commits. Defends against: a change that is given before it is durable; a wait that goes on after the commit has
//! failed; a feed that does not go on after a recovery.

use std::sync::mpsc;
use std::time::Duration;

use super::disk::*;
use super::gated::*;
use super::thread::within;

const SHORT: Duration = Duration::from_millis(50);

#[test]
fn a_change_is_given_once_it_is_durable_and_a_failed_commit_ends_the_wait() {
    for fails in [false, true] {
        let (gated, store) = Gated::store();
        let zone = store.zone("a").unwrap();
        let mut changes = zone.changes(zone.checkpoint().unwrap().size).unwrap();
        let before = commits(&store);
        let (sender, answer) = mpsc::channel();
        within(30, || {
            std::thread::scope(|scope| {
                let store = &store;
                let write = gated.hold(scope, || pair(store, "held"));
                assert_eq!(changes.wait(SHORT).unwrap(), None, "it is not durable yet");
                assert_eq!(store.wait_for_commit(before, SHORT).unwrap(), before);
                let waits = scope.spawn(|| sender.send(changes.wait(Duration::MAX)).unwrap());
                assert!(answer.recv_timeout(SHORT).is_err());
                if fails {
                    gated.disk.fail(Fault::Sync, 0, true);
                }
                gated.set_closed(false);
                let (answer, written) = (answer.recv().unwrap(), write.join().unwrap());
                waits.join().unwrap();
                if fails {
                    assert_eq!(written.unwrap_err().code(), "outcome_unknown");
                    assert_eq!(answer.unwrap_err().code(), "recovery_needed");
                } else {
                    written.unwrap();
                    assert_eq!(answer.unwrap().unwrap().entries.len(), 2);
                }
            });
        });
        gated.disk.heal();
        store.recover().unwrap();
        // The write that failed may have happened.
        let there = is_there(&store, "held");
        assert_eq!(changes.poll().unwrap().is_some(), fails && there);
        pair(&store, "after").unwrap();
        let group = changes.wait(SHORT).unwrap().unwrap();
        assert_eq!((group.entries.len(), changes.poll().unwrap()), (2, None));
        check(&store);
    }
}
