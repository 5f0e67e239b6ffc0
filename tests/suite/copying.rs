//! Copying zones into another store: the same logs with everything that they need, or nothing.

use policy_store::ErrorKind::{Conflict, Invalid, NotFound, Unavailable};
use policy_store::{
    Actor, Change, CopiedZones, Error, ErrorKind, HistoryEntry, HistoryFilter, IdempotencyKey, Include, NewPolicy,
    NewPolicyVersion, NewSchema, Order, OwnerType, PageRequest, Result, SchemaStatus, Target,
};

use super::support::{Clock, FORBID, HOUR, PERMIT, SCHEMA, START, V1, World, asked, customer, platform, refused};

/// A zone with idempotency keys, a default schema, a schema of its own, warnings and a shadow.
fn source() -> World {
    let world = World::new();
    world.store.write(&platform(), |w| w.publish_schema(NewSchema::cedar("used", format!("{SCHEMA}// used")))).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::json("hint", "{}")).map(drop)).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("unused", "entity A;")).map(drop)).unwrap();
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    world.write(|zone| create_warned(zone).map(drop)).unwrap();
    let first = world.live("s", &[&a]);
    world.live("s", &[&a, &b]);
    world.write(|zone| zone.bind_shadow(&first.id, Target::Zone)).unwrap();
    world.write(|zone| zone.set_default_schema(Some("hint"))).unwrap();
    world.store.write(&platform(), |w| w.set_schema_status("used", SchemaStatus::Deprecated)).unwrap();
    world
}

/// A policy version with a warning, under an idempotency key.
fn create_warned(zone: &mut policy_store::ZoneTransaction<'_, '_>) -> Result<policy_store::PolicyVersion> {
    let text = "permit(principal, action, resource) when { false };";
    if zone.policy("warned").is_err() {
        zone.create_policy(NewPolicy::named("warned").id("warned"))?;
    }
    zone.idempotency_key(IdempotencyKey::from([3; 16]))
        .create_policy_version("warned", NewPolicyVersion::cedar("used", text))
}

fn target() -> World {
    let clock = Clock::new();
    World::resumed(clock.builder().id_seed(8).in_memory().unwrap(), clock)
}

fn copy(from: &World, zones: &[&str], to: &World) -> Result<CopiedZones> {
    from.store.copy_zones(&Actor::platform("mover").unwrap(), zones, &to.store)
}

fn store_history(world: &World) -> Vec<HistoryEntry> {
    world.store.history(&HistoryFilter::new(), &PageRequest::new().order(Order::Ascending).limit(100)).unwrap().items
}

/// Expects a copy to be refused without a trace.
#[track_caller]
fn refuses(from: &World, zones: &[&str], to: &World, expected: (ErrorKind, &str), names: &str) -> Error {
    let before = (to.extent(), store_history(to), from.extent(), store_history(from));
    let error = refused(copy(from, zones, to), expected, names);
    assert_eq!((to.extent(), store_history(to), from.extent(), store_history(from)), before, "{error}");
    // Neither of the two needs to be recovered.
    from.store.zones(&PageRequest::new()).unwrap();
    to.store.write(&customer("alice"), |w| w.schema(V1, Include::Neither).map(drop).or(Ok(()))).unwrap();
    error
}

#[test]
fn a_copied_zone_is_the_same_in_all_that_can_be_read_of_it() {
    let (from, to) = (source(), target());
    let before = from.extent();
    let copied = copy(&from, &["acme"], &to).unwrap();
    assert_eq!(from.extent(), before);

    let history = from.history();
    let told = |world: &World| {
        let zone = world.zone();
        let list = PageRequest::new().total_count();
        format!(
            "{:#?}",
            (
                world.history(),
                zone.info().unwrap(),
                zone.policies(&policy_store::PolicyFilter::new(), &PageRequest::new()).unwrap().items,
                zone.policy_versions("warned", Include::Both, &PageRequest::new()).unwrap().items,
                zone.policy_sets(&policy_store::PolicySetFilter::new(), &PageRequest::new()).unwrap().items,
                zone.policy_set_versions("s", &PageRequest::new()).unwrap().items,
                zone.in_force(Target::Zone).unwrap(),
                zone.observed(Target::Zone).unwrap(),
                zone.in_force_at(Target::Zone, policy_store::At::Position(9)).unwrap(),
                zone.policies(&policy_store::PolicyFilter::new(), &list).unwrap().total_count,
            )
        )
    };
    assert_eq!(told(&to), told(&from));
    let [zone] = copied.zones.as_slice() else { panic!("{copied:?}") };
    let last = history.last().unwrap().hash;
    assert_eq!((zone.zone_id.as_str(), zone.length, zone.last), ("acme", history.len() as u64, last));
    assert_eq!(zone.log_id, from.zone().info().unwrap().log_id);
    assert_eq!(copied.schemas, [V1, "used", "hint"]);

    // Also after a rebuild.
    let extent = to.extent();
    to.store.rebuild_indexes().unwrap();
    assert_eq!(to.extent(), extent);
}

#[test]
fn receipts_of_a_copied_zone_replay_and_its_requests_are_known() {
    let (from, to) = (source(), target());
    let authorizer = from.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    copy(&from, &["acme"], &to).unwrap();
    let answer = to.store.replay(&receipt, &request, &entities).unwrap();
    answer.agrees_with(&receipt).unwrap();

    let length = to.history().len();
    let again = to.write(create_warned).unwrap();
    assert_eq!(again, from.write(create_warned).unwrap());
    let other =
        to.write(|zone| zone.idempotency_key(IdempotencyKey::from([3; 16])).create_policy(NewPolicy::named("x")));
    refused(other, (Conflict, "request_conflict"), "");
    assert_eq!(to.history().len(), length);
    // The copy accepts writes.
    to.version("a", FORBID);
    assert_eq!(to.history().len(), length + 1);
    to.extent();
}

#[test]
fn schemas_keep_their_publisher_their_times_and_their_status() {
    let (from, to) = (source(), target());
    copy(&from, &["acme"], &to).unwrap();
    for name in [V1, "used", "hint"] {
        assert_eq!(to.store.schema(name, Include::Both).unwrap(), from.store.schema(name, Include::Both).unwrap());
    }
    refused(to.store.schema("unused", Include::Both), (NotFound, "not_found"), "unused");
    assert_eq!(to.store.schema("used", Include::Both).unwrap().owner_type, OwnerType::Platform);
    let customers = to.write_store(|w| w.set_schema_status("used", SchemaStatus::Active));
    refused(customers, (ErrorKind::Forbidden, "platform_owned"), "used");

    let [published, created, used, hint, deprecated] = store_history(&to).try_into().unwrap();
    assert!(matches!(published.change, Change::SchemaPublished { .. }));
    assert!(matches!(&created.change, Change::ZoneCreated { zone_id } if zone_id == "acme"));
    let told = |entry: &HistoryEntry| (entry.created_at, entry.created_by.clone(), entry.created_by.owner_type());
    let from_history = store_history(&from);
    for (entry, place) in [(&published, 0), (&created, 1), (&used, 3), (&hint, 4), (&deprecated, 6)] {
        assert_eq!(told(entry), told(&from_history[place]), "{entry:?}");
        assert_eq!(entry.change, from_history[place].change);
        assert_eq!(entry.imported_by.as_ref().map(policy_store::Actor::id), Some("mover"));
        assert_eq!(entry.write, (0, 4));
    }
}

#[test]
fn in_a_store_that_has_later_history_the_times_are_moved_behind_it() {
    let (from, to) = (source(), target());
    to.clock.set(START + HOUR);
    to.write_store(|w| w.create_zone("mine").map(drop)).unwrap();
    let last = store_history(&to)[0].created_at.as_micros();
    copy(&from, &["acme", "other"], &to).unwrap();
    let times: Vec<_> = store_history(&to).iter().map(|entry| entry.created_at.as_micros() - last).collect();
    assert_eq!(times, [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(to.history(), from.history());
    let zones = to.store.zones(&PageRequest::new().order(Order::Ascending)).unwrap().items;
    assert_eq!(zones.iter().map(|zone| zone.id.as_str()).collect::<Vec<_>>(), ["mine", "acme", "other"]);
    to.extent();
}

#[test]
fn a_schema_that_is_there_must_be_the_same_and_stays_as_it_is() {
    let from = source();
    let publish = |schema: NewSchema| {
        let to = target();
        to.write_store(|w| {
            w.publish_schema(schema)?;
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)
        })
        .unwrap();
        to
    };
    let same = publish(NewSchema::cedar(V1, SCHEMA));
    let before = same.store.schema(V1, Include::Both).unwrap();
    assert_eq!(copy(&from, &["acme"], &same).unwrap().schemas, ["used", "hint"]);
    assert_eq!(same.store.schema(V1, Include::Both).unwrap(), before);
    same.extent();

    let source = publish(NewSchema::cedar(V1, format!("{SCHEMA} ")));
    refuses(&from, &["acme"], &source, (Conflict, "schema_differs"), V1);
    let json = from.store.schema(V1, Include::Both).unwrap().cedar_schema_json.unwrap();
    let syntax = publish(NewSchema::json(V1, &*json));
    refuses(&from, &["acme"], &syntax, (Conflict, "schema_differs"), V1);
    // A schema that the zone does not use does not matter.
    assert!(copy(&from, &["other"], &source).unwrap().schemas.is_empty());
}

#[test]
fn what_the_other_store_knows_is_refused() {
    let (from, to) = (source(), target());
    to.write_store(|w| w.create_zone("other").map(drop)).unwrap();
    refuses(&from, &["acme", "other"], &to, (Conflict, "already_exists"), "zone `other`");
    copy(&from, &["acme"], &to).unwrap();
    refuses(&from, &["acme"], &to, (Conflict, "already_exists"), "zone `acme`");
    // The log is known even after its zone was erased, and with another zone under its id.
    let log_id = to.zone().info().unwrap().log_id.to_string();
    to.store.erase_zone(&platform(), "acme").unwrap();
    refuses(&from, &["acme"], &to, (Conflict, "already_exists"), &format!("log `{log_id}`"));
}

#[test]
fn zones_that_are_not_there_and_zones_that_are_named_twice_are_refused() {
    let (from, to) = (source(), target());
    refuses(&from, &["acme", "nowhere"], &to, (NotFound, "not_found"), "zone `nowhere`");
    refuses(&from, &["acme", "other", "acme"], &to, (Invalid, "invalid_input"), "acme");
    assert_eq!(copy(&from, &[], &to).unwrap(), CopiedZones::default());
    assert!(store_history(&to).is_empty());
}

#[test]
fn a_store_copies_nothing_into_itself_and_nothing_inside_a_write_of_the_other() {
    let (from, to) = (source(), target());
    refuses(&from, &["acme"], &from, (Conflict, "already_exists"), "zone `acme`");
    from.write_store(|_| {
        refused(copy(&from, &["acme"], &from), (Conflict, "nested_write"), "");
        Ok(())
    })
    .unwrap();
    to.write_store(|_| {
        refused(copy(&from, &["acme"], &to), (Conflict, "nested_write"), "");
        Ok(())
    })
    .unwrap();
    // Within a write of the source store, the durable state is copied.
    from.write(|zone| {
        zone.create_policy(NewPolicy::named("late").id("late"))?;
        copy(&from, &["acme"], &to).map(drop)
    })
    .unwrap();
    refused(to.zone().policy("late"), (NotFound, "not_found"), "late");
    assert!(from.zone().policy("late").is_ok());
}

#[test]
fn a_suspended_zone_stays_suspended() {
    let (from, to) = (source(), target());
    from.write(|zone| zone.suspend()).unwrap();
    copy(&from, &["acme"], &to).unwrap();
    assert!(to.zone().info().unwrap().suspended);
    refused(to.write(|zone| zone.create_policy(NewPolicy::named("p"))), (Conflict, "suspended"), "acme");
    to.write(|zone| zone.resume()).unwrap();
    to.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
}

#[test]
fn history_from_the_future_does_not_get_into_the_other_stores_own() {
    let (from, to) = (source(), target());
    from.clock.set(START + 30 * HOUR);
    from.write_store(|w| w.create_zone("ahead").map(drop)).unwrap();
    refuses(&from, &["ahead"], &to, (Unavailable, "clock_behind"), "");
    to.clock.set(START + 7 * HOUR);
    copy(&from, &["ahead"], &to).unwrap();
}

#[test]
fn zones_move_by_a_copy_and_an_erasure_through_files() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Clock::new().builder().id_seed(8).open(folder.path().join("moved.redb")).unwrap();
    let (from, to) = (source(), World::resumed(open(), Clock::new()));
    let history = from.history();
    copy(&from, &["acme", "other"], &to).unwrap();
    from.store.erase_zone(&platform(), "acme").unwrap();
    from.extent();
    drop(to);
    let to = World::resumed(open(), Clock::new());
    assert_eq!(to.history(), history);
    to.extent();
    // Then into a third store, whose erased zones do not come back.
    let third = target();
    copy(&to, &["acme"], &third).unwrap();
    assert_eq!(third.history(), history);
    refused(copy(&from, &["acme"], &third), (NotFound, "not_found"), "zone `acme`");
    third.extent();
}

#[test]
fn two_stores_that_copy_into_each_other_do_not_wait_for_ever() {
    let (one, two) = (source(), target());
    two.write_store(|w| w.create_zone("theirs").map(drop)).unwrap();
    std::thread::scope(|scope| {
        let there = scope.spawn(|| copy(&one, &["acme"], &two).map(drop));
        let back = scope.spawn(|| copy(&two, &["theirs"], &one).map(drop));
        there.join().unwrap().unwrap();
        back.join().unwrap().unwrap();
    });
    one.extent();
    two.extent();
}
