//! Snapshots: several reads of one moment, that no write, erasure or panic disturbs, and that nothing waits for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use cedar_policy::Decision;
use policy_store::ErrorKind::{NotFound, Unavailable};
use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicyVersion, Order, PageRequest, PolicyFilter, PolicySetFilter,
    PolicyUpdate, Target,
};

use super::support::{FORBID, PERMIT, V1, World, decide, platform, refused};

fn all() -> PageRequest {
    PageRequest::new().order(Order::Ascending).limit(100)
}

#[test]
fn every_read_of_a_snapshot_sees_the_moment_at_which_it_was_taken() {
    let world = World::new();
    let first = world.version("p", PERMIT);
    let live = world.live("s", &[&first]);
    let snapshot = world.zone().snapshot().unwrap();
    let history = snapshot.history(&HistoryFilter::new(), &all()).unwrap();
    let forbidding = world.version("p", FORBID);
    world.live("s", &[&forbidding]);
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("renamed"))).unwrap();
    world.write(|zone| zone.create_policy(NewPolicy::named("late"))).unwrap();

    assert_eq!(snapshot.history(&HistoryFilter::new(), &all()).unwrap(), history);
    assert_eq!(snapshot.policies(&PolicyFilter::new(), &all()).unwrap().items.len(), 1);
    assert_eq!(snapshot.policy("p").unwrap().latest_version, Some(1));
    assert_eq!(snapshot.policy_versions("p", Include::Both, &all()).unwrap().items, [first.clone().into()]);
    refused(snapshot.policy_version(&forbidding.id, Include::Both), (NotFound, "not_found"), "");
    assert_eq!(snapshot.in_force(Target::Zone).unwrap().policy_set_version_id, live.id);
    assert_eq!(snapshot.policy_sets(&PolicySetFilter::new(), &all()).unwrap().items[0].latest_version, Some(1));
    assert_eq!(decide(&snapshot.authorizer(Target::Zone).unwrap(), "ann", "read", "shut"), Decision::Allow);
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "shut"), Decision::Deny);
    // What the snapshot has read is no answer for the zone as it is now.
    assert_eq!(world.zone().policy("p").unwrap().name, "renamed");
    assert_eq!(world.zone().policy_versions("p", Include::Both, &all()).unwrap().items.len(), 2);
    assert_eq!(snapshot.clone().policy("p").unwrap().name, snapshot.policy("p").unwrap().name);
}

#[test]
fn a_snapshot_is_of_one_moment_while_another_thread_writes() {
    let world = World::new();
    world.version("p", PERMIT);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..60 {
                world.write(|zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let snapshot = world.zone().snapshot().unwrap();
            let latest = snapshot.policy("p").unwrap().latest_version.unwrap();
            let page = snapshot.policy_versions("p", Include::Neither, &PageRequest::new().total_count()).unwrap();
            assert_eq!(page.total_count, Some(latest.into()));
            assert_eq!(page.items[0].version, latest);
            assert_eq!(snapshot.policy_version_numbered("p", latest, Include::Cedar).unwrap().version, latest);
        }
    });
}

#[test]
fn a_store_snapshot_has_the_zones_and_the_schemas_of_its_moment() {
    let world = World::new();
    let snapshot = world.store.snapshot().unwrap();
    world.write_store(|w| w.create_zone("late").map(drop)).unwrap();
    assert_eq!(snapshot.zones(&all()).unwrap().items.len(), 2);
    refused(snapshot.zone("late"), (NotFound, "not_found"), "late");
    assert_eq!(snapshot.schemas(Include::Neither, &all()).unwrap().items.len(), 1);
    assert_eq!(snapshot.schema(V1, Include::Neither).unwrap().version, V1);
    assert_eq!(
        snapshot.history(&HistoryFilter::new(), &all()).unwrap().items.len() + 1,
        world.store.history(&HistoryFilter::new(), &all()).unwrap().items.len()
    );
    assert_eq!(snapshot.zone("acme").unwrap().info().unwrap().id, "acme");
}

#[test]
fn an_erased_zone_stays_in_its_snapshots_only() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let (handle, snapshot) = (world.zone(), world.zone().snapshot().unwrap());
    world.store.erase_zone(&platform(), "acme").unwrap();
    refused(handle.snapshot(), (NotFound, "not_found"), "acme");
    for _ in 0..2 {
        assert_eq!(*snapshot.policy_version(&version.id, Include::Both).unwrap(), version);
        refused(handle.policy_version(&version.id, Include::Both), (NotFound, "not_found"), "acme");
    }
}

/// On the thread that holds the snapshot: a recovery that waited for it would wait for ever.
#[test]
fn a_recovery_closes_snapshots_and_does_not_wait_for_them() {
    for world in [World::new(), World::in_file()] {
        world.version("p", PERMIT);
        let (snapshot, of_store) = (world.zone().snapshot().unwrap(), world.store.snapshot().unwrap());
        world.store.recover().unwrap();
        refused(snapshot.policy("p"), (Unavailable, "snapshot_closed"), "");
        refused(snapshot.authorizer(Target::Zone), (Unavailable, "snapshot_closed"), "");
        refused(of_store.zone("acme"), (Unavailable, "snapshot_closed"), "");
        let again = world.zone().snapshot().unwrap();
        drop((snapshot, of_store));
        assert_eq!(again.policy("p").unwrap().latest_version, Some(1));
        world.version("p", PERMIT);
        assert!(world.store.verify().unwrap().is_clean());
    }
}

#[test]
fn a_panic_of_a_caller_who_holds_a_snapshot_leaves_the_store_as_it_was() {
    let world = World::new();
    world.version("p", PERMIT);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let snapshot = world.zone().snapshot().unwrap();
        assert_eq!(snapshot.policy("p").unwrap().latest_version, Some(2), "as it is not");
    }));
    assert!(panicked.is_err());
    world.version("p", PERMIT);
    assert_eq!(world.zone().snapshot().unwrap().policy("p").unwrap().latest_version, Some(2));
}

#[test]
fn a_file_is_released_when_its_last_snapshot_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let clock = super::support::Clock::new();
    let world = World::with(clock.builder().open(&path).unwrap(), clock.clone());
    let snapshot = world.store.snapshot().unwrap();
    drop(world);
    assert_eq!(snapshot.zones(&all()).unwrap().items.len(), 2);
    assert!(clock.builder().open(&path).is_err());
    drop(snapshot);
    assert!(clock.builder().open(&path).is_ok());
}
