//! The state of a zone: a suspended zone refuses writes, and a default schema is only a hint.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Archived, Conflict, NotFound};
use policy_store::{
    Change, Include, NewPolicy, NewPolicySet, NewPolicyVersion, NewSchema, PolicySetUpdate, PolicyUpdate, Precondition,
    Result, SchemaStatus, Target, ZoneTransaction,
};

use super::support::{PERMIT, SCHEMA, V1, World, customer, decide, pinning, platform, refused};

const SUSPENDED: (policy_store::ErrorKind, &str) = (Conflict, "suspended");

fn suspended(world: &World) -> bool {
    world.zone().info().unwrap().suspended
}

/// A suspended zone accepts no write, not even one that removes an archived default.
#[test]
fn what_is_suspended_already_is_left_as_it_is() {
    let world = World::new();
    world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
    world.write(|zone| zone.suspend()).unwrap();
    world
        .write_store(|w| {
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)
        })
        .unwrap();
    let before = world.history();
    let again = world.write(|zone| zone.suspend()).unwrap();
    assert_eq!((again.suspended, again.default_schema), (true, None));
    assert_eq!(world.history(), before);
}

#[test]
fn a_suspended_zone_takes_no_write_and_goes_on_deciding() {
    type Call = fn(&mut ZoneTransaction<'_, '_>) -> Result<()>;
    let calls: [Call; 17] = [
        |zone| zone.create_policy(NewPolicy::named("new")).map(drop),
        |zone| zone.update_policy("p", PolicyUpdate::new().name("p")).map(drop),
        |zone| zone.archive_policy("p").map(drop),
        |zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT)).map(drop),
        |zone| zone.archive_policy_version("pv").map(drop),
        |zone| zone.create_policy_set(NewPolicySet::named("new")).map(drop),
        |zone| zone.update_policy_set("s", PolicySetUpdate::new().name("s")).map(drop),
        |zone| zone.archive_policy_set("e").map(drop),
        |zone| zone.create_policy_set_version("s", pinning(&[])).map(drop),
        |zone| zone.archive_policy_set_version("other").map(drop),
        |zone| zone.activate("sv").map(drop),
        |zone| zone.bind("other", Target::Zone).map(drop),
        |zone| zone.bind_shadow("other", Target::Zone).map(drop),
        |zone| zone.unbind(Target::Zone).map(drop),
        |zone| zone.unbind_shadow(Target::Zone).map(drop),
        |zone| zone.set_default_schema(Some(V1)).map(drop),
        // Before the error about the missing policy.
        |zone| zone.archive_policy("none").map(drop),
    ];
    let world = World::new();
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("pv"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            zone.create_policy_set(NewPolicySet::named("e").id("e"))?;
            zone.create_policy_set_version("s", pinning(&[&version]).id("sv"))?;
            zone.create_policy_set_version("s", pinning(&[]).id("other"))?;
            zone.activate("sv")?;
            zone.bind_shadow("sv", Target::Zone)?;
            zone.suspend()
        })
        .unwrap();
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, PERMIT)).unwrap();
    for call in calls {
        world.refuses(SUSPENDED, "zone `acme`", call);
    }
    world.refuses(SUSPENDED, "zone `acme`", |zone| zone.create_policy_version("p", prepared.clone()));
    refused(world.write_as(&platform(), |zone| zone.archive_policy("p")), SUSPENDED, "acme");
    // Reads and decisions continue, and so does the rest of the store.
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
    assert_eq!(decide(&world.zone().shadow_authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
    assert_eq!(world.zone().policy("p").unwrap().name, "p");
    assert_eq!(world.write(|zone| zone.policy_version("pv", Include::Cedar)).unwrap().version, 1);
    world.write_store(|w| w.zone("other")?.create_policy(NewPolicy::named("p"))).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("2027", SCHEMA))).unwrap();
    world.write(|zone| zone.resume()).unwrap();
    for call in &calls[..16] {
        world
            .write(|zone| {
                call(zone)?;
                Err::<(), _>(zone.archive_policy("none").unwrap_err())
            })
            .map_err(|error| assert_eq!(error.code(), "not_found", "{error}"))
            .unwrap_err();
    }
}

#[test]
fn suspending_and_resuming_are_written_once() {
    let world = World::new();
    let extent = world.extent();
    assert!(!world.write(|zone| zone.resume()).unwrap().suspended, "it was not suspended");
    assert_eq!(world.extent(), extent);
    let info = world.write_as(&customer("bea"), |zone| zone.suspend()).unwrap();
    assert!(info.suspended);
    assert_eq!((info, true), (world.zone().info().unwrap(), suspended(&world)));
    let entry = world.history().pop().unwrap();
    assert_eq!((entry.change, entry.created_by.id()), (Change::ZoneSuspended { suspended: true }, "bea"));
    let extent = world.extent();
    assert!(world.write(|zone| zone.suspend()).unwrap().suspended);
    assert_eq!(world.extent(), extent);
    assert!(!world.write(|zone| zone.resume()).unwrap().suspended);
    assert!(!suspended(&world));
    assert_eq!(world.history().pop().unwrap().change, Change::ZoneSuspended { suspended: false });
    world.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
}

#[test]
fn a_zone_is_suspended_for_the_rest_of_the_write_and_after_reopening() {
    let world = World::in_file();
    world
        .write(|zone| {
            zone.suspend()?;
            assert!(zone.info()?.suspended);
            refused(zone.create_policy(NewPolicy::named("p")), SUSPENDED, "acme");
            zone.resume()?;
            zone.create_policy(NewPolicy::named("p"))?;
            zone.suspend()
        })
        .unwrap();
    let world = world.reopened();
    assert!(suspended(&world));
    world.refuses(SUSPENDED, "acme", |zone| zone.create_policy(NewPolicy::named("p")));
    world.store.rebuild_indexes().unwrap();
    assert!(suspended(&world));
    let zones = world.store.zones(&policy_store::PageRequest::new()).unwrap().items;
    assert_eq!(zones.iter().map(|zone| zone.suspended).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn suspending_can_be_demanded_upon() {
    let world = World::new();
    let unmet = (policy_store::ErrorKind::PreconditionFailed, "precondition_failed");
    world.refuses(unmet, "bindings", |zone| zone.precondition(Precondition::bindings_revision(9)).suspend());
    // Preconditions are checked before the suspension.
    world.write(|zone| zone.precondition(Precondition::bindings_revision(0)).suspend()).unwrap();
    world.refuses(unmet, "bindings", |zone| {
        zone.precondition(Precondition::bindings_revision(9)).create_policy(NewPolicy::named("p"))
    });
}

#[test]
fn a_zone_has_one_default_schema_or_none() {
    let world = World::new();
    let default = || {
        let default = world.zone().default_schema().unwrap();
        assert_eq!(world.zone().info().unwrap().default_schema, default);
        let marked: Vec<_> =
            world.zone().schemas(&Default::default(), Include::Neither, &Default::default()).unwrap().items;
        let marked: Vec<_> = marked.into_iter().filter(|schema| schema.is_default).collect();
        assert_eq!(marked.first().map(|schema| schema.schema.version.clone()), default);
        default.map(|version| version.to_string())
    };
    world.write_store(|w| w.publish_schema(NewSchema::cedar("2027", SCHEMA))).unwrap();
    assert_eq!(default(), None);
    for version in [V1, "2027"] {
        let info = world.write(|zone| zone.set_default_schema(Some(version))).unwrap();
        assert_eq!(info.default_schema.unwrap(), version);
        assert_eq!(default().as_deref(), Some(version));
        let extent = world.extent();
        world.write(|zone| zone.set_default_schema(Some(version))).unwrap();
        assert_eq!(world.extent(), extent, "the same again changes nothing");
    }
    assert_eq!(world.store.zone("other").unwrap().default_schema().unwrap(), None);
    world.refuses((NotFound, "not_found"), "schema `none`", |zone| zone.set_default_schema(Some("none")));
    assert_eq!(world.write(|zone| zone.set_default_schema(None)).unwrap().default_schema, None);
    assert_eq!(default(), None);
    assert_eq!(world.history().pop().unwrap().change, Change::DefaultSchemaChanged { version: None });
    let extent = world.extent();
    world.write(|zone| zone.set_default_schema(None)).unwrap();
    assert_eq!(world.extent(), extent);
}

#[test]
fn an_archived_schema_is_no_default_and_is_not_missed() {
    let world = World::new();
    world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
    world.write_store(|w| w.set_schema_status(V1, SchemaStatus::Deprecated)).unwrap();
    assert_eq!(world.zone().default_schema().unwrap().unwrap(), V1, "a deprecated one still is");
    world.write_store(|w| w.set_schema_status(V1, SchemaStatus::Archived)).unwrap();
    assert_eq!(world.zone().default_schema().unwrap(), None);
    assert_eq!(world.zone().info().unwrap().default_schema, None);
    world.refuses((Archived, "archived"), V1, |zone| zone.set_default_schema(Some(V1)));
    world.write_store(|w| w.publish_schema(NewSchema::cedar("2027", SCHEMA))).unwrap();
    let info = world.write(|zone| zone.set_default_schema(Some("2027"))).unwrap();
    assert_eq!(info.default_schema.unwrap(), "2027");
    world.extent();
}
