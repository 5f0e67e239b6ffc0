//! Erases a zone and leaves one tombstone in the store's log, and all other zones unchanged.

use policy_store::ErrorKind::{Conflict, NotFound};
use policy_store::{
    Change, HistoryFilter, IdempotencyKey, Include, NewPolicy, NewPolicyVersion, Order, PageRequest, PolicyFilter,
    PolicySetFilter, Result, SchemaFilter, Target, Zone,
};

use super::support::{FORBID, PERMIT, V1, World, asked, customer, decide, platform, refused};

/// A text that only `acme` names.
const OWN: &str = "permit(principal, action, resource) when { principal.level == 7 };";

/// `acme` and `other` share one text, which is in force in each; `acme` has one more.
fn busy(world: World) -> World {
    let (shared, own) = (world.version("p", PERMIT), world.version("q", OWN));
    world.live("s", &[&shared]);
    world.live("s", &[&shared, &own]);
    let other = world.write_store(|w| {
        let mut zone = w.zone("other")?;
        zone.create_policy(NewPolicy::named("p").id("p"))?;
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("v"))
    });
    other.unwrap();
    world
}

/// Every kind of read of a zone through a handle.
fn reads(zone: &Zone) -> Vec<Result<()>> {
    let (list, include) = (PageRequest::new(), Include::Both);
    vec![
        zone.info().map(drop),
        zone.policy("p").map(drop),
        zone.policies(&PolicyFilter::new(), &list).map(drop),
        zone.policy_version_numbered("p", 1, include).map(drop),
        zone.policy_versions("p", include, &list).map(drop),
        zone.policy_set("s").map(drop),
        zone.policy_sets(&PolicySetFilter::new(), &list).map(drop),
        zone.policy_set_version_numbered("s", 1).map(drop),
        zone.policy_set_versions("s", &list).map(drop),
        zone.schema(V1, include).map(drop),
        zone.schemas(&SchemaFilter::new(), include, &list).map(drop),
        zone.default_schema().map(drop),
        zone.in_force(Target::Zone).map(drop),
        zone.in_force_at(Target::Zone, policy_store::At::Position(8)).map(drop),
        zone.authorizer(Target::Zone).map(drop),
        zone.authorizer_of_version(last_version(zone)).map(drop),
        zone.history(&HistoryFilter::new(), &list).map(drop),
    ]
}

fn last_version(zone: &Zone) -> String {
    zone.policy_set_version_numbered("s", 2).map_or_else(|_| "gone".to_owned(), |version| version.id.to_string())
}

#[test]
fn nothing_of_an_erased_zone_is_found_by_any_handle_and_what_was_taken_before_goes_on_deciding() {
    let world = busy(World::new());
    let zone = world.zone();
    let version = zone.policy_version_numbered("p", 1, Include::Both).unwrap();
    let set_version = last_version(&zone);
    // Twice, to fill every cache.
    for _ in 0..2 {
        zone.policy_version(&version.id, Include::Both).unwrap();
        reads(&zone).into_iter().for_each(|read| read.unwrap());
    }
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let before = decide(&authorizer, "ann", "read", "open");
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();

    world.store.erase_zone(&platform(), "acme").unwrap();

    for read in reads(&zone) {
        refused(read, (NotFound, "not_found"), "zone `acme`");
    }
    refused(zone.policy_version(&version.id, Include::Both), (NotFound, "not_found"), "zone `acme`");
    refused(zone.authorizer_of_version(set_version), (NotFound, "not_found"), "zone `acme`");
    refused(world.store.zone("acme"), (NotFound, "not_found"), "zone `acme`");
    refused(world.write(|zone| zone.create_policy(NewPolicy::named("p"))), (NotFound, "not_found"), "zone `acme`");
    refused(world.store.replay(&receipt, &request, &entities), (NotFound, "not_found"), "zone `acme`");
    assert_eq!(decide(&authorizer, "ann", "read", "open"), before);
    assert!(zone.id() == "acme");
}

#[test]
fn the_stores_history_tells_who_erased_the_zone_and_where_its_log_ended() {
    let world = busy(World::new());
    let (info, history) = (world.zone().info().unwrap(), world.history());
    let erased = world.store.erase_zone(&platform(), "acme").unwrap();
    let last = history.last().unwrap().hash;
    let length = history.len() as u64;
    assert_eq!(
        (erased.zone_id.as_str(), erased.log_id, erased.length, erased.last),
        ("acme", info.log_id, length, last)
    );
    let told = world.store.history(&HistoryFilter::new(), &PageRequest::new().limit(1)).unwrap().items.remove(0);
    assert_eq!(told.created_by, platform());
    assert_eq!(told.change, Change::ZoneErased { zone_id: info.id, log_id: info.log_id, length, last });
    let zones = world.store.zones(&PageRequest::new().total_count()).unwrap();
    assert_eq!((zones.items.len(), zones.total_count), (1, Some(1)));
    assert_eq!(zones.items[0].id, "other");
}

#[test]
fn content_goes_unless_another_log_names_it_and_rows_go_all() {
    let world = busy(World::in_file());
    let [logs, entries, content, rows] = world.extent();
    let own = world.history().len() as u64;
    world.store.erase_zone(&customer("alice"), "acme").unwrap();
    let [logs_left, entries_left, content_left, rows_left] = world.extent();
    assert_eq!((logs_left, entries_left), (logs - 1, entries - own + 1));
    // The forms of its own version, and two manifests.
    assert_eq!(content_left, content - 3);
    // In the store's log, the rows of the zone. In the zone's log: its state; two policies, their versions, one set and
    // its versions, with a row by id and one by position or number each; two bindings, by target and by position.
    assert_eq!(rows_left, rows - 2 - (1 + 2 * 2 + 2 * 2 + 2 + 2 * 2 + 2 * 2));
    let read = |world: &World| {
        let zone = world.store.zone("other").unwrap();
        (
            zone.policy_version("v", Include::Both).unwrap(),
            zone.history(&HistoryFilter::new(), &PageRequest::new()).unwrap(),
        )
    };
    let kept = read(&world);
    assert_eq!(kept.0.cedar_raw.as_deref(), Some(PERMIT));

    world.store.rebuild_indexes().unwrap();
    assert_eq!(world.extent(), [logs_left, entries_left, content_left, rows_left]);
    let world = world.reopened();
    assert_eq!(world.extent(), [logs_left, entries_left, content_left, rows_left]);
    assert_eq!(read(&world), kept);
    refused(world.store.zone("acme"), (NotFound, "not_found"), "zone `acme`");
}

#[test]
fn content_that_was_erased_can_be_written_again() {
    let world = busy(World::new());
    world.store.erase_zone(&customer("alice"), "acme").unwrap();
    let written = world.write_store(|w| {
        let new = NewPolicyVersion::cedar(V1, OWN).id("own");
        w.zone("other")?.create_policy_version("p", new)
    });
    written.unwrap();
    let read = world.store.zone("other").unwrap().policy_version("own", Include::Both).unwrap();
    assert_eq!(read.cedar_raw.as_deref(), Some(OWN));
    world.extent();
}

#[test]
fn the_id_is_free_again_and_means_another_zone() {
    let world = busy(World::in_file());
    let old = world.zone();
    let log_id = old.info().unwrap().log_id;
    for _ in 0..2 {
        world.store.erase_zone(&customer("alice"), "acme").unwrap();
        world.write_store(|w| w.create_zone("acme")?.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    }
    for read in reads(&old) {
        refused(read, (NotFound, "not_found"), "zone `acme`");
    }
    let new = world.zone();
    assert_ne!(new.info().unwrap().log_id, log_id);
    assert_eq!(new.policies(&PolicyFilter::new(), &PageRequest::new().total_count()).unwrap().total_count, Some(1));
    let extent = world.extent();
    world.store.rebuild_indexes().unwrap();
    assert_eq!(world.extent(), extent);
    drop((old, new));
    assert_eq!(world.reopened().extent(), extent);
}

#[test]
fn a_suspended_zone_can_be_erased() {
    let world = busy(World::new());
    world.write(|zone| zone.suspend()).unwrap();
    world.store.erase_zone(&customer("alice"), "acme").unwrap();
    refused(world.store.zone("acme"), (NotFound, "not_found"), "zone `acme`");
    world.extent();
}

#[test]
fn a_zone_that_is_not_there_cannot_be_erased_nor_any_inside_a_write() {
    let world = busy(World::new());
    let before = world.extent();
    refused(world.store.erase_zone(&platform(), "nowhere"), (NotFound, "not_found"), "zone `nowhere`");
    world
        .write_store(|_| {
            refused(world.store.erase_zone(&platform(), "other"), (Conflict, "nested_write"), "");
            Ok(())
        })
        .unwrap();
    assert_eq!(world.extent(), before);
    world.store.erase_zone(&platform(), "acme").unwrap();
    refused(world.store.erase_zone(&platform(), "acme"), (NotFound, "not_found"), "zone `acme`");
}

#[test]
fn a_request_that_created_what_was_erased_since_does_not_create_it_again() {
    let world = World::new();
    let create = || {
        world.write_store(|w| {
            w.idempotency_key(IdempotencyKey::from([5; 16]));
            w.create_zone("brief")?.create_policy(NewPolicy::named("p").id("p"))
        })
    };
    create().unwrap();
    world.store.erase_zone(&customer("alice"), "brief").unwrap();
    let before = world.extent();
    refused(create(), (NotFound, "not_found"), "zone `brief`");
    assert_eq!(world.extent(), before);
}

#[test]
fn lists_go_on_over_the_place_of_an_erased_zone() {
    let world = World::new();
    world.write_store(|w| ["c", "d", "e"].iter().try_for_each(|id| w.create_zone(*id).map(drop))).unwrap();
    let list = PageRequest::new().order(Order::Ascending).limit(3);
    let first = world.store.zones(&list).unwrap();
    let cursor = first.after_cursor.unwrap();
    for id in ["c", "d"] {
        world.store.erase_zone(&customer("alice"), id).unwrap();
    }
    let rest = world.store.zones(&list.after(cursor)).unwrap();
    let ids: Vec<_> = rest.items.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["e"]);
    let page = world.store.zones(&PageRequest::new().order(Order::Ascending)).unwrap();
    let ids: Vec<_> = page.items.iter().map(|zone| zone.id.as_str()).collect();
    assert_eq!(ids, ["acme", "other", "e"]);
}

#[test]
fn what_other_zones_decide_is_not_touched() {
    let world = busy(World::in_file());
    world
        .write_store(|w| {
            let mut zone = w.zone("other")?;
            let shared = zone.policy_version("v", Include::Neither)?;
            zone.create_policy(NewPolicy::named("q").id("q"))?;
            let own = zone.create_policy_version("q", NewPolicyVersion::cedar(V1, FORBID))?;
            zone.create_policy_set(policy_store::NewPolicySet::named("s").id("s"))?;
            let set = zone.create_policy_set_version("s", super::support::pinning(&[&shared, &own]))?;
            zone.activate(&set.id)
        })
        .unwrap();
    let told = |world: &World| {
        let other = world.store.zone("other").unwrap();
        let authorizer = other.authorizer(Target::Zone).unwrap();
        (
            ["open", "shut"].map(|doc| decide(&authorizer, "ann", "read", doc)),
            other.history(&HistoryFilter::new(), &PageRequest::new()).unwrap(),
        )
    };
    let before = told(&world);
    world.store.erase_zone(&platform(), "acme").unwrap();
    assert_eq!(told(&world), before);
    // Nor when all is read anew.
    assert_eq!(told(&world.reopened()), before);
}
