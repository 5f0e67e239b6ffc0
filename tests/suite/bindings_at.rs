//! Bindings of the past: the version in force at an earlier position of the log, or at an earlier time.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Invalid, NotBound};
use policy_store::{At, Binding, Result, Target, Timestamp};

use super::support::{PERMIT, SECOND, START, World, decide, refused};

const ZONE: Target = Target::Zone;

fn at(world: &World, at: impl Into<At>) -> Result<Binding> {
    world.zone().in_force_at(ZONE, at)
}

/// A store with version 1 in force from the 10th second, version 2 from the 20th, none from the 30th, and version 1
/// again from the 40th; and the position of each.
fn world() -> (World, [u64; 4]) {
    let world = World::in_file();
    world.clock.stop();
    let allow = world.version("p", PERMIT);
    let (one, two) = (world.set_version("s", &[&allow]), world.set_version("s", &[]));
    let at = |second: i64| {
        world.clock.set(START + second * SECOND);
        world.history().last().unwrap().position + 1
    };
    let first = at(10);
    world.write(|zone| zone.activate(&one.id)).unwrap();
    let second = at(20);
    world.write(|zone| zone.activate(&two.id)).unwrap();
    let third = at(30);
    world.write(|zone| zone.unbind(ZONE)).unwrap();
    let fourth = at(40);
    world.write(|zone| zone.activate(&one.id)).unwrap();
    (world, [first, second, third, fourth])
}

#[test]
fn in_force_tells_what_was_bound_at_any_earlier_position() {
    let (world, [first, second, third, fourth]) = world();
    let world = world.reopened();
    let bound = |position| at(&world, At::Position(position)).map(|binding| (binding.version, binding.position));
    refused(bound(first - 1), (NotBound, "not_bound"), "acme");
    refused(bound(0), (NotBound, "not_bound"), "acme");
    assert_eq!(bound(first).unwrap(), (1, first));
    assert_eq!(bound(second).unwrap(), (2, second));
    refused(bound(third), (NotBound, "not_bound"), "acme");
    assert_eq!(bound(fourth).unwrap(), (1, fourth));
    assert_eq!(at(&world, At::Now).unwrap(), at(&world, At::Position(fourth)).unwrap());
    assert_eq!(at(&world, At::Position(second)).unwrap().by.id(), "alice");
}

#[test]
fn in_force_tells_what_was_bound_at_any_earlier_time() {
    let (world, _) = world();
    let world = world.reopened();
    let bound = |micros| at(&world, Timestamp::from_micros(micros)).map(|binding| (binding.version, binding.since));
    let since = |second: i64| Timestamp::from_micros(START + second * SECOND);
    refused(bound(0), (NotBound, "not_bound"), "acme");
    refused(bound(START + 10 * SECOND - 1), (NotBound, "not_bound"), "acme");
    assert_eq!(bound(START + 10 * SECOND).unwrap(), (1, since(10)));
    assert_eq!(bound(START + 20 * SECOND - 1).unwrap(), (1, since(10)));
    assert_eq!(bound(START + 20 * SECOND).unwrap(), (2, since(20)));
    refused(bound(START + 30 * SECOND), (NotBound, "not_bound"), "acme");
    assert_eq!(bound(START + 40 * SECOND).unwrap(), (1, since(40)));
    assert_eq!(bound(Timestamp::MAX.as_micros()).unwrap(), (1, since(40)));
}

#[test]
fn a_write_counts_whole_at_each_of_its_positions_and_times() {
    let world = World::new();
    let (one, two) = (world.live("s", &[]), world.set_version("s", &[]));
    world.clock.stop();
    world.clock.set(START + 50 * SECOND);
    let write = world.write(|zone| {
        zone.unbind(ZONE)?;
        zone.activate(&one.id)?;
        zone.activate(&two.id)
    });
    let last = write.unwrap().binding;
    for position in last.position - 2..=last.position {
        assert_eq!(at(&world, At::Position(position)).unwrap(), last);
    }
    assert_eq!(at(&world, At::Position(last.position - 3)).unwrap().policy_set_version_id, one.id);
    for micros in 0..=2 {
        assert_eq!(at(&world, Timestamp::from_micros(START + 50 * SECOND + micros)).unwrap(), last);
    }
    assert_eq!(at(&world, Timestamp::from_micros(START + 50 * SECOND - 1)).unwrap().policy_set_version_id, one.id);
}

#[test]
fn a_position_that_the_log_does_not_have_is_refused() {
    let (world, [.., last]) = world();
    for position in [last + 1, u64::MAX] {
        refused(at(&world, At::Position(position)), (Invalid, "invalid_input"), &format!("position `{position}`"));
        refused(world.zone().authorizer_at(ZONE, At::Position(position)), (Invalid, "invalid_input"), "position");
    }
}

#[test]
fn an_authorizer_of_the_past_decides_as_then() {
    let (world, [first, second, third, _]) = world();
    let decision = |at: At| decide(&world.zone().authorizer_at(ZONE, at).unwrap(), "ann", "read", "open");
    assert_eq!(decision(At::Position(first)), Decision::Allow);
    assert_eq!(decision(At::Position(second)), Decision::Deny);
    assert_eq!(decision(Timestamp::from_micros(START + 25 * SECOND).into()), Decision::Deny);
    assert_eq!(decision(At::Now), Decision::Allow);
    refused(world.zone().authorizer_at(ZONE, At::Position(third)), (NotBound, "not_bound"), "acme");
    let past = world.zone().authorizer_at(ZONE, At::Position(second)).unwrap();
    assert_eq!(past.binding().unwrap().position, second);
}
