//! For tests: a disk whose syncs wait on demand, so that a commit lasts as long as a test needs, and writes of two
//! entries.

use std::ops::Bound;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use redb::{BackendError, StorageBackend};

use super::disk::*;
use crate::storage::Location;
use crate::storage::tables::Table;
use crate::*;

/// A disk whose syncs wait while its gate is closed.
#[derive(Clone, Debug)]
pub(super) struct Gated {
    pub disk: Disk,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Debug, Default)]
struct Gate {
    closed: bool,
    /// The number of syncs that wait.
    held: usize,
}

impl Gated {
    /// The store of `fill` on such a disk.
    pub(super) fn store() -> (Self, PolicyStore) {
        let gated = Self { disk: Disk::new(base()), gate: Arc::default() };
        let store = builder().record_cache_bytes(0).open_at(Location::Backend(Arc::new(gated.clone()))).unwrap();
        (gated, store)
    }

    pub(super) fn set_closed(&self, closed: bool) {
        self.gate.0.lock().unwrap().closed = closed;
        self.gate.1.notify_all();
    }

    /// Closes the gate, runs the write on another thread, and returns when it commits.
    pub(super) fn hold<'scope, T: Send + 'scope>(
        &self,
        scope: &'scope std::thread::Scope<'scope, '_>,
        write: impl FnOnce() -> T + Send + 'scope,
    ) -> std::thread::ScopedJoinHandle<'scope, T> {
        self.set_closed(true);
        let held = scope.spawn(write);
        let mut gate = self.gate.0.lock().unwrap();
        while gate.held == 0 {
            gate = self.gate.1.wait(gate).unwrap();
        }
        held
    }
}

impl StorageBackend for Gated {
    fn len(&self) -> std::io::Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.disk.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        let mut gate = self.gate.0.lock().unwrap();
        gate.held += 1;
        self.gate.1.notify_all();
        // A test that fails must not leave its threads waiting.
        gate = self.gate.1.wait_timeout_while(gate, Duration::from_secs(10), |gate| gate.closed).unwrap().0;
        gate.held -= 1;
        drop(gate);
        self.disk.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.disk.write(offset, data)
    }

    locks_of_one_process!();
}

/// A write of two entries.
pub(super) fn pair(store: &PolicyStore, id: &str) -> Result<()> {
    store.write(&actor(), |w| {
        let mut zone = w.zone("a")?;
        zone.create_policy(NewPolicy::named("one").id(format!("{id}.1")))?;
        zone.create_policy(NewPolicy::named("two").id(format!("{id}.2"))).map(drop)
    })
}

/// Whether the write is there. It must be complete or absent.
pub(super) fn is_there(store: &PolicyStore, id: &str) -> bool {
    let zone = store.zone("a").unwrap();
    let [first, second] = [1, 2].map(|part| match zone.policy(format!("{id}.{part}")) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
            false
        }
    });
    assert_eq!(first, second, "write {id} is there by half");
    first
}

/// Waits until a commit is under way and `count` writes wait for the next one.
pub(super) fn until_waiting(store: &PolicyStore, count: usize) {
    loop {
        let seen = store.engine.storage.groups.seen();
        if seen.batches.len() == 2 && seen.batches[0].rows(Table::Log).len() == count * 2 {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub(super) fn commits(store: &PolicyStore) -> u64 {
    store.engine.storage.read(|snapshot| snapshot.commits()).unwrap()
}

pub(super) fn check(store: &PolicyStore) {
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}
