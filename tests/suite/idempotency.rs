//! Idempotency keys: a repeated call gets its first answer and is never executed twice.

use std::fmt::Debug;

use policy_store::ErrorKind::{Archived, Conflict, Invalid, NotFound};
use policy_store::{
    Change, HistoryFilter, IdempotencyKey, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    PolicySetUpdate, PolicyUpdate, Result, SchemaStatus, Target, TargetType, WriteTransaction, ZoneTransaction,
};

use super::support::{FORBID, HOUR, PERMIT, SCHEMA, START, V1, World, customer, pinning, refused};

pub(super) const TAKEN: (policy_store::ErrorKind, &str) = (Conflict, "request_conflict");

pub(super) fn id(n: u8) -> IdempotencyKey {
    IdempotencyKey::from([n; 16])
}

pub(super) fn shown<T: Debug>(result: Result<T>) -> Result<String> {
    result.map(|value| format!("{value:?}"))
}

pub(super) fn ann() -> Target {
    Target::User("ann".to_owned())
}

pub(super) type Call = fn(&mut ZoneTransaction<'_, '_>) -> Result<String>;

/// A call of each kind, and some without effect. All succeed in a [`world`].
pub(super) const CALLS: [Call; 22] = [
    |zone| shown(zone.create_policy(NewPolicy::named("new"))),
    |zone| shown(zone.create_policy(NewPolicy::named("new").id("given").description("why"))),
    |zone| shown(zone.update_policy("p", PolicyUpdate::new().name("renamed"))),
    |zone| shown(zone.update_policy("p", PolicyUpdate::new().name("p"))),
    |zone| shown(zone.archive_policy("q")),
    |zone| shown(zone.archive_policy("old")),
    |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID))),
    |zone| shown(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("given"))),
    |zone| shown(zone.archive_policy_version("pv2")),
    |zone| shown(zone.create_policy_set(NewPolicySet::named("new").target_type(TargetType::User))),
    |zone| shown(zone.update_policy_set("s", PolicySetUpdate::new().name("renamed"))),
    |zone| shown(zone.archive_policy_set("e")),
    |zone| shown(zone.create_policy_set_version("s", NewPolicySetVersion::new(V1))),
    |zone| shown(zone.archive_policy_set_version("sv2")),
    |zone| shown(zone.activate("sv2")),
    |zone| shown(zone.activate("sv1")),
    |zone| shown(zone.bind("uv", ann())),
    |zone| shown(zone.bind_shadow("uv", ann())),
    |zone| shown(zone.unbind(Target::Zone)),
    |zone| shown(zone.unbind_shadow(Target::Zone)),
    |zone| shown(zone.set_default_schema(Some(V1))),
    |zone| shown(zone.suspend()),
];

/// Policies: `p` with versions `pv1` and `pv2`, `q`, and `old`, which is archived. Sets: `s` with `sv1`, which is
/// active, and `sv2`; `t` with `tv`, which is a shadow; `u` for users with `uv`; and `e`, which is empty.
pub(super) fn settle(world: &World) {
    world
        .write(|zone| {
            for policy in ["p", "q", "old"] {
                zone.create_policy(NewPolicy::named(policy).id(policy))?;
            }
            zone.archive_policy("old")?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT).id("pv1"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID).id("pv2"))?;
            for set in ["s", "t", "e"] {
                zone.create_policy_set(NewPolicySet::named(set).id(set))?;
            }
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
            for (set, id) in [("s", "sv1"), ("s", "sv2"), ("t", "tv"), ("u", "uv")] {
                zone.create_policy_set_version(set, pinning(&[&version]).id(id))?;
            }
            zone.activate("sv1")?;
            zone.bind_shadow("tv", Target::Zone)
        })
        .unwrap();
}

pub(super) fn world() -> World {
    let world = World::new();
    settle(&world);
    world
}

/// Changes everything that [`CALLS`] can have changed or read, and leaves nothing that would accept a write.
fn change_everything(world: &World) {
    world
        .write(|zone| {
            zone.resume()?;
            zone.create_policy(NewPolicy::named("later").id("later"))?;
            zone.update_policy("p", PolicyUpdate::new().name("later").description("later"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            zone.update_policy_set("s", PolicySetUpdate::new().name("later"))?;
            zone.update_policy_set("t", PolicySetUpdate::new().name("later"))?;
            zone.update_policy_set("u", PolicySetUpdate::new().name("later"))?;
            let late = zone.create_policy_set_version("t", pinning(&[&version]))?;
            zone.bind(&late.id, Target::Zone)?;
            zone.bind_shadow(&late.id, Target::Zone)?;
            let late = zone.create_policy_set_version("u", pinning(&[&version]))?;
            zone.bind(&late.id, ann())?;
            zone.bind_shadow(&late.id, ann())?;
            for version in ["pv1", "pv2"] {
                zone.archive_policy_version(version)?;
            }
            for policy in ["p", "q"] {
                zone.archive_policy(policy)?;
            }
            zone.archive_policy_set("s")?;
            zone.archive_policy_set("e")?;
            zone.set_default_schema(None)?;
            zone.suspend()
        })
        .unwrap();
    archive_schema(world);
}

fn archive_schema(world: &World) {
    world
        .write_store(|w| {
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)
        })
        .unwrap();
}

#[track_caller]
fn replays(world: &World, call: Call, first: &str) {
    let before = (world.extent(), world.history());
    assert_eq!(world.write(|zone| call(zone.idempotency_key(id(1)))).unwrap(), first);
    assert_eq!((world.extent(), world.history()), before, "a replay left a trace");
}

#[test]
fn the_same_request_is_answered_as_it_was_whatever_changed_since() {
    for call in CALLS {
        let world = world();
        let before = world.history().len();
        let first = world.write(|zone| call(zone.idempotency_key(id(1)))).unwrap();
        let entry = world.history().pop().unwrap();
        assert_eq!((world.history().len(), entry.idempotency_key), (before + 1, Some(id(1))), "{first}");
        replays(&world, call, &first);
        change_everything(&world);
        replays(&world, call, &first);
        world.store.rebuild_indexes().unwrap();
        replays(&world, call, &first);
    }
}

#[test]
fn the_schema_that_is_archived_in_the_meantime_is_still_the_default_in_the_answer() {
    let calls: [Call; 2] = [|zone| shown(zone.set_default_schema(Some(V1))), |zone| shown(zone.suspend())];
    for call in calls {
        let world = world();
        world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
        let first = world.write(|zone| call(zone.idempotency_key(id(1)))).unwrap();
        assert!(first.contains(V1), "{first}");
        archive_schema(&world);
        replays(&world, call, &first);
        world.write(|zone| zone.resume()).unwrap();
        assert_eq!(world.zone().default_schema().unwrap(), None);
        replays(&world, call, &first);
        // An archived schema is not the default for later reads.
        let later = world.write(|zone| zone.idempotency_key(id(2)).suspend()).unwrap();
        assert_eq!(later.default_schema, None);
        world.write(|zone| zone.resume()).unwrap();
        assert_eq!(world.write(|zone| zone.idempotency_key(id(2)).suspend()).unwrap(), later);
    }
}

#[test]
fn what_the_default_schema_was_does_not_depend_on_clocks() {
    let suspend: Call = |zone| shown(zone.suspend());
    for archived_at in [START, START + HOUR, START + 2 * HOUR] {
        let world = world();
        world.clock.stop();
        world.clock.set(START + HOUR);
        world.write(|zone| zone.set_default_schema(Some(V1))).unwrap();
        let first = world.write(|zone| suspend(zone.idempotency_key(id(1)))).unwrap();
        world.clock.set(archived_at);
        archive_schema(&world);
        replays(&world, suspend, &first);
        world.clock.set(START + HOUR);
        let resumed = world.write(|zone| zone.idempotency_key(id(2)).resume()).unwrap();
        assert_eq!(resumed.default_schema, None);
        let changes = world.history().into_iter().rev().take(2).map(|entry| (entry.change, entry.idempotency_key));
        let expected = [Change::ZoneSuspended { suspended: false }, Change::DefaultSchemaChanged { version: None }];
        assert_eq!(changes.collect::<Vec<_>>(), expected.map(|change| (change, Some(id(2)))));
        assert_eq!(world.write(|zone| zone.idempotency_key(id(2)).resume()).unwrap(), resumed);
        // It is rolled back once.
        let length = world.history().len();
        world.write(|zone| zone.resume()).unwrap();
        assert_eq!(world.history().len(), length);
    }
}

#[test]
fn a_request_that_changes_nothing_is_known_too() {
    let world = world();
    let before = world.history().len();
    let bound = world.write(|zone| zone.idempotency_key(id(1)).activate("sv1")).unwrap();
    let history = world.history();
    assert_eq!((history.len(), &history[before].change), (before + 1, &Change::Unchanged));
    assert_eq!(history[before].idempotency_key, Some(id(1)));
    assert_eq!(bound.binding.position, history[before].position - 2);
    world.write(|zone| zone.activate("sv2")).unwrap();
    assert_eq!(world.write(|zone| zone.idempotency_key(id(1)).activate("sv1")).unwrap(), bound);
    refused(world.write(|zone| zone.idempotency_key(id(1)).activate("sv2")), TAKEN, &id(1).to_string());
    // Without a key, no entry is written.
    let before = world.extent();
    world.write(|zone| zone.activate("sv2")).unwrap();
    assert_eq!(world.extent(), before);
}

#[test]
fn a_refused_request_leaves_its_id_free_and_is_not_that_of_the_next_call() {
    let world = world();
    world.refuses((Invalid, "syntax"), "", |zone| {
        zone.idempotency_key(id(1)).create_policy_version("p", NewPolicyVersion::cedar(V1, "permit"))
    });
    world.refuses((NotFound, "not_found"), "none", |zone| zone.idempotency_key(id(1)).archive_policy("none"));
    world.refuses((Archived, "archived"), "old", |zone| {
        zone.idempotency_key(id(1)).update_policy("old", PolicyUpdate::new().name("x"))
    });
    let before = world.history().len();
    world
        .write(|zone| {
            zone.idempotency_key(id(1)).archive_policy("none").unwrap_err();
            zone.create_policy(NewPolicy::named("without"))?;
            zone.idempotency_key(id(1)).archive_policy("q")?;
            zone.create_policy(NewPolicy::named("without"))
        })
        .unwrap();
    let ids: Vec<_> = world.history().into_iter().skip(before).map(|entry| entry.idempotency_key).collect();
    assert_eq!(ids, [None, Some(id(1)), None]);
}

#[test]
fn a_write_can_answer_several_requests_and_one_again() {
    let world = world();
    let (first, second) = world
        .write(|zone| {
            let first = zone.idempotency_key(id(1)).create_policy(NewPolicy::named("one"))?;
            let second = zone.idempotency_key(id(2)).create_policy(NewPolicy::named("two"))?;
            zone.update_policy(&first.id, PolicyUpdate::new().name("three"))?;
            assert_eq!(zone.idempotency_key(id(1)).create_policy(NewPolicy::named("one"))?, first);
            assert_eq!(zone.idempotency_key(id(2)).create_policy(NewPolicy::named("two"))?, second);
            refused(zone.idempotency_key(id(2)).create_policy(NewPolicy::named("one")), TAKEN, &id(2).to_string());
            assert_eq!(zone.policy(&first.id)?.name, "three");
            Ok((first, second))
        })
        .unwrap();
    let ids: Vec<_> = world.history().iter().rev().take(3).map(|entry| entry.idempotency_key).collect();
    assert_eq!(ids, [None, Some(id(2)), Some(id(1))]);
    assert_eq!(world.write(|zone| zone.idempotency_key(id(1)).create_policy(NewPolicy::named("one"))).unwrap(), first);
    assert_eq!(world.write(|zone| zone.idempotency_key(id(2)).create_policy(NewPolicy::named("two"))).unwrap(), second);
    // If the key is set twice, the last one counts.
    world.write(|zone| zone.idempotency_key(id(3)).idempotency_key(id(4)).archive_policy("q")).unwrap();
    world.write(|zone| zone.idempotency_key(id(3)).archive_policy("p")).unwrap();
}

#[test]
fn an_id_that_one_zone_knows_is_free_in_another_and_in_the_store() {
    let world = world();
    world.write(|zone| zone.idempotency_key(id(1)).archive_policy("q")).unwrap();
    let other =
        world.write_store(|w| w.zone("other")?.idempotency_key(id(1)).create_policy(NewPolicy::named("x"))).unwrap();
    world.write_store(|w| w.idempotency_key(id(1)).create_zone("new").map(drop)).unwrap();
    let again =
        world.write_store(|w| w.zone("other")?.idempotency_key(id(1)).create_policy(NewPolicy::named("x"))).unwrap();
    assert_eq!(again, other);
}

#[test]
fn requests_are_known_after_reopening() {
    let world = World::in_file();
    settle(&world);
    let call = |zone: &mut ZoneTransaction<'_, '_>| zone.idempotency_key(id(1)).unbind(Target::Zone);
    let first = world.write(call).unwrap();
    assert_eq!(first.policy_set_version_id, "sv1");
    let world = world.reopened();
    change_everything(&world);
    assert_eq!(world.write(call).unwrap(), first);
    let world = world.reopened();
    assert_eq!(world.write(call).unwrap(), first);
    refused(world.write(|zone| zone.idempotency_key(id(1)).unbind_shadow(Target::Zone)), TAKEN, &id(1).to_string());
}

#[test]
fn a_write_that_is_given_up_has_taken_no_id() {
    let world = world();
    let given_up: Result<()> = world.write(|zone| {
        zone.idempotency_key(id(1)).archive_policy("q")?;
        zone.archive_policy("none").map(drop)
    });
    refused(given_up, (NotFound, "not_found"), "none");
    world.write(|zone| zone.idempotency_key(id(1)).archive_policy("p")).unwrap();
}

#[test]
fn zones_and_schemas_are_written_once_for_each_request() {
    type StoreCall = fn(&mut WriteTransaction<'_, '_>) -> Result<String>;
    let calls: [StoreCall; 5] = [
        |w| shown(w.create_zone("new").map(|zone| zone.id().clone())),
        |w| shown(w.publish_schema(NewSchema::cedar("2027", SCHEMA))),
        |w| shown(w.publish_schema(NewSchema::cedar("2027", "entity U;"))),
        |w| shown(w.set_schema_status(V1, SchemaStatus::Deprecated)),
        |w| shown(w.set_schema_status(V1, SchemaStatus::Active)),
    ];
    for (n, call) in calls.iter().enumerate() {
        let world = World::new();
        let first = world.write_store(|w| call(w.idempotency_key(id(1)))).unwrap();
        let again = |expected: &str| {
            let before = world.extent();
            assert_eq!(world.write_store(|w| call(w.idempotency_key(id(1)))).unwrap(), expected);
            assert_eq!(world.extent(), before);
        };
        again(&first);
        for (_, other) in calls.iter().enumerate().filter(|(other, _)| *other != n) {
            refused(world.write_store(|w| other(w.idempotency_key(id(1)))), TAKEN, &id(1).to_string());
        }
        refused(world.store.write(&customer("bob"), |w| call(w.idempotency_key(id(1)))), TAKEN, &id(1).to_string());
        archive_schema(&world);
        if world.store.schema("2027", policy_store::Include::Neither).is_ok() {
            world.write_store(|w| w.set_schema_status("2027", SchemaStatus::Deprecated)).unwrap();
        }
        again(&first);
        world.store.rebuild_indexes().unwrap();
        again(&first);
        let entry = &world.store.history(&HistoryFilter::new(), &policy_store::PageRequest::new()).unwrap().items;
        assert_eq!(entry.iter().filter(|entry| entry.idempotency_key == Some(id(1))).count(), 1);
    }
}

#[test]
fn a_request_of_the_store_is_that_of_its_next_call_alone() {
    let world = World::new();
    world
        .write_store(|w| {
            w.idempotency_key(id(1)).create_zone("one")?.create_policy(NewPolicy::named("p"))?;
            w.create_zone("two").map(drop)
        })
        .unwrap();
    let list = policy_store::PageRequest::new();
    let ids: Vec<_> = world
        .store
        .history(&HistoryFilter::new(), &list)
        .unwrap()
        .items
        .iter()
        .map(|entry| entry.idempotency_key)
        .take(2)
        .collect();
    assert_eq!(ids, [None, Some(id(1))]);
    let inside = world.store.zone("one").unwrap().history(&HistoryFilter::new(), &list).unwrap().items;
    assert!(inside.iter().all(|entry| entry.idempotency_key.is_none()), "{inside:?}");
}
