//! Actors: every write has one, and only a platform actor can change a resource that a platform actor created.

use policy_store::ErrorKind::{Forbidden, Invalid, TooLarge};
use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, OwnerType, PolicySetUpdate,
    PolicyUpdate, Result, SchemaStatus, ZoneTransaction,
};

use super::support::{PERMIT, SCHEMA, V1, World, customer, platform, refused};

#[test]
fn an_actors_id_has_1_to_256_bytes_without_control_characters() {
    for good in ["x", "zoë@example", &"x".repeat(256)] {
        assert_eq!((Actor::customer(good).unwrap().id(), Actor::platform(good).unwrap().id()), (good, good));
    }
    for make in [|id: &str| Actor::customer(id), |id: &str| Actor::platform(id)] {
        refused(make(""), (Invalid, "invalid_input"), "actor id");
        refused(make("a\tb"), (Invalid, "invalid_input"), "actor id");
        refused(make(&"é".repeat(129)), (TooLarge, "too_large"), "actor id");
    }
}

#[test]
fn every_write_names_its_actor() {
    let world = World::new();
    let (one, two, three) = (customer("one"), customer("two"), customer("three"));
    let (policy, version, set, pinned) = world
        .write_as(&one, |zone| {
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, PERMIT))?;
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            let pinned = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new(V1).pin(&version))?;
            Ok((policy, version, set, pinned))
        })
        .unwrap();
    for by in [&policy.created_by, &version.created_by, &set.created_by, &pinned.created_by] {
        assert_eq!(*by, one);
    }
    assert_eq!(
        (&policy.updated_by, &policy.archived_by, &set.updated_by, &set.archived_by),
        (&None, &None, &None, &None)
    );
    let (policy, set, bound) = world
        .write_as(&two, |zone| {
            let bound = zone.activate(&pinned.id)?;
            zone.update_policy(&policy.id, PolicyUpdate::new().name("renamed"))?;
            zone.update_policy_set(&set.id, PolicySetUpdate::new().name("renamed"))?;
            Ok((zone.policy(&policy.id)?, zone.policy_set(&set.id)?, bound))
        })
        .unwrap();
    assert_eq!((policy.updated_by, set.updated_by, bound.binding.by), (Some(two.clone()), Some(two.clone()), two));
    world
        .write_as(&three, |zone| {
            zone.unbind(policy_store::Target::Zone)?;
            let by = [
                zone.archive_policy(&policy.id)?.archived_by,
                zone.archive_policy_version(&version.id)?.archived_by,
                zone.archive_policy_set_version(&pinned.id)?.archived_by,
                zone.archive_policy_set(&set.id)?.archived_by,
            ];
            assert_eq!(by, [(); 4].map(|()| Some(three.clone())));
            Ok(())
        })
        .unwrap();
    let by: Vec<_> = world.history().into_iter().map(|entry| entry.created_by.id().to_owned()).collect();
    let expected = [["alice"; 1].as_slice(), &["one"; 4], &["two"; 3], &["three"; 5]].concat();
    assert_eq!(by, expected);
    let schema = world.store.write(&platform(), |w| w.publish_schema(NewSchema::cedar("next", SCHEMA))).unwrap();
    assert_eq!(schema.created_by, platform());
    assert_eq!(world.zone().info().unwrap().created_by, customer("alice"));
}

#[test]
fn what_an_actor_makes_is_owned_by_its_kind() {
    let world = World::new();
    for (actor, owner) in [(customer("c"), OwnerType::Customer), (platform(), OwnerType::Platform)] {
        let owners = world.write_as(&actor, |zone| {
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, PERMIT))?;
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            let pinned = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new(V1))?;
            Ok([policy.owner_type, version.owner_type, set.owner_type, pinned.owner_type])
        });
        assert_eq!(owners.unwrap(), [owner; 4]);
        assert_eq!(world.history().last().unwrap().created_by.owner_type(), owner);
    }
}

type Call = fn(&mut ZoneTransaction<'_, '_>) -> Result<()>;

/// Every change of an existing resource, except of bindings.
const CHANGES: [(&str, Call); 8] = [
    ("policy `p`", |zone| zone.update_policy("p", PolicyUpdate::new().name("x")).map(drop)),
    ("policy `p`", |zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT)).map(drop)),
    ("policy version `v`", |zone| zone.archive_policy_version("v").map(drop)),
    ("policy `p`", |zone| zone.archive_policy("p").map(drop)),
    ("policy set `s`", |zone| zone.update_policy_set("s", PolicySetUpdate::new().name("x")).map(drop)),
    ("policy set `s`", |zone| zone.create_policy_set_version("s", NewPolicySetVersion::new(V1)).map(drop)),
    ("policy set version `sv`", |zone| zone.archive_policy_set_version("sv").map(drop)),
    ("policy set `s`", |zone| zone.archive_policy_set("s").map(drop)),
];

fn made_by(actor: &Actor) -> World {
    let world = World::new();
    world
        .write_as(actor, |zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("v"))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).id("sv"))
        })
        .unwrap();
    world
}

#[test]
fn a_customer_cannot_change_what_the_platform_owns() {
    let world = made_by(&platform());
    for (names, change) in CHANGES {
        world.refuses((Forbidden, "platform_owned"), names, change);
    }
}

#[test]
fn a_customer_is_refused_what_the_platform_owns_even_where_nothing_would_change() {
    let world = made_by(&platform());
    for (_, change) in [CHANGES[2], CHANGES[3], CHANGES[6], CHANGES[7]] {
        world.write_as(&platform(), change).unwrap();
    }
    for (names, change) in CHANGES {
        world.refuses((Forbidden, "platform_owned"), names, change);
    }
}

#[test]
fn a_platform_actor_changes_what_either_owns() {
    for actor in [customer("alice"), platform()] {
        let world = made_by(&actor);
        for (_, change) in CHANGES {
            world.write_as(&platform(), change).unwrap();
        }
    }
}

#[test]
fn a_version_that_the_platform_made_of_a_customers_policy_is_the_platforms() {
    let world = made_by(&customer("alice"));
    let version = world.write_as(&platform(), |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("theirs"))
    });
    assert_eq!(version.unwrap().owner_type, OwnerType::Platform);
    world.refuses((Forbidden, "platform_owned"), "policy version `theirs`", |zone| {
        zone.archive_policy_version("theirs")
    });
    world.write(|zone| zone.archive_policy_version("v")).unwrap();
}

#[test]
fn a_customer_may_pin_and_read_what_the_platform_owns() {
    let world = made_by(&platform());
    let version = world.zone().policy_version("v", policy_store::Include::Both).unwrap();
    let pinned = world.set_version("mine", &[&version]);
    assert_eq!((pinned.owner_type, pinned.manifest.entries[0].sha), (OwnerType::Customer, version.sha));
    let schema = world.store.write(&platform(), |w| w.set_schema_status(V1, SchemaStatus::Deprecated)).unwrap();
    assert_eq!(schema.status, SchemaStatus::Deprecated);
}

#[test]
fn a_customer_does_not_fix_the_target_of_a_platform_owned_set() {
    let world = World::new();
    let version = world
        .write_as(&platform(), |zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(policy_store::TargetType::User))?;
            zone.create_policy_set_version("u", NewPolicySetVersion::new(V1))
        })
        .unwrap();
    let user = || policy_store::Target::User("bob".into());
    world.refuses((Forbidden, "platform_owned"), "policy set `u`", |zone| zone.bind(&version.id, user()));
    world.write_as(&platform(), |zone| zone.bind(&version.id, user())).unwrap();
    world.write(|zone| zone.unbind(user())).unwrap();
    world.write(|zone| zone.bind(&version.id, user())).unwrap();
}
