//! Replicas: the same logs, rows and decisions as the original, whatever the source gives; and no trace of anything else.

use std::collections::BTreeSet;
use std::error::Error as StdError;

use policy_store::ErrorKind::{Conflict, Invalid, NotFound, Unavailable};
use policy_store::{
    Applied, Checkpoint, ContentAddress, ErrorKind, HistoryFilter, Include, LogId, LogPart, NewPolicy, NewSchema,
    PageRequest, PolicyStore, Replica, ReplicaSource, Restore, Result, StoreSnapshot, Target, ZoneChoice, ZoneId,
};
use proptest::prelude::*;

use super::support::{FORBID, PERMIT, V1, World, asked, customer, platform, refused};

const REPLICA_INPUT: (ErrorKind, &str) = (Invalid, "replica_input");
const NOT_HELD: (ErrorKind, &str) = (NotFound, "zone_not_held");

type Fault = Box<dyn FnMut(LogId, u64, &mut LogPart)>;

/// Reads the original in this process, some entries at a time, and may change them on the way.
struct Direct {
    original: StoreSnapshot,
    /// The most entries of a part.
    most: u64,
    /// The largest content that is in a part.
    largest: usize,
    fault: Fault,
    /// Whether it gives content by its address.
    by_address: bool,
    large: usize,
}

impl Direct {
    fn new(original: &PolicyStore) -> Self {
        let original = original.snapshot().unwrap();
        Self { original, most: 256, largest: usize::MAX, fault: Box::new(|_, _, _| ()), by_address: true, large: 0 }
    }

    fn with_fault(original: &PolicyStore, fault: impl FnMut(LogId, u64, &mut LogPart) + 'static) -> Self {
        Self { fault: Box::new(fault), by_address: false, ..Self::new(original) }
    }
}

impl ReplicaSource for Direct {
    fn part(&mut self, log: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
        let mut part = self.original.log_part(log, start..end.min(start + self.most))?;
        part.content.retain(|value| value.len() <= self.largest);
        (self.fault)(log, start, &mut part);
        Ok(part)
    }

    fn content(&mut self, log: LogId, address: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
        self.large += 1;
        if !self.by_address {
            return Err("no such content".into());
        }
        let zones = self.original.zones(&PageRequest::new()).unwrap().into_iter();
        let logs = zones.map(|zone| self.original.zone(&zone.id).unwrap().checkpoint().unwrap());
        let mut logs = logs.chain([self.original.checkpoint().unwrap()]);
        let part = self.original.log_part(log, 0..logs.find(|checkpoint| checkpoint.log_id == log).unwrap().size)?;
        let found = part.content.into_iter().find(|value| ContentAddress::of_value(value).unwrap() == *address);
        found.ok_or_else(|| "no such content".into())
    }
}

fn seal(world: &World) -> Checkpoint {
    world.store.seal(&platform()).unwrap().checkpoint
}

/// Brings a replica to the present state of the world.
fn follow(replica: &Replica, world: &World, zones: &ZoneChoice) -> Result<Applied> {
    let to = seal(world);
    replica.apply(&to, zones, &mut Direct::new(&world.store))
}

fn only(zones: &[&str]) -> ZoneChoice {
    ZoneChoice::Only(zones.iter().map(|id| ZoneId::new(*id).unwrap()).collect::<BTreeSet<_>>())
}

fn in_memory(world: &World) -> Replica {
    world.clock.builder().id_seed(99).replica_in_memory().unwrap()
}

/// Everything that lists show.
fn seen(store: &PolicyStore) -> Vec<String> {
    let list = PageRequest::new().limit(100).total_count();
    let mut seen = vec![format!("{:?}", store.checkpoint().unwrap())];
    for zone in store.zones(&list).unwrap() {
        let at = store.zone(&zone.id).unwrap();
        seen.push(format!("{zone:?} {:?}", at.checkpoint().unwrap()));
        let histories = at.history(&HistoryFilter::new(), &list).unwrap().items;
        seen.extend(histories.iter().map(|entry| format!("{entry:?}")));
        for policy in at.policies(&policy_store::PolicyFilter::new(), &list).unwrap() {
            seen.push(format!("{policy:?}"));
            let versions = at.policy_versions(&policy.id, Include::Both, &list).unwrap();
            seen.extend(versions.items.iter().map(|version| format!("{version:?}")));
        }
        let sets = at.policy_sets(&policy_store::PolicySetFilter::new(), &list).unwrap();
        seen.extend(sets.items.iter().map(|set| format!("{set:?}")));
    }
    let schemas = store.schemas(Include::Both, &list).unwrap();
    seen.extend(schemas.items.iter().map(|schema| format!("{schema:?}")));
    seen
}

#[track_caller]
fn is_clean(store: &PolicyStore) {
    let report = store.verify().unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
}

#[track_caller]
fn same(replica: &Replica, world: &World) {
    assert_eq!(seen(replica.store()), seen(&world.store));
    is_clean(replica.store());
}

fn filled() -> World {
    let world = World::new();
    world.live("s", &[&world.version("a", PERMIT), &world.version("b", FORBID)]);
    world
}

#[test]
fn a_replica_lists_decides_verifies_and_proves_as_the_original() {
    let world = filled();
    let replica = in_memory(&world);
    assert_eq!(replica.checkpoint().unwrap(), None);
    let applied = follow(&replica, &world, &ZoneChoice::All).unwrap();
    assert_eq!(applied.checkpoint, world.store.checkpoint().unwrap());
    assert_eq!(applied.zones.iter().map(ZoneId::as_str).collect::<Vec<_>>(), ["acme", "other"]);
    same(&replica, &world);

    let zone = replica.store().zone("acme").unwrap();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    let original = world.zone().authorizer(Target::Zone).unwrap();
    let original = original.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    assert_eq!(receipt, original);
    world.store.replay(&receipt, &request, &entities).unwrap();
    replica.store().replay(&original, &request, &entities).unwrap();

    let size = zone.checkpoint().unwrap().size;
    let proof = zone.inclusion_proof(3, size).unwrap();
    proof.verify(&world.zone().entry_bytes(3).unwrap(), world.zone().checkpoint().unwrap().root).unwrap();
    assert_eq!(follow(&replica, &world, &ZoneChoice::All).unwrap().entries, 0);
}

#[test]
fn a_replica_follows_in_steps_and_over_a_restart() {
    let world = filled();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica.redb");
    let open = || world.clock.builder().open_replica(&path).unwrap();
    let mut replica = open();
    for step in 0..4 {
        follow(&replica, &world, &ZoneChoice::All).unwrap();
        same(&replica, &world);
        world.version("a", if step % 2 == 0 { FORBID } else { PERMIT });
        world.live("s", &[&world.version("c", PERMIT)]);
        world.write_store(|w| w.publish_schema(NewSchema::cedar(format!("v{step}"), "entity E;")).map(drop)).unwrap();
        world.write_store(|w| w.create_zone(format!("zone-{step}")).map(drop)).unwrap();
        if step == 1 {
            drop(replica);
            replica = open();
        }
    }
    // Others read the file while it is followed.
    let reader = world.clock.builder().read_only().open(&path).unwrap();
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    assert_eq!(seen(&reader), seen(&world.store));
    replica.store().rebuild_indexes().unwrap();
    same(&replica, &world);
}

#[test]
fn an_authorizer_of_a_replica_decides_by_the_new_rules_after_a_step() {
    let world = filled();
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    let zone = replica.store().zone("acme").unwrap();
    let version = |zone: &policy_store::Zone| zone.authorizer(Target::Zone).unwrap().binding().unwrap().clone();
    assert_eq!(version(&zone), version(&world.zone()));
    world.live("s", &[&world.version("b", FORBID)]);
    assert_ne!(version(&zone), version(&world.zone()));
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    assert_eq!(version(&zone), version(&world.zone()));
}

#[test]
fn a_replica_refuses_every_write() {
    let world = filled();
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    let (store, ops) = (replica.store(), platform());
    let expected = (Unavailable, "is_replica");
    refused(store.write(&ops, |w| w.create_zone("own").map(drop)), expected, "memory");
    refused(store.write(&ops, |w| w.zone("acme")?.suspend().map(drop)), expected, "memory");
    refused(store.seal(&ops), expected, "memory");
    refused(store.erase_zone(&ops, "acme"), expected, "memory");
    let other = World::new();
    other.write_store(|w| w.create_zone("more").map(drop)).unwrap();
    refused(other.store.copy_zones(&ops, &["more"], store), expected, "memory");
    let at = world.clock.builder().in_memory().unwrap();
    store.copy_zones(&ops, &["acme"], &at).unwrap();
    same(&replica, &world);
}

#[test]
fn a_replica_of_chosen_zones_has_these_zones_only() {
    let world = filled();
    let replica = in_memory(&world);
    let applied = follow(&replica, &world, &only(&["other", "later"])).unwrap();
    assert_eq!(applied.zones.iter().map(ZoneId::as_str).collect::<Vec<_>>(), ["other"]);
    let store = replica.store();
    refused(store.zone("acme"), NOT_HELD, "acme");
    refused(store.zone("none"), (NotFound, "not_found"), "none");
    let list = PageRequest::new().total_count();
    let zones = store.zones(&list).unwrap();
    assert_eq!((zones.items.len(), zones.total_count), (1, Some(1)));
    store.timeline(&HistoryFilter::new(), &PageRequest::new()).unwrap();
    store.preflight(NewSchema::cedar("next", "entity E;")).unwrap();
    is_clean(store);
    store.rebuild_indexes().unwrap();
    is_clean(store);

    world.write_store(|w| w.create_zone("later").map(drop)).unwrap();
    follow(&replica, &world, &only(&["later"])).unwrap();
    world.write_store(|w| w.zone("other")?.create_policy(NewPolicy::named("x").id("x")).map(drop)).unwrap();
    // What it has followed once, it follows on.
    let applied = follow(&replica, &world, &only(&[])).unwrap();
    assert_eq!(applied.zones.iter().map(ZoneId::as_str).collect::<Vec<_>>(), ["other"]);
    assert_eq!(store.zones(&list).unwrap().total_count, Some(2));
    let applied = follow(&replica, &world, &ZoneChoice::All).unwrap();
    assert_eq!(applied.zones.iter().map(ZoneId::as_str).collect::<Vec<_>>(), ["acme"]);
    same(&replica, &world);
}

#[test]
fn an_erased_zone_is_erased_from_a_replica_too() {
    let world = filled();
    let held = in_memory(&world);
    let chosen = in_memory(&world);
    follow(&held, &world, &ZoneChoice::All).unwrap();
    follow(&chosen, &world, &only(&["other"])).unwrap();
    let zone = held.store().zone("acme").unwrap();
    zone.authorizer(Target::Zone).unwrap();
    // Entries that the replica never gets.
    world.version("late", PERMIT);
    world.store.erase_zone(&platform(), "acme").unwrap();
    // The next zone has the same id and the same text.
    world.write_store(|w| w.create_zone("acme").map(drop)).unwrap();
    world.version("b", FORBID);
    let late = in_memory(&world);
    for replica in [&held, &chosen, &late] {
        let zones = if std::ptr::eq(replica, &chosen) { only(&["other"]) } else { ZoneChoice::All };
        follow(replica, &world, &zones).unwrap();
        is_clean(replica.store());
        replica.store().rebuild_indexes().unwrap();
        is_clean(replica.store());
    }
    assert_eq!(zone.info().unwrap_err().kind(), NotFound);
    same(&held, &world);
    same(&late, &world);
    refused(chosen.store().zone("acme"), NOT_HELD, "acme");
    // Content that only the erased zone named is gone.
    assert_eq!(held.store().verify().unwrap().content, world.store.verify().unwrap().content);
}

/// Content that two zones share goes with the later one, also if both are erased between two steps.
#[test]
fn zones_that_are_erased_between_two_steps_take_their_shared_content_along() {
    let world = filled();
    let text = "permit(principal, action, resource) when { principal.level > 7 };";
    world.version("shared", text);
    let share = |w: &mut policy_store::WriteTransaction<'_, '_>| {
        let mut zone = w.zone("other")?;
        let policy = zone.create_policy(NewPolicy::named("shared"))?;
        zone.create_policy_version(&policy.id, policy_store::NewPolicyVersion::cedar(V1, text)).map(drop)
    };
    world.write_store(share).unwrap();
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    for zone in ["acme", "other"] {
        world.store.erase_zone(&platform(), zone).unwrap();
    }
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    same(&replica, &world);
    assert_eq!(replica.store().verify().unwrap().content, world.store.verify().unwrap().content);
}

#[test]
fn a_replica_that_misses_the_end_of_an_erased_zone_has_the_checkpoints_of_before() {
    let world = filled();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica");
    let kept = {
        let replica = world.clock.builder().open_replica(&path).unwrap();
        follow(&replica, &world, &ZoneChoice::All).unwrap();
        world.version("late", PERMIT);
        let kept = [world.zone().checkpoint().unwrap(), world.store.checkpoint().unwrap()];
        world.store.erase_zone(&platform(), "acme").unwrap();
        follow(&replica, &world, &ZoneChoice::All).unwrap();
        assert!(replica.store().verify_since(&kept).unwrap().is_clean());
        replica.store().compact().unwrap();
        kept
    };
    let builder = || world.clock.builder().not_before(kept);
    is_clean(&builder().restore(Restore::Resume).open(&path).unwrap());
    is_clean(&builder().open(&path).unwrap());
}

#[test]
fn a_replica_of_chosen_zones_follows_a_store_that_was_forked() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let path = world.path().with_file_name("backup.redb");
    world.store.backup(&path).unwrap();
    let forked = world.clock.builder().restore(Restore::Fork(platform())).open(&path).unwrap();
    let forked = World::resumed(forked, world.clock.clone());
    let replica = in_memory(&world);
    follow(&replica, &forked, &only(&["other"])).unwrap();
    refused(replica.store().zone("acme"), NOT_HELD, "acme");
    assert_eq!(replica.store().zones(&PageRequest::new()).unwrap().items.len(), 1);
    is_clean(replica.store());
    forked.version("a", FORBID);
    follow(&replica, &forked, &ZoneChoice::All).unwrap();
    same(&replica, &forked);
}

/// Two processes: one makes the file a store, the other has it open as a replica.
#[test]
fn a_handle_of_a_replica_that_was_made_a_store_writes_no_more() {
    let world = filled();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("replica");
    let several = || world.clock.builder().concurrency(policy_store::Concurrency::MultiWriter);
    let replica = several().open_replica(&path).unwrap();
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    let writer = World::resumed(several().restore(Restore::Resume).open(&path).unwrap(), world.clock.clone());
    writer.version("a", FORBID);
    world.version("a", PERMIT);
    refused(follow(&replica, &world, &ZoneChoice::All), (Conflict, "not_a_replica"), "replica");
    is_clean(&writer.store);
}

#[test]
fn a_replica_becomes_the_writer_and_a_partial_one_does_not() {
    let world = filled();
    let folder = tempfile::tempdir().unwrap();
    let [whole, partial] = ["whole.redb", "partial.redb"].map(|name| folder.path().join(name));
    let open = |path| world.clock.builder().open_replica(path).unwrap();
    follow(&open(&whole), &world, &ZoneChoice::All).unwrap();
    follow(&open(&partial), &world, &only(&["other"])).unwrap();
    let builder = || world.clock.builder();
    refused(builder().open(&whole), (Conflict, "is_backup"), "whole.redb");
    refused(builder().read_only().open_replica(&whole), (Invalid, "invalid_input"), "read_only");
    for restore in [Restore::Resume, Restore::Fork(platform())] {
        refused(builder().restore(restore).open(&partial), (Conflict, "partial_replica"), "acme");
    }
    let store = builder().restore(Restore::Resume).open(&whole).unwrap();
    let writer = World::resumed(store, world.clock.clone());
    writer.version("a", FORBID);
    assert!(writer.zone().consistency_proof(1, 3).is_ok());
    is_clean(&writer.store);
    // Its followers go on.
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    follow(&replica, &writer, &ZoneChoice::All).unwrap();
    same(&replica, &writer);
    drop(writer);
    refused(builder().open_replica(&whole), (Conflict, "not_a_replica"), "whole.redb");
}

#[test]
fn a_backup_follows_on_as_a_replica_and_a_forked_store_is_followed() {
    let world = World::in_file();
    world.live("s", &[&world.version("a", PERMIT)]);
    let path = world.path().with_file_name("backup.redb");
    world.store.backup(&path).unwrap();
    world.version("a", FORBID);
    let replica = world.clock.builder().open_replica(&path).unwrap();
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    same(&replica, &world);
    drop(replica);

    let forked = world.clock.builder().restore(Restore::Fork(platform())).open(&path).unwrap();
    let forked = World::resumed(forked, world.clock.clone());
    forked.version("a", PERMIT);
    let replica = in_memory(&world);
    follow(&replica, &forked, &ZoneChoice::All).unwrap();
    same(&replica, &forked);
    forked.version("a", FORBID);
    follow(&replica, &forked, &ZoneChoice::All).unwrap();
    same(&replica, &forked);
    // The original is another store.
    refused(follow(&replica, &world, &ZoneChoice::All), (Conflict, "replica_fork"), "another history");
}

#[test]
fn older_and_other_checkpoints_are_refused_by_name() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let early = seal(&world);
    let path = world.path().with_file_name("old.redb");
    world.store.backup(&path).unwrap();
    world.version("a", FORBID);
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    let before = seen(replica.store());
    let mut direct = Direct::new(&world.store);
    refused(replica.apply(&early, &ZoneChoice::All, &mut direct), (Conflict, "replica_rollback"), "entries here");

    // An older state that goes on in another way.
    let other =
        World::resumed(world.clock.builder().restore(Restore::Resume).open(&path).unwrap(), world.clock.clone());
    let mut to = seal(&other);
    while to.size < replica.checkpoint().unwrap().unwrap().size {
        other.version("b", PERMIT);
        to = seal(&other);
    }
    refused(follow(&replica, &other, &ZoneChoice::All), (Conflict, "replica_fork"), "another history");
    other.version("b", PERMIT);
    // The entries after it do not follow those of the replica.
    refused(follow(&replica, &other, &ZoneChoice::All), REPLICA_INPUT, "does not chain");
    assert_eq!(seen(replica.store()), before);
    world.version("c", PERMIT);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    same(&replica, &world);
}

#[test]
fn large_content_is_asked_for_by_its_address() {
    let world = filled();
    let replica = in_memory(&world);
    let to = seal(&world);
    let mut source = Direct { largest: 200, ..Direct::new(&world.store) };
    replica.apply(&to, &ZoneChoice::All, &mut source).unwrap();
    assert!(source.large > 0);
    same(&replica, &world);
}

#[test]
fn other_content_under_an_address_is_refused() {
    struct Other(Direct);
    impl ReplicaSource for Other {
        fn part(&mut self, log: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
            self.0.part(log, start, end)
        }
        fn content(&mut self, _: LogId, _: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
            // A manifest with the text `{}`, as it is stored.
            Ok(vec![2, 0, 0, 0, 0, 2, 0, 0, 0, 0, b'{', b'}'])
        }
    }
    let world = filled();
    let replica = in_memory(&world);
    let to = seal(&world);
    let mut source = Other(Direct { largest: 0, ..Direct::new(&world.store) });
    refused(replica.apply(&to, &ZoneChoice::All, &mut source), REPLICA_INPUT, "other content");
    assert_eq!(replica.checkpoint().unwrap(), None);
    is_clean(replica.store());
}

/// Applies with a fault, expects an error, and then applies without.
#[track_caller]
fn recovers(world: &World, replica: &Replica, fault: impl FnMut(LogId, u64, &mut LogPart) + 'static) {
    let (before, to) = (seen(replica.store()), seal(world));
    let mut source = Direct::with_fault(&world.store, fault);
    let error = replica.apply(&to, &ZoneChoice::All, &mut source).unwrap_err();
    assert_eq!((error.kind(), error.code()), REPLICA_INPUT, "{error}: {:?}", StdError::source(&error));
    assert_eq!(seen(replica.store()), before);
    is_clean(replica.store());
    replica.apply(&to, &ZoneChoice::All, &mut Direct::new(&world.store)).unwrap();
    same(replica, world);
}

#[test]
fn a_source_that_fails_leaves_no_trace() {
    struct Fails(Direct, usize);
    impl ReplicaSource for Fails {
        fn part(&mut self, log: LogId, start: u64, end: u64) -> Result<LogPart, Box<dyn StdError + Send + Sync>> {
            self.1 = self.1.checked_sub(1).ok_or("the network is down")?;
            self.0.part(log, start, end)
        }
        fn content(&mut self, _: LogId, _: &ContentAddress) -> Result<Vec<u8>, Box<dyn StdError + Send + Sync>> {
            Err("the network is down".into())
        }
    }
    let world = filled();
    let replica = in_memory(&world);
    let to = seal(&world);
    for parts in 0..3 {
        let mut source =
            Fails(Direct { largest: if parts == 2 { 0 } else { usize::MAX }, ..Direct::new(&world.store) }, parts);
        let error = refused(replica.apply(&to, &ZoneChoice::All, &mut source), (Unavailable, "replica_source"), "log");
        assert_eq!(StdError::source(&error).unwrap().to_string(), "the network is down");
        assert_eq!(replica.checkpoint().unwrap(), None);
    }
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    same(&replica, &world);
}

#[test]
fn every_changed_entry_and_every_changed_piece_of_content_is_refused() {
    let world = filled();
    let replica = in_memory(&world);
    follow(&replica, &world, &ZoneChoice::All).unwrap();
    world.live(
        "s",
        &[
            &world.version("c", "permit(principal is User, action, resource);"),
            &world.version("b", "permit(principal, action, resource) unless { false };"),
        ],
    );
    world.write_store(|w| w.publish_schema(NewSchema::cedar("v2", "entity E;")).map(drop)).unwrap();
    let (acme, to) = (world.zone().info().unwrap().log_id, seal(&world));
    let from = replica.store().zone("acme").unwrap().checkpoint().unwrap().size;
    let part = world.store.snapshot().unwrap().log_part(acme, from..world.zone().checkpoint().unwrap().size).unwrap();
    let before = seen(replica.store());
    let mut tried = 0;
    for (index, entry) in part.entries.iter().enumerate() {
        for byte in 0..entry.len() {
            let flip = move |log: LogId, _: u64, part: &mut LogPart| {
                if log == acme {
                    part.entries[index][byte] ^= 1;
                }
            };
            let error = replica.apply(&to, &ZoneChoice::All, &mut Direct::with_fault(&world.store, flip)).unwrap_err();
            // A changed hash of content is an address that nothing has.
            assert!(
                ["replica_input", "newer_format", "replica_source"].contains(&error.code()),
                "entry {index}, byte {byte}: {error}"
            );
            tried += 1;
        }
    }
    for (index, content) in part.content.iter().enumerate() {
        for byte in 0..content.len() {
            let flip = move |log: LogId, _: u64, part: &mut LogPart| {
                if log == acme {
                    part.content[index][byte] ^= 1;
                }
            };
            let mut changed = content.clone();
            changed[byte] ^= 1;
            // A block may refer to the same word at another place.
            if ContentAddress::of_value(&changed).ok() == ContentAddress::of_value(content).ok() {
                continue;
            }
            // Other content than that of the entry: it is asked for by its address, and not given.
            let applied = replica.apply(&to, &ZoneChoice::All, &mut Direct::with_fault(&world.store, flip));
            let error = applied.expect_err("changed content");
            assert!(["replica_input", "replica_source"].contains(&error.code()), "{error}");
            tried += 1;
        }
    }
    assert!(tried > 1_000);
    assert_eq!(seen(replica.store()), before);
    is_clean(replica.store());
    replica.apply(&to, &ZoneChoice::All, &mut Direct::new(&world.store)).unwrap();
    same(&replica, &world);
}

#[test]
fn entries_that_are_missing_doubled_swapped_or_of_another_zone_are_refused() {
    type Change = fn(&mut LogPart);
    let changes: [Change; 6] = [
        |part| part.entries.clear(),
        |part| drop(part.entries.remove(0)),
        |part| part.entries.swap(0, 1),
        |part| part.entries.insert(0, part.entries[0].clone()),
        |part| part.entries.push(b"no entry".to_vec()),
        |part| part.content = vec![b"no content".to_vec()],
    ];
    for change in changes {
        let world = filled();
        let replica = in_memory(&world);
        recovers(&world, &replica, move |_, _, part| change(part));
    }
    let world = filled();
    world.write_store(|w| w.zone("other")?.create_policy(NewPolicy::named("x")).map(drop)).unwrap();
    let replica = in_memory(&world);
    let [acme, other] = ["acme", "other"].map(|id| world.store.zone(id).unwrap().info().unwrap().log_id);
    let snapshot = world.store.snapshot().unwrap();
    let swap = move |log: LogId, start: u64, part: &mut LogPart| {
        if log == other {
            *part = snapshot.log_part(acme, start..start + part.entries.len() as u64).unwrap();
        }
    };
    recovers(&world, &replica, swap);
}

/// A log that ends before its checkpoint: a source that gives less than was asked for is asked again.
#[test]
fn parts_of_any_size_give_the_same_replica() {
    let world = filled();
    for most in [1, 2, 3, 5, 256] {
        let replica = in_memory(&world);
        let to = seal(&world);
        let mut source = Direct { most, ..Direct::new(&world.store) };
        replica.apply(&to, &ZoneChoice::All, &mut source).unwrap();
        same(&replica, &world);
    }
}

#[test]
fn a_tile_is_that_of_the_tree() {
    let world = World::new();
    world
        .write_store(|w| {
            let mut zone = w.zone("acme")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            (0..600).try_for_each(|n| {
                zone.update_policy("p", policy_store::PolicyUpdate::new().name(format!("p{n}"))).map(drop)
            })
        })
        .unwrap();
    let (snapshot, log) = (world.store.snapshot().unwrap(), world.zone().info().unwrap().log_id);
    let leaf = |position| policy_store::EntryHash::of(&world.zone().entry_bytes(position).unwrap()).0;
    let tile = |level, number, width| snapshot.hash_tile(log, level, number, width);
    assert_eq!(tile(0, 0, 256).unwrap(), (0..256).map(leaf).collect::<Vec<_>>().concat());
    assert_eq!(tile(0, 2, 3).unwrap(), (512..515).map(leaf).collect::<Vec<_>>().concat());
    assert_eq!(tile(1, 0, 2).unwrap().len(), 64);
    for (level, number, width) in [(0, 2, 256), (0, 3, 1), (1, 0, 3), (2, 0, 1), (0, 0, 257), (9, u64::MAX, 1)] {
        refused(tile(level, number, width), (Invalid, "invalid_input"), "tile");
    }
    let size = world.zone().checkpoint().unwrap().size;
    refused(snapshot.log_part(log, 0..size + 1), (Invalid, "invalid_input"), "range");
    let backwards = std::ops::Range { start: 5, end: 4 };
    refused(snapshot.log_part(log, backwards), (Invalid, "invalid_input"), "range");
    assert_eq!(snapshot.log_part(log, size..size).unwrap(), LogPart::default());
    let none = world.store.seal(&platform()).unwrap().checkpoint.log_id;
    refused(snapshot.log_part(LogId([0; 16]), 0..1), (NotFound, "not_found"), "log");
    world.store.erase_zone(&platform(), "acme").unwrap();
    let after = world.store.snapshot().unwrap();
    refused(after.log_part(log, 0..1), (NotFound, "not_found"), "log");
    refused(after.hash_tile(log, 0, 0, 1), (NotFound, "not_found"), "log");
    world.store.seal(&platform()).unwrap();
    assert_eq!(snapshot.checkpoint_at(3).unwrap().log_id, none);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    /// Whatever the original does, and whenever a replica looks, it has the state of a seal.
    #[test]
    fn a_replica_is_the_original_at_each_seal(steps in proptest::collection::vec(0..9_u8, 1..25)) {
        let world = World::new();
        let replica = in_memory(&world);
        for (index, step) in steps.into_iter().enumerate() {
            match step {
                0 => drop(world.version("a", PERMIT)),
                1 => drop(world.live("s", &[&world.version("b", FORBID)])),
                2 => drop(world.write(|zone| if zone.info()?.suspended { zone.resume() } else { Ok(zone.info()?) })),
                3 => drop(world.write_store(|w| w.create_zone(format!("zone-{index}")).map(drop))),
                4 => drop(world.store.erase_zone(&platform(), "other")),
                5 => drop(world.write_store(|w| w.create_zone("other").map(drop))),
                6 => drop(world.write_as(&customer("bob"), |zone| zone.set_default_schema(Some(V1)).map(drop))),
                _ => {
                    follow(&replica, &world, &ZoneChoice::All).unwrap();
                    prop_assert_eq!(seen(replica.store()), seen(&world.store));
                }
            }
        }
        follow(&replica, &world, &ZoneChoice::All).unwrap();
        same(&replica, &world);
    }
}
