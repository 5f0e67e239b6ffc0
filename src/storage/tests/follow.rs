//! Several handles of one file that write. Defends against: a write that begins after an erasure of another process, and
//! reads through a cache from before it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use super::disk::*;
use super::thread::within;
use crate::storage::Location;
use crate::*;

#[test]
fn a_write_that_waited_for_an_erasure_uses_no_cache_from_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::write(&path, base()).unwrap();
    let many = |builder: Builder| builder.concurrency(Concurrency::MultiWriter).open_at(Location::File(path.clone()));
    let store = many(builder()).unwrap();
    // The clock is read when a write holds the file's lock.
    let (sender, held) = mpsc::channel();
    let holds = Arc::new(AtomicBool::new(false));
    let is_on = holds.clone();
    let clock = move || {
        if is_on.load(Ordering::SeqCst) {
            sender.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        Timestamp::from_micros(1_771_939_300_000_000)
    };
    let other = many(PolicyStore::builder().clock(clock)).unwrap();
    let zone = store.zone("b").unwrap();
    zone.policy("p0").unwrap();
    within(30, || {
        std::thread::scope(|scope| {
            holds.store(true, Ordering::SeqCst);
            let erasing = scope.spawn(|| other.erase_zone(&Actor::platform("ops").unwrap(), "b"));
            held.recv().unwrap();
            let storage = &store.engine.storage;
            // Waits for the lock. Before it takes its cache, a read of its process sees the erasure.
            let author = || {
                assert_eq!(zone.policy("p0").unwrap_err().kind(), ErrorKind::NotFound);
                store.engine.author(&actor(), None)
            };
            let has = storage.write(author, |writer| {
                writer.read(|snapshot| snapshot.has_zone("b", zone.place.log, zone.place.log_id))
            });
            assert!(!has.unwrap(), "an erased zone is in the cache of the write");
            erasing.join().unwrap().unwrap();
        });
    });
}
