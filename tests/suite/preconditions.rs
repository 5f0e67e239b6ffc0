//! Preconditions: a call is executed only if the state that its author has seen is unchanged.

use std::sync::Barrier;

use policy_store::ErrorKind::{Archived, Invalid, NotFound, PreconditionFailed, TooLarge};
use policy_store::{
    NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, PolicySetUpdate, PolicyUpdate, Precondition,
    Target, TargetType,
};

use super::support::{FORBID, PERMIT, V1, World, customer, pinning, refused};

const UNMET: (policy_store::ErrorKind, &str) = (PreconditionFailed, "precondition_failed");

fn ann() -> Target {
    Target::User("ann".to_owned())
}

/// Policies `p` with two versions and `new` with none; sets `s`, whose second version is active, and `new`, without any.
fn world() -> World {
    let world = World::new();
    let first = world.version("p", PERMIT);
    world.version("p", FORBID);
    world.live("s", &[&first]);
    world.live("s", &[]);
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("new").id("new"))?;
            zone.create_policy_set(NewPolicySet::named("new").id("new"))?;
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))
        })
        .unwrap();
    world
}

/// `none` is an id like any other.
#[test]
fn a_version_called_none_is_not_nothing() {
    let world = World::new();
    world.set_version("s", &[]);
    let demanding = |version: Option<&str>| {
        let precondition = Precondition::active_version(Target::Zone, version.map(str::to_owned));
        world.write(|zone| zone.precondition(precondition).create_policy(NewPolicy::named("p")))
    };
    refused(demanding(Some("none")), (PreconditionFailed, "precondition_failed"), "none");
    world
        .write(|zone| {
            let version = zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).id("none"))?;
            zone.activate(&version.id)
        })
        .unwrap();
    refused(demanding(None), (PreconditionFailed, "precondition_failed"), "none");
    assert!(demanding(Some("none")).is_ok());
    let long = demanding(Some(&"x".repeat(10_000))).unwrap_err();
    assert!(long.to_string().len() < 400, "{long}");
}

#[test]
fn each_demand_holds_or_refuses_the_call_without_a_trace() {
    let world = world();
    let zone = world.zone();
    let policy = zone.policy("p").unwrap().revision;
    let set = zone.policy_set("s").unwrap().revision;
    let bindings = zone.info().unwrap().bindings_revision;
    assert_eq!(bindings, set);
    let active = zone.in_force(Target::Zone).unwrap().policy_set_version_id.to_string();
    let earlier = zone.policy_set_version_numbered("s", 1).unwrap().id.to_string();
    let holding = [
        Precondition::policy_revision("p", policy),
        Precondition::policy_set_revision("s", set),
        Precondition::bindings_revision(bindings),
        Precondition::latest_policy_version("p", Some(2)),
        Precondition::latest_policy_version("new", None),
        Precondition::latest_policy_set_version("s", Some(2)),
        Precondition::latest_policy_set_version("new", None),
        Precondition::active_version(Target::Zone, Some(active.clone())),
        Precondition::active_version(ann(), None),
    ];
    let failing = [
        (Precondition::policy_revision("p", policy - 1), "revision of policy `p` is"),
        (Precondition::policy_revision("p", policy + 1), "revision of policy `p` is"),
        (Precondition::policy_set_revision("s", set - 1), "revision of policy set `s` is"),
        (Precondition::bindings_revision(0), "bindings revision of zone `acme` is"),
        (Precondition::latest_policy_version("p", Some(1)), "policy `p` is `2`, expected `1`"),
        (Precondition::latest_policy_version("p", None), "policy `p` is `2`, expected `none`"),
        (Precondition::latest_policy_version("new", Some(1)), "policy `new` is `none`, expected `1`"),
        (Precondition::latest_policy_version("new", Some(0)), "policy `new` is `none`, expected `0`"),
        (Precondition::latest_policy_set_version("s", Some(3)), "policy set `s` is `2`"),
        (Precondition::latest_policy_set_version("s", None), "policy set `s` is `2`"),
        (Precondition::active_version(Target::Zone, Some(earlier)), "version in force for the zone is"),
        (Precondition::active_version(Target::Zone, None), "version in force for the zone is"),
        (Precondition::active_version(ann(), Some(active)), "version in force for user `ann` is `none`"),
    ];
    for (unmet, names) in &failing {
        world.refuses(UNMET, names, |zone| zone.precondition(unmet.clone()).create_policy(NewPolicy::named("x")));
        // Also among preconditions that hold.
        world.refuses(UNMET, names, |zone| {
            for precondition in &holding {
                zone.precondition(precondition.clone());
            }
            zone.precondition(unmet.clone()).archive_policy("none")
        });
    }
    for precondition in &holding {
        world.write(|zone| zone.precondition(precondition.clone()).create_policy(NewPolicy::named("x"))).unwrap();
    }
    world
        .write(|zone| {
            for precondition in holding {
                zone.precondition(precondition);
            }
            zone.archive_policy("p")
        })
        .unwrap();
}

#[test]
fn a_demand_of_what_is_not_there_is_an_error_of_its_own() {
    let world = world();
    let not_found = (NotFound, "not_found");
    for (precondition, expected, names) in [
        (Precondition::policy_revision("none", 1), not_found, "policy `none`"),
        (Precondition::policy_revision("s", 1), not_found, "policy `s`"),
        (Precondition::policy_set_revision("none", 1), not_found, "policy set `none`"),
        (Precondition::latest_policy_version("none", None), not_found, "policy `none`"),
        (Precondition::latest_policy_set_version("none", None), not_found, "policy set `none`"),
        (Precondition::active_version(Target::User(String::new()), None), (Invalid, "invalid_input"), "target id"),
    ] {
        world.refuses(expected, names, |zone| {
            zone.precondition(precondition.clone()).create_policy(NewPolicy::named("x"))
        });
    }
    // The resources of another zone do not exist here.
    let other = world.write_store(|w| {
        w.zone("other")?
            .precondition(Precondition::latest_policy_version("p", Some(2)))
            .create_policy(NewPolicy::named("x"))
    });
    refused(other, not_found, "policy `p`");
}

#[test]
fn every_change_that_get_returns_moves_the_revision_that_is_demanded() {
    let world = world();
    let at = |id: &str| Precondition::policy_revision(id, world.zone().policy(id).unwrap().revision);
    let moves = |seen: Precondition| {
        refused(world.write(|zone| zone.precondition(seen).create_policy(NewPolicy::named("x"))), UNMET, "revision");
    };
    let seen = at("p");
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("renamed"))).unwrap();
    moves(seen);
    let seen = at("p");
    world.version("p", PERMIT);
    moves(seen);
    let seen = at("p");
    world.write(|zone| zone.archive_policy("p")).unwrap();
    moves(seen);
    // A call without effect does not change the revision; nor do changes of other policies or bindings.
    let (seen, other) = (at("p"), at("new"));
    world.write(|zone| zone.archive_policy("p")).unwrap();
    world.version("other", PERMIT);
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    world.write(|zone| zone.precondition(seen).precondition(other).create_policy(NewPolicy::named("x"))).unwrap();
}

#[test]
fn the_revision_of_a_set_that_is_displaced_moves_in_either_mode() {
    let world = world();
    let other = world.set_version("t", &[]);
    let own = world.zone().in_force(Target::Zone).unwrap().policy_set_version_id;
    world.write(|zone| zone.bind_shadow(&own, Target::Zone)).unwrap();
    for shadow in [false, true] {
        let set = world.zone().policy_set("s").unwrap();
        let bindings = world.zone().info().unwrap().bindings_revision;
        world
            .write(|zone| if shadow { zone.bind_shadow(&other.id, Target::Zone) } else { zone.activate(&other.id) })
            .unwrap();
        for (seen, names) in [
            (Precondition::policy_set_revision("s", set.revision), "policy set `s`"),
            (Precondition::bindings_revision(bindings), "bindings"),
        ] {
            world.refuses(UNMET, names, |zone| {
                zone.precondition(seen.clone()).update_policy_set("s", PolicySetUpdate::new().name("x"))
            });
        }
    }
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.active_version, set.shadow_version, set.mode), (None, None, None));
}

#[test]
fn of_two_threads_with_the_same_demand_exactly_one_wins() {
    for round in 0..8 {
        let world = world();
        let (store, barrier) = (&world.store, Barrier::new(2));
        let revision = world.zone().policy("p").unwrap().revision;
        let results: Vec<_> = std::thread::scope(|scope| {
            let race = |name: &'static str| {
                let barrier = &barrier;
                move || {
                    barrier.wait();
                    store.write(&customer(name), |w| {
                        let mut zone = w.zone("acme")?;
                        zone.precondition(Precondition::policy_revision("p", revision));
                        zone.update_policy("p", PolicyUpdate::new().name(name))
                    })
                }
            };
            let threads = ["one", "two"].map(|name| scope.spawn(race(name)));
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(|result| result.is_ok());
        assert_eq!((won.len(), lost.len()), (1, 1), "round {round}");
        let won = won.into_iter().flatten().next().unwrap();
        assert_eq!(world.zone().policy("p").unwrap(), won);
        for lost in lost {
            refused(lost, UNMET, &format!("is `{}`, expected `{revision}`", won.revision));
        }
    }
}

#[test]
fn a_demand_is_that_of_the_next_call_alone() {
    let world = world();
    let precondition = || Precondition::latest_policy_version("p", Some(2));
    world
        .write(|zone| {
            // A read does not use up a precondition.
            zone.precondition(precondition()).policy("p")?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            // The precondition sees the changes of the write.
            let late =
                zone.precondition(precondition()).create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT));
            refused(late, UNMET, "policy `p` is `4`");
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
        })
        .unwrap();
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(5));
}

#[test]
fn a_demand_is_checked_before_the_rules_of_the_call() {
    let world = world();
    world.write(|zone| zone.archive_policy("p")).unwrap();
    let update = || PolicyUpdate::new().name("x");
    world.refuses((Archived, "archived"), "p", |zone| zone.update_policy("p", update()));
    world.refuses(UNMET, "p", |zone| {
        zone.precondition(Precondition::policy_revision("p", 0)).update_policy("p", update())
    });
    let version = world.zone().policy_set_version_numbered("s", 2).unwrap();
    world.refuses(UNMET, "the zone", |zone| {
        zone.precondition(Precondition::active_version(Target::Zone, None))
            .create_policy_set_version("none", pinning(&[]).id(version.id.as_str()))
    });
}

#[test]
fn one_of_several_is_enough_and_of_none_none_is() {
    let world = world();
    let revision = world.zone().policy("p").unwrap().revision;
    let of = |revision| Precondition::policy_revision("p", revision);
    let create = |precondition: Precondition| {
        world.write(|zone| zone.precondition(precondition).create_policy(NewPolicy::named("x")))
    };
    for precondition in [
        Precondition::any([of(revision)]),
        Precondition::any([of(1), of(revision)]),
        Precondition::any([of(revision), of(1)]),
        Precondition::any([Precondition::any([of(1), Precondition::bindings_revision(0)]), of(revision)]),
    ] {
        create(precondition).unwrap();
    }
    let unmet = |names: &str, precondition: Precondition| {
        world.refuses(UNMET, names, |zone| zone.precondition(precondition.clone()).create_policy(NewPolicy::named("x")))
    };
    let error = unmet(&format!("is `{revision}`, expected `0` or `1`"), Precondition::any([of(0), of(1)]));
    assert_eq!(error.to_string().matches("revision").count(), 1, "{error}");
    let error = unmet("zone `acme`", Precondition::any([of(0), Precondition::bindings_revision(0)]));
    assert!(error.to_string().contains("policy `p` or bindings revision"), "{error}");
    unmet("list of alternatives is `empty`, expected `at least one`", Precondition::any([]));
    unmet("list of alternatives is `empty`, expected `at least one`", Precondition::any([Precondition::any([])]));
    let many = |count: u64| Precondition::any((0..count).map(|n| of(n + revision + 1)));
    let error = unmet("policy `p`", many(10_000));
    assert!(error.to_string().len() < 400, "{error}");
    refused(create(many(10_001)), (TooLarge, "too_large"), "10001");
    // A missing resource is reported if no alternative holds, in any order.
    let missing = || Precondition::policy_revision("none", 1);
    for (first, second) in [(missing(), of(revision)), (of(revision), missing())] {
        create(Precondition::any([first, second])).unwrap();
    }
    for (first, second) in [(missing(), of(1)), (of(1), missing())] {
        refused(create(Precondition::any([first, second])), (NotFound, "not_found"), "none");
    }
}

#[test]
fn a_demand_can_be_checked_before_a_write() {
    let world = world();
    let revision = world.zone().policy("p").unwrap().revision;
    let before = world.extent();
    world.zone().check(&Precondition::policy_revision("p", revision)).unwrap();
    refused(world.zone().check(&Precondition::policy_revision("p", 0)), UNMET, "policy `p`");
    refused(world.zone().check(&Precondition::policy_revision("none", 0)), (NotFound, "not_found"), "none");
    assert_eq!(world.extent(), before);
}

/// The same alternatives give the same fingerprint; others, or another order, do not.
#[test]
fn a_request_is_told_by_its_alternatives() {
    let world = world();
    let id = policy_store::IdempotencyKey::from([1; 16]);
    let revision = world.zone().policy("p").unwrap().revision;
    let of = |revision| Precondition::policy_revision("p", revision);
    let create = |zone: &mut policy_store::ZoneTransaction<'_, '_>, precondition: Precondition| {
        zone.idempotency_key(id).precondition(precondition).create_policy(NewPolicy::named("x"))
    };
    let first = world.write(|zone| create(zone, Precondition::any([of(1), of(revision)]))).unwrap();
    world.write(|zone| zone.archive_policy("p")).unwrap();
    assert_eq!(world.write(|zone| create(zone, Precondition::any([of(1), of(revision)]))).unwrap(), first);
    let others = [
        of(revision),
        Precondition::any([of(revision), of(1)]),
        Precondition::any([of(1), of(2)]),
        Precondition::any([of(1), of(revision), of(2)]),
        Precondition::any([of(1)]),
        Precondition::any([]),
    ];
    for other in others {
        let taken = (policy_store::ErrorKind::Conflict, "request_conflict");
        world.refuses(taken, &id.to_string(), |zone| create(zone, other.clone()));
    }
}
