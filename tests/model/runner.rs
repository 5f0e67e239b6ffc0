//! Runs operations on a store and on the model, one after the other.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};

use policy_store::{
    Actor, Builder, NewPolicyVersion, NewSchema, PolicyStore, PreparedPolicyVersion, Timestamp, WriteTransaction, Zone,
    ZoneAsOf,
};
use serde_json::Value;

use super::agreement::{AsError, Tally, agree, count, rule};
use super::as_of::Moment;
use super::decisions::{Decided, Kept};
use super::lists::Cursor;
use super::operation::{Call, Ending, Operation, Pick, Tick, Under, Upkeep, When};
use super::state::{Author, Expected, Import, Schema, State, one};
use super::texts::Draft;

/// A prepared version and its draft.
pub struct Prepared {
    pub version: PreparedPolicyVersion,
    pub schema: String,
    pub draft: Draft,
    pub own: Option<String>,
}

/// A zone to read, as it is or as it was.
pub enum Handle {
    Now(Zone),
    Then(ZoneAsOf),
}

/// Reads a zone of either kind.
macro_rules! read {
    ($handle:expr, $zone:ident => $read:expr) => {
        match $handle {
            $crate::model::runner::Handle::Now($zone) => $read,
            $crate::model::runner::Handle::Then($zone) => $read,
        }
    };
}
pub(super) use read;

pub struct Runner {
    store: Option<PolicyStore>,
    /// The store's file; `None` in memory.
    file: Option<(tempfile::TempDir, PathBuf)>,
    clock: Arc<AtomicI64>,
    pub model: State,
    /// Handles from before later writes.
    pub zones: BTreeMap<String, Zone>,
    /// Handles of zones that were erased.
    pub erased: Vec<Zone>,
    pub prepared: Vec<Prepared>,
    /// Every cursor of the store so far.
    pub cursors: BTreeMap<String, Cursor>,
    pub kept: Vec<Kept>,
    pub receipts: Vec<Decided>,
    /// The hashes of entries, by log id (none for the store's log) and position.
    pub hashes: BTreeMap<(String, usize), String>,
    pub tally: Tally,
    /// The zones after each write, by log id and length.
    pub moments: BTreeMap<(String, usize), Moment>,
    /// Whether each write is later than everything before, so that times tell the order of writes in two logs.
    pub ticks: bool,
    /// The zone of an earlier point, if this run compares one.
    pub then: Option<ZoneAsOf>,
    /// The schemas of the present.
    pub later: Vec<Schema>,
}

/// The payload of a panic in a write's closure.
struct Ended;

/// Runs the operations on a new store, in a file or in memory, and returns the counts.
pub fn run(operations: &[Operation], in_file: bool) -> Tally {
    run_all(Runner::new(in_file), operations, in_file, 2)
}

/// The same in memory, with each write later than everything before. Compares many earlier points.
pub fn run_ticking(operations: &[Operation]) -> Tally {
    let runner = Runner { ticks: true, ..Runner::new(false) };
    run_all(runner, operations, false, 12)
}

fn run_all(mut runner: Runner, operations: &[Operation], in_file: bool, points: usize) -> Tally {
    let mut operations = operations.iter().peekable();
    while let Some(operation) = operations.next() {
        let mut calls = vec![operation];
        while matches!(operation, Operation::Call { .. })
            && let Some(next) = operations.next_if(|next| matches!(next, Operation::Call { joined: true, .. }))
        {
            calls.push(next);
        }
        runner.step(&calls);
    }
    runner.everything();
    runner.as_of(points);
    runner.verify();
    if in_file {
        runner.reopen(false);
        runner.everything();
        runner.verify();
    }
    runner.tally
}

impl Runner {
    fn new(in_file: bool) -> Self {
        let file = in_file.then(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("store.redb");
            (folder, path)
        });
        let start = 1_771_939_200_000_000;
        let author = Author { actor: Actor::platform("setup").unwrap(), clock: start, import: None };
        let mut runner = Self::with(State::new(author), Arc::new(AtomicI64::new(start)));
        runner.file = file;
        runner.open(true);
        for (platform, calls) in Call::first() {
            let under = Under::nothing();
            let calls: Vec<_> = calls.iter().map(|(zone, call)| (*zone, &under, call)).collect();
            let actor = if platform { Actor::platform("ops") } else { Actor::customer("setup") };
            runner.write(&calls, actor.unwrap(), None, Ending::Commit);
        }
        runner
    }

    /// A run before its store is open.
    fn with(model: State, clock: Arc<AtomicI64>) -> Self {
        Self {
            store: None,
            file: None,
            clock,
            model,
            zones: BTreeMap::new(),
            erased: Vec::new(),
            prepared: Vec::new(),
            cursors: BTreeMap::new(),
            kept: Vec::new(),
            receipts: Vec::new(),
            hashes: BTreeMap::new(),
            tally: Tally::new(),
            moments: BTreeMap::new(),
            ticks: false,
            then: None,
            later: Vec::new(),
        }
    }

    /// A new store in memory, with the same clock and other ids.
    pub fn another_store(&self) -> PolicyStore {
        self.builder().id_seed(12).in_memory().unwrap()
    }

    /// A run of another store. The hashes of logs that both stores have must be the same.
    pub fn of_another_store(&self, store: PolicyStore, model: State) -> Self {
        let own = |log: &String| model.zones.iter().any(|zone| zone.log.id == *log);
        let hashes = self.hashes.iter().filter(|((log, _), _)| own(log));
        let hashes = hashes.map(|(place, hash)| (place.clone(), hash.clone())).collect();
        Self { store: Some(store), hashes, ..Self::with(model, self.clock.clone()) }
    }

    pub fn store(&self) -> &PolicyStore {
        self.store.as_ref().unwrap()
    }

    fn step(&mut self, operations: &[&Operation]) {
        match operations[0] {
            Operation::Call { actor, import, zone, .. } => {
                let import = import.map(|when| self.import(zone, when));
                let mut calls = Vec::new();
                let mut last = Ending::Commit;
                for operation in operations {
                    if let Operation::Call { zone, under, call, ending, .. } = operation {
                        calls.push((zone.as_str(), under, call));
                        last = *ending;
                    }
                }
                self.write(&calls, who(*actor), import, last);
            }
            Operation::Erase { zone, actor } => self.erase(zone, &who(*actor)),
            Operation::Copy { zones, actor } => self.copy(zones, &who(*actor)),
            Operation::Preflight { zone, tried } => self.preflight(zone.as_deref(), tried),
            Operation::Clock(tick) => self.tick(*tick),
            Operation::Prepare { schema, draft, own } => self.prepare(*schema, draft, own.as_deref()),
            Operation::List { .. } => self.list(operations[0]),
            Operation::Decide { zone, by, strict, keep, asked } => self.decide(zone, by, *strict, *keep, *asked),
            Operation::Replay { receipt, change } => self.replay(*receipt, *change),
            Operation::Get { zone, what, id, number } => self.get(zone, *what, *id, *number),
            Operation::Upkeep(upkeep) => match upkeep {
                Upkeep::Everything => self.everything(),
                Upkeep::Reopen { caches } => self.reopen(*caches),
                Upkeep::Recover => self.store().recover().unwrap(),
                Upkeep::Rebuild => self.store().rebuild_indexes().unwrap(),
                Upkeep::Verify => self.verify(),
            },
        }
    }

    fn tick(&mut self, tick: Tick) {
        if self.ticks {
            return;
        }
        let now = match tick {
            Tick::By(micros) => self.clock.load(Ordering::SeqCst) + micros,
            Tick::Behind(micros) => {
                let log = self.model.zones.first().map_or(&self.model.log, |zone| &zone.log);
                let last = log.entries.last();
                last.map(|last| last.at - micros).unwrap()
            }
        };
        self.clock.store(now, Ordering::SeqCst);
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// An import into a new or an existing zone.
    fn import(&self, zone: &str, when: When) -> Import {
        let log = self.model.zone(zone).map_or(&self.model.log, |zone| &zone.log);
        let mut log = log.clone();
        log.start = log.entries.len();
        let at = match when {
            When::Before(micros) => self.now() - micros,
            When::AfterLast(micros) => log.last_given().unwrap_or_default() + micros,
        };
        Import { by: Actor::customer("carol").unwrap(), at }
    }

    /// One write with these calls, each in a zone or on the store.
    fn write(&mut self, calls: &[(&str, &Under, &Call)], actor: Actor, import: Option<Import>, ending: Ending) {
        let import = import.filter(|_| !self.ticks);
        if self.ticks {
            let logs = self.model.zones.iter().map(|zone| &zone.log).chain([&self.model.log]);
            let last = logs.filter_map(|log| log.entries.last()).map(|entry| entry.at).max().unwrap_or_default();
            self.clock.store(last.max(self.now()) + 1_000_000, Ordering::SeqCst);
        }
        let mut model = self.model.clone();
        let clock = self.now();
        model.begin(Author { actor: actor.clone(), clock, import: import.clone() });
        let store = self.store().clone();
        let (mut tally, mut touched) = (std::mem::take(&mut self.tally), Vec::new());
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let write = |w: &mut WriteTransaction<'_, '_>| {
                for (zone, under, call) in calls {
                    let mut doing = super::calls::Doing {
                        store: &store,
                        model: &mut model,
                        prepared: &self.prepared,
                        foreign: &FOREIGN,
                        tally: &mut tally,
                        touched: &mut touched,
                        under,
                    };
                    doing.call(w, zone, call);
                }
                match ending {
                    Ending::Commit => Ok(()),
                    Ending::Error => w.zone("none").map(drop),
                    // Not `panic!`, so that no message appears and no fuzzer stops.
                    Ending::Panic => resume_unwind(Box::new(Ended)),
                }
            };
            match &import {
                Some(Import { by, at }) => store.import(by, &actor, Timestamp::from_micros(*at), write),
                None => store.write(&actor, write),
            }
        }));
        self.tally = tally;
        if import.as_ref().is_some_and(|import| import.at > clock) {
            let told = outcome.unwrap_or_else(|panic| resume_unwind(panic)).map(|()| Value::Null);
            return self.agree("import", &told, Err(one("imported_out_of_order")));
        }
        if import.is_some() && ending == Ending::Commit {
            *self.tally.entry("Import".to_owned()).or_default() += 1;
        }
        match (ending, outcome) {
            (Ending::Commit, Ok(Ok(()))) => {
                self.model = model;
                self.keep_moments();
            }
            (Ending::Error, Ok(Err(error))) => assert_eq!(rule(&error), "not_found zone"),
            (Ending::Panic, Err(panic)) if panic.is::<Ended>() => {}
            (_, Err(panic)) => resume_unwind(panic),
            (_, Ok(outcome)) => panic!("a write that was to end with {ending:?}: {outcome:?}"),
        }
        self.look(&touched);
    }

    fn prepare(&mut self, schema: Pick, draft: &Draft, own: Option<&str>) {
        let schema = self.model.pick_schema(schema);
        let new = new_version(&schema, draft, own);
        let prepared = self.store().prepare_policy_version(new);
        let broken = self.model.draft_rules(&schema, draft);
        let expected = super::state::check(broken).map(|()| match &draft.holds {
            Ok(content) => Value::String(super::state::sha(&content.text)),
            Err(_) => Value::Null,
        });
        let told = prepared.as_ref().map(|it| Value::String(it.sha().to_string()));
        self.agree("prepare", &told, expected);
        if let Ok(version) = prepared {
            let (draft, own) = (draft.clone(), own.map(str::to_owned));
            self.prepared.push(Prepared { version, schema, draft, own });
        }
    }

    fn builder(&self) -> Builder {
        let clock = self.clock.clone();
        PolicyStore::builder().clock(move || Timestamp::from_micros(clock.load(Ordering::SeqCst)))
    }

    fn open(&mut self, caches: bool) {
        let mut builder = self.builder().id_seed(11).check_integrity(caches);
        if !caches {
            builder = builder.record_cache_bytes(0).compiled_cache_bytes(0);
        }
        self.store = Some(match &self.file {
            Some((_, path)) => builder.open(path).unwrap(),
            None => builder.in_memory().unwrap(),
        });
    }

    /// Closes the file and opens it again. A store in memory is recovered in place.
    pub fn reopen(&mut self, caches: bool) {
        let Some((_, path)) = &self.file else { return self.store().recover().unwrap() };
        let already = PolicyStore::open(path).map(drop);
        count(&mut self.tally, &already);
        assert_eq!(rule(&already.unwrap_err()), "already_open");
        self.zones.clear();
        self.erased.clear();
        self.store = None;
        self.open(caches);
    }

    pub fn verify(&self) {
        let report = self.store().verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let logs = self.model.zones.iter().map(|zone| &zone.log).chain([&self.model.log]);
        let entries: usize = logs.map(|log| log.entries.len()).sum();
        let expected = (self.model.zones.len() as u64 + 1, entries as u64);
        assert_eq!((report.logs, report.entries), expected, "logs and entries");
    }

    /// Compares the store's answer with the model's.
    #[track_caller]
    pub fn agree(&mut self, what: impl Debug, told: &Result<Value, impl AsError>, expected: Expected) {
        count(&mut self.tally, told);
        agree(what, told.as_ref().map_err(AsError::error), expected);
    }
}

/// The actors, by their numbers in operations.
fn who(actor: usize) -> Actor {
    match actor {
        0 => Actor::customer("ann"),
        1 => Actor::customer("zoë <bea@example.org>"),
        _ => Actor::platform("ops"),
    }
    .unwrap()
}

pub fn new_version(schema: &str, draft: &Draft, own: Option<&str>) -> NewPolicyVersion {
    let new = if draft.json {
        NewPolicyVersion::json(schema, draft.source.as_str())
    } else {
        NewPolicyVersion::cedar(schema, draft.source.as_str())
    };
    match own {
        Some(own) => new.id(own),
        None => new,
    }
}

/// A version that was prepared in another store with another `s0`.
static FOREIGN: LazyLock<PreparedPolicyVersion> = LazyLock::new(|| {
    let store = PolicyStore::builder().in_memory().unwrap();
    let schema = NewSchema::cedar("s0", "entity U; action read appliesTo { principal: U, resource: U };");
    store.write(&Actor::platform("elsewhere").unwrap(), |w| w.publish_schema(schema)).unwrap();
    let new = NewPolicyVersion::cedar("s0", "permit(principal, action, resource);");
    store.prepare_policy_version(new).unwrap()
});
