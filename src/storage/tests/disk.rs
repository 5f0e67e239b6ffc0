//! For tests: a disk in memory that fails on demand and loses unsynced data; a small store with entries of many kinds;
//! and every read of it.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind, Result};
use std::ops::Bound;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{BackendError, StorageBackend};

use crate::storage::Location;
use crate::types::time::Timestamp;
use crate::*;

/// The lock calls of a storage that one process has: all succeed.
macro_rules! locks_of_one_process {
    () => {
        fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<bool, BackendError> {
            Ok(true)
        }

        fn try_lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<bool, BackendError> {
            Ok(true)
        }

        fn lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
            Ok(())
        }

        fn lock_shared_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
            Ok(())
        }

        fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<(), BackendError> {
            Ok(())
        }

        fn query_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> std::result::Result<bool, BackendError> {
            Ok(false)
        }
    };
}
pub(super) use locks_of_one_process;

/// The disk calls that fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::storage) enum Fault {
    Read,
    Write,
    Sync,
    SetLen,
    /// The next write or sync after the countdown.
    Any,
}

#[derive(Debug, Default)]
struct Bytes {
    /// The bytes that the process sees.
    visible: Vec<u8>,
    /// The bytes of the last sync.
    synced: Vec<u8>,
    /// Changes since the last sync, in order.
    unsynced: Vec<Change>,
    /// Overwritten bytes, with their places.
    older: Vec<(u64, Vec<u8>)>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
            Self::Write(offset, data) => {
                let start = usize::try_from(*offset).unwrap();
                if bytes.len() < start + data.len() {
                    bytes.resize(start + data.len(), 0);
                }
                bytes[start..start + data.len()].copy_from_slice(data);
            }
        }
    }
}

/// The disk. Clones share it.
#[derive(Clone, Debug, Default)]
pub(in crate::storage) struct Disk(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    bytes: Mutex<Bytes>,
    fault: Mutex<Option<(Fault, bool)>>,
    /// Number of calls of the faulty kind before one fails.
    countdown: AtomicI64,
    failures: AtomicU64,
    /// Whether to panic in place of an error.
    panics: std::sync::atomic::AtomicBool,
    /// The offsets of all reads.
    touched: Mutex<BTreeSet<u64>>,
    /// The operating system's error number; 0 for none.
    code: AtomicI32,
}

impl Disk {
    pub(in crate::storage) fn new(image: Vec<u8>) -> Self {
        let disk = Self::default();
        *disk.bytes() = Bytes { visible: image.clone(), synced: image, ..Bytes::default() };
        disk
    }

    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(in crate::storage) fn location(&self) -> Location {
        Location::Backend(Arc::new(self.clone()))
    }

    /// Lets the call after `countdown` more calls of the kind fail, once or from then on.
    pub(in crate::storage) fn fail(&self, fault: Fault, countdown: u64, for_ever: bool) {
        self.0.countdown.store(i64::try_from(countdown).unwrap(), Ordering::SeqCst);
        *self.0.fault.lock().unwrap() = Some((fault, for_ever));
    }

    /// Makes faults panics.
    pub(in crate::storage) fn panic_instead(&self) {
        self.0.panics.store(true, Ordering::SeqCst);
    }

    /// Makes faults errors with this number of the operating system.
    pub(in crate::storage) fn fail_as(&self, code: i32) {
        self.0.code.store(code, Ordering::SeqCst);
    }

    /// The offsets of all reads so far.
    pub(in crate::storage) fn touched(&self) -> BTreeSet<u64> {
        self.0.touched.lock().unwrap().clone()
    }

    /// Replaces all bytes without the store.
    pub(in crate::storage) fn put_whole(&self, image: Vec<u8>) {
        self.bytes().visible = image;
    }

    pub(in crate::storage) fn heal(&self) {
        *self.0.fault.lock().unwrap() = None;
    }

    pub(in crate::storage) fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::SeqCst)
    }

    /// The bytes that the process sees.
    pub(in crate::storage) fn image(&self) -> Vec<u8> {
        self.bytes().visible.clone()
    }

    /// Overwritten bytes, with their places: the state that a lost write leaves.
    pub(in crate::storage) fn older(&self) -> Vec<(u64, Vec<u8>)> {
        self.bytes().older.clone()
    }

    /// Replaces bytes without the store, and returns the previous ones.
    pub(in crate::storage) fn put_back(&self, place: u64, bytes: &[u8]) -> Vec<u8> {
        let mut disk = self.bytes();
        let there = disk.visible[usize::try_from(place).unwrap()..][..bytes.len()].to_vec();
        Change::Write(place, bytes.to_vec()).apply(&mut disk.visible);
        there
    }

    /// The bytes after a crash: everything that was synced, and of each later change the part that `keeps` selects.
    pub(in crate::storage) fn crashed(&self, mut keeps: impl FnMut() -> u64) -> Vec<u8> {
        let bytes = self.bytes();
        let mut image = bytes.synced.clone();
        for change in &bytes.unsynced {
            match (keeps() % 4, change) {
                (0 | 1, _) => {}
                (2, Change::Write(offset, data)) => {
                    let torn = data.len() * usize::try_from(keeps() % 8).unwrap() / 8;
                    Change::Write(*offset, data[..torn].to_vec()).apply(&mut image);
                }
                (_, change) => change.apply(&mut image),
            }
        }
        image
    }

    fn call(&self, kind: Fault) -> Result<()> {
        let fault = *self.0.fault.lock().unwrap();
        let Some((fault, for_ever)) = fault else { return Ok(()) };
        let meant = fault == kind || (fault == Fault::Any && kind != Fault::Read);
        if !meant {
            return Ok(());
        }
        let left = self.0.countdown.fetch_sub(1, Ordering::SeqCst);
        if left == 0 || (left < 0 && for_ever) {
            self.0.failures.fetch_add(1, Ordering::SeqCst);
            assert!(!self.0.panics.load(Ordering::SeqCst), "the disk panics");
            return Err(match self.0.code.load(Ordering::SeqCst) {
                0 => Error::other("the disk fails"),
                code => Error::from_raw_os_error(code),
            });
        }
        Ok(())
    }

    fn change(&self, change: Change) {
        let mut bytes = self.bytes();
        if let Change::Write(offset, data) = &change {
            let there = bytes.visible.get(usize::try_from(*offset).unwrap()..).unwrap_or_default();
            let older = there.get(..data.len()).map(<[u8]>::to_vec);
            bytes.older.extend(older.filter(|older| older != data).map(|older| (*offset, older)));
        }
        change.apply(&mut bytes.visible);
        bytes.unsynced.push(change);
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.bytes().visible.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        self.call(Fault::Read)?;
        self.0.touched.lock().unwrap().insert(offset);
        let bytes = self.bytes();
        let start = usize::try_from(offset).map_err(|_| Error::from(ErrorKind::UnexpectedEof))?;
        let found = bytes.visible.get(start..).and_then(|rest| rest.get(..out.len()));
        out.copy_from_slice(found.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.call(Fault::SetLen)?;
        self.change(Change::SetLen(len));
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        self.call(Fault::Sync)?;
        let mut bytes = self.bytes();
        bytes.synced = bytes.visible.clone();
        bytes.unsynced.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.call(Fault::Write)?;
        self.change(Change::Write(offset, data.to_vec()));
        Ok(())
    }

    locks_of_one_process!();
}

/// The multiplier for the length of sweeps.
pub(in crate::storage) fn sweep() -> u64 {
    std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// Deterministic pseudo-random numbers.
pub(in crate::storage) struct Numbers(pub u64);

impl Numbers {
    pub(in crate::storage) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}

pub(in crate::storage) const SCHEMA: &str = "entity User; entity Doc;
    action view appliesTo { principal: User, resource: Doc };";
pub(in crate::storage) const PERMIT: &str = "permit(principal, action, resource);";
pub(in crate::storage) const FORBID: &str = r#"forbid(principal == User::"eve", action, resource);"#;

pub(in crate::storage) fn actor() -> Actor {
    Actor::customer("alice").unwrap()
}

/// A deterministic builder with small caches, so that reads reach the disk.
pub(in crate::storage) fn builder() -> Builder {
    let now = AtomicI64::new(1_771_939_200_000_000);
    PolicyStore::builder()
        .clock(move || Timestamp::from_micros(now.fetch_add(1_000, Ordering::Relaxed)))
        .id_seed(7)
        .page_cache_bytes(1 << 20)
}

/// Opens the store on a disk, without a record cache.
pub(in crate::storage) fn open(disk: &Disk) -> crate::types::error::Result<PolicyStore> {
    builder().record_cache_bytes(0).open_at(disk.location())
}

/// Two zones with entries of many kinds. In `a`, two versions of the policy set have been in force.
pub(in crate::storage) fn fill(store: &PolicyStore) {
    store.write(&actor(), |w| w.publish_schema(NewSchema::cedar("s1", SCHEMA)).map(|_| ())).unwrap();
    for zone in ["a", "b"] {
        store
            .write(&actor(), |w| {
                let mut zone = w.create_zone(zone)?;
                let mut set = NewPolicySetVersion::new("s1");
                for number in 0..3 {
                    let policy = zone.create_policy(NewPolicy::named(format!("p{number}")).id(format!("p{number}")))?;
                    let new = NewPolicyVersion::cedar("s1", format!("// {number}\n{PERMIT}"));
                    let version = zone.create_policy_version(&policy.id, new.id(format!("p{number}.1")))?;
                    set = set.pin(&version);
                }
                let id = zone.create_policy_set(NewPolicySet::named("production").id("set"))?.id;
                let version = zone.create_policy_set_version(&id, set.id("set.1"))?;
                zone.activate(&version.id)
            })
            .unwrap();
    }
    store
        .write(&actor(), |w| {
            let mut zone = w.zone("a")?;
            zone.update_policy("p0", PolicyUpdate::new().name("renamed"))?;
            let v2 = zone.create_policy_version("p0", NewPolicyVersion::cedar("s1", FORBID).id("p0.2"))?;
            let before = zone.policy_set_version("set.1")?;
            let next = NewPolicySetVersion::from(&before).pin(&v2).id("set.2");
            let version = zone.create_policy_set_version("set", next)?;
            zone.activate(&version.id)
        })
        .unwrap();
}

/// Every read of the store of `fill`: its name and its result.
pub(in crate::storage) fn read_all(store: &PolicyStore) -> Vec<(String, crate::types::error::Result<String>)> {
    let mut all = Vec::new();
    let mut note = |name: String, read: &mut dyn FnMut() -> crate::types::error::Result<String>| {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        all.push((name.clone(), result.unwrap_or_else(|_| panic!("{name} panicked"))));
    };
    let list = PageRequest::new().order(Order::Ascending).total_count();
    note("zones".into(), &mut || Ok(format!("{:?}", store.zones(&list)?)));
    note("schemas".into(), &mut || Ok(format!("{:?}", store.schemas(Include::Both, &list)?)));
    note("schema".into(), &mut || Ok(format!("{:?}", store.schema("s1", Include::Both)?)));
    note("timeline".into(), &mut || Ok(format!("{:?}", store.timeline(&HistoryFilter::new(), &list)?)));
    for id in ["a", "b"] {
        let zone = || store.zone(id);
        note(format!("{id} info"), &mut || Ok(format!("{:?}", zone()?.info()?)));
        let named = PolicyFilter::new().owner_type(OwnerType::Customer).any("p").name("r");
        note(format!("{id} named"), &mut || Ok(format!("{:?}", zone()?.policies(&named, &list)?)));
        let active = PolicySetFilter::new().name("s").active(true);
        note(format!("{id} active sets"), &mut || Ok(format!("{:?}", zone()?.policy_sets(&active, &list)?)));
        let by_status = PageRequest::new().sort(Sort::Status);
        note(format!("{id} sets by status"), &mut || {
            Ok(format!("{:?}", zone()?.policy_sets(&PolicySetFilter::new(), &by_status)?))
        });
        note(format!("{id} schemas"), &mut || {
            Ok(format!("{:?}", zone()?.schemas(&SchemaFilter::new().is_default(false), Include::Neither, &list)?))
        });
        note(format!("{id} policies"), &mut || Ok(format!("{:?}", zone()?.policies(&PolicyFilter::new(), &list)?)));
        note(format!("{id} sets"), &mut || {
            Ok(format!("{:?}", zone()?.policy_sets(&PolicySetFilter::new().any_target(), &list)?))
        });
        note(format!("{id} history"), &mut || Ok(format!("{:?}", zone()?.history(&HistoryFilter::new(), &list)?)));
        note(format!("{id} filtered history"), &mut || {
            let filter = HistoryFilter::new().policy_set("set").kind(ChangeKind::Bound);
            Ok(format!("{:?}", zone()?.history(&filter, &list)?))
        });
        note(format!("{id} blame"), &mut || Ok(format!("{:?}", zone()?.blame(Target::Zone)?)));
        note(format!("{id} in force"), &mut || Ok(format!("{:?}", zone()?.in_force(Target::Zone)?)));
        note(format!("{id} decision"), &mut || {
            let authorizer = zone()?.authorizer(Target::Zone)?;
            Ok(format!("{authorizer:?} {}", decide(&authorizer)))
        });
        let then = || {
            let zone = zone()?;
            let position = zone.in_force(Target::Zone)?.position;
            // All of `b` is one write.
            zone.as_of(if id == "b" { At::Position(position) } else { At::Before(position) })
        };
        note(format!("{id} then"), &mut || Ok(format!("{:?} {:?}", then()?.info()?, then()?.checkpoint()?)));
        note(format!("{id} policies then"), &mut || {
            Ok(format!("{:?}", then()?.policies(&PolicyFilter::new(), &list)?))
        });
        note(format!("{id} sets then"), &mut || {
            Ok(format!("{:?}", then()?.policy_sets(&PolicySetFilter::new().any_target(), &list)?))
        });
        note(format!("{id} schemas then"), &mut || {
            Ok(format!("{:?}", then()?.schemas(&SchemaFilter::new(), Include::Both, &list)?))
        });
        note(format!("{id} bindings then"), &mut || {
            Ok(format!("{:?}", then()?.bindings(&BindingFilter::new(), &list)?))
        });
        for number in 0..3 {
            let policy = format!("p{number}");
            note(format!("{id} {policy}"), &mut || Ok(format!("{:?}", zone()?.policy(&policy)?)));
            note(format!("{id} {policy} versions"), &mut || {
                Ok(format!("{:?}", zone()?.policy_versions(&policy, Include::Both, &list)?))
            });
        }
        let versions: &[&str] = if id == "a" { &["p0.1", "p0.2", "p1.1", "p2.1"] } else { &["p0.1", "p1.1", "p2.1"] };
        for version in versions {
            note(format!("{id} {version}"), &mut || {
                Ok(format!("{:?}", zone()?.policy_version(version, Include::Both)?))
            });
        }
        note(format!("{id} set"), &mut || Ok(format!("{:?}", zone()?.policy_set("set")?)));
        note(format!("{id} set 1"), &mut || Ok(format!("{:?}", zone()?.policy_set_version_numbered("set", 1)?)));
        note(format!("{id} pinned"), &mut || {
            Ok(format!("{:?}", zone()?.pinned_policy_versions("set.1", Include::Both, &list)?))
        });
    }
    all
}

/// The answer of an authorizer to one request.
pub(in crate::storage) fn decide(authorizer: &Authorizer) -> String {
    let entities = authorizer.entities("[]").unwrap();
    let request = authorizer.request(r#"User::"eve""#, r#"Action::"view""#, r#"Doc::"d""#, "{}").unwrap();
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    format!("{:?} by {:?}", answer.decision(), answer.determining())
}

/// The file of a filled and closed store.
pub(in crate::storage) fn base() -> Vec<u8> {
    static BASE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    BASE.get_or_init(|| {
        let disk = Disk::default();
        fill(&open(&disk).unwrap());
        disk.image()
    })
    .clone()
}

/// A closed file, and the expected result of every read.
pub(in crate::storage) fn closed() -> (Vec<u8>, Vec<(String, String)>) {
    let disk = Disk::default();
    fill(&open(&disk).unwrap());
    let store = open(&disk).unwrap();
    let expected = read_all(&store).into_iter().map(|(name, read)| (name, read.unwrap())).collect();
    drop(store);
    (disk.image(), expected)
}

/// Whether the error reports damage to the file.
pub(in crate::storage) fn is_damage(error: &crate::types::error::Error) -> bool {
    use crate::types::error::ErrorKind;
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unavailable) || error.code() == "not_a_store"
}
