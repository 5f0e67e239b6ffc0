//! The change feed. Defends against: a write that is given by half, twice or never; a position that means something else after
//! a restart; a wait that misses its commit, or does not end.

use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use policy_store::ErrorKind::{Corrupt, Invalid, NotFound};
use policy_store::{
    Change, ChangeGroup, Changes, Concurrency, HistoryEntry, HistoryFilter, NewPolicy, Order, PageRequest, PolicyStore,
    Restore, Result, Timestamp,
};

use super::support::{PERMIT, World, customer, platform, refused};

const OLDER_STATE: (policy_store::ErrorKind, &str) = (Corrupt, "older_state");
/// A wait that is not woken takes this long.
const LONG: Duration = Duration::from_secs(60);
/// A wait that is woken ends within this time, also on a busy machine.
const SOON: Duration = Duration::from_secs(15);
const SHORT: Duration = Duration::from_millis(30);

/// All groups that are there.
fn rest(changes: &mut Changes) -> Vec<ChangeGroup> {
    std::iter::from_fn(|| changes.poll().unwrap()).collect()
}

fn of_store(store: &PolicyStore) -> Vec<HistoryEntry> {
    store.history(&HistoryFilter::new(), &PageRequest::new().order(Order::Ascending).limit(100)).unwrap().items
}

/// The groups have all of these entries, each write whole and once.
#[track_caller]
fn are_whole(groups: &[ChangeGroup], entries: &[HistoryEntry]) {
    let mut next = entries[0].position;
    for group in groups {
        let (first, last) = (group.entries.first().unwrap(), group.entries.last().unwrap());
        assert_eq!((first.position, last.position + 1), (next, group.next));
        for entry in &group.entries {
            assert_eq!(entry.write, (first.position, last.position), "{entry:?}");
        }
        next = group.next;
    }
    let given: Vec<_> = groups.iter().flat_map(|group| group.entries.clone()).collect();
    assert_eq!(given, entries);
}

/// Waits on another thread. The answer comes with the feed.
fn waits(mut changes: Changes, timeout: Duration) -> Receiver<(Result<Option<ChangeGroup>>, Changes)> {
    let (sender, answer) = channel();
    thread::spawn(move || {
        let answer = changes.wait(timeout);
        // A test that has failed does not listen.
        let _ = sender.send((answer, changes));
    });
    assert!(answer.recv_timeout(SHORT).is_err(), "the wait ended before anything was written");
    answer
}

/// A write of `count` entries in `acme`.
fn policies(world: &World, count: usize) {
    world.write(|zone| (0..count).try_for_each(|_| zone.create_policy(NewPolicy::named("p")).map(drop))).unwrap();
}

#[test]
fn each_group_is_all_that_one_write_added_to_the_log() {
    let world = World::new();
    let mut acme = world.zone().changes(0).unwrap();
    let mut other = world.store.zone("other").unwrap().changes(0).unwrap();
    let mut store = world.store.changes(0).unwrap();
    policies(&world, 3);
    let across = world.write_store(|w| {
        w.zone("acme")?.create_policy(NewPolicy::named("one"))?;
        w.zone("other")?.create_policy(NewPolicy::named("two"))?;
        w.create_zone("third")?.suspend()?;
        w.zone("acme")?.create_policy(NewPolicy::named("three")).map(drop)
    });
    across.unwrap();
    world.write(|zone| zone.create_policy(NewPolicy::named("")).map(drop)).unwrap_err();
    let sizes = |groups: &[ChangeGroup]| groups.iter().map(|group| group.entries.len()).collect::<Vec<_>>();
    let groups = rest(&mut acme);
    assert_eq!(sizes(&groups), [1, 3, 2]);
    are_whole(&groups, &world.history());
    assert_eq!(acme.position(), 6);
    assert_eq!(sizes(&rest(&mut other)), [1, 1]);
    // The schema and two zones, then the third.
    let groups = rest(&mut store);
    assert_eq!(sizes(&groups), [3, 1]);
    are_whole(&groups, &of_store(&world.store));
    for changes in [&mut acme, &mut other, &mut store] {
        assert_eq!(changes.poll().unwrap(), None);
    }
    policies(&world, 1);
    assert_eq!(sizes(&rest(&mut acme)), [1]);
    assert!(rest(&mut store).is_empty());
}

#[test]
fn a_consumer_that_starts_again_from_its_position_gets_each_group_once() {
    let mut world = World::in_file();
    let (mut given, mut position) = (Vec::new(), 0);
    for count in [1, 4, 2, 3] {
        policies(&world, count);
        let mut changes = world.zone().changes(position).unwrap();
        let group = changes.poll().unwrap().unwrap();
        assert_eq!(changes.position(), group.next);
        // A clone is a consumer of its own.
        assert_eq!(changes.clone().poll().unwrap(), changes.clone().poll().unwrap());
        position = changes.position();
        given.push(group);
        drop(changes);
        world = world.reopened();
    }
    given.extend(rest(&mut world.zone().changes(position).unwrap()));
    are_whole(&given, &world.history());
    assert_eq!(given.iter().map(|group| group.entries.len()).collect::<Vec<_>>(), [1, 1, 4, 2, 3]);
}

#[test]
fn a_position_is_refused_inside_a_write_and_beyond_the_log() {
    let world = World::new();
    policies(&world, 3);
    let zone = world.zone();
    for inside in [2, 3] {
        let said = format!("position {inside} is inside the group of one write: expected 1 or 4");
        refused(zone.changes(inside), (Invalid, "inside_group"), &said);
    }
    refused(world.store.changes(1), (Invalid, "inside_group"), "expected 0 or 3");
    for (position, left) in [(0, 2), (1, 1), (4, 0)] {
        assert_eq!(rest(&mut zone.changes(position).unwrap()).len(), left);
    }
    for beyond in [5, u64::MAX] {
        refused(zone.changes(beyond), OLDER_STATE, &format!("has 4 entries, expected at least {beyond}"));
    }
    refused(world.store.changes(4), OLDER_STATE, "has 3 entries, expected at least 4");
}

#[test]
fn a_wait_ends_with_a_commit_or_at_its_time() {
    let world = World::new();
    let mut changes = world.zone().changes(1).unwrap();
    assert_eq!(changes.wait(Duration::ZERO).unwrap(), None);
    let before = Timestamp::now();
    assert_eq!(changes.wait(SHORT).unwrap(), None);
    assert!(Timestamp::now().as_micros() - before.as_micros() >= 29_000);

    for count in [1, 2] {
        let answer = waits(changes, Duration::MAX);
        // A commit that is not of the zone does not end the wait.
        world.write_store(|w| w.zone("other")?.create_policy(NewPolicy::named("p")).map(drop)).unwrap();
        assert!(answer.recv_timeout(SHORT).is_err());
        policies(&world, count);
        let (group, after) = answer.recv_timeout(SOON).expect("a commit ends the wait");
        assert_eq!(group.unwrap().unwrap().entries.len(), count);
        changes = after;
    }
    policies(&world, 1);
    // It is there already.
    assert!(changes.wait(Duration::ZERO).unwrap().is_some());
}

#[test]
fn consumers_see_all_of_several_writers_once_and_in_order() {
    const WRITERS: usize = 3;
    const ROUNDS: usize = 15;
    let world = World::in_file();
    let position = world.zone().changes(1).unwrap().position();
    let follow = || {
        let mut changes = world.zone().changes(position).unwrap();
        let mut given = Vec::new();
        while given.len() < WRITERS * ROUNDS {
            given.push(changes.wait(LONG).unwrap().expect("a group"));
        }
        given
    };
    let all = thread::scope(|scope| {
        let consumers = [scope.spawn(follow), scope.spawn(follow)];
        for writer in 0..WRITERS {
            let world = &world;
            scope.spawn(move || (0..ROUNDS).for_each(|round| policies(world, 1 + (writer + round) % 3)));
        }
        consumers.map(|consumer| consumer.join().unwrap())
    });
    let entries = &world.history()[1..];
    for given in all {
        are_whole(&given, entries);
        assert!(given.iter().any(|group| group.entries.len() == 3));
    }
}

#[test]
fn a_reader_and_one_of_several_writers_follow_the_commits_of_others() {
    let world = World::in_file();
    let reader = world.clock.builder().read_only().open(world.path()).unwrap();
    follows(&world, &reader);
    drop(reader);

    let (clock, _folder, path) = world.closed();
    let open = || clock.builder().concurrency(Concurrency::MultiWriter).open(&path).unwrap();
    let [writes, follower] = [open(), open()].map(|store| World::resumed(store, clock.clone()));
    follows(&writes, &follower.store);
    // Its own commits too.
    follows(&follower, &follower.store);
}

/// `store` follows `world`.
fn follows(world: &World, store: &PolicyStore) {
    let position = world.zone().checkpoint().unwrap().size;
    let mut changes = store.zone("acme").unwrap().changes(position).unwrap();
    assert_eq!(changes.wait(SHORT).unwrap(), None);
    for count in [2, 1] {
        let answer = waits(changes, LONG);
        policies(world, count);
        let (group, after) = answer.recv_timeout(SOON).unwrap();
        assert_eq!(group.unwrap().unwrap().entries.len(), count);
        changes = after;
    }
    let before = store.commits().unwrap();
    thread::scope(|scope| {
        let (sender, answer) = channel();
        scope.spawn(move || sender.send(store.wait_for_commit(before, LONG)));
        assert!(answer.recv_timeout(SHORT).is_err());
        policies(world, 1);
        assert_eq!(answer.recv_timeout(SOON).unwrap().unwrap(), before + 1);
    });
    let groups = rest(&mut changes);
    are_whole(&groups, &world.history()[usize::try_from(position).unwrap() + 3..]);
}

#[test]
fn an_erased_zone_ends_its_feed_at_once() {
    let world = World::in_file();
    let reader = world.clock.builder().read_only().open(world.path()).unwrap();
    let answers = [&world.store, &reader].map(|store| waits(store.zone("acme").unwrap().changes(1).unwrap(), LONG));
    let mut store = world.store.changes(3).unwrap();
    world.store.erase_zone(&platform(), "acme").unwrap();
    // A new zone with the id has another log.
    world.write_store(|w| w.create_zone("acme").map(drop)).unwrap();
    for answer in answers {
        let (answer, mut changes) = answer.recv_timeout(SOON).unwrap();
        refused(answer, (NotFound, "not_found"), "zone `acme`");
        refused(changes.poll(), (NotFound, "not_found"), "zone `acme`");
    }
    let groups = rest(&mut store);
    assert!(matches!(groups[0].entries[0].change, Change::ZoneErased { .. }), "{groups:?}");
    assert_eq!(groups.len(), 2);
    assert_eq!(rest(&mut world.zone().changes(0).unwrap()).len(), 1);
}

#[test]
fn a_feed_goes_on_after_a_recovery() {
    let world = World::in_file();
    let mut changes = world.zone().changes(1).unwrap();
    policies(&world, 2);
    assert!(changes.poll().unwrap().is_some());
    let answer = waits(changes, LONG);
    world.store.recover().unwrap();
    policies(&world, 3);
    let (group, mut changes) = answer.recv_timeout(SOON).unwrap();
    assert_eq!(group.unwrap().unwrap().entries.len(), 3);
    assert_eq!((changes.poll().unwrap(), changes.position()), (None, 6));
}

/// The file is replaced by an earlier copy of itself, and the store is recovered.
#[test]
fn an_older_state_is_refused_also_when_it_has_grown_again() {
    let world = World::in_file();
    policies(&world, 1);
    let copy = world.path().with_file_name("copy.redb");
    let world = {
        let (clock, folder, path) = world.closed();
        std::fs::copy(&path, &copy).unwrap();
        (World::resumed(clock.builder().open(&path).unwrap(), clock), folder, path)
    };
    let (world, _folder, path) = world;
    policies(&world, 2);
    let mut changes = world.zone().changes(0).unwrap();
    let mut at_copy = world.zone().changes(2).unwrap();
    rest(&mut changes);
    assert_eq!(changes.position(), 4);
    let answer = waits(changes, LONG);
    std::fs::rename(&copy, &path).unwrap();
    world.store.recover().unwrap();
    let (refusal, mut changes) = answer.recv_timeout(SOON).expect("a recovery ends the wait");
    refused(refusal, OLDER_STATE, "has 2 entries, expected at least 4");
    policies(&world, 3);
    refused(changes.wait(SHORT), OLDER_STATE, "the first 4 entries");
    assert_eq!(changes.position(), 4);
    // What had seen no more than the copy goes on.
    assert_eq!(rest(&mut at_copy).len(), 1);
}

#[test]
fn a_fork_goes_on_in_positions() {
    let world = World::in_file();
    policies(&world, 2);
    let positions = |world: &World| {
        let mut logs = [world.zone().changes(0).unwrap(), world.store.changes(0).unwrap()];
        logs.iter_mut().for_each(|changes| drop(rest(changes)));
        logs.map(|changes| changes.position())
    };
    let [zone, store] = positions(&world);
    let path = world.path().with_file_name("fork.redb");
    world.store.backup(&path).unwrap();
    let builder = world.clock.builder().id_seed(99).restore(Restore::Fork(platform()));
    let fork = World::resumed(builder.open(&path).unwrap(), world.clock.clone());
    let [mut zone, mut store] = [fork.zone().changes(zone).unwrap(), fork.store.changes(store).unwrap()];
    for changes in [&mut zone, &mut store] {
        let group = changes.poll().unwrap().unwrap();
        assert!(matches!(group.entries[0].change, Change::LogForked { .. }), "{group:?}");
        assert_eq!(changes.poll().unwrap(), None);
    }
    assert_eq!([zone.position(), store.position()], positions(&fork));
}

#[test]
fn commits_are_counted_and_waited_for() {
    let world = World::new();
    let before = world.store.commits().unwrap();
    world.write(|_| Ok(())).unwrap();
    assert_eq!(world.store.wait_for_commit(before, SHORT).unwrap(), before);
    // Any other number ends the wait.
    for other in [0, before + 1, u64::MAX] {
        assert_eq!(world.store.wait_for_commit(other, Duration::MAX).unwrap(), before);
    }
    let seen = thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let (mut commits, mut seen) = (before, BTreeSet::new());
            while commits < before + 5 {
                commits = world.store.wait_for_commit(commits, LONG).unwrap();
                assert!(seen.insert(commits), "no commit came in time");
            }
            seen
        });
        (0..4).for_each(|_| policies(&world, 1));
        // Not a zone's.
        world.store.write(&customer("alice"), |w| w.create_zone("new").map(drop)).unwrap();
        waits.join().unwrap()
    });
    assert_eq!((seen.last(), world.store.commits().unwrap()), (Some(&(before + 5)), before + 5));
    let version = world.version("a", PERMIT);
    world.live("s", &[&version]);
    assert!(world.store.commits().unwrap() > before + 5);
}
