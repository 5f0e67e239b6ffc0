//! A workload on a recorded disk: a random sequence of operations, and the state after each of them.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use super::recorder::{Event, Recorder, below};
use super::state::{State, decision};
use crate::storage::tests::disk::{FORBID, Numbers, PERMIT, actor, base};
use crate::types::concurrency::Concurrency;
use crate::types::error::Result;
use crate::types::time::Timestamp;
use crate::*;

/// An operation. Each is one acknowledged step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// A policy, its version, a set version that pins it, and its activation: several entries, content, a binding.
    Publish,
    /// A small write of two logs.
    Zone,
    Unbind,
    /// Content that makes the file grow.
    Large,
    /// Erases a zone of an earlier operation, or `b`.
    Erase,
    /// Copies a zone from another store.
    CopyZone,
    Rebuild,
    Recover,
    /// Closes the store and opens it again.
    Reopen,
    /// Compacts the file.
    Compact,
    /// Copies the state into a file elsewhere.
    Backup,
    /// Reads, and decides.
    Read,
    /// Holds the present state until the store is closed, so that its pages are kept.
    Hold,
}

use Operation::{Backup, Compact, CopyZone, Erase, Hold, Large, Publish, Read, Rebuild, Recover, Reopen, Unbind, Zone};

/// All operations, the frequent ones several times.
const OPERATIONS: &[Operation] = &[
    Publish, Publish, Publish, Publish, Zone, Zone, Zone, Unbind, Large, Erase, CopyZone, Rebuild, Recover, Reopen,
    Compact, Compact, Backup, Hold,
];

/// A disk as it was at first, all changes to it, and the states: the one at first, and the one after each
/// acknowledgement.
pub(super) struct Recording {
    pub start: Vec<u8>,
    pub events: Vec<Event>,
    pub states: Vec<State>,
    pub decisions: Vec<String>,
    /// The operations, for messages.
    pub operations: Vec<Operation>,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening {
    pub checked: bool,
    pub concurrency: Concurrency,
    pub quick_repair: bool,
    /// Bytes of the page cache. Without one, every read calls the disk.
    pub page_cache: usize,
    /// Different at each opening of a store, so that no generated id repeats.
    pub seed: u64,
}

impl Opening {
    pub(super) fn random(numbers: &mut Numbers) -> Self {
        let modes = [Concurrency::Exclusive, Concurrency::SingleWriter, Concurrency::MultiWriter];
        let concurrency = modes[below(numbers, modes.len())];
        let page_cache = [0, 1 << 20][below(numbers, 2)];
        let quick_repair = below(numbers, 4) == 0;
        Self { checked: below(numbers, 2) == 0, concurrency, quick_repair, page_cache, seed: numbers.next() }
    }

    pub(super) fn builder(self) -> Builder {
        // Later than every entry of an earlier opening, and within the tolerance of a clock that goes back.
        let now = AtomicI64::new(1_771_939_300_000_000);
        PolicyStore::builder()
            .clock(move || Timestamp::from_micros(now.fetch_add(1_000, Ordering::Relaxed)))
            .id_seed(self.seed)
            .check_integrity(self.checked)
            .concurrency(self.concurrency)
            .quick_repair(self.quick_repair)
            .page_cache_bytes(self.page_cache)
            .record_cache_bytes(64 << 10)
            .compiled_cache_bytes(1 << 20)
    }

    pub(super) fn open(self, disk: &Recorder) -> Result<PolicyStore> {
        self.builder().open_at(disk.location())
    }
}

/// Records a random workload of `length` operations.
pub(super) fn record(length: usize, numbers: &mut Numbers) -> Recording {
    let start = base();
    let disk = Recorder::new(start.clone());
    let mut session = Session::open(&disk, Opening::random(numbers)).unwrap();
    let store = session.store.as_ref().unwrap();
    let (states, decisions) = (vec![State::of(store).unwrap()], vec![decision(store).unwrap()]);
    let mut recording = Recording { start, events: Vec::new(), states, decisions, operations: Vec::new() };
    for number in 0..length {
        let operation = OPERATIONS[below(numbers, OPERATIONS.len())];
        recording.operations.push(operation);
        session.run(operation, number).unwrap_or_else(|error| panic!("{:?}: {error:?}", recording.operations));
        session.disk.acknowledge();
        let store = session.store.as_ref().unwrap();
        recording.states.push(State::of(store).unwrap());
        recording.decisions.push(decision(store).unwrap());
    }
    session.close();
    recording.events = session.disk.events();
    recording
}

/// A store on a recorded disk, between its operations.
pub(super) struct Session {
    disk: Recorder,
    opening: Opening,
    /// `None` after an operation that has closed it and failed to open it again.
    pub store: Option<PolicyStore>,
    /// The zones that can be erased.
    zones: Vec<String>,
    held: Vec<StoreSnapshot>,
}

impl Session {
    pub(super) fn open(disk: &Recorder, opening: Opening) -> Result<Self> {
        let store = Some(opening.open(disk)?);
        Ok(Self { disk: disk.clone(), opening, store, zones: vec!["b".to_owned()], held: Vec::new() })
    }

    pub(super) fn run(&mut self, operation: Operation, number: usize) -> Result<()> {
        let store = self.store.clone().unwrap();
        match operation {
            Publish => publish(&store, number),
            Zone => {
                self.zones.push(format!("z{number}"));
                write_zone(&store, &format!("z{number}"))
            }
            Unbind => store.write(&actor(), |w| w.zone("a")?.unbind(Target::Zone).map(drop)).or_else(unless_unbound),
            Large => store.write(&actor(), |w| {
                let text = format!("// {number} {}\n{PERMIT}", "x".repeat(60_000));
                w.zone("a")?.create_policy_version("p1", NewPolicyVersion::cedar("s1", text)).map(drop)
            }),
            Erase => self.zones.pop().map_or(Ok(()), |zone| store.erase_zone(&actor(), zone).map(drop)),
            CopyZone => {
                let zone = format!("copied{number}");
                let copied = source().copy_zones(&actor(), &[&zone], &store).map(drop);
                self.zones.push(zone);
                copied
            }
            Rebuild => store.rebuild_indexes(),
            Recover => {
                self.held.clear();
                store.recover()
            }
            Compact => {
                self.held.clear();
                store.compact().map(drop)
            }
            Backup => {
                let folder = tempfile::tempdir().unwrap();
                let backup = store.backup(folder.path().join("backup.redb"))?;
                assert!(backup.report.is_clean());
                Ok(())
            }
            Reopen => {
                drop(store);
                self.close();
                self.opening.seed += 1;
                self.store = Some(self.opening.open(&self.disk)?);
                Ok(())
            }
            Read => State::of(&store).and_then(|_| decision(&store)).map(drop),
            Hold => {
                self.held.push(store.snapshot()?);
                Ok(())
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.held.clear();
        self.store = None;
    }
}

fn unless_unbound(error: Error) -> Result<()> {
    if error.kind() == ErrorKind::NotBound { Ok(()) } else { Err(error) }
}

fn publish(store: &PolicyStore, number: usize) -> Result<()> {
    store.write(&actor(), |w| {
        let mut zone = w.zone("a")?;
        let policy = zone.create_policy(NewPolicy::named(format!("new{number}")).id(format!("new{number}")))?;
        let text = format!("// {number}\n{}", if number.is_multiple_of(2) { FORBID } else { PERMIT });
        let new = NewPolicyVersion::cedar("s1", text).id(format!("new{number}.1"));
        let version = zone.create_policy_version(&policy.id, new)?;
        let pins = NewPolicySetVersion::new("s1").pin(&version).id(format!("new{number}.set"));
        let version = zone.create_policy_set_version("set", pins)?;
        zone.activate(&version.id).map(drop)
    })
}

/// Creates a zone, and a policy in zone `a` with its id.
pub(super) fn write_zone(store: &PolicyStore, id: &str) -> Result<()> {
    store.write(&actor(), |w| {
        w.create_zone(id)?;
        w.zone("a")?.create_policy(NewPolicy::named(id).id(id)).map(drop)
    })
}

/// A store with zones to copy.
fn source() -> &'static PolicyStore {
    static SOURCE: OnceLock<PolicyStore> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let concurrency = Concurrency::Exclusive;
        let opening = Opening { checked: false, concurrency, quick_repair: false, page_cache: 1 << 20, seed: 1 << 40 };
        let store = opening.builder().in_memory().unwrap();
        for number in 0..32 {
            let created = store.write(&actor(), |w| {
                let mut zone = w.create_zone(format!("copied{number}"))?;
                zone.create_policy(NewPolicy::named("p").id("p")).map(drop)
            });
            created.unwrap();
        }
        store
    })
}
