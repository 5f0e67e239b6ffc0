//! Shared by the tests: a deterministic clock and ids, stores in memory and in a file, and a small world.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use cedar_policy::{Decision, Entities, Request};
use policy_store::{
    Actor, Answer, Authorizer, Builder, Error, ErrorKind, HistoryEntry, HistoryFilter, Include, NewPolicy,
    NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, Order, PageRequest, PolicySetVersion, PolicyStore,
    PolicyVersion, Receipt, Result, Target, Timestamp, WriteTransaction, Zone, ZoneTransaction,
};

/// The schema version of every world.
pub const V1: &str = "2026-02-24";
pub const SCHEMA: &str = r#"entity Group;
entity User in [Group] { level: Long, nick?: String };
entity Doc { owner: User, secret: Bool };
action read, write appliesTo { principal: User, resource: Doc, context: { mfa?: Bool } };
"#;
pub const PERMIT: &str = "permit(principal, action, resource);";
pub const FORBID: &str = "forbid(principal, action, resource) when { resource.secret };";
pub const ENTITIES: &str = r#"[
    {"uid": {"type": "User", "id": "ann"}, "attrs": {"level": 3}, "parents": [{"type": "Group", "id": "staff"}]},
    {"uid": {"type": "User", "id": "bob"}, "attrs": {"level": 9223372036854775807}, "parents": []},
    {"uid": {"type": "Group", "id": "staff"}, "attrs": {}, "parents": []},
    {"uid": {"type": "Doc", "id": "open"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "ann"}}, "secret": false}, "parents": []},
    {"uid": {"type": "Doc", "id": "shut"}, "attrs": {"owner": {"__entity": {"type": "User", "id": "ann"}}, "secret": true}, "parents": []}
]"#;

pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
/// 2026-02-24T13:20:00Z, the start of every clock.
pub const START: i64 = 1_771_939_200 * SECOND;

/// A clock that advances by a millisecond on each read, unless it is set.
#[derive(Clone)]
pub struct Clock(Arc<(AtomicI64, AtomicI64)>);

impl Clock {
    pub fn new() -> Self {
        Self(Arc::new((AtomicI64::new(START), AtomicI64::new(1_000))))
    }

    pub fn set(&self, micros: i64) {
        self.0.0.store(micros, Ordering::SeqCst);
    }

    pub fn stop(&self) {
        self.0.1.store(0, Ordering::SeqCst);
    }

    pub fn builder(&self) -> Builder {
        let clock = Arc::clone(&self.0);
        let read = move || Timestamp::from_micros(clock.0.fetch_add(clock.1.load(Ordering::SeqCst), Ordering::SeqCst));
        PolicyStore::builder().clock(read).id_seed(7)
    }
}

pub fn customer(id: &str) -> Actor {
    Actor::customer(id).unwrap()
}

pub fn platform() -> Actor {
    Actor::platform("ops").unwrap()
}

/// A store with the schema [`V1`] and the zones `acme` and `other`. Writes without an actor are by `alice`.
pub struct World {
    pub store: PolicyStore,
    pub clock: Clock,
    file: Option<(tempfile::TempDir, PathBuf)>,
}

impl World {
    /// A world in memory.
    pub fn new() -> Self {
        let clock = Clock::new();
        Self { store: clock.builder().in_memory().unwrap(), clock, file: None }.settled()
    }

    /// A world in its own file.
    pub fn in_file() -> Self {
        let clock = Clock::new();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.redb");
        Self { store: clock.builder().open(&path).unwrap(), clock, file: Some((folder, path)) }.settled()
    }

    /// A world in the store of a test.
    pub fn with(store: PolicyStore, clock: Clock) -> Self {
        Self::resumed(store, clock).settled()
    }

    /// A world in a store that already has the schema and the zones.
    pub fn resumed(store: PolicyStore, clock: Clock) -> Self {
        Self { store, clock, file: None }
    }

    fn settled(self) -> Self {
        self.write_store(|w| {
            w.publish_schema(NewSchema::cedar(V1, SCHEMA))?;
            w.create_zone("acme")?;
            w.create_zone("other").map(drop)
        })
        .unwrap();
        self
    }

    /// Closes the file.
    pub fn closed(self) -> (Clock, tempfile::TempDir, PathBuf) {
        let Self { store, clock, file } = self;
        drop(store);
        let (folder, path) = file.expect("a store in a file");
        (clock, folder, path)
    }

    /// Closes the file and opens it again.
    pub fn reopened(self) -> Self {
        let (clock, folder, path) = self.closed();
        Self { store: clock.builder().open(&path).unwrap(), clock, file: Some((folder, path)) }
    }

    /// The store's file.
    pub fn path(&self) -> &std::path::Path {
        &self.file.as_ref().expect("a store in a file").1
    }

    pub fn write_store<T>(&self, f: impl FnOnce(&mut WriteTransaction<'_, '_>) -> Result<T>) -> Result<T> {
        self.store.write(&customer("alice"), f)
    }

    /// Writes in the zone `acme` as `alice`.
    pub fn write<T>(&self, f: impl FnOnce(&mut ZoneTransaction<'_, '_>) -> Result<T>) -> Result<T> {
        self.write_as(&customer("alice"), f)
    }

    pub fn write_as<T>(&self, actor: &Actor, f: impl FnOnce(&mut ZoneTransaction<'_, '_>) -> Result<T>) -> Result<T> {
        self.store.write(actor, |w| f(&mut w.zone("acme")?))
    }

    pub fn zone(&self) -> Zone {
        self.store.zone("acme").unwrap()
    }

    /// The next version of the policy `id`, which is created if it does not exist.
    pub fn version(&self, id: &str, text: &str) -> PolicyVersion {
        self.try_version(id, text).unwrap()
    }

    pub fn try_version(&self, id: &str, text: &str) -> Result<PolicyVersion> {
        self.write(|zone| {
            if zone.policy(id).is_err() {
                zone.create_policy(NewPolicy::named(id).id(id))?;
            }
            zone.create_policy_version(id, NewPolicyVersion::cedar(V1, text))
        })
    }

    /// The next version of the policy set `id`, which is created if it does not exist.
    pub fn set_version(&self, id: &str, pins: &[&PolicyVersion]) -> PolicySetVersion {
        self.write(|zone| {
            if zone.policy_set(id).is_err() {
                zone.create_policy_set(NewPolicySet::named(id).id(id))?;
            }
            zone.create_policy_set_version(id, pinning(pins))
        })
        .unwrap()
    }

    /// The same, in force for the zone.
    pub fn live(&self, id: &str, pins: &[&PolicyVersion]) -> PolicySetVersion {
        let version = self.set_version(id, pins);
        self.write(|zone| zone.activate(&version.id)).unwrap();
        version
    }

    /// The history of `acme`, oldest first.
    pub fn history(&self) -> Vec<HistoryEntry> {
        let mut list = PageRequest::new().order(Order::Ascending).limit(100);
        let mut entries = Vec::new();
        loop {
            let page = self.zone().history(&HistoryFilter::new(), &list).unwrap();
            entries.extend(page.items);
            match page.after_cursor {
                Some(cursor) => list = list.after(cursor),
                None => return entries,
            }
        }
    }

    /// The counts of everything, after `verify` found nothing.
    #[track_caller]
    pub fn extent(&self) -> [u64; 4] {
        let report = self.store.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        [report.logs, report.entries, report.content, report.index_rows]
    }

    /// Expects a call in `acme` to be refused without a trace: alone, and within a write that continues.
    #[track_caller]
    pub fn refuses<T: Debug>(
        &self,
        expected: (ErrorKind, &str),
        names: &str,
        call: impl Fn(&mut ZoneTransaction<'_, '_>) -> Result<T>,
    ) -> Error {
        let before = (self.extent(), self.history());
        let error = refused(self.write(&call), expected, names);
        // A write without entries is not committed, so this one has an entry in the other zone.
        let inner = self.write_store(|w| {
            let refused = call(&mut w.zone("acme")?).map(|value| format!("{value:?}"));
            w.zone("other")?.create_policy(NewPolicy::named("another"))?;
            Ok(refused)
        });
        let again = refused(inner.unwrap(), expected, names);
        assert_eq!(again.to_string(), error.to_string());
        let [logs, entries, objects, rows] = before.0;
        assert_eq!(self.extent(), [logs, entries + 1, objects, rows + 2], "a refused call left a trace");
        assert_eq!(self.history(), before.1);
        error
    }
}

/// Ends the loops of other threads when it is dropped, after a panic too.
pub struct Done(pub Arc<AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Done {
    pub fn new() -> (Self, Arc<AtomicBool>) {
        let flag = Arc::new(AtomicBool::new(false));
        (Self(flag.clone()), flag)
    }
}

/// A policy set version for [`V1`] with these pins.
pub fn pinning(pins: &[&PolicyVersion]) -> NewPolicySetVersion {
    pins.iter().fold(NewPolicySetVersion::new(V1), |new, version| new.pin(version))
}

/// Expects an error of this kind and code, with the input in its message.
#[track_caller]
pub fn refused<T: Debug, E: Into<Error> + Debug>(
    result: Result<T, E>,
    (kind, code): (ErrorKind, &str),
    names: &str,
) -> Error {
    let error = result.expect_err("it should be refused").into();
    assert_eq!((error.kind(), error.code()), (kind, code), "{error}");
    assert!(error.to_string().contains(names), "`{error}` does not name `{names}`");
    error
}

/// The receipt of an answer to a question of [`asked`].
#[track_caller]
pub fn receipt_of(world: &World, answer: &Answer) -> Receipt {
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    answer.receipt(&asked(&authorizer, "ann", "read", "open").1).unwrap()
}

/// May `who` `act` on `doc`, for an authorizer of the world's schema?
#[track_caller]
pub fn decide(authorizer: &Authorizer, who: &str, act: &str, doc: &str) -> Decision {
    let (request, entities) = asked(authorizer, who, act, doc);
    authorizer.is_authorized(&request, &entities).unwrap().decision()
}

#[track_caller]
pub fn asked(authorizer: &Authorizer, who: &str, act: &str, doc: &str) -> (Request, Entities) {
    let (who, act, doc) = (format!("User::\"{who}\""), format!("Action::\"{act}\""), format!("Doc::\"{doc}\""));
    (authorizer.request(&who, &act, &doc, "{}").unwrap(), authorizer.entities(ENTITIES).unwrap())
}

/// The same version with everything in it.
pub fn reread(world: &World, version: &PolicyVersion) -> PolicyVersion {
    std::sync::Arc::unwrap_or_clone(world.zone().policy_version(&version.id, Include::Both).unwrap())
}
