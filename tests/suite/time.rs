//! Time: `created_at` rises strictly in a zone for every clock, and a clock that is far behind is an error.

use policy_store::ErrorKind::Unavailable;
use policy_store::{NewPolicy, Timestamp};

use super::support::{Clock, HOUR, SECOND, START, World, refused};

fn add(world: &World) -> policy_store::Result<Timestamp> {
    world.write(|zone| zone.create_policy(NewPolicy::named("p"))).map(|policy| policy.created_at)
}

fn at(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros)
}

#[test]
fn created_at_is_the_clocks_time_while_that_rises() {
    let world = World::new();
    for micros in [START + SECOND, START + SECOND + 7, START + HOUR] {
        world.clock.set(micros);
        assert_eq!(add(&world).unwrap(), at(micros));
    }
}

#[test]
fn created_at_rises_by_a_microsecond_under_a_clock_that_stands_still() {
    let world = World::new();
    world.clock.stop();
    world.clock.set(START + SECOND);
    assert_eq!([(); 3].map(|()| add(&world).unwrap()), [0, 1, 2].map(|n| at(START + SECOND + n)));
    let both = world.write(|zone| {
        let first = zone.create_policy(NewPolicy::named("p"))?;
        Ok((first.created_at, zone.create_policy(NewPolicy::named("p"))?.created_at))
    });
    assert_eq!(both.unwrap(), (at(START + SECOND + 3), at(START + SECOND + 4)));
}

#[test]
fn created_at_rises_under_a_clock_that_goes_back_and_the_raw_clock_is_kept() {
    let world = World::new();
    world.clock.stop();
    world.clock.set(START + 2 * HOUR);
    add(&world).unwrap();
    world.clock.set(START + HOUR);
    assert_eq!(add(&world).unwrap(), at(START + 2 * HOUR + 1));
    let history = world.history();
    let [.., before, last] = history.as_slice() else { panic!("{history:?}") };
    assert_eq!((before.created_at, before.clock), (at(START + 2 * HOUR), at(START + 2 * HOUR)));
    assert_eq!((last.created_at, last.clock), (at(START + 2 * HOUR + 1), at(START + HOUR)));
    assert!(history.is_sorted_by(|a, b| a.created_at < b.created_at));
}

#[test]
fn created_at_rises_in_a_store_that_was_reopened_with_its_clock_behind() {
    let world = World::in_file();
    world.clock.stop();
    world.clock.set(START + 2 * HOUR);
    add(&world).unwrap();
    let world = world.reopened();
    world.clock.set(START);
    assert_eq!(add(&world).unwrap(), at(START + 2 * HOUR + 1));
}

#[test]
fn a_write_is_refused_when_the_log_is_more_than_24_hours_ahead_of_the_clock() {
    let world = World::new();
    world.clock.stop();
    let ahead = START + 48 * HOUR;
    world.clock.set(ahead);
    add(&world).unwrap();
    world.clock.set(ahead - 24 * HOUR - 1);
    let before = world.extent();
    let error = refused(add(&world), (Unavailable, "clock_behind"), &at(ahead).to_string());
    assert!(error.to_string().contains(&at(ahead - 24 * HOUR - 1).to_string()), "{error}");
    assert_eq!(world.extent(), before);
    world.clock.set(ahead - 24 * HOUR);
    assert_eq!(add(&world).unwrap(), at(ahead + 1));
}

#[test]
fn a_clock_that_was_wrong_for_one_zone_does_not_stop_another() {
    let world = World::new();
    world.clock.stop();
    world.clock.set(START + 48 * HOUR);
    add(&world).unwrap();
    world.clock.set(START + HOUR);
    refused(add(&world), (Unavailable, "clock_behind"), "the log of zone `acme`");
    let other = world.write_store(|w| w.zone("other")?.create_policy(NewPolicy::named("p")));
    assert_eq!(other.unwrap().created_at, at(START + HOUR));
}

#[test]
fn a_clock_that_was_wrong_for_the_store_stops_what_is_written_to_its_own_log() {
    let world = World::new();
    world.clock.stop();
    world.clock.set(START + 48 * HOUR);
    world.write_store(|w| w.create_zone("late").map(drop)).unwrap();
    world.clock.set(START + HOUR);
    let further = world.write_store(|w| w.create_zone("further").map(drop));
    refused(further, (Unavailable, "clock_behind"), "the store's log");
    add(&world).unwrap();
}

#[test]
fn how_far_the_clock_may_be_behind_is_configurable() {
    let clock = Clock::new();
    let store = clock.builder().clock_tolerance(std::time::Duration::from_secs(1)).in_memory().unwrap();
    let world = World::with(store, clock);
    world.clock.stop();
    world.clock.set(START + HOUR);
    add(&world).unwrap();
    world.clock.set(START + HOUR - SECOND - 1);
    refused(add(&world), (Unavailable, "clock_behind"), "");
    world.clock.set(START + HOUR - SECOND);
    assert_eq!(add(&world).unwrap(), at(START + HOUR + 1));
}

#[test]
fn time_is_rfc_3339_in_utc_with_microseconds_when_printed() {
    let world = World::new();
    world.clock.set(START + 120_005);
    let policy = world.write(|zone| zone.create_policy(NewPolicy::named("p"))).unwrap();
    assert_eq!(policy.created_at.to_string(), "2026-02-24T13:20:00.120005Z");
    let json = serde_json::to_value(&policy).unwrap();
    assert_eq!(json["created_at"], "2026-02-24T13:20:00.120005Z");
    assert_eq!(serde_json::from_value::<Timestamp>(json["created_at"].clone()).unwrap(), policy.created_at);
}
