//! Bindings: the version in force for a target, its replacement, and the kinds of targets.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Conflict, Invalid, NotBound, TooLarge};
use policy_store::{BindingMode, NewPolicySet, PolicySetVersion, PolicyVersion, Target, TargetType};

use super::support::{PERMIT, World, customer, decide, pinning, refused};

fn user(id: &str) -> Target {
    Target::User(id.to_owned())
}

fn user_set(world: &World, id: &str, pins: &[&PolicyVersion]) -> PolicySetVersion {
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named(id).id(id).target_type(TargetType::User))?;
            zone.create_policy_set_version(id, pinning(pins))
        })
        .unwrap()
}

#[test]
fn a_set_is_created_unbound_and_nothing_bound_is_an_error_and_not_a_denial() {
    let world = World::new();
    let version = world.set_version("s", &[]);
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.active, set.active_version, set.active_version_id, set.mode), (false, None, None, None));
    assert_eq!((set.shadow_version, set.shadow_version_id, version.active), (None, None, false));
    let zone = world.zone();
    for (target, names) in [(Target::Zone, "the zone"), (user("ann"), "user `ann`")] {
        let expected = (NotBound, "not_bound");
        refused(zone.in_force(target.clone()), expected, names);
        refused(zone.authorizer(target.clone()), expected, "zone `acme`");
        world.refuses(expected, names, |zone| zone.in_force(target.clone()));
        world.refuses(expected, names, |zone| zone.unbind(target.clone()));
    }
}

#[test]
fn what_is_activated_is_in_force_since_then_and_by_whom() {
    let world = World::new();
    let version = world.set_version("s", &[]);
    let bound = world.write_as(&customer("bea"), |zone| zone.activate(&version.id)).unwrap().binding;
    let entry = world.history().pop().unwrap();
    assert_eq!((bound.zone_id.as_str(), &bound.target, bound.mode), ("acme", &Target::Zone, BindingMode::Active));
    assert_eq!((&bound.policy_set_version_id, bound.policy_set_id.as_str(), bound.version), (&version.id, "s", 1));
    assert_eq!((bound.since, bound.by.id(), bound.position), (entry.created_at, "bea", entry.position));
    assert_eq!(world.zone().in_force(Target::Zone).unwrap(), bound);
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.active, set.active_version, set.active_version_id), (true, Some(1), Some(version.id.clone())));
    assert_eq!(set.mode, Some(BindingMode::Active));
    assert!(world.zone().policy_set_version(&version.id).unwrap().active);
}

#[test]
fn the_one_active_version_of_a_target_is_replaced_also_by_another_sets() {
    let world = World::new();
    let (first, second) = (world.live("s", &[]), world.live("s", &[]));
    let active = |version: &PolicySetVersion| world.zone().policy_set_version(&version.id).unwrap().active;
    assert_eq!((active(&first), active(&second)), (false, true));
    assert_eq!(world.zone().policy_set("s").unwrap().active_version, Some(2));
    let before = world.zone().policy_set("s").unwrap().revision;
    let other = world.live("t", &[]);
    assert_eq!(world.zone().in_force(Target::Zone).unwrap().policy_set_version_id, other.id);
    let displaced = world.zone().policy_set("s").unwrap();
    assert_eq!((displaced.active, displaced.active_version_id, displaced.mode), (false, None, None));
    assert_eq!((active(&second), active(&other)), (false, true));
    let position = world.history().pop().unwrap().position;
    assert!(before < position);
    assert_eq!(displaced.revision, position, "to be displaced changes a set");
    assert_eq!(world.zone().policy_set("t").unwrap().revision, position);
}

#[test]
fn what_is_in_force_already_is_not_bound_again() {
    let world = World::new();
    let version = world.live("s", &[]);
    let bound = world.zone().in_force(Target::Zone).unwrap();
    let before = world.extent();
    let again = world.write_as(&customer("bea"), |zone| zone.activate(&version.id)).unwrap();
    assert_eq!((again.binding, again.replaced, again.changed), (bound, None, false));
    assert_eq!(world.extent(), before);
}

#[test]
fn unbinding_leaves_nothing_in_force() {
    let world = World::new();
    let version = world.live("s", &[]);
    let bound = world.zone().in_force(Target::Zone).unwrap();
    assert_eq!(world.write(|zone| zone.unbind(Target::Zone)).unwrap(), bound);
    refused(world.zone().in_force(Target::Zone), (NotBound, "not_bound"), "acme");
    refused(world.zone().authorizer(Target::Zone), (NotBound, "not_bound"), "acme");
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.active, set.mode, set.revision), (false, None, world.history().pop().unwrap().position));
    assert!(!world.zone().policy_set_version(&version.id).unwrap().active);
    world.refuses((NotBound, "not_bound"), "acme", |zone| zone.unbind(Target::Zone));
}

#[test]
fn a_rollback_is_a_new_binding_to_an_older_version() {
    let world = World::new();
    let allow = world.version("p", PERMIT);
    let (old, new) = (world.live("s", &[&allow]), world.live("s", &[]));
    let first = world.zone().in_force_at(Target::Zone, policy_store::At::Position(5)).unwrap();
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Deny);
    let back = world.write(|zone| zone.activate(&old.id)).unwrap().binding;
    assert_eq!((back.version, &back.policy_set_version_id), (1, &old.id));
    assert!(back.position > first.position && back.since > first.since);
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
    assert!(!world.zone().policy_set_version(&new.id).unwrap().active);
}

#[test]
fn a_users_decision_uses_that_users_binding_alone() {
    let world = World::new();
    let allow = world.version("p", PERMIT);
    world.live("s", &[&allow]);
    // A binding of the zone does not answer for a user, nor the other way round.
    refused(world.zone().authorizer(user("ann")), (NotBound, "not_bound"), "user `ann`");
    let theirs = user_set(&world, "u", &[]);
    world.write(|zone| zone.bind(&theirs.id, user("ann"))).unwrap();
    let decision = |target| decide(&world.zone().authorizer(target).unwrap(), "ann", "read", "open");
    assert_eq!((decision(user("ann")), decision(Target::Zone)), (Decision::Deny, Decision::Allow));
    refused(world.zone().in_force(user("an")), (NotBound, "not_bound"), "user `an`");
    refused(world.zone().in_force(user("anna")), (NotBound, "not_bound"), "user `anna`");
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    assert_eq!(decision(user("ann")), Decision::Deny);
    refused(world.zone().authorizer(Target::Zone), (NotBound, "not_bound"), "the zone");
}

#[test]
fn bindings_of_one_zone_are_nothing_in_another() {
    let world = World::new();
    world.live("s", &[]);
    let other = world.store.zone("other").unwrap();
    refused(other.in_force(Target::Zone), (NotBound, "not_bound"), "zone `other`");
    refused(other.authorizer(Target::Zone), (NotBound, "not_bound"), "zone `other`");
}

#[test]
fn the_first_activation_fixes_the_user_of_a_user_set() {
    let world = World::new();
    let (version, other) = (user_set(&world, "u", &[]), user_set(&world, "v", &[]));
    assert_eq!(world.zone().policy_set("u").unwrap().target_id, None);
    world.write(|zone| zone.bind(&version.id, user("ann"))).unwrap();
    assert_eq!(world.zone().policy_set("u").unwrap().target_id.as_deref(), Some("ann"));
    world.write(|zone| zone.bind(&other.id, user("ann"))).unwrap();
    for _ in 0..2 {
        world.refuses(
            (Conflict, "wrong_target"),
            "wrong target of policy set `u`: user `bob`, expected user `ann`",
            |zone| zone.bind(&version.id, user("bob")),
        );
        assert_eq!(world.zone().policy_set("u").unwrap().target_id.as_deref(), Some("ann"));
        // Unbinding does not free it.
        let _ = world.write(|zone| zone.unbind(user("ann")));
    }
    world.write(|zone| zone.bind(&version.id, user("ann"))).unwrap();
}

#[test]
fn a_set_is_bound_only_to_its_kind_of_target() {
    let world = World::new();
    let (for_zone, for_user) = (world.set_version("s", &[]), user_set(&world, "u", &[]));
    world.refuses(
        (Conflict, "wrong_target"),
        "wrong target of policy set `s`: user `ann`, expected the zone",
        |zone| zone.bind(&for_zone.id, user("ann")),
    );
    world.refuses((Conflict, "wrong_target"), "wrong target of policy set `u`: the zone, expected a user", |zone| {
        zone.activate(&for_user.id)
    });
}

#[test]
fn a_targets_id_has_1_to_256_bytes_without_control_characters() {
    let world = World::new();
    for good in ["a", "zoë <z@example.org>", &"x".repeat(256)] {
        let set = format!("u{}", good.len());
        let version = user_set(&world, &set, &[]);
        world.write(|zone| zone.bind(&version.id, user(good))).unwrap();
        assert_eq!(world.zone().in_force(user(good)).unwrap().target, user(good));
        assert_eq!(world.zone().policy_set(&set).unwrap().target_id.as_deref(), Some(good));
    }
    let version = user_set(&world, "u", &[]);
    for (bad, expected) in [
        ("", (Invalid, "invalid_input")),
        ("a\0b", (Invalid, "invalid_input")),
        (&"é".repeat(129), (TooLarge, "too_large")),
    ] {
        world.refuses(expected, "target id", |zone| zone.bind(&version.id, user(bad)));
        world.refuses(expected, "target id", |zone| zone.unbind(user(bad)));
        refused(world.zone().in_force(user(bad)), expected, "target id");
        refused(world.zone().authorizer(user(bad)), expected, "target id");
    }
}

#[test]
fn a_binding_survives_reopening() {
    let world = World::in_file();
    let version = world.live("s", &[]);
    let theirs = user_set(&world, "u", &[]);
    world.write(|zone| zone.bind(&theirs.id, user("ann"))).unwrap();
    let before = [Target::Zone, user("ann")].map(|target| world.zone().in_force(target).unwrap());
    assert_eq!(before[0].policy_set_version_id, version.id);
    let world = world.reopened();
    assert_eq!([Target::Zone, user("ann")].map(|target| world.zone().in_force(target).unwrap()), before);
}
