//! Ids: generated or given; their alphabet; unique per kind in a zone, and unknown in other zones.

use policy_store::ErrorKind::{Conflict, Invalid, NotFound};
use policy_store::{
    Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PageRequest, Pin,
    PolicySetUpdate, PolicyUpdate, Result, Zone, ZoneTransaction,
};

use super::support::{PERMIT, SCHEMA, START, V1, World, refused};

/// Creates one resource of each kind in a zone, with the given ids.
fn create(zone: &mut ZoneTransaction<'_, '_>, kind: &str, id: &str) -> Result<String> {
    match kind {
        "policy" => zone.create_policy(NewPolicy::named("n").id(id)).map(|it| it.id.to_string()),
        "policy version" => zone
            .create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id(id))
            .map(|version| version.id.to_string()),
        "policy set" => zone.create_policy_set(NewPolicySet::named("n").id(id)).map(|it| it.id.to_string()),
        _ => zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).id(id)).map(|it| it.id.to_string()),
    }
}

const KINDS: [&str; 4] = ["policy", "policy version", "policy set", "policy set version"];

fn world() -> World {
    let world = World::new();
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))
        })
        .unwrap();
    world
}

#[test]
fn generated_ids_are_version_7_uuids_of_their_time_and_all_different() {
    let ids = World::new()
        .write(|zone| {
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, PERMIT))?;
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            let pinned = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new(V1))?;
            Ok([policy.id.to_string(), version.id.to_string(), set.id.to_string(), pinned.id.to_string()])
        })
        .unwrap();
    for (n, id) in ids.iter().enumerate() {
        let uuid = uuid::Uuid::parse_str(id).unwrap();
        assert_eq!((uuid.get_version_num(), uuid.to_string()), (7, id.clone()));
        let millis = i64::from_str_radix(&id[..13].replace('-', ""), 16).unwrap();
        assert!((0..1_000).contains(&(millis - START / 1_000)), "{id}");
        assert!(!ids[..n].contains(id));
    }
}

#[test]
fn a_caller_may_supply_its_own_id_of_the_alphabet() {
    let world = world();
    for kind in KINDS {
        for id in ["a", "0", "2026-02-24", "A.b_c:d-e", &"z".repeat(64)] {
            assert_eq!(world.write(|zone| create(zone, kind, id)).unwrap(), id, "{kind}");
        }
    }
    for id in ["Z", "9", "a.b_c:d-e", &"z".repeat(64)] {
        world.write_store(|w| w.create_zone(id).map(drop)).unwrap();
        assert_eq!(*world.store.zone(id).unwrap().id(), id);
        let schema = world.write_store(|w| w.publish_schema(NewSchema::cedar(id, SCHEMA))).unwrap();
        assert_eq!(schema.version, id);
    }
}

#[test]
fn an_id_outside_of_the_alphabet_is_refused_for_every_kind() {
    let world = world();
    for kind in KINDS {
        for id in ["", "-a", ".a", "_a", ":a", "a b", "a/b", "é", "a\0", "a\n", &"z".repeat(65)] {
            let error =
                world.refuses((Invalid, "invalid_input"), &format!("{kind} id `{id}`"), |zone| create(zone, kind, id));
            assert!(error.to_string().starts_with("invalid"), "{error}");
        }
    }
    for id in ["", "-a", "a b", &"z".repeat(65)] {
        refused(world.write_store(|w| w.create_zone(id).map(drop)), (Invalid, "invalid_input"), "zone id");
        let publish = world.write_store(|w| w.publish_schema(NewSchema::cedar(id, SCHEMA)));
        refused(publish, (Invalid, "invalid_input"), "schema version");
    }
}

#[test]
fn a_version_with_warnings_that_is_refused_for_its_id_leaves_no_content() {
    let world = world();
    let warns = "permit(principal, action, resource) when { false };";
    assert!(!world.version("warns", warns).warnings.is_empty(), "the text has no warnings, so this tests nothing");
    let world = self::world();
    world.refuses((Invalid, "invalid_input"), "a b", |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, warns).id("a b"))
    });
}

#[test]
fn an_id_is_taken_only_once_per_kind_and_zone() {
    let world = world();
    for kind in KINDS {
        // Each kind has ids of its own.
        world.write(|zone| create(zone, kind, "same")).unwrap();
        world.refuses((Conflict, "already_exists"), &format!("{kind} `same`"), |zone| create(zone, kind, "same"));
    }
    world
        .write_store(|w| {
            let mut other = w.zone("other")?;
            other.create_policy(NewPolicy::named("p").id("p"))?;
            other.create_policy_set(NewPolicySet::named("s").id("s"))?;
            KINDS.into_iter().try_for_each(|kind| create(&mut other, kind, "same").map(drop))
        })
        .unwrap();
    refused(world.write_store(|w| w.create_zone("acme").map(drop)), (Conflict, "already_exists"), "zone `acme`");
}

#[test]
fn a_version_id_is_unique_in_the_zone_and_not_only_in_its_policy() {
    let world = world();
    world.write(|zone| create(zone, "policy version", "v")).unwrap();
    world.write(|zone| create(zone, "policy set version", "v")).unwrap();
    world.write(|zone| create(zone, "policy", "p2")).unwrap();
    world.write(|zone| create(zone, "policy set", "s2")).unwrap();
    world.refuses((Conflict, "already_exists"), "policy version `v`", |zone| {
        zone.create_policy_version("p2", NewPolicyVersion::cedar(V1, PERMIT).id("v"))
    });
    world.refuses((Conflict, "already_exists"), "policy set version `v`", |zone| {
        zone.create_policy_set_version("s2", NewPolicySetVersion::new(V1).id("v"))
    });
}

/// The results of every call that takes an id.
fn said_of(world: &World, zone: &Zone, id: &str) -> Vec<String> {
    let list = PageRequest::new();
    let mut said = Vec::new();
    let mut note = |result: Result<()>| said.push(format!("{:?}", result.expect_err("the id is not of this zone")));
    note(zone.policy(id).map(drop));
    note(zone.policy_version(id, Include::Both).map(drop));
    note(zone.policy_version_numbered(id, 1, Include::Both).map(drop));
    note(zone.policy_versions(id, Include::Both, &list).map(drop));
    note(zone.policy_set(id).map(drop));
    note(zone.policy_set_version(id).map(drop));
    note(zone.policy_set_version_numbered(id, 1).map(drop));
    note(zone.policy_set_versions(id, &list).map(drop));
    note(zone.pinned_policy_versions(id, Include::Both, &list).map(drop));
    note(zone.authorizer_of_version(id).map(drop));
    let pin = |policy: &str| Pin { policy_id: policy.into(), policy_version_id: id.into(), sha: None };
    type Call<'a> = Box<dyn Fn(&mut ZoneTransaction<'_, '_>) -> Result<()> + 'a>;
    let calls: Vec<Call<'_>> = vec![
        Box::new(|z| z.policy(id).map(drop)),
        Box::new(|z| z.policy_version(id, Include::Both).map(drop)),
        Box::new(|z| z.policy_set(id).map(drop)),
        Box::new(|z| z.policy_set_version(id).map(drop)),
        Box::new(|z| z.update_policy(id, PolicyUpdate::new().name("x")).map(drop)),
        Box::new(|z| z.archive_policy(id).map(drop)),
        Box::new(|z| z.create_policy_version(id, NewPolicyVersion::cedar(V1, PERMIT)).map(drop)),
        Box::new(|z| z.archive_policy_version(id).map(drop)),
        Box::new(|z| z.update_policy_set(id, PolicySetUpdate::new().name("x")).map(drop)),
        Box::new(|z| z.archive_policy_set(id).map(drop)),
        Box::new(|z| z.create_policy_set_version(id, NewPolicySetVersion::new(V1)).map(drop)),
        Box::new(|z| z.archive_policy_set_version(id).map(drop)),
        Box::new(|z| z.activate(id).map(drop)),
        Box::new(|z| z.create_policy_set_version("mine", NewPolicySetVersion::from_pins(V1, [pin(id)])).map(drop)),
        Box::new(|z| z.create_policy_set_version("mine", NewPolicySetVersion::from_pins(V1, [pin("mine")])).map(drop)),
    ];
    for call in calls {
        note(world.write_store(|w| call(&mut w.zone("other")?)));
    }
    said
}

#[test]
fn an_id_of_another_zone_gives_exactly_the_error_of_an_unknown_one() {
    let world = world();
    for kind in KINDS {
        world.write(|zone| create(zone, kind, "theirs")).unwrap();
    }
    world
        .write_store(|w| {
            let mut other = w.zone("other")?;
            other.create_policy(NewPolicy::named("mine").id("mine"))?;
            other.create_policy_set(NewPolicySet::named("mine").id("mine"))
        })
        .unwrap();
    let other = world.store.zone("other").unwrap();
    let (theirs, unknown) = (said_of(&world, &other, "theirs"), said_of(&world, &other, "nobodys"));
    assert_eq!(theirs.iter().map(|said| said.replace("theirs", "nobodys")).collect::<Vec<_>>(), unknown);
    assert!(unknown.iter().all(|said| said.starts_with("Error(not_found")), "{unknown:#?}");
    refused(world.store.zone("nowhere"), (NotFound, "not_found"), "zone `nowhere`");
}
