//! Cached values are shared while they are valid, and never outdated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cedar_policy::Decision;
use policy_store::ErrorKind::NotFound;
use policy_store::{
    Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, PageRequest, Target, Zone,
};

use super::support::{Clock, FORBID, PERMIT, V1, World, customer, decide, refused};

/// Every read of version 1 of `p`.
fn reads(zone: &Zone) -> [Arc<policy_store::PolicyVersion>; 3] {
    [
        zone.policy_version("v", Include::Both).unwrap(),
        zone.policy_version_numbered("p", 1, Include::Both).unwrap(),
        zone.policy_versions("p", Include::Both, &PageRequest::new()).unwrap().items.pop().unwrap(),
    ]
}

fn with_version(world: &World, zone: &str, text: &str) {
    let created = world.store.write(&customer("alice"), |w| {
        let mut zone = w.zone(zone)?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text).id("v"))
    });
    created.unwrap();
}

#[test]
fn a_version_is_shared_until_it_is_archived() {
    let world = World::new();
    with_version(&world, "acme", PERMIT);
    with_version(&world, "other", FORBID);
    let zone = world.zone();
    let first = zone.policy_version("v", Include::Both).unwrap();
    for _ in 0..2 {
        assert!(reads(&zone).iter().all(|version| Arc::ptr_eq(version, &first)));
        world.write(|zone| zone.create_policy(NewPolicy::named("another"))).unwrap();
    }
    assert!(
        reads(&world.store.zone("other").unwrap()).iter().all(|version| version.cedar_raw.as_deref() == Some(FORBID))
    );
    assert_eq!(zone.policy_version("v", Include::Neither).unwrap().cedar_raw, None);

    let archived = world.write(|zone| zone.archive_policy_version("v")).unwrap();
    assert!(archived.archived_at.is_some() && first.archived_at.is_none());
    assert!(reads(&zone).iter().all(|version| **version == archived));
}

/// All of both zones have the same ids and positions.
#[test]
fn zones_with_the_same_ids_share_no_cached_value() {
    let world = World::new();
    for (zone, text) in [("acme", PERMIT), ("other", "forbid(principal, action, resource);")] {
        with_version(&world, zone, text);
        let bound = world.store.write(&customer("alice"), |w| {
            let mut zone = w.zone(zone)?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.policy_version("v", Include::Neither)?;
            zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).pin(&version).id("sv"))?;
            zone.activate("sv")
        });
        bound.unwrap();
    }
    for _ in 0..2 {
        for (id, expected) in [("acme", Decision::Allow), ("other", Decision::Deny)] {
            let zone = world.store.zone(id).unwrap();
            assert!(reads(&zone).iter().all(|version| version.zone_id == id));
            assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap(), "ann", "read", "open"), expected, "{id}");
        }
    }
}

#[test]
fn without_a_budget_nothing_is_kept() {
    for (budget, kept) in [(1 << 20, true), (0, false)] {
        let clock = Clock::new();
        let world = World::with(clock.builder().record_cache_bytes(budget).in_memory().unwrap(), clock);
        with_version(&world, "acme", PERMIT);
        let version = world.zone().policy_version("v", Include::Both).unwrap();
        assert_eq!(Arc::into_inner(version).is_none(), kept);
    }
}

#[test]
fn after_a_recovery_nothing_is_left_of_what_was_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.redb"), folder.path().join("copy.redb"));
    let clock = Clock::new();
    drop(World::with(clock.builder().open(&path).unwrap(), clock.clone()));
    std::fs::copy(&path, &copy).unwrap();
    let store = clock.builder().open(&path).unwrap();
    let world = World::resumed(store, clock);
    with_version(&world, "acme", PERMIT);
    let zone = world.zone();
    reads(&zone);
    std::fs::rename(&copy, &path).unwrap();
    world.store.recover().unwrap();
    refused(zone.policy_version("v", Include::Both), (NotFound, "not_found"), "`v`");
    // At the same positions of the log, with the same ids.
    with_version(&world, "acme", FORBID);
    assert!(reads(&zone).iter().all(|version| version.cedar_raw.as_deref() == Some(FORBID)));
}

/// Calls `write` repeatedly, while other threads fill the caches and count reads that go back in time: a read that
/// shows a change, followed by one without it.
fn while_written(write: impl Fn(usize), fill: impl Fn() + Sync, looks_back: impl Fn() -> bool + Sync) {
    let (ended, back) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    fill();
                }
            });
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    back.fetch_add(looks_back().into(), Ordering::SeqCst);
                }
            });
        }
        (0..150).for_each(write);
        ended.store(true, Ordering::SeqCst);
    });
    assert_eq!(back.into_inner(), 0);
}

#[test]
fn who_has_seen_a_version_archived_sees_it_so_under_every_name() {
    let world = World::new();
    with_version(&world, "acme", PERMIT);
    let zone = world.zone();
    let newest = || zone.policy_versions("p", Include::Neither, &PageRequest::new().limit(1)).unwrap().items.remove(0);
    while_written(
        |n| {
            let id = format!("v{n}");
            world.write(|z| z.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id(&id))).unwrap();
            world.write(|z| z.archive_policy_version(&id)).unwrap();
        },
        || drop(zone.policy_version(&newest().id, Include::Neither).unwrap()),
        || {
            let newest = newest();
            let named = zone.policy_version(&newest.id, Include::Neither).unwrap();
            newest.archived_at.is_some() && named.archived_at.is_none()
        },
    );
}

#[test]
fn who_has_seen_a_binding_decides_by_it_or_by_a_later_one() {
    let world = World::new();
    with_version(&world, "acme", PERMIT);
    let bind = |z: &mut policy_store::ZoneTransaction<'_, '_>| z.activate("sv").map(drop);
    let first = world.write(|z| {
        z.create_policy_set(NewPolicySet::named("s").id("s"))?;
        z.create_policy_set_version("s", NewPolicySetVersion::new(V1).id("sv"))?;
        bind(z)
    });
    first.unwrap();
    let zone = world.zone();
    while_written(
        |_| {
            let again = world.write(|z| {
                z.unbind(Target::Zone)?;
                bind(z)
            });
            again.unwrap();
        },
        || drop(zone.authorizer(Target::Zone).unwrap()),
        || {
            let seen = zone.in_force(Target::Zone).unwrap();
            zone.authorizer(Target::Zone).unwrap().binding().unwrap().position < seen.position
        },
    );
}
