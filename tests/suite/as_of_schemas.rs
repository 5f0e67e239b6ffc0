//! Schema versions as of a point in a zone's history. They are in the store's own log.

use policy_store::{
    Actor, At, HistoryFilter, Include, NewPolicy, NewSchema, Order, PageRequest, PolicyUpdate, Restore, SchemaFilter,
    SchemaStatus, Timestamp, ZoneAsOf,
};

use super::as_of_points::version_position;
use super::support::{Clock, PERMIT, SCHEMA, SECOND, START, V1, World, platform};

/// A time has the schema versions of that time, also between the writes of the zone.
#[test]
fn a_time_between_the_writes_of_the_zone_has_the_schemas_of_that_time() {
    let world = World::new();
    world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
    let position = world.history().last().unwrap().position;
    let status = |status| world.write_store(|w| w.set_schema_status(V1, status)).unwrap().updated_at;
    let times = [SchemaStatus::Deprecated, SchemaStatus::Active, SchemaStatus::Deprecated, SchemaStatus::Archived];
    let times = times.map(|it| (it, status(it)));
    let read = |at: At| world.zone().as_of(at).unwrap();
    let before = Timestamp::from_micros(times[0].1.as_micros() - 1);
    for (at, expected) in [
        (At::Position(position), SchemaStatus::Active),
        (At::Time(before), SchemaStatus::Active),
        (At::Time(times[0].1), times[0].0),
        (At::Time(times[1].1), times[1].0),
        (At::Time(times[2].1), times[2].0),
        (At::Time(times[3].1), times[3].0),
    ] {
        let schema = read(at).schema(V1, Include::Neither).unwrap();
        assert_eq!((schema.schema.status, schema.is_default), (expected, expected != SchemaStatus::Archived), "{at:?}");
        let archived = (expected == SchemaStatus::Archived).then_some(times[3].1);
        assert_eq!(schema.schema.archived_at, archived, "{at:?}");
        let changed = schema.schema.updated_at;
        let deprecated = match expected {
            SchemaStatus::Deprecated => Some(changed),
            SchemaStatus::Archived => Some(times[2].1),
            _ => None,
        };
        assert_eq!(schema.schema.deprecated_at, deprecated, "{at:?}");
        let default = read(at).info().unwrap().default_schema;
        assert_eq!(default.is_some(), expected != SchemaStatus::Archived, "{at:?}");
        assert_eq!(read(at).default_schema().unwrap(), default);
    }
}

/// Schema versions of a copied zone: points before the copy have them as the copy left them.
#[test]
fn a_copied_zone_reads_as_in_its_original_but_for_the_schemas() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    world.version("p", PERMIT);
    world.write(|zone| zone.set_default_schema(Some("s2"))).unwrap();
    let position = version_position(&world);
    world.write(|zone| zone.archive_policy("p")).unwrap();
    let clock = Clock::new();
    clock.set(START + 1_000 * SECOND);
    let there = World::resumed(clock.builder().id_seed(8).in_memory().unwrap(), clock);
    there.write_store(|w| w.publish_schema(NewSchema::cedar("there", "entity A;")).map(drop)).unwrap();
    world.store.copy_zones(&platform(), &["acme"], &there.store).unwrap();
    let copied = version_position(&there);
    there.write_store(|w| w.publish_schema(NewSchema::cedar("s9", "entity B;")).map(drop)).unwrap();
    there.write(|zone| zone.suspend()).unwrap();
    for at in [At::Position(position), At::Time(world.history()[position as usize].created_at)] {
        let [here, there] = [&world, &there].map(|world| world.zone().as_of(at).unwrap());
        assert_eq!(here.info().unwrap(), there.info().unwrap());
        assert_eq!(here.policy("p").unwrap(), there.policy("p").unwrap());
        assert_eq!(here.checkpoint().unwrap(), there.checkpoint().unwrap());
        assert_eq!(names(&there), ["there", V1, "s2"]);
        assert!(there.schema("s2", Include::Both).unwrap().is_default);
    }
    assert_eq!(names(&there.zone().as_of(At::Position(0)).unwrap()), ["there", V1, "s2"], "before it has a default");
    assert_eq!(names(&there.zone().as_of(At::Position(copied)).unwrap()), ["there", V1, "s2"]);
    assert_eq!(names(&there.zone().as_of(At::Position(copied + 1)).unwrap()), ["there", V1, "s2", "s9"]);
}

fn names(zone: &ZoneAsOf) -> Vec<String> {
    let oldest = PageRequest::new().order(Order::Ascending);
    let page = zone.schemas(&SchemaFilter::new(), Include::Neither, &oldest.total_count()).unwrap();
    assert_eq!(page.total_count, Some(page.items.len() as u64));
    page.items.into_iter().map(|item| item.schema.version.to_string()).collect()
}

/// Imported entries are older than the schema versions that were there when they were imported.
#[test]
fn imported_history_has_the_schemas_of_the_time_of_its_import() {
    let clock = Clock::new();
    let world = World::resumed(clock.builder().in_memory().unwrap(), clock);
    world.write_store(|w| w.publish_schema(NewSchema::cedar(V1, SCHEMA)).map(drop)).unwrap();
    let import = |micros, schema: Option<&str>| {
        let by = Actor::customer("ann").unwrap();
        let at = Timestamp::from_micros(micros);
        world.store.import(&platform(), &by, at, |w| match w.zone("acme") {
            Ok(mut zone) => zone.set_default_schema(schema).map(drop),
            Err(_) => w.create_zone("acme").map(drop),
        })
    };
    import(1_000, None).unwrap();
    import(2_000, Some(V1)).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    import(3_000, Some("s2")).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s3", "entity A;")).map(drop)).unwrap();
    import(4_000, None).unwrap();
    let expected: [(u64, Option<&str>, &[&str]); 4] =
        [(0, None, &[V1]), (1, Some(V1), &[V1]), (2, Some("s2"), &[V1, "s2"]), (3, None, &[V1, "s2", "s3"])];
    for (position, default, schemas) in expected {
        for at in [At::Position(position), At::Time(Timestamp::from_micros(1_000 * (position as i64 + 1)))] {
            let then = world.zone().as_of(at).unwrap();
            assert_eq!(then.default_schema().unwrap().as_ref().map(|it| it.as_str()), default, "{at:?}");
            assert_eq!(names(&then), schemas, "{at:?}");
        }
    }
}

/// The clock went back, so the zone's write seems to be before the publication of its default schema.
#[test]
fn the_default_schema_is_there_although_the_clock_went_back() {
    let world = World::new();
    world.clock.set(START + 100 * SECOND);
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s2", "entity A;")).map(drop)).unwrap();
    world.clock.set(START + 50 * SECOND);
    world.write(|zone| zone.set_default_schema(Some("s2"))).unwrap();
    let position = version_position(&world);
    world.clock.set(START + 200 * SECOND);
    world.write_store(|w| w.publish_schema(NewSchema::cedar("s3", "entity A;")).map(drop)).unwrap();
    world.write(|zone| zone.set_default_schema(Some("s3"))).unwrap();
    let then = world.zone().as_of(At::Position(position)).unwrap();
    assert_eq!(then.info().unwrap().default_schema.unwrap(), "s2");
    assert_eq!(names(&then), [V1, "s2"]);
    assert_eq!(names(&then.as_of(Timestamp::MAX).unwrap()), [V1, "s2"], "no later moment of the store's log either");
}

/// Entries of before a fork have the former id of their log.
#[test]
fn a_fork_reads_the_history_of_before_without_a_cache_too() {
    let world = World::in_file();
    let first = world.write(|zone| zone.create_policy(NewPolicy::named("old").id("k"))).unwrap();
    let position = version_position(&world);
    world.version("p", PERMIT);
    world.write(|zone| zone.update_policy("k", PolicyUpdate::new().name("renamed"))).unwrap();
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let builder = world.clock.builder().id_seed(99).record_cache_bytes(0).compiled_cache_bytes(0);
    let store = builder.restore(Restore::Fork(platform())).open(&path).unwrap();
    let fork = World::resumed(store, world.clock.clone());
    let then = fork.zone().as_of(At::Position(position)).unwrap();
    assert_eq!(then.policy("k").unwrap(), first);
    let history = then.history(&HistoryFilter::new(), &PageRequest::new().order(Order::Ascending)).unwrap().items;
    assert_eq!(history, world.history()[..history.len()]);
    let (checkpoint, original) = (then.checkpoint().unwrap(), world.zone().as_of(At::Position(position)).unwrap());
    assert_eq!((checkpoint.size, checkpoint.root), (position + 1, original.checkpoint().unwrap().root));
    // The log has its present id, which the receipts, cursors and checks of this store name.
    assert_eq!(then.info().unwrap().log_id, fork.zone().info().unwrap().log_id);
    assert!(fork.store.verify_since(&[checkpoint]).unwrap().is_clean());
}
