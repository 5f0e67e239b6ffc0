//! A reused idempotency key: every input, precondition and actor makes a different fingerprint.

use policy_store::{
    Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, Pin, PolicyUpdate, Precondition, Sha256,
    Target, TargetType, ZoneTransaction,
};

use super::idempotency::{CALLS, Call, TAKEN, ann, id, settle, shown, world};
use super::support::{PERMIT, V1, World, customer, platform, refused};

#[test]
fn another_call_under_the_same_id_is_a_conflict() {
    for (n, call) in CALLS.iter().enumerate() {
        let world = world();
        world.write(|zone| call(zone.idempotency_key(id(1)))).unwrap();
        let before = world.history();
        for (other, refused_call) in CALLS.iter().enumerate().filter(|(other, _)| *other != n) {
            let result = world.write(|zone| refused_call(zone.idempotency_key(id(1))));
            refused(result, TAKEN, &id(1).to_string());
            assert_eq!(world.history(), before, "{n} {other}");
        }
    }
}

/// Pairs of calls that differ in one input.
const ALIKE: [[Call; 2]; 18] = [
    [
        |zone| shown(zone.create_policy(NewPolicy::named("x"))),
        |zone| shown(zone.create_policy(NewPolicy::named("x").id("x"))),
    ],
    [
        |zone| shown(zone.create_policy(NewPolicy::named("x"))),
        |zone| shown(zone.create_policy(NewPolicy::named("x").description("x"))),
    ],
    [
        |zone| shown(zone.update_policy("p", PolicyUpdate::new().name("x"))),
        |zone| shown(zone.update_policy("p", PolicyUpdate::new().name("x").no_description())),
    ],
    [
        |zone| shown(zone.update_policy("p", PolicyUpdate::new().name("x"))),
        |zone| shown(zone.update_policy("p", PolicyUpdate::new().description("x"))),
    ],
    [|zone| shown(zone.archive_policy("p")), |zone| shown(zone.archive_policy("q"))],
    [
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))),
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("x"))),
    ],
    [
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))),
        |zone| shown(zone.create_policy_version("q", NewPolicyVersion::cedar(V1, PERMIT))),
    ],
    [
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))),
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::json(V1, PERMIT))),
    ],
    [
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))),
        |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar("2027", PERMIT))),
    ],
    [
        |zone| shown(zone.create_policy_set(NewPolicySet::named("x"))),
        |zone| shown(zone.create_policy_set(NewPolicySet::named("x").target_type(TargetType::User))),
    ],
    [
        |zone| shown(zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin("pv1", false)]))),
        |zone| shown(zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin("pv2", false)]))),
    ],
    [
        |zone| shown(zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin("pv1", false)]))),
        |zone| shown(zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin("pv1", true)]))),
    ],
    [|zone| shown(zone.bind("uv", ann())), |zone| shown(zone.bind("uv", Target::User("bob".to_owned())))],
    [|zone| shown(zone.activate("sv2")), |zone| shown(zone.bind_shadow("sv2", Target::Zone))],
    [|zone| shown(zone.unbind(Target::Zone)), |zone| shown(zone.unbind_shadow(Target::Zone))],
    [|zone| shown(zone.set_default_schema(Some(V1))), |zone| shown(zone.set_default_schema(None))],
    [|zone| shown(zone.suspend()), |zone| shown(zone.resume())],
    // A pin is not a precondition.
    [
        |zone| {
            shown(
                zone.precondition(Precondition::bindings_revision(0))
                    .create_policy_set_version("x", NewPolicySetVersion::new(V1)),
            )
        },
        |zone| {
            let pin = Pin { policy_id: "demand".into(), policy_version_id: "bindings_revision".into(), sha: None };
            shown(zone.create_policy_set_version("x", NewPolicySetVersion::from_pins(V1, [pin])))
        },
    ],
];

fn pin(id: &str, sha: bool) -> Pin {
    let sha = sha.then(|| Sha256::of(PERMIT.as_bytes()));
    Pin { policy_id: "p".to_owned(), policy_version_id: id.to_owned(), sha }
}

#[test]
fn another_input_under_the_same_id_is_a_conflict() {
    for [call, other] in ALIKE {
        let world = World::new();
        // So that nothing was bound yet.
        world.write(|zone| zone.create_policy_set(NewPolicySet::named("x").id("x"))).unwrap();
        if world.write(|zone| call(zone.idempotency_key(id(1)))).is_err() {
            settle(&world);
            world.write(|zone| call(zone.idempotency_key(id(1)))).unwrap();
        }
        refused(world.write(|zone| other(zone.idempotency_key(id(1)))), TAKEN, &id(1).to_string());
    }
}

#[test]
fn the_same_call_by_another_actor_is_a_conflict() {
    let world = world();
    let call = |zone: &mut ZoneTransaction<'_, '_>| zone.idempotency_key(id(1)).archive_policy("q");
    world.write_as(&customer("ops"), call).unwrap();
    for other in [customer("alice"), platform(), Actor::platform("alice").unwrap()] {
        refused(world.write_as(&other, call), TAKEN, &id(1).to_string());
    }
    world.write_as(&customer("ops"), call).unwrap();
}

#[test]
fn the_same_call_with_other_demands_is_a_conflict() {
    let world = world();
    let revision = world.zone().policy("p").unwrap().revision;
    let update = || PolicyUpdate::new().name("x");
    let (first, second) =
        (Precondition::policy_revision("p", revision), Precondition::latest_policy_version("p", Some(2)));
    let demanding = |preconditions: &[&Precondition]| {
        world.write(|zone| {
            zone.idempotency_key(id(1));
            for precondition in preconditions {
                zone.precondition((*precondition).clone());
            }
            zone.update_policy("p", update())
        })
    };
    let done = demanding(&[&first, &second]).unwrap();
    let fresh = Precondition::policy_revision("p", done.revision);
    for other in [[].as_slice(), &[&first], &[&second], &[&second, &first], &[&fresh, &second]] {
        refused(demanding(other), TAKEN, &id(1).to_string());
    }
    // The precondition no longer holds, and is not checked.
    assert_eq!(demanding(&[&first, &second]).unwrap(), done);
    // `None` and 0 are different preconditions.
    let none = Precondition::latest_policy_version("q", None);
    world.write(|zone| zone.idempotency_key(id(2)).precondition(none).archive_policy("q")).unwrap();
    let zero = Precondition::latest_policy_version("q", Some(0));
    refused(
        world.write(|zone| zone.idempotency_key(id(2)).precondition(zero).archive_policy("q")),
        TAKEN,
        &id(2).to_string(),
    );
}

#[test]
fn a_prepared_version_and_its_source_are_the_same_request() {
    let world = world();
    let new = || NewPolicyVersion::cedar(V1, PERMIT);
    let prepared = world.store.prepare_policy_version(new()).unwrap();
    let first = world.write(|zone| zone.idempotency_key(id(1)).create_policy_version("p", prepared.clone())).unwrap();
    assert_eq!(world.write(|zone| zone.idempotency_key(id(1)).create_policy_version("p", new())).unwrap(), first);
    let second = world.write(|zone| zone.idempotency_key(id(2)).create_policy_version("p", new())).unwrap();
    assert_eq!(world.write(|zone| zone.idempotency_key(id(2)).create_policy_version("p", prepared)).unwrap(), second);
    assert_ne!(first.id, second.id);
}
