//! Shared by the tests of concurrency: writers, readers that record what they observe, and the judgement of the
//! observations by the final log. Does not know whether the readers are threads or processes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cedar_policy::Decision;
use policy_store::{
    Binding, BindingFilter, BindingMode, Change, Error, ErrorKind, HistoryEntry, HistoryFilter, Include, Items,
    NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, Order, PageRequest, Policy, PolicyFilter,
    PolicyStore, PolicyUpdate, Result, Target, Zone, ZoneSnapshot,
};
use serde::{Deserialize, Serialize};

use super::support::{V1, customer, decide, platform};

/// The multiplier for the number of writes.
pub fn sweep() -> u64 {
    std::env::var("POLICY_STORE_SWEEP").ok().and_then(|text| text.parse().ok()).unwrap_or(1).max(1)
}

/// The policy whose versions all writers create, in the zone `acme`, and the set that pins them.
pub fn settle(store: &PolicyStore) {
    let settled = store.write(&customer("alice"), |w| {
        let mut zone = w.zone("acme")?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s")).map(drop)
    });
    settled.unwrap();
}

/// The acknowledged writes of one process, in a file that other processes read.
pub struct Floor {
    file: File,
    raised: Mutex<[u64; 2]>,
}

impl Floor {
    pub fn new(path: &Path) -> Self {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
        Self { file, raised: Mutex::default() }
    }

    /// Records that version `number` of the policy `p` was acknowledged.
    pub fn wrote(&self, number: u32) {
        self.raise(0, number.into());
    }

    /// Records that this many zones named `brief` were erased.
    pub fn erased(&self, count: u64) {
        self.raise(1, count);
    }

    fn raise(&self, which: usize, value: u64) {
        let mut raised = self.raised.lock().unwrap();
        raised[which] = raised[which].max(value);
        let place = u64::try_from(which * 8).unwrap();
        self.file.write_all_at(&raised[which].to_le_bytes(), place).unwrap();
    }
}

/// The floors of all writing processes.
#[derive(Clone)]
pub struct Floors(pub Vec<PathBuf>);

impl Floors {
    /// The highest acknowledged number of a version, and the number of erased zones.
    fn read(&self) -> [u64; 2] {
        let mut highest = [0; 2];
        for path in &self.0 {
            let bytes = std::fs::read(path).unwrap_or_default();
            for (highest, value) in highest.iter_mut().zip(bytes.chunks_exact(8)) {
                *highest = u64::from_le_bytes(value.try_into().unwrap()).max(*highest);
            }
        }
        highest
    }
}

/// One write of many kinds: a version of `p`, a set version that pins it, a binding, and policies created, renamed and
/// archived. Returns the number of the version.
pub fn write(store: &PolicyStore, floor: &Floor, writer: &str, round: u64) -> u32 {
    let permits = round.is_multiple_of(2);
    let (word, id) = (if permits { "permit" } else { "forbid" }, format!("{writer}.{round}"));
    let number = store.write(&customer("alice"), |w| {
        let mut zone = w.zone("acme")?;
        let text = format!("// {id}\n{word}(principal, action, resource);");
        let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text).id(format!("p.{id}")))?;
        let set = NewPolicySetVersion::new(V1).pin(&version).id(format!("{word}.{id}"));
        let set = zone.create_policy_set_version("s", set)?;
        match round % 4 {
            0 | 1 => drop(zone.activate(&set.id)?),
            2 => drop(zone.bind_shadow(&set.id, Target::Zone)?),
            _ if zone.in_force(Target::Zone).is_ok() => drop(zone.unbind(Target::Zone)?),
            _ => {}
        }
        zone.create_policy(NewPolicy::named("own").id(&id))?;
        if round > 1 {
            zone.update_policy(format!("{writer}.{}", round - 1), PolicyUpdate::new().name("renamed"))?;
            zone.archive_policy(format!("{writer}.{}", round - 2))?;
        }
        Ok(version.version)
    });
    let number = number.unwrap();
    floor.wrote(number);
    number
}

/// Creates the zone `brief` for the `generation`th time, reads it, and erases it.
pub fn come_and_go(store: &PolicyStore, floor: &Floor, generation: u64) {
    let created = store.write(&customer("alice"), |w| {
        let mut zone = w.create_zone("brief")?;
        zone.create_policy(NewPolicy::named(generation.to_string()).id("only"))?;
        let text = format!("// {generation}\npermit(principal, action, resource);");
        let version = zone.create_policy_version("only", NewPolicyVersion::cedar(V1, text).id("v"))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let set = NewPolicySetVersion::new(V1).pin(&version).id(generation.to_string());
        let set = zone.create_policy_set_version("s", set)?;
        zone.activate(&set.id)
    });
    created.unwrap();
    // Fills the caches of this process with what the erasure must remove.
    let read = store.zone("brief").and_then(|zone| zone.policy_version("v", Include::Both));
    read.map(drop).unwrap_or_else(|error| assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"));
    store.erase_zone(&platform(), "brief").unwrap();
    floor.erased(generation + 1);
}

/// What a snapshot of the zone `acme` showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The length of the log.
    pub length: u64,
    /// The ids of all versions of the policy `p`, by number.
    pub versions: Vec<String>,
    /// Position and version of the active binding and of the shadow.
    pub bound: [Option<(u64, String)>; 2],
    /// The revision of the policy `p`.
    pub revision: u64,
    pub bindings_revision: u64,
}

fn oldest_first(limit: usize) -> PageRequest {
    PageRequest::new().order(Order::Ascending).limit(limit)
}

fn if_bound(binding: Result<Binding>) -> Result<Option<Binding>> {
    match binding {
        Err(error) if error.kind() == ErrorKind::NotBound => Ok(None),
        binding => binding.map(Some),
    }
}

/// Reads a snapshot in many ways, which must agree with each other. The error is that of a recovery.
pub fn observe(snapshot: &ZoneSnapshot) -> Result<Seen> {
    let newest = snapshot.history(&HistoryFilter::new(), &PageRequest::new().limit(1))?.items.remove(0);
    assert_eq!(newest.position, newest.write.1, "a log ends with a whole write");
    let policy = snapshot.policy("p")?;
    let versions =
        snapshot.policy_versions_iter("p", Include::Neither, &oldest_first(7)).collect::<Result<Vec<_>>>()?;
    let numbers: Vec<u32> = versions.iter().map(|version| version.version).collect();
    assert_eq!(numbers, (1..=u32::try_from(versions.len()).unwrap()).collect::<Vec<_>>(), "a gap in the numbers");
    assert_eq!(policy.latest_version, numbers.last().copied());
    assert_eq!(policy.latest_version_id, versions.last().map(|version| version.id.clone()));
    if let Some(last) = versions.last() {
        let by_number = snapshot.policy_version_numbered("p", last.version, Include::Neither)?;
        assert_eq!(&by_number, last);
    }
    let active = if_bound(snapshot.in_force(Target::Zone))?;
    let shadow = if_bound(snapshot.observed(Target::Zone))?;
    for binding in [&active, &shadow].into_iter().flatten() {
        whole_binding(snapshot, binding)?;
    }
    let set = snapshot.policy_set("s")?;
    let named =
        [(set.active_version_id, set.active_version, &active), (set.shadow_version_id, set.shadow_version, &shadow)];
    for (id, number, binding) in named {
        assert_eq!(id.as_ref(), binding.as_ref().map(|binding| &binding.policy_set_version_id));
        assert_eq!(number, binding.as_ref().map(|binding| binding.version));
    }
    match snapshot.authorizer(Target::Zone) {
        Ok(authorizer) => assert_eq!(authorizer.binding(), active.as_ref()),
        Err(error) if error.kind() == ErrorKind::NotBound => assert!(active.is_none()),
        Err(error) => return Err(error),
    }
    let bound =
        [active, shadow].map(|bound| bound.map(|bound| (bound.position, bound.policy_set_version_id.to_string())));
    Ok(Seen {
        length: newest.position + 1,
        versions: versions.iter().map(|version| version.id.to_string()).collect(),
        bound,
        revision: policy.revision,
        bindings_revision: snapshot.info()?.bindings_revision,
    })
}

/// Set version, manifest, pinned version and log entry of a binding must be those that it names.
fn whole_binding(snapshot: &ZoneSnapshot, binding: &Binding) -> Result<()> {
    let set = snapshot.policy_set_version(&binding.policy_set_version_id)?;
    assert_eq!((&set.policy_set_id, set.version), (&binding.policy_set_id, binding.version));
    assert_eq!(snapshot.policy_set_version_numbered("s", set.version)?, set);
    let [pin] = set.manifest.entries.as_slice() else { panic!("{set:?} pins one version") };
    let pinned = snapshot.policy_version(&pin.policy_version_id, Include::Cedar)?;
    assert_eq!((&pinned.policy_id, pinned.sha), (&pin.policy_id, pin.sha));
    // The names of the set version and of the policy version end alike, since one write made both.
    let end = |id: &str| id.split_once('.').unwrap().1.to_owned();
    assert_eq!(end(set.id.as_str()), end(pinned.id.as_str()));
    let text = pinned.cedar_raw.as_deref().unwrap();
    assert!(text.starts_with(&format!("// {}\n", end(set.id.as_str()))), "{text}");
    let filter = BindingFilter::new().mode(binding.mode);
    let newest = snapshot.bindings(&filter, &PageRequest::new().limit(1))?.items.remove(0);
    assert_eq!((&newest.binding, newest.ended), (binding, None));
    Ok(())
}

/// Whether the error is only that of a recovery.
fn recovers(error: &Error) -> bool {
    ["recovery_needed", "snapshot_closed"].contains(&error.code())
}

/// Runs a round of reads. A recovery may interrupt it, and nothing else.
fn uninterrupted<T>(read: impl FnOnce() -> Result<T>) -> Option<T> {
    match read() {
        Ok(value) => Some(value),
        Err(error) if recovers(&error) => None,
        Err(error) => panic!("{error:?}"),
    }
}

/// Observes snapshots until `done`. Each has all writes that were acknowledged before it, and none is older than the one
/// before.
pub fn read_snapshots(store: &PolicyStore, floors: &Floors, done: &dyn Fn() -> bool, mut note: impl FnMut(&Seen)) {
    let mut last: Option<Seen> = None;
    while !done() {
        let [acknowledged, _] = floors.read();
        let read = || {
            let snapshot = store.zone("acme")?.snapshot()?;
            let seen = observe(&snapshot)?;
            assert_eq!(observe(&snapshot)?, seen, "a snapshot changed");
            Ok(seen)
        };
        let Some(seen) = uninterrupted(read) else { continue };
        assert!(u64::try_from(seen.versions.len()).unwrap() >= acknowledged, "an acknowledged write is not seen");
        if let Some(last) = &last {
            assert!(seen.length >= last.length && seen.revision >= last.revision);
            assert!(seen.bindings_revision >= last.bindings_revision);
        }
        if last.as_ref() != Some(&seen) {
            note(&seen);
            last = Some(seen);
        }
    }
}

/// Calls of a zone handle, each at its own moment: none shows an older state than an earlier one.
pub fn read_latest(store: &PolicyStore, floors: &Floors, done: &dyn Fn() -> bool) {
    // A recovery on a slow disk interrupts very many calls.
    let zone = loop {
        if let Some(zone) = uninterrupted(|| store.zone("acme")) {
            break zone;
        }
    };
    let (mut versions, mut bound) = (0, 0);
    while !done() {
        let [acknowledged, _] = floors.read();
        let read = || {
            let latest = zone.policy("p")?.latest_version.unwrap_or(0);
            assert!(u64::from(latest) >= acknowledged && latest >= versions, "{latest}: {acknowledged}, {versions}");
            versions = latest;
            if latest > 0 {
                let by_number = zone.policy_version_numbered("p", latest, Include::Cedar)?;
                assert_eq!(zone.policy_version(&by_number.id, Include::Cedar)?, by_number);
            }
            for binding in [if_bound(zone.in_force(Target::Zone))?, bound_of(&zone)?].into_iter().flatten() {
                assert!(binding.position >= bound, "a binding came back");
                bound = binding.position;
            }
            Ok(())
        };
        uninterrupted(read);
    }
}

/// The binding of an authorizer, which must decide as its version says.
fn bound_of(zone: &Zone) -> Result<Option<Binding>> {
    let authorizer = match zone.authorizer(Target::Zone) {
        Err(error) if error.kind() == ErrorKind::NotBound => return Ok(None),
        authorizer => authorizer?,
    };
    let binding = authorizer.binding().unwrap().clone();
    let permits = binding.policy_set_version_id.as_str().starts_with("permit");
    let expected = if permits { Decision::Allow } else { Decision::Deny };
    assert_eq!(decide(&authorizer, "ann", "read", "open"), expected, "{binding:?}");
    Ok(Some(binding))
}

/// Whole lists by pages. Returns the ids of the policies in each, oldest first, at most `most` of them.
pub fn read_pages(store: &PolicyStore, floors: &Floors, done: &dyn Fn() -> bool, most: usize) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    while !done() {
        for order in [Order::Ascending, Order::Descending] {
            let [acknowledged, _] = floors.read();
            let pages = PageRequest::new().order(order).limit(3);
            let read = || {
                let zone = store.zone("acme")?;
                let policies: Items<Policy> = zone.policies_iter(&PolicyFilter::new(), &pages);
                policies.map(|policy| policy.map(|policy| policy.id.to_string())).collect::<Result<Vec<_>>>()
            };
            let Some(mut ids) = uninterrupted(read) else { continue };
            if order == Order::Descending {
                ids.reverse();
            }
            // Each write creates one policy beside `p`.
            assert!(u64::try_from(ids.len()).unwrap() > acknowledged, "an acknowledged policy is missing in {ids:?}");
            if found.len() < most {
                found.push(ids);
            }
        }
        let read = || {
            let entries = store
                .zone("acme")?
                .history_iter(&HistoryFilter::new(), &oldest_first(5))
                .collect::<Result<Vec<_>>>()?;
            assert!((0..).zip(&entries).all(|(position, entry)| entry.position == position), "a gap in the history");
            Ok(())
        };
        uninterrupted(read);
    }
    found
}

/// Reads of the zone `brief`, which comes and goes: all of one reading are of one generation, and none is of one that was
/// erased before.
pub fn read_brief(store: &PolicyStore, floors: &Floors, done: &dyn Fn() -> bool) {
    let mut generations = BTreeMap::new();
    let mut kept: Option<(Zone, u64)> = None;
    while !done() {
        let [_, erased] = floors.read();
        let mut read = || -> Result<()> {
            let zone = store.zone("brief")?;
            let snapshot = zone.snapshot()?;
            let generation: u64 = snapshot.policy("only")?.name.parse().unwrap();
            assert!(generation >= erased, "generation {generation} was read after {erased} were erased");
            let version = snapshot.policy_version("v", Include::Cedar)?;
            assert!(version.cedar_raw.as_deref().unwrap().starts_with(&format!("// {generation}\n")), "{version:?}");
            let authorizer = snapshot.authorizer(Target::Zone)?;
            assert_eq!(authorizer.binding().unwrap().policy_set_version_id, generation.to_string().as_str());
            let log_id = snapshot.info()?.log_id;
            assert_eq!(*generations.entry(log_id.to_string()).or_insert(generation), generation);
            kept = Some((zone, generation));
            Ok(())
        };
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound || recovers(&error) => {}
            read => read.unwrap(),
        }
        // A handle never reads a later zone of the same name.
        if let Some((zone, generation)) = &kept {
            match zone.policy_version("v", Include::Cedar) {
                Err(error) if error.kind() == ErrorKind::NotFound || recovers(&error) => {}
                version => {
                    let version = version.unwrap();
                    assert!(version.cedar_raw.as_deref().unwrap().starts_with(&format!("// {generation}\n")));
                    assert!(
                        *generation >= erased,
                        "a handle of generation {generation} read after {erased} were erased"
                    );
                }
            }
        }
    }
}

/// The log of the zone `acme` after all writes: it judges every observation.
pub struct Truth {
    history: Vec<HistoryEntry>,
}

impl Truth {
    /// Reads the log of a store that must be whole.
    pub fn of(store: &PolicyStore) -> Self {
        let report = store.verify().unwrap();
        assert!(report.is_clean(), "{:?}", report.findings);
        let zone = store.zone("acme").unwrap();
        let history = zone.history_iter(&HistoryFilter::new(), &oldest_first(100)).collect::<Result<Vec<_>>>().unwrap();
        Self { history }
    }

    /// The ids of the versions of a policy at a length of the log, by number.
    fn versions(&self, of: &str, length: usize) -> Vec<String> {
        let created = self.history[..length].iter().filter_map(|entry| match &entry.change {
            Change::PolicyVersionCreated { policy_id, policy_version_id, version, .. } if policy_id == of => {
                Some((*version, policy_version_id.to_string()))
            }
            _ => None,
        });
        let (numbers, ids): (Vec<u32>, Vec<String>) = created.unzip();
        assert_eq!(numbers, (1..=u32::try_from(ids.len()).unwrap()).collect::<Vec<_>>(), "a gap in the numbers");
        ids
    }

    fn bound(&self, mode: BindingMode, length: usize) -> Option<(u64, String)> {
        let mut bound = None;
        for entry in &self.history[..length] {
            match &entry.change {
                Change::Bound { mode: of, to, .. } if *of == mode => {
                    bound = Some((entry.position, to.policy_set_version_id.to_string()));
                }
                Change::Unbound { mode: of, .. } if *of == mode => bound = None,
                _ => {}
            }
        }
        bound
    }

    /// The observation must be the state at the end of a write.
    pub fn judge(&self, seen: &Seen) {
        let length = usize::try_from(seen.length).unwrap();
        let last = &self.history[length - 1];
        assert_eq!(last.position, last.write.1, "a read saw a part of a write");
        assert_eq!(seen.versions, self.versions("p", length));
        let bound = [BindingMode::Active, BindingMode::Shadow].map(|mode| self.bound(mode, length));
        assert_eq!(seen.bound, bound, "at length {length}");
    }

    /// The pages must be the policies in the order of creation, without repeats, gaps or others.
    pub fn judge_pages(&self, found: &[String]) {
        let created = self.history.iter().filter_map(|entry| match &entry.change {
            Change::PolicyCreated { policy_id, .. } => Some(policy_id.as_str()),
            _ => None,
        });
        let created: Vec<&str> = created.take(found.len()).collect();
        assert_eq!(found, created);
    }

    /// The ids of all versions of a policy, by number.
    pub fn all_versions(&self, of: &str) -> Vec<String> {
        self.versions(of, self.history.len())
    }

    /// The acknowledged versions of `p` must be there under their numbers, each acknowledged once.
    pub fn judge_acknowledged(&self, acknowledged: &[(String, u32)]) {
        let versions = self.all_versions("p");
        let ids: BTreeSet<_> = acknowledged.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), acknowledged.len());
        for (id, number) in acknowledged {
            assert_eq!(&versions[usize::try_from(*number).unwrap() - 1], id);
        }
    }
}
