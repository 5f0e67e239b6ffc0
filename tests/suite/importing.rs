//! Importing earlier history: in order, not from the future, and marked as imported.

use policy_store::ErrorKind::{Forbidden, Invalid};
use policy_store::{
    HistoryEntry, HistoryFilter, NewPolicy, NewPolicySet, NewPolicyVersion, NewSchema, Order, OwnerType, PageRequest,
    Policy, Result, Timestamp, WriteTransaction, ZoneTransaction,
};

use super::support::{Clock, HOUR, PERMIT, SCHEMA, SECOND, START, World, customer, pinning, platform, refused};

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

/// A store without other history, whose zone `acme` was imported.
fn world() -> World {
    let clock = Clock::new();
    clock.stop();
    clock.set(START);
    let world = World::resumed(clock.builder().in_memory().unwrap(), clock);
    world.store.import(&platform(), &customer("founder"), at(1_000), |w| w.create_zone("acme").map(drop)).unwrap();
    world
}

fn import<T>(world: &World, micros: i64, f: impl FnOnce(&mut ZoneTransaction<'_, '_>) -> Result<T>) -> Result<T> {
    world.store.import(&platform(), &customer("ann"), at(micros), |w| f(&mut w.zone("acme")?))
}

fn add(world: &World, micros: i64) -> Result<Policy> {
    import(world, micros, |zone| zone.create_policy(NewPolicy::named("p")))
}

fn times(world: &World) -> Vec<i64> {
    world.history().iter().map(|entry| entry.created_at.as_micros()).collect()
}

#[test]
fn imported_entries_tell_who_did_it_and_when_and_who_imported_it_and_when() {
    let world = world();
    let policy = import(&world, 5_000, |zone| zone.create_policy(NewPolicy::named("p").id("mine"))).unwrap();
    assert_eq!((policy.id.as_str(), policy.created_at, policy.created_by.id()), ("mine", at(5_000), "ann"));
    let history = world.history();
    let told =
        |entry: &HistoryEntry| (entry.created_at, entry.clock, entry.created_by.clone(), entry.imported_by.clone());
    let importer = || Some(platform());
    assert_eq!(told(&history[0]), (at(1_000), at(START), customer("founder"), importer()));
    assert_eq!(told(&history[1]), (at(5_000), at(START), customer("ann"), importer()));
    world.extent();
}

#[test]
fn what_is_imported_belongs_to_its_author_and_not_to_the_importer() {
    let world = world();
    let policy = add(&world, 2_000).unwrap();
    assert_eq!(policy.owner_type, OwnerType::Customer);
    let theirs = world.store.import(&customer("carol"), &platform(), at(3_000), |w| {
        w.zone("acme")?.create_policy(NewPolicy::named("guard").id("guard"))
    });
    assert_eq!(theirs.unwrap().owner_type, OwnerType::Platform);
    let renamed = world.write(|zone| zone.archive_policy("guard"));
    refused(renamed, (Forbidden, "platform_owned"), "guard");
    // The rules for the original author apply, not those for the importer.
    let by_author = import(&world, 4_000, |zone| zone.archive_policy("guard"));
    refused(by_author, (Forbidden, "platform_owned"), "guard");
}

#[test]
fn times_do_not_go_back_but_may_be_equal() {
    let world = world();
    let error = refused(add(&world, 999), (Invalid, "imported_out_of_order"), "1970-01-01T00:00:00.000999Z");
    assert!(error.to_string().contains("1970-01-01T00:00:00.001000Z"), "{error}");
    add(&world, 1_000).unwrap();
    add(&world, 1_000).unwrap();
    add(&world, 9_000).unwrap();
    let before = world.extent();
    refused(add(&world, 8_999), (Invalid, "imported_out_of_order"), "into zone `acme`");
    assert_eq!(world.extent(), before);
    add(&world, 9_000).unwrap();
    assert_eq!(times(&world), [1_000, 1_001, 1_002, 9_000, 9_001]);
}

#[test]
fn a_time_that_was_moved_does_not_stop_what_was_given_the_same() {
    let world = world();
    import(&world, 7_000, |zone| (0..5).try_for_each(|_| zone.create_policy(NewPolicy::named("p")).map(drop))).unwrap();
    add(&world, 7_000).unwrap();
    assert_eq!(times(&world), [1_000, 7_000, 7_001, 7_002, 7_003, 7_004, 7_005]);
    refused(add(&world, 6_999), (Invalid, "imported_out_of_order"), "");
    // Also where the moved times are caught up with.
    add(&world, 7_006).unwrap();
    add(&world, 8_000).unwrap();
    refused(add(&world, 7_999), (Invalid, "imported_out_of_order"), "");
    assert_eq!(times(&world)[7..], [7_006, 8_000]);
    world.extent();
}

#[test]
fn nothing_is_imported_from_the_future() {
    let world = world();
    let error = refused(add(&world, START + 1), (Invalid, "imported_out_of_order"), &at(START + 1).to_string());
    assert!(error.to_string().contains(&at(START).to_string()), "{error}");
    add(&world, START).unwrap();
    // Checked first, even if nothing would be written.
    let ran = world.store.import(&platform(), &customer("ann"), at(START + 1), |_| Ok(()));
    refused(ran, (Invalid, "imported_out_of_order"), "");
}

#[test]
fn a_normal_write_after_an_import_has_the_clocks_time_and_no_mark() {
    let world = world();
    add(&world, 5_000).unwrap();
    world.clock.set(START + SECOND);
    let policy = world.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
    assert_eq!((policy.created_at, policy.created_by.id()), (at(START + SECOND), "alice"));
    let last = world.history().pop().unwrap();
    assert_eq!((last.clock, last.imported_by), (at(START + SECOND), None));
    // An import must now be later than this write.
    refused(add(&world, 6_000), (Invalid, "imported_out_of_order"), "");
    add(&world, START + SECOND).unwrap();
}

#[test]
fn a_clock_that_was_behind_goes_on_after_what_was_imported() {
    let world = world();
    add(&world, START).unwrap();
    world.clock.set(START - HOUR);
    let policy = world.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
    assert_eq!(policy.created_at, at(START + 1));
}

/// A tenant with earlier history can be imported after any other writes in the store.
#[test]
fn a_zone_with_earlier_history_is_imported_into_a_store_that_is_in_use() {
    let world = World::new();
    let import = |time, f: fn(&mut WriteTransaction<'_, '_>) -> Result<()>| {
        world.store.import(&platform(), &customer("olga"), at(time), f)
    };
    let policy: fn(&mut WriteTransaction<'_, '_>) -> Result<()> =
        |w| w.zone("old")?.create_policy(NewPolicy::named("p")).map(drop);
    import(2_000, |w| {
        w.publish_schema(NewSchema::cedar("old", SCHEMA))?;
        w.create_zone("old").map(drop)
    })
    .unwrap();
    assert_eq!(world.store.zone("old").unwrap().info().unwrap().created_at, at(2_000));
    // The same time, or a later one; but no earlier one.
    import(2_000, policy).unwrap();
    import(3_000, policy).unwrap();
    refused(import(2_500, policy), (Invalid, "imported_out_of_order"), "");
    let list = PageRequest::new().order(Order::Ascending);
    let history = world.store.zone("old").unwrap().history(&HistoryFilter::new(), &list).unwrap().items;
    assert_eq!(history.iter().map(|entry| entry.created_at).collect::<Vec<_>>(), [2_000, 2_001, 3_000].map(at));
    // In the store's log, they follow the existing entries.
    let history = world.store.history(&HistoryFilter::new(), &list).unwrap().items;
    assert!(history.is_sorted_by(|a, b| a.created_at < b.created_at));
    assert_eq!(history.last().unwrap().imported_by.as_ref().map(policy_store::Actor::id), Some("ops"));
    assert!(world.store.verify().unwrap().is_clean());
}

#[test]
fn each_log_has_its_own_order() {
    let world = world();
    add(&world, 50_000).unwrap();
    let other = world.store.import(&platform(), &customer("ann"), at(2_000), |w| {
        w.publish_schema(NewSchema::cedar("s", SCHEMA))?;
        w.create_zone("other").map(drop)
    });
    other.unwrap();
    // The whole write is refused if one log is later.
    let both = world.store.import(&platform(), &customer("ann"), at(3_000), |w| {
        w.create_zone("third")?;
        w.zone("acme")?.create_policy(NewPolicy::named("p"))
    });
    refused(both, (Invalid, "imported_out_of_order"), "");
    assert!(world.store.zone("third").is_err());
    world.extent();
}

#[test]
fn everything_that_is_created_can_be_given_its_id() {
    let world = world();
    world
        .store
        .import(&platform(), &customer("ann"), at(2_000), |w| {
            w.publish_schema(NewSchema::cedar(super::support::V1, SCHEMA))?;
            let mut zone = w.zone("acme")?;
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            let version =
                zone.create_policy_version("p", NewPolicyVersion::cedar(super::support::V1, PERMIT).id("pv"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let set = zone.create_policy_set_version("s", pinning(&[&version]).id("sv"))?;
            zone.activate(&set.id)
        })
        .unwrap();
    let binding = world.zone().in_force(policy_store::Target::Zone).unwrap();
    assert_eq!((binding.policy_set_version_id.as_str(), binding.by.id()), ("sv", "ann"));
    assert_eq!(world.zone().in_force_at(policy_store::Target::Zone, at(START)).unwrap(), binding);
    world.extent();
}
