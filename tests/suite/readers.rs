//! Reading a store that another handle writes to. Locks belong to handles, so handles of one process act as those of several.
//!
//! Defends against readers that see an old state, a state that was never committed, or a zone that was erased; and
//! against readers that change the file.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Corrupt, Invalid, NotFound, Unavailable};
use policy_store::{
    Builder, Concurrency, HistoryFilter, Include, NewPolicy, NewPolicyVersion, PageRequest, PolicyStore, Target,
};

use super::support::{Done, FORBID, PERMIT, V1, World, customer, decide, platform, refused};

const READ_ONLY: (policy_store::ErrorKind, &str) = (Unavailable, "read_only");
const NEEDS_WRITER: (policy_store::ErrorKind, &str) = (Unavailable, "needs_writer");
const ALREADY_OPEN: (policy_store::ErrorKind, &str) = (Unavailable, "already_open");

fn reader(world: &World) -> PolicyStore {
    world.clock.builder().read_only().open(world.path()).unwrap()
}

#[test]
fn a_reader_sees_every_commit_decides_by_it_lists_and_verifies() {
    let world = World::in_file();
    let reader = reader(&world);
    let zone = reader.zone("acme").unwrap();
    refused(zone.authorizer(Target::Zone), (policy_store::ErrorKind::NotBound, "not_bound"), "acme");

    let permit = world.version("a", PERMIT);
    world.live("s", &[&permit]);
    // The second and third come from a cache.
    for _ in 0..3 {
        assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap(), "ann", "read", "shut"), Decision::Allow);
        assert_eq!(zone.policy_version(&permit.id, Include::Both).unwrap().archived_at, None);
    }
    let forbid = world.version("b", FORBID);
    world.live("s", &[&permit, &forbid]);
    assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap(), "ann", "read", "shut"), Decision::Deny);

    world.write(|zone| zone.archive_policy_version(&permit.id)).unwrap();
    assert!(zone.policy_version(&permit.id, Include::Both).unwrap().archived_at.is_some());

    for number in 2..20 {
        let written = world.version("a", &format!("{PERMIT}// {number}"));
        let read = zone.policy_version_numbered("a", number, Include::Both).unwrap();
        assert_eq!((&read.id, read.version), (&written.id, number));
        assert_eq!(zone.policy("a").unwrap().latest_version, Some(number));
    }
    let list = PageRequest::new();
    assert_eq!(
        zone.history(&HistoryFilter::new(), &list).unwrap(),
        world.zone().history(&HistoryFilter::new(), &list).unwrap()
    );
    assert_eq!(reader.verify().unwrap(), world.store.verify().unwrap());
}

#[test]
fn a_snapshot_of_a_reader_stays_as_it_is() {
    let world = World::in_file();
    let reader = reader(&world);
    let snapshot = reader.snapshot().unwrap();
    for number in 0..50 {
        world.version("a", &format!("{PERMIT}// {number}"));
    }
    refused(snapshot.zone("acme").unwrap().policy("a"), (NotFound, "not_found"), "a");
    assert_eq!(reader.zone("acme").unwrap().policy("a").unwrap().latest_version, Some(50));
}

#[test]
fn a_reader_is_refused_every_write_and_changes_nothing() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let reader = reader(&world);
    let before = std::fs::read(world.path()).unwrap();
    let path = world.path().display().to_string();
    let actor = customer("alice");
    refused(reader.write(&actor, |w| w.create_zone("new").map(drop)), READ_ONLY, &path);
    refused(reader.write(&actor, |_| Ok(())), READ_ONLY, &path);
    refused(reader.erase_zone(&actor, "acme"), READ_ONLY, &path);
    refused(reader.rebuild_indexes(), READ_ONLY, &path);
    let other = World::new();
    refused(other.store.copy_zones(&actor, &["acme"], &reader), READ_ONLY, &path);
    reader.recover().unwrap();
    refused(reader.write(&actor, |_| Ok(())), READ_ONLY, &path);
    assert!(reader.verify().unwrap().is_clean());
    drop(reader);
    assert_eq!(std::fs::read(world.path()).unwrap(), before);
    world.version("a", PERMIT);
}

/// A new zone with the old id has another log.
#[test]
fn a_reader_forgets_a_zone_that_the_writer_erases() {
    let world = World::in_file();
    let permit = world.version("a", PERMIT);
    world.live("s", &[&permit]);
    let reader = reader(&world);
    let zone = reader.zone("acme").unwrap();
    let read = || {
        zone.policy_version_numbered("a", 1, Include::Both)?;
        zone.authorizer(Target::Zone)?;
        zone.info()
    };
    read().unwrap();
    world.store.erase_zone(&platform(), "acme").unwrap();
    for refusal in [zone.info().map(drop), read().map(drop), zone.authorizer(Target::Zone).map(drop)] {
        refused(refusal, (NotFound, "not_found"), "acme");
    }
    refused(zone.policy_version(&permit.id, Include::Both), (NotFound, "not_found"), "acme");
    world.write_store(|w| w.create_zone("acme").map(drop)).unwrap();
    refused(read(), (NotFound, "not_found"), "acme");
    let anew = reader.zone("acme").unwrap();
    refused(anew.policy("a"), (NotFound, "not_found"), "a");
}

#[test]
fn a_closed_store_is_read_from_a_medium_that_cannot_be_written_to() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let (clock, folder, copy) = world.closed();
    let bytes = std::fs::read(&copy).unwrap();
    for place in [copy.as_path(), folder.path()] {
        let mut permissions = std::fs::metadata(place).unwrap().permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(place, permissions).unwrap();
    }
    let readers = [0, 1].map(|_| clock.builder().read_only().open(&copy).unwrap());
    for reader in &readers {
        assert_eq!(reader.zone("acme").unwrap().policy("a").unwrap().latest_version, Some(1));
        assert!(reader.verify().unwrap().is_clean());
    }
    drop(readers);
    assert_eq!(std::fs::read(&copy).unwrap(), bytes);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["store.redb"]);
}

#[test]
fn a_reader_refuses_a_file_that_was_not_closed_until_a_writer_has_opened_it() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let copy = world.path().with_file_name("copy.redb");
    // Nothing writes meanwhile, so the copy is whole; but its writer has not closed it.
    std::fs::copy(world.path(), &copy).unwrap();
    let open = |builder: Builder| builder.open(&copy);
    refused(open(world.clock.builder().read_only()), NEEDS_WRITER, "copy.redb");
    let writer = open(world.clock.builder()).unwrap();
    let beside = open(world.clock.builder().read_only()).unwrap();
    assert_eq!(beside.zone("acme").unwrap().policy("a").unwrap().latest_version, Some(1));
    drop((writer, beside));
    open(world.clock.builder().read_only()).unwrap();
}

#[test]
fn modes_that_exclude_each_other_say_that_the_file_is_open() {
    let world = World::in_file();
    let path = world.path();
    let open = |builder: Builder| builder.open(path);
    let builder = || world.clock.builder();
    for concurrency in [Concurrency::Exclusive, Concurrency::SingleWriter, Concurrency::MultiWriter] {
        refused(open(builder().concurrency(concurrency)), ALREADY_OPEN, "store.redb");
    }
    let one = open(builder().read_only()).unwrap();
    open(builder().read_only()).unwrap();
    refused(open(builder().read_only().concurrency(Concurrency::Exclusive)), ALREADY_OPEN, "store.redb");
    drop(one);
    let (clock, _folder, path) = world.closed();
    let _exclusive = clock.builder().concurrency(Concurrency::Exclusive).open(&path).unwrap();
    refused(clock.builder().read_only().open(&path), ALREADY_OPEN, "store.redb");
}

#[test]
fn a_reader_creates_nothing_and_names_a_file_that_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| PolicyStore::builder().read_only().open(folder.path().join(name));
    refused(open("missing.redb"), (Unavailable, "storage"), "missing.redb");
    std::fs::write(folder.path().join("text"), PERMIT).unwrap();
    refused(open("text"), (Invalid, "not_a_store"), "it is not a redb file");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_reader_notices_that_another_file_replaced_its_own() {
    let world = World::in_file();
    let reader = reader(&world);
    let zone = reader.zone("acme").unwrap();
    let copy = world.path().with_file_name("copy.redb");
    std::fs::copy(world.path(), &copy).unwrap();
    let changed = world.clock.builder().open(&copy).unwrap();
    changed
        .write(&customer("alice"), |w| w.zone("acme")?.create_policy(NewPolicy::named("late").id("late")).map(drop))
        .unwrap();
    drop(changed);
    std::fs::rename(&copy, world.path()).unwrap();
    refused(zone.policy("late"), (Unavailable, "file_replaced"), "store.redb");
    reader.recover().unwrap();
    assert_eq!(zone.policy("late").unwrap().name, "late");
}

/// The handle knows the number of commits, and so it is told from a delayed one.
#[test]
fn a_reader_refuses_an_older_state_under_it() {
    let world = World::in_file();
    let older = std::fs::read(world.path()).unwrap();
    world.version("a", PERMIT);
    let reader = reader(&world);
    let zone = reader.zone("acme").unwrap();
    zone.policy("a").unwrap();
    drop(world.store);
    // In place: the file is the same.
    std::fs::write(world_path(&reader), &older).unwrap();
    let error = zone.policy("a").unwrap_err();
    assert_eq!(error.kind(), Corrupt, "{error}");
}

fn world_path(store: &PolicyStore) -> String {
    let shown = format!("{store:?}");
    shown.trim_start_matches("PolicyStore(`").trim_end_matches("`)").to_owned()
}

/// Many small writes by one handle; the reader sees each exactly once, in order, and whole.
#[test]
fn a_reader_beside_a_busy_writer_sees_whole_states_in_order() {
    let world = World::in_file();
    world.version("a", PERMIT);
    let (reader, (ends, done)) = (reader(&world), Done::new());
    std::thread::scope(|scope| {
        let ends = ends;
        let following = scope.spawn(|| {
            let (zone, mut seen, mut states) = (reader.zone("acme").unwrap(), 1, 0);
            while !done.load(std::sync::atomic::Ordering::SeqCst) || states == 0 {
                let snapshot = reader.snapshot().unwrap().zone("acme").unwrap();
                let (a, b) = (snapshot.policy("a").unwrap(), snapshot.policy("b").ok());
                let number = a.latest_version.unwrap();
                assert!(number >= seen, "{number} after {seen}");
                assert_eq!(b.and_then(|b| b.latest_version).unwrap_or(0) + 1, number, "half of a write");
                assert!(zone.policy("a").unwrap().latest_version.unwrap() >= number);
                states += usize::from(number > seen);
                seen = number;
            }
            (seen, states)
        });
        world.write(|zone| zone.create_policy(NewPolicy::named("b").id("b")).map(drop)).unwrap();
        for number in 0..200 {
            world
                .write(|zone| {
                    for policy in ["a", "b"] {
                        zone.create_policy_version(
                            policy,
                            NewPolicyVersion::cedar(V1, format!("{PERMIT}// {number}")),
                        )?;
                    }
                    Ok(())
                })
                .unwrap();
        }
        drop(ends);
        let (seen, states) = following.join().unwrap();
        assert!(states > 1 && seen <= 201, "{states} states up to {seen}");
    });
}
