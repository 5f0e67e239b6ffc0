//! Several handles that write to one file. Locks belong to handles, so handles of one process act as those of several.
//!
//! Defends against numbers that are given twice, answers from a cache that another handle has made old, and idempotency
//! keys that only one handle knows.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Conflict, NotFound, PreconditionFailed};
use policy_store::{
    Concurrency, IdempotencyKey, Include, NewPolicy, NewPolicyVersion, PolicyStore, Precondition, Result, Target,
};

use super::support::{Clock, FORBID, PERMIT, SCHEMA, V1, World, customer, decide, platform, refused};

/// Two worlds over one file.
fn two() -> (tempfile::TempDir, [World; 2]) {
    let (folder, clock) = (tempfile::tempdir().unwrap(), Clock::new());
    let path = folder.path().join("store.redb");
    let open = |seed| clock.builder().id_seed(seed).concurrency(Concurrency::MultiWriter).open(&path).unwrap();
    let first = World::with(open(1), clock.clone());
    let second = World::resumed(open(2), clock.clone());
    (folder, [first, second])
}

fn keyed(store: &PolicyStore, key: u8, name: &str) -> Result<String> {
    let key = IdempotencyKey::from([key; 16]);
    store.write(&customer("alice"), |w| {
        let mut zone = w.zone("acme")?;
        zone.idempotency_key(key).create_policy(NewPolicy::named(name)).map(|policy| policy.id.to_string())
    })
}

#[test]
fn numbers_times_and_bindings_go_on_from_the_other_handles_commit() {
    let (_folder, [a, b]) = two();
    for number in 1..=20_u32 {
        let world = if number % 3 == 0 { &a } else { &b };
        assert_eq!(world.version("p", &format!("{PERMIT}// {number}")).version, number);
        for other in [&a, &b] {
            assert_eq!(other.zone().policy("p").unwrap().latest_version, Some(number));
        }
    }
    assert!(a.history().windows(2).all(|pair| pair[0].created_at < pair[1].created_at));
    assert_eq!(a.history(), b.history());

    let permit = a.version("q", PERMIT);
    a.live("s", &[&permit]);
    let authorizer = |world: &World| world.zone().authorizer(Target::Zone).unwrap();
    assert_eq!(decide(&authorizer(&b), "ann", "read", "shut"), Decision::Allow);
    let forbid = b.version("r", FORBID);
    b.live("s", &[&permit, &forbid]);
    assert_eq!(decide(&authorizer(&a), "ann", "read", "shut"), Decision::Deny);
    assert_eq!(a.extent(), b.extent());
}

#[test]
fn idempotency_keys_and_preconditions_hold_across_handles() {
    let (_folder, [a, b]) = two();
    let first = keyed(&a.store, 1, "one").unwrap();
    assert_eq!(keyed(&b.store, 1, "one").unwrap(), first);
    refused(keyed(&b.store, 1, "two"), (Conflict, "request_conflict"), "idempotency key");
    a.version("p", PERMIT);
    let read = b.zone().policy("p").unwrap();
    a.version("p", FORBID);
    let stale = b.write(|zone| {
        let precondition = Precondition::policy_revision("p", read.revision);
        zone.precondition(precondition).create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
    });
    refused(stale, (PreconditionFailed, "precondition_failed"), "revision");
    assert_eq!(a.extent(), b.extent());
}

#[test]
fn a_zone_that_one_handle_erases_is_gone_for_the_other() {
    let (_folder, [a, b]) = two();
    a.live("s", &[&a.version("p", PERMIT)]);
    let zone = b.zone();
    zone.authorizer(Target::Zone).unwrap();
    zone.policy_version_numbered("p", 1, Include::Both).unwrap();
    a.store.erase_zone(&platform(), "acme").unwrap();
    refused(zone.authorizer(Target::Zone), (NotFound, "not_found"), "acme");
    refused(zone.policy_version_numbered("p", 1, Include::Both), (NotFound, "not_found"), "acme");
    let gone = b.store.write(&customer("alice"), |w| w.zone("acme").map(drop));
    refused(gone, (NotFound, "not_found"), "acme");
    b.write_store(|w| w.create_zone("acme").map(drop)).unwrap();
    assert_eq!(b.version("p", PERMIT).version, 1);
    assert_eq!(a.version("p", PERMIT).version, 2);
}

#[test]
fn a_handle_that_recovers_leaves_the_other_as_it_is() {
    let (_folder, [a, b]) = two();
    a.version("p", PERMIT);
    b.store.recover().unwrap();
    b.version("p", PERMIT);
    a.store.recover().unwrap();
    a.store.rebuild_indexes().unwrap();
    assert_eq!(b.version("p", PERMIT).version, 3);
    assert_eq!(a.extent(), b.extent());
}

#[test]
fn threads_of_both_handles_write_at_once() {
    let (_folder, worlds) = two();
    worlds[0].version("p", PERMIT);
    let write = |world: &World, thread: usize| {
        (0..10).map(|number| world.version("p", &format!("{PERMIT}// {thread} {number}")).version).collect::<Vec<_>>()
    };
    let mut numbers: Vec<u32> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let world = &worlds[thread % 2];
                scope.spawn(move || write(world, thread))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=41).collect::<Vec<_>>());
    assert_eq!(worlds[0].extent(), worlds[1].extent());
}

#[test]
fn a_reader_follows_several_writers() {
    let (folder, [a, b]) = two();
    let reader = a.clock.builder().read_only().open(folder.path().join("store.redb")).unwrap();
    for number in 1..=6 {
        if number % 2 == 0 { &a } else { &b }.version("p", &format!("{PERMIT}// {number}"));
        assert_eq!(reader.zone("acme").unwrap().policy("p").unwrap().latest_version, Some(number));
    }
    b.write_store(|w| w.publish_schema(policy_store::NewSchema::cedar("next", SCHEMA)).map(drop)).unwrap();
    assert!(reader.schema("next", Include::Neither).is_ok());
    assert_eq!(reader.verify().unwrap(), a.store.verify().unwrap());
}
