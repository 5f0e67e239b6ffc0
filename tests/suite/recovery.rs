//! Recovery opens the same store again, never another or a new one.

use policy_store::ErrorKind::{Corrupt, NotFound, Unavailable};
use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, Order, PageRequest,
    PolicyFilter, PolicySetFilter, PolicyStore, Result, Target,
};

use super::support::{Clock, PERMIT, V1, World, customer, refused};

#[test]
fn a_store_whose_file_is_gone_is_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.redb");
    let world = World::with(Clock::new().builder().open(&path).unwrap(), Clock::new());
    let aside = folder.path().join("b.redb");
    std::fs::rename(&path, &aside).unwrap();
    refused(world.store.recover(), (Unavailable, "storage"), "a.redb");
    assert!(!path.exists());
    refused(world.store.zone("acme"), (Unavailable, "recovery_needed"), "");
    std::fs::rename(&aside, &path).unwrap();
    world.store.recover().unwrap();
    assert!(world.store.zone("acme").is_ok());
}

#[test]
fn another_store_in_the_files_place_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.redb");
    let world = World::with(Clock::new().builder().open(&path).unwrap(), Clock::new());
    std::fs::rename(&path, folder.path().join("b.redb")).unwrap();
    drop(Clock::new().builder().id_seed(8).open(&path).unwrap());
    refused(world.store.recover(), (Corrupt, "corrupt"), "a different store");
    refused(world.store.zone("acme"), (Unavailable, "recovery_needed"), "");
}

#[test]
fn a_store_is_made_only_where_that_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mistyped.redb");
    refused(PolicyStore::builder().create(false).open(&path), (Unavailable, "storage"), "mistyped.redb");
    assert!(!path.exists());
    drop(PolicyStore::open(&path).unwrap());
    assert!(PolicyStore::builder().create(false).open(&path).is_ok());
}

/// A file that was replaced by an earlier copy: the log numbers may now belong to other zones.
#[test]
fn a_zone_handle_never_reads_another_zone() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.redb"), folder.path().join("copy.redb"));
    let clock = Clock::new();
    let open = || clock.builder().open(&path).unwrap();
    drop(World::with(open(), clock.clone()));
    std::fs::copy(&path, &copy).unwrap();
    let store = open();
    let actor = customer("alice");
    store.write(&actor, |w| w.create_zone("mine").map(drop)).unwrap();
    let mine = store.zone("mine").unwrap();
    std::fs::rename(&copy, &path).unwrap();
    store.recover().unwrap();
    let theirs = store.write(&actor, |w| {
        let mut zone = w.create_zone("theirs")?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("v"))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let version = zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).pin(&version).id("sv"))?;
        zone.activate(&version.id)
    });
    theirs.unwrap();
    let (list, include) = (PageRequest::new(), Include::Both);
    let reads: [&dyn Fn() -> Result<()>; 15] = [
        &|| mine.info().map(drop),
        &|| mine.policy("p").map(drop),
        &|| mine.policies(&PolicyFilter::new(), &list).map(drop),
        &|| mine.policy_version("v", include).map(drop),
        &|| mine.policy_version_numbered("p", 1, include).map(drop),
        &|| mine.policy_versions("p", include, &list).map(drop),
        &|| mine.policy_set("s").map(drop),
        &|| mine.policy_sets(&PolicySetFilter::new(), &list).map(drop),
        &|| mine.policy_set_version("sv").map(drop),
        &|| mine.policy_set_version_numbered("s", 1).map(drop),
        &|| mine.policy_set_versions("s", &list).map(drop),
        &|| mine.pinned_policy_versions("sv", include, &list).map(drop),
        &|| mine.in_force(Target::Zone).map(drop),
        &|| mine.authorizer(Target::Zone).map(drop),
        &|| mine.authorizer_of_version("sv").map(drop),
    ];
    for read in reads {
        refused(read(), (NotFound, "not_found"), "zone `mine`");
    }
    refused(mine.history(&HistoryFilter::new(), &list), (NotFound, "not_found"), "zone `mine`");
}

#[test]
fn zones_of_one_write_are_listed_in_the_order_of_their_times_also_with_a_clock_that_went_back() {
    let world = World::new();
    world.clock.set(super::support::START - super::support::HOUR);
    world
        .write_store(|w| {
            w.create_zone("third")?;
            w.create_zone("fourth").map(drop)
        })
        .unwrap();
    let zones = world.store.zones(&PageRequest::new().order(Order::Ascending)).unwrap().items;
    let ids: Vec<_> = zones.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["acme", "other", "third", "fourth"]);
    assert!(zones.is_sorted_by(|a, b| a.created_at < b.created_at), "{zones:?}");
    assert!(world.store.verify().unwrap().is_clean());
}
