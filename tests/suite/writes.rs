//! Writes: one closure, one commit or none, and each call sees the earlier ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, mpsc};

use policy_store::ErrorKind::{Conflict, NotFound};
use policy_store::{
    HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyUpdate,
    Result, Target,
};

use super::support::{Clock, FORBID, PERMIT, SCHEMA, V1, World, customer, refused, reread};

#[test]
fn each_call_sees_the_earlier_ones_and_all_of_it_is_one_write() {
    let world = World::new();
    let live = world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("next", SCHEMA))?;
            assert_eq!(w.schema("next", Include::Neither)?.version, "next");
            let mut zone = w.create_zone("new")?;
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("next", PERMIT))?;
            assert_eq!(zone.policy(&policy.id)?.latest_version, Some(1));
            assert_eq!(*zone.policy_version(&version.id, Include::Both)?, version);
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            let live = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("next").pin(&version))?;
            let bound = zone.activate(&live.id)?.binding;
            assert_eq!(zone.in_force(Target::Zone)?, bound);
            assert!(zone.policy_set(&set.id)?.active && zone.policy_set_version(&live.id)?.active);
            let mut again = w.zone("new")?;
            again.update_policy(&policy.id, PolicyUpdate::new().name("q"))?;
            assert_eq!(again.policy(&policy.id)?.name, "q");
            Ok(live)
        })
        .unwrap();
    let zone = world.store.zone("new").unwrap();
    assert_eq!(zone.in_force(Target::Zone).unwrap().policy_set_version_id, live.id);
    let history = zone.history(&HistoryFilter::new(), &policy_store::PageRequest::new()).unwrap().items;
    assert!(history.iter().all(|entry| entry.write == (0, 6)), "{history:?}");
    world.extent();
}

#[test]
fn nothing_of_a_write_is_seen_before_it_ends() {
    let world = World::new();
    world
        .write_store(|w| {
            w.create_zone("new")?;
            w.zone("acme")?.create_policy(NewPolicy::named("p").id("p"))?;
            refused(world.store.zone("new"), (NotFound, "not_found"), "new");
            refused(world.zone().policy("p"), (NotFound, "not_found"), "p");
            Ok(())
        })
        .unwrap();
    assert!(world.zone().policy("p").is_ok() && world.store.zone("new").is_ok());
}

/// Makes changes of many kinds, in three logs.
fn a_lot(w: &mut policy_store::WriteTransaction<'_, '_>) -> Result<()> {
    w.publish_schema(NewSchema::cedar("next", format!("{SCHEMA}// next")))?;
    w.create_zone("new")?.create_policy(NewPolicy::named("p"))?;
    let mut zone = w.zone("acme")?;
    zone.create_policy(NewPolicy::named("p").id("p"))?;
    zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID)).map(drop)
}

#[test]
fn nothing_is_left_after_an_error() {
    let world = World::new();
    let before = (world.extent(), world.history());
    let given_up: Result<()> = world.write_store(|w| {
        a_lot(w)?;
        w.zone("none").map(drop)
    });
    refused(given_up, (NotFound, "not_found"), "zone `none`");
    assert_eq!((world.extent(), world.history()), before);
    refused(world.store.zone("new"), (NotFound, "not_found"), "new");
    refused(world.store.schema("next", Include::Neither), (NotFound, "not_found"), "next");
    world.write_store(a_lot).unwrap();
}

#[test]
fn nothing_is_left_after_a_panic_and_the_store_goes_on() {
    let world = World::new();
    let before = (world.extent(), world.history());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        world.write_store(|w| {
            a_lot(w)?;
            // Not `panic!`, so that no message appears between the tests.
            std::panic::resume_unwind(Box::new("the caller's"));
            #[expect(unreachable_code, reason = "it gives the closure its type")]
            Ok(())
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"the caller's"), "the panic goes on to the caller");
    assert_eq!((world.extent(), world.history()), before);
    world.write_store(a_lot).unwrap();
    assert!(world.zone().policy("p").is_ok());
}

#[test]
fn a_refused_call_in_a_write_that_goes_on_leaves_no_trace() {
    let world = World::new();
    world.version("p", PERMIT);
    let before = world.extent();
    world
        .write(|zone| {
            let unique = "permit(principal, action, resource) when { principal.nope };";
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, unique)).unwrap_err();
            zone.create_policy(NewPolicy::named("taken").id("p")).unwrap_err();
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, FORBID).id("-")).unwrap_err();
            zone.archive_policy("none").unwrap_err();
            zone.create_policy(NewPolicy::named("q"))
        })
        .unwrap();
    let [logs, entries, objects, rows] = before;
    assert_eq!(world.extent(), [logs, entries + 1, objects, rows + 2]);
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(1));
}

#[test]
fn a_write_that_does_nothing_leaves_no_trace() {
    let world = World::new();
    let before = world.extent();
    assert_eq!(world.write_store(|_| Ok(5)).unwrap(), 5);
    assert_eq!(world.extent(), before);
}

#[test]
fn a_write_is_durable_when_it_returns() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let world = world.reopened();
    assert_eq!(reread(&world, &version), version);
    world.extent();
}

#[test]
fn versions_prepared_on_other_threads_are_those_that_a_write_would_make() {
    let world = World::new();
    world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    let texts: Vec<String> =
        (0..8).map(|n| format!("permit(principal, action, resource) when {{ principal.level == {n} }};")).collect();
    let store = &world.store;
    let prepared: Vec<_> = std::thread::scope(|scope| {
        let prepare = |text: &String| {
            store.prepare_policy_version(NewPolicyVersion::cedar(V1, text.as_str()).id(format!("v{}", text.len())))
        };
        let threads: Vec<_> = texts.iter().map(|text| scope.spawn(move || prepare(text))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    for (n, (prepared, text)) in prepared.into_iter().zip(&texts).enumerate() {
        let sha = prepared.sha();
        let id = format!("v{}", text.len());
        let made = world.write(|zone| zone.create_policy_version("p", prepared));
        if n > 0 {
            // All texts have the same length, so that only the first id is free.
            refused(made, (Conflict, "already_exists"), &id);
            continue;
        }
        let made = made.unwrap();
        assert_eq!((made.id.as_str(), made.sha, made.cedar_raw.as_deref()), (id.as_str(), sha, Some(text.as_str())));
        let written = world.version("p", text);
        assert_eq!((written.cedar_json, written.warnings, written.statements), (made.cedar_json, made.warnings, 1));
    }
}

#[test]
fn a_version_prepared_with_another_stores_schema_is_refused() {
    let clock = Clock::new();
    let elsewhere = clock.builder().in_memory().unwrap();
    let schema = SCHEMA.replace("secret", "hidden");
    elsewhere.write(&customer("x"), |w| w.publish_schema(NewSchema::cedar(V1, schema))).unwrap();
    let text = "permit(principal, action, resource) when { resource.hidden };";
    let prepared = elsewhere.prepare_policy_version(NewPolicyVersion::cedar(V1, text)).unwrap();
    let world = World::new();
    world.version("p", PERMIT);
    world.refuses((Conflict, "prepared_elsewhere"), V1, |zone| zone.create_policy_version("p", prepared.clone()));
}

#[test]
fn a_write_in_the_closure_of_a_write_is_refused() {
    let world = World::new();
    world
        .write_store(|w| {
            w.zone("acme")?.create_policy(NewPolicy::named("p").id("outer"))?;
            let inner = world.write(|zone| zone.create_policy(NewPolicy::named("p")));
            refused(inner, (Conflict, "nested_write"), "write");
            refused(world.store.rebuild_indexes(), (Conflict, "nested_write"), "write");
            refused(world.store.recover(), (Conflict, "nested_write"), "write");
            // A write to another store is allowed, and so is a read of this one.
            World::new().version("p", PERMIT);
            world.store.verify()
        })
        .unwrap();
    assert!(world.zone().policy("outer").is_ok());
    world.version("p", PERMIT);
}

#[test]
fn two_threads_write_one_after_the_other() {
    let world = World::new();
    let (store, barrier) = (&world.store, Barrier::new(2));
    std::thread::scope(|scope| {
        for name in ["one", "two"] {
            let barrier = &barrier;
            scope.spawn(move || {
                barrier.wait();
                for n in 0..20 {
                    let add = |zone: &mut policy_store::ZoneTransaction<'_, '_>| {
                        zone.create_policy(NewPolicy::named(format!("{name}{n}")))?;
                        std::thread::yield_now();
                        zone.create_policy(NewPolicy::named(format!("{name}{n}")))
                    };
                    store.write(&customer(name), |w| add(&mut w.zone("acme")?)).unwrap();
                }
            });
        }
    });
    let history = world.history();
    assert_eq!(history.len(), 81);
    assert!(history.is_sorted_by(|a, b| a.created_at < b.created_at && a.position + 1 == b.position));
    for pair in history[1..].chunks(2) {
        assert_eq!((pair[0].write, &pair[0].created_by), (pair[1].write, &pair[1].created_by), "two writes mixed");
    }
    world.extent();
}

#[test]
fn a_write_waits_for_another_threads_and_reads_do_not() {
    let world = World::new();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let second = world
            .write(|zone| {
                let world = &world;
                let second = scope.spawn(move || {
                    let version = world.version("second", PERMIT);
                    tell.send(()).unwrap();
                    version
                });
                zone.create_policy(NewPolicy::named("first").id("first"))?;
                let soon = std::time::Duration::from_millis(100);
                assert!(told.recv_timeout(soon).is_err(), "the other write did not wait");
                assert!(
                    world
                        .zone()
                        .policies(&policy_store::PolicyFilter::new(), &policy_store::PageRequest::new())?
                        .items
                        .is_empty()
                );
                Ok(second)
            })
            .unwrap();
        second.join().unwrap();
    });
    let names: Vec<_> =
        world.zone().policies(&policy_store::PolicyFilter::new(), &policy_store::PageRequest::new()).unwrap().items;
    assert_eq!(names.iter().map(|policy| policy.id.as_str()).collect::<Vec<_>>(), ["second", "first"]);
}

#[test]
fn handles_are_shared_between_threads_and_outlive_one_another() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let world = World::new();
    world.live("s", &[]);
    let (zone, authorizer) = (world.zone(), world.zone().authorizer(Target::Zone).unwrap());
    shared(&world.store);
    shared(&zone);
    shared(&authorizer);
    drop(world);
    assert!(zone.in_force(Target::Zone).is_ok());
}

#[test]
fn recovering_a_healthy_store_changes_nothing_and_handles_stay_valid() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let live = world.live("s", &[&version]);
    let (zone, before) = (world.zone(), world.extent());
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    world.store.recover().unwrap();
    assert_eq!((world.extent(), zone.policy_version(&version.id, Include::Both).unwrap()), (before, version.into()));
    assert_eq!(zone.authorizer(Target::Zone).unwrap().binding(), authorizer.binding());
    assert_eq!(zone.policy_set_version(&live.id).unwrap().id, live.id);
    world.version("p", FORBID);
}
