//! The policy that another policy was copied from.

use policy_store::ErrorKind::{Invalid, NotFound};
use policy_store::{Change, NewPolicy, Origin, Policy, Result, ZoneId};

use super::support::{PERMIT, World};

/// A policy of `acme`.
fn origin(world: &World, policy: &str) -> Origin {
    Origin::new("acme".parse().unwrap(), world.zone().info().unwrap().log_id, policy.parse().unwrap())
}

fn copy(world: &World, origin: Origin) -> Result<Policy> {
    world.write(|zone| zone.create_policy(NewPolicy::named("copy").copied_from(origin)))
}

#[test]
fn a_copy_tells_its_origin() {
    let world = World::new();
    world.version("a", PERMIT);
    let original = world.zone().policy("a").unwrap();
    assert_eq!(original.origin, None);
    let from = origin(&world, "a").version(1);
    let made = copy(&world, from.clone()).unwrap();
    assert_eq!(made.origin, Some(from.clone()));
    assert_eq!(world.zone().policy(&made.id).unwrap(), made);
    let Change::PolicyCreated { origin, .. } = world.history().pop().unwrap().change else { panic!("a new policy") };
    assert_eq!(origin, Some(from));
    // A later change leaves it.
    world.write(|zone| zone.archive_policy(&made.id)).unwrap();
    assert_eq!(world.zone().policy(&made.id).unwrap().origin, made.origin);
}

#[test]
fn an_origin_in_the_same_zone_exists() {
    let world = World::new();
    world.version("a", PERMIT);
    let create = |from: Origin| {
        move |zone: &mut policy_store::ZoneTransaction<'_, '_>| {
            zone.create_policy(NewPolicy::named("c").copied_from(from.clone()))
        }
    };
    world.refuses((NotFound, "not_found"), "none", create(origin(&world, "none")));
    world.refuses((Invalid, "invalid_input"), "2", create(origin(&world, "a").version(2)));
    world.refuses((Invalid, "invalid_input"), "0", create(origin(&world, "a").version(0)));
    let renamed = Origin::new("other".parse().unwrap(), origin(&world, "a").log_id, "a".parse().unwrap());
    world.refuses((Invalid, "invalid_input"), "other", create(renamed));
    // A zone of another store can have the same id, and cannot be looked up.
    let log_id = world.store.zone("other").unwrap().info().unwrap().log_id;
    let elsewhere = Origin::new("acme".parse().unwrap(), log_id, "none".parse().unwrap()).version(7);
    assert_eq!(copy(&world, elsewhere.clone()).unwrap().origin, Some(elsewhere));
    assert_eq!(copy(&world, origin(&world, "a")).unwrap().origin.unwrap().zone_id, ZoneId::new("acme").unwrap());
}
