//! Orders of threads, chosen by `shuttle`. Defends against: a group that is committed twice, never, or before one that it
//! was built on; a lost wake-up; a read that mixes an old cache with a new state; a count of commits that stays the same
//! while the state changes.
//!
//! Each call of the storage engine is one step: it waits for no lock of ours. `POLICY_STORE_SWEEP` multiplies the number of
//! schedules.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as Plain};
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::sync::Mutex;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner, thread};

use super::disk::*;
use super::gated::pair;
use crate::storage::batch::Batch;
use crate::storage::failure::Failed;
use crate::storage::group::Groups;
use crate::storage::index::key::{self, RowKind, STORE_LOG};
use crate::storage::index::row::ZoneRow;
use crate::storage::tables::Table;
use crate::storage::{Location, RecordCache, Snapshot, Storage};
use crate::*;

/// Runs `test` under random schedules, and under as many that change the order of the threads three times.
fn explore(schedules: u64, test: impl Fn() + Send + Sync + 'static) {
    let schedules = usize::try_from(schedules * sweep()).unwrap();
    let mut config = Config::new();
    // Cedar's parser runs on the stacks of shuttle's threads.
    config.stack_size = 16 << 20;
    config.max_steps = MaxSteps::FailAfter(1_000_000);
    config.failure_persistence = FailurePersistence::Print;
    let test = Arc::new(test);
    let again = test.clone();
    Runner::new(RandomScheduler::new_from_seed(7, schedules), config.clone()).run(move || test());
    Runner::new(PctScheduler::new_from_seed(7, 3, schedules), config).run(move || again());
}

fn spawn(f: impl FnOnce() + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(f)
}

/// Joins all threads, and fails if one did.
fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// Groups over a list in place of a file.
#[derive(Default)]
struct List {
    groups: Groups,
    failed: Failed,
    /// The writer's lock, and the number of the next write.
    writer: Mutex<u8>,
    state: Plain<State>,
    /// The commit that fails, and whether its outcome is unknown.
    fails: Option<(usize, bool)>,
}

#[derive(Default)]
struct State {
    committed: Vec<u8>,
    commits: usize,
    under_way: bool,
    /// Each write that joined, with the writes that it saw.
    built_on: BTreeMap<u8, BTreeSet<u8>>,
    acknowledged: BTreeSet<u8>,
    refused: BTreeSet<u8>,
    /// Violations inside a commit, whose panics are errors.
    wrong: Option<&'static str>,
}

fn rows(batch: &Batch) -> impl Iterator<Item = u8> + '_ {
    batch.rows(Table::Log).keys().map(|key| key[0])
}

impl List {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// As `Storage::write`.
    fn write(&self) {
        let mut next = self.writer.lock().unwrap();
        if self.failed.check().is_err() {
            return;
        }
        let mut seen = self.groups.seen();
        let mut visible: BTreeSet<u8> = seen.batches.iter().flat_map(|batch| rows(batch)).collect();
        thread::yield_now();
        visible.extend(&self.state().committed);
        let lost: Vec<_> = self.state().acknowledged.difference(&visible).copied().collect();
        assert!(lost.is_empty(), "a write did not see the acknowledged {lost:?}");
        seen.batches.clear();
        let number = *next;
        let mut batch = Batch::default();
        batch.change(Table::Log, vec![number], Some(Vec::new()));
        let Ok(ticket) = self.groups.join(&seen, batch) else { return };
        *next += 1;
        self.state().built_on.insert(number, visible);
        drop(next);
        let ended = self.groups.wait(&ticket, &self.failed, |batch| self.commit(batch));
        let mut state = self.state();
        let is_there = state.committed.contains(&number);
        match ended {
            Ok(()) => {
                assert!(is_there, "an acknowledged write is not committed");
                state.acknowledged.insert(number);
            }
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {}
            Err(error) => {
                assert!(!is_there, "a write with the error {error} is committed");
                state.refused.insert(number);
            }
        }
    }

    fn commit(&self, batch: &Batch) -> Result<()> {
        let mut state = self.state();
        if std::mem::replace(&mut state.under_way, true) {
            state.wrong = Some("two commits at a time");
        }
        drop(state);
        thread::yield_now();
        let mut state = self.state();
        state.under_way = false;
        state.commits += 1;
        match self.fails {
            Some((which, unknown)) if which == state.commits => {
                if !unknown {
                    return Err(ErrorDetail::WritesStopped { found: "damage".to_owned() }.into());
                }
                state.committed.extend(rows(batch));
                drop(state);
                self.failed.set(true);
                Err(ErrorDetail::OutcomeUnknown { source: Box::new(std::io::Error::other("the disk fails")) }.into())
            }
            _ => {
                state.committed.extend(rows(batch));
                Ok(())
            }
        }
    }

    /// Waits for all groups, as what runs alone does.
    fn drain(&self) {
        let next = self.writer.lock().unwrap();
        self.groups.drain();
        let state = self.state();
        assert!(!state.under_way);
        // Each is committed, or in a group that failed.
        let open = (0..*next).filter(|number| !state.committed.contains(number)).count();
        assert!(open == 0 || self.fails.is_some(), "{open} writes are not committed");
    }

    fn check(&self) {
        let state = self.state();
        assert_eq!(state.wrong, None);
        assert!(state.committed.is_sorted_by(|a, b| a < b), "{:?}", state.committed);
        for number in &state.committed {
            let lost: Vec<_> = state.built_on[number].iter().filter(|seen| !state.committed.contains(seen)).collect();
            assert!(lost.is_empty(), "write {number} was built on {lost:?}");
        }
        let ended = state.acknowledged.len() + state.refused.len();
        assert!(self.fails.is_some() || ended == state.built_on.len());
    }
}

fn groups(fails: Option<(usize, bool)>) {
    let list = Arc::new(List { fails, ..List::default() });
    let writers = (0..3).map(|_| {
        let list = list.clone();
        spawn(move || (0..2).for_each(|_| list.write()))
    });
    let mut threads: Vec<_> = writers.collect();
    let drains = list.clone();
    threads.push(spawn(move || drains.drain()));
    join(threads);
    list.drain();
    list.check();
}

#[test]
fn interleaving_groups_are_committed_once_and_in_order() {
    explore(1_000, || groups(None));
}

#[test]
fn interleaving_groups_fail_with_what_was_built_on_them() {
    explore(400, || [(1, false), (2, false), (1, true), (2, true)].into_iter().for_each(|fails| groups(Some(fails))));
}

/// The store of `fill`, with a version `q.1` in both zones that no set pins.
fn image() -> Vec<u8> {
    static IMAGE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    if let Some(image) = IMAGE.get() {
        return image.clone();
    }
    let disk = Disk::default();
    let store = open(&disk).unwrap();
    fill(&store);
    for zone in ["a", "b"] {
        let created = store.write(&actor(), |w| {
            let mut zone = w.zone(zone)?;
            zone.create_policy(NewPolicy::named("q").id("q"))?;
            zone.create_policy_version("q", NewPolicyVersion::cedar("s1", PERMIT).id("q.1"))
        });
        created.unwrap();
    }
    drop(store);
    IMAGE.get_or_init(|| disk.image()).clone()
}

fn store_in_memory() -> PolicyStore {
    builder().open_at(Disk::new(image()).location()).unwrap()
}

/// One state as a read of the storage has it.
struct Read {
    commits: u64,
    /// Whether the zone `b` of `fill` is there.
    is_there: bool,
    cache: Arc<RecordCache>,
}

/// Reads of all threads, compared with each other.
#[derive(Default)]
struct Reads(Plain<Vec<Read>>);

impl Reads {
    /// Begins a read. Returns its count of commits.
    fn begin(&self, storage: &Storage) -> Result<u64> {
        let (opened, tables) = storage.begin_read()?;
        let none = RecordCache::new(0);
        let snapshot = Snapshot::new(&*tables, &none, None);
        let row = snapshot.row::<ZoneRow>(&key::by_id(STORE_LOG, RowKind::Zone, "b"))?;
        // The zones of `fill` have the logs 1 and 2.
        let (is_there, commits) = (row.is_some_and(|row| row.log == 2), snapshot.commits()?);
        self.0.lock().unwrap().push(Read { commits, is_there, cache: opened.cache.clone() });
        Ok(commits)
    }

    /// No cache was used both with the zone and without it.
    fn check(&self) {
        let reads = self.0.lock().unwrap();
        for read in &*reads {
            let mixed =
                reads.iter().find(|other| Arc::ptr_eq(&read.cache, &other.cache) && read.is_there != other.is_there);
            assert!(
                mixed.is_none(),
                "commits {} and {:?} share a cache",
                read.commits,
                mixed.map(|other| other.commits)
            );
        }
    }
}

/// A value that is kept with the count of commits before it is valid at that count.
#[derive(Default)]
struct Counts(Plain<BTreeMap<u64, u64>>);

impl Counts {
    fn note(&self, storage: &Storage, reads: &Reads) -> Result<()> {
        let Some(before) = storage.commits()? else { return Ok(()) };
        let state = reads.begin(storage)?;
        if storage.commits()? == Some(before) {
            let kept = *self.0.lock().unwrap().entry(before).or_insert(state);
            assert_eq!(kept, state, "two states at the count {before}");
        }
        Ok(())
    }
}

/// The errors of a recovery are allowed.
fn unless_recovering<T>(result: Result<T>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(["recovery_needed", "snapshot_closed"].contains(&error.code()), "{error:?}");
            None
        }
    }
}

/// Two handles of the same store, or one handle twice.
struct Handles {
    writes: PolicyStore,
    reads: PolicyStore,
    recovers: bool,
}

/// Writes, an erasure and perhaps a recovery through one handle; reads through the other.
fn reads_and_writes(Handles { writes, reads: store, recovers }: Handles) {
    let (reads, counts, acknowledged) =
        (Arc::<Reads>::default(), Arc::<Counts>::default(), Arc::<Plain<Vec<_>>>::default());
    let (a, b) = (store.zone("a").unwrap(), store.zone("b").unwrap());
    b.policy("q").unwrap();
    let mut threads = Vec::new();
    for id in ["x", "y"] {
        let (writes, acknowledged) = (writes.clone(), acknowledged.clone());
        threads.push(spawn(move || {
            pair(&writes, id).unwrap();
            acknowledged.lock().unwrap().push(id);
        }));
    }
    {
        let (writes, acknowledged) = (writes.clone(), acknowledged.clone());
        threads.push(spawn(move || {
            writes.write(&actor(), |w| w.zone("a")?.archive_policy_version("q.1")).unwrap();
            acknowledged.lock().unwrap().push("archived");
            writes.erase_zone(&Actor::platform("ops").unwrap(), "b").unwrap();
            acknowledged.lock().unwrap().push("erased");
        }));
    }
    if recovers {
        let writes = writes.clone();
        threads.push(spawn(move || writes.recover().unwrap()));
    }
    for _ in 0..2 {
        let (store, acknowledged, reads, counts) = (store.clone(), acknowledged.clone(), reads.clone(), counts.clone());
        let (a, b) = (a.clone(), b.clone());
        threads.push(spawn(move || {
            let (mut commits, mut archived, mut erased) = (0, false, false);
            for _ in 0..2 {
                let before = acknowledged.lock().unwrap().clone();
                if let Some(now) = unless_recovering(reads.begin(&store.engine.storage)) {
                    assert!(now >= commits, "a read is older than the one before");
                    commits = now;
                }
                for id in before.iter().filter(|id| id.len() == 1) {
                    unless_recovering(a.policy(format!("{id}.2")));
                }
                if let Some(version) = unless_recovering(a.policy_version("q.1", Include::Neither)) {
                    let is = version.archived_at.is_some();
                    assert!(is || !(archived || before.contains(&"archived")), "an older version was read");
                    archived = is;
                }
                match b.policies(&PolicyFilter::new(), &PageRequest::new()) {
                    Err(error) if error.kind() == ErrorKind::NotFound => erased = true,
                    page => {
                        if let Some(page) = unless_recovering(page) {
                            assert!(!erased && !before.contains(&"erased"), "an erased zone was read");
                            assert_eq!(page.items.len(), 4, "half of a zone was read");
                        }
                    }
                }
                unless_recovering(counts.note(&store.engine.storage, &reads));
            }
        }));
    }
    join(threads);
    reads.check();
    let cache = store.engine.storage.begin_read().unwrap().0.cache.clone();
    assert!(
        !cache.has_zone(2, b.info().map_or(b.place.log_id, |_| panic!("it is erased"))),
        "an erased zone is cached"
    );
    assert!(a.policy("x.1").is_ok() && a.policy("y.2").is_ok());
    assert!(store.verify().unwrap().is_clean());
}

fn in_memory(recovers: bool) {
    let store = store_in_memory();
    reads_and_writes(Handles { writes: store.clone(), reads: store, recovers });
}

#[test]
fn interleaving_reads_and_writes() {
    explore(60, || in_memory(false));
}

#[test]
fn interleaving_reads_writes_and_a_recovery() {
    explore(60, || in_memory(true));
}

/// Each wait is for ever, so one that misses its commit ends the schedule as a deadlock.
#[test]
fn interleaving_no_wait_misses_its_commit() {
    explore(60, || {
        let store = store_in_memory();
        let (a, b) = (store.zone("a").unwrap(), store.zone("b").unwrap());
        let follow = |zone: &Zone| zone.changes(zone.checkpoint().unwrap().size).unwrap();
        let commits = store.commits().unwrap();
        let (of_a, mut of_b) = ([follow(&a), follow(&a)], follow(&b));
        let mut threads = Vec::new();
        for (id, mut changes) in ["x", "y"].into_iter().zip(of_a) {
            let store = store.clone();
            threads.push(spawn(move || pair(&store, id).unwrap()));
            threads.push(spawn(move || {
                for _ in 0..2 {
                    assert_eq!(changes.wait(Duration::MAX).unwrap().unwrap().entries.len(), 2);
                }
                assert_eq!(changes.poll().unwrap(), None);
            }));
        }
        threads.push(spawn(move || {
            assert_eq!(of_b.wait(Duration::MAX).unwrap_err().kind(), ErrorKind::NotFound);
        }));
        let erases = store.clone();
        threads.push(spawn(move || drop(erases.erase_zone(&Actor::platform("ops").unwrap(), "b").unwrap())));
        threads.push(spawn(move || assert!(store.wait_for_commit(commits, Duration::MAX).unwrap() > commits)));
        join(threads);
    });
}

/// A file in memory, if there is a place for one: each commit is synced.
fn in_file() -> (tempfile::TempDir, Location) {
    let shared = std::path::Path::new("/dev/shm");
    let folder = if shared.is_dir() { tempfile::tempdir_in(shared) } else { tempfile::tempdir() }.unwrap();
    let path = folder.path().join("store.redb");
    std::fs::write(&path, image()).unwrap();
    (folder, Location::File(path))
}

#[test]
fn interleaving_a_reader_that_follows_a_writer() {
    explore(40, || {
        let (_folder, location) = in_file();
        let writes = builder().open_at(location.clone()).unwrap();
        let reads = builder().read_only().open_at(location).unwrap();
        reads_and_writes(Handles { writes, reads, recovers: false });
    });
}

/// With one process, since the lock of the file is the system's: a thread that waited for it would stop all.
#[test]
fn interleaving_a_process_of_several_that_write() {
    explore(40, || {
        let (_folder, location) = in_file();
        let store = builder().concurrency(Concurrency::MultiWriter).open_at(location).unwrap();
        reads_and_writes(Handles { writes: store.clone(), reads: store, recovers: false });
    });
}
