//! Resetting a user's policy bundle.

use policy_store::ErrorKind::{Conflict, Forbidden, Invalid};
use policy_store::{
    IdempotencyKey, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, Target, TargetType, limits,
};

use super::applied_bundles::named;
use super::bundles::{ann, apply, bundle, world};
use super::support::{PERMIT, V1, World, platform};

#[test]
fn a_bundle_is_taken_back_in_one_call() {
    let world = world();
    let before = world.extent();
    assert_eq!(world.write(|zone| zone.reset_bundle("ann")).unwrap(), None);
    assert_eq!(world.extent(), before);
    let first = apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    world.write(|zone| zone.bind_shadow(&first.policy_set_version_id, ann())).unwrap();
    assert_eq!(world.write(|zone| zone.reset_bundle("ann")).unwrap(), Some(first.clone()));
    let set = world.zone().policy_set(&first.policy_set_id).unwrap();
    assert!(set.archived_at.is_some() && set.mode.is_none());
    assert!(world.zone().in_force(ann()).is_err() && world.zone().observed(ann()).is_err());
    assert_eq!(world.zone().effective_bundle("ann").unwrap(), world.zone().bundle(Target::Zone).unwrap());
    world.refuses((Invalid, "invalid_input"), "target", |zone| zone.reset_bundle(""));
    // Shadows of other users stay.
    let set = world
        .write(|zone| {
            let set = zone.create_policy_set(NewPolicySet::named("s").target_type(TargetType::User))?.id;
            let version = zone.create_policy_set_version(&set, NewPolicySetVersion::new(V1))?.id;
            zone.bind_shadow(&version, ann())?;
            Ok(set)
        })
        .unwrap();
    apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    world.write(|zone| zone.reset_bundle("ann")).unwrap();
    assert_eq!(world.zone().observed(ann()).unwrap().policy_set_id, set);
}

#[test]
fn taking_back_is_answered_again_as_it_was() {
    let world = world();
    let reset =
        |id: u8| world.write(|zone| zone.idempotency_key(IdempotencyKey::from([id; 16])).reset_bundle("ann")).unwrap();
    assert_eq!(reset(1), None);
    let first = apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    // A late repeated call does not undo later changes.
    assert_eq!(reset(1), None);
    assert_eq!(world.zone().in_force(ann()).unwrap(), first);
    assert_eq!(reset(2), Some(first.clone()));
    apply(&world, ann(), &named(&[("y", PERMIT)])).unwrap();
    let before = world.extent();
    assert_eq!((reset(1), reset(2)), (None, Some(first)));
    assert_eq!(world.extent(), before);
    let id = IdempotencyKey::from([1; 16]);
    world.refuses((Conflict, "request_conflict"), &id.to_string(), |zone| zone.idempotency_key(id).reset_bundle("bob"));
}

#[test]
fn the_platforms_bundle_is_taken_back_by_the_platform() {
    let world = World::new();
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            zone.apply_bundle(ann(), bundle(V1, &[("p", PERMIT)]))
        })
        .unwrap();
    let before = world.zone().in_force(ann()).unwrap();
    world.refuses((Forbidden, "platform_owned"), before.policy_set_id.as_str(), |zone| zone.reset_bundle("ann"));
    assert_eq!(world.write_as(&platform(), |zone| zone.reset_bundle("ann")).unwrap(), Some(before));
}

/// One to unbind and one to archive, and one to end the observation if there is one.
#[test]
fn taking_a_bundle_back_finds_room_in_its_write_for_all_of_it() {
    let outcome = world().write(|zone| {
        let bound = zone.apply_bundle(ann(), bundle(V1, &[]))?.binding;
        zone.bind_shadow(&bound.policy_set_version_id, ann())?;
        for _ in 6..limits::WRITE_ENTRIES {
            zone.create_policy(NewPolicy::named("p"))?;
        }
        assert_eq!(zone.reset_bundle("ann").unwrap_err().code(), "too_large");
        assert_eq!(zone.in_force(ann())?, bound);
        Err::<(), _>(zone.policy("none").unwrap_err())
    });
    assert_eq!(outcome.unwrap_err().code(), "not_found");
    let outcome = world().write(|zone| {
        zone.apply_bundle(ann(), bundle(V1, &[]))?;
        for _ in 5..limits::WRITE_ENTRIES {
            zone.create_policy(NewPolicy::named("p"))?;
        }
        zone.reset_bundle("ann")?;
        assert_eq!(zone.create_policy(NewPolicy::named("p")).unwrap_err().code(), "too_large");
        Err::<(), _>(zone.policy("none").unwrap_err())
    });
    assert_eq!(outcome.unwrap_err().code(), "not_found");
}
