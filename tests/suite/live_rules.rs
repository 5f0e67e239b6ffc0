//! Reloading signed rules while requests run: newer ones are taken over, others refused by name, and no request fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cedar_policy::Decision;
use policy_store::ErrorKind::Conflict;
use policy_store::{LiveAuthorizer, NewPolicy, NewPolicySet, PolicyStore, Restore, Target};

use super::evidence::forked;
use super::signed_rules::{guard, rules, world};
use super::support::{FORBID, PERMIT, World, decide, pinning, platform, refused};

fn allows(live: &LiveAuthorizer) -> bool {
    decide(&live.current(), "ann", "read", "open") == Decision::Allow
}

#[test]
fn newer_rules_replace_those_in_use_and_a_kept_authorizer_goes_on() {
    let world = world();
    let first = rules(&world, Target::Zone);
    let live = LiveAuthorizer::new(&first).unwrap();
    let kept = live.current();
    assert!(allows(&live) && !live.reload(&first).unwrap());
    assert!(Arc::ptr_eq(&kept, &live.current()), "equal rules change nothing");
    // Another change of the zone moves the end of the log.
    world.write(|zone| zone.create_policy(NewPolicy::named("unrelated"))).unwrap();
    assert!(live.reload(&rules(&world, Target::Zone)).unwrap());
    assert_eq!(live.current().log_end().size, kept.log_end().size + 1);
    assert_eq!(live.current().binding(), kept.binding());
    world.live("s", &[]);
    assert!(allows(&live));
    assert!(live.reload(&rules(&world, Target::Zone)).unwrap());
    assert!(!allows(&live));
    assert_eq!(decide(&kept, "ann", "read", "open"), Decision::Allow);
    // A guardrail comes and goes.
    world.live("s", &[&world.version("a", PERMIT)]);
    live.reload(&rules(&world, Target::Zone)).unwrap();
    guard(&world, "forbid(principal, action, resource);");
    assert!(allows(&live) && live.reload(&rules(&world, Target::Zone)).unwrap() && !allows(&live));
    world.write_as(&platform(), |zone| zone.unbind_guardrail()).unwrap();
    assert!(live.reload(&rules(&world, Target::Zone)).unwrap() && allows(&live));
    assert!(live.current().guardrail().is_none());
}

#[test]
fn older_rules_and_those_of_another_target_zone_or_log_are_refused_by_name() {
    let world = world();
    let older = rules(&world, Target::Zone);
    let user = rules(&world, Target::user("ann"));
    world.live("s", &[]);
    let live = LiveAuthorizer::new(&rules(&world, Target::Zone)).unwrap();
    refused(live.reload(&older), (Conflict, "older_rules"), "older than those in use");
    refused(live.reload(&user), (Conflict, "other_rules"), "another target: user `ann`, expected the zone");
    world
        .write_store(|w| {
            let mut zone = w.zone("other")?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", pinning(&[]))?;
            zone.activate(&version.id)
        })
        .unwrap();
    let zone = world.store.zone("other").unwrap();
    let signed = super::seals::signed(&zone.checkpoint().unwrap());
    let other = zone.signed_rules_with(Target::Zone, signed.signed()).unwrap().verify(&super::seals::trust()).unwrap();
    refused(live.reload(&other), (Conflict, "other_rules"), "another log: ");
    drop(zone);
    let (world, _folder) = forked(world);
    refused(live.reload(&rules(&world, Target::Zone)), (Conflict, "other_rules"), "another log: ");
    assert!(!allows(&live), "the rules in use stay");
}

/// A store and a restored backup of it that both go on under one name.
fn split(world: World) -> ([World; 2], tempfile::TempDir) {
    let (clock, folder, path) = world.closed();
    let store = clock.builder().open(&path).unwrap();
    let copy = folder.path().join("copy.redb");
    store.backup(&copy).unwrap();
    let resumed: PolicyStore = clock.builder().restore(Restore::Resume).open(&copy).unwrap();
    ([World::resumed(store, clock.clone()), World::resumed(resumed, clock)], folder)
}

#[test]
fn rules_of_another_history_under_the_same_log_are_refused_by_name() {
    let world = world();
    guard(&world, FORBID);
    let ([one, two], _folder) = split(world);
    let forked = (Conflict, "forked_rules");
    one.write(|zone| zone.create_policy(NewPolicy::named("in one"))).unwrap();
    let live = LiveAuthorizer::new(&rules(&one, Target::Zone)).unwrap();
    two.write(|zone| zone.create_policy(NewPolicy::named("in two"))).unwrap();
    refused(live.reload(&rules(&two, Target::Zone)), forked, "root");
    // With more entries: a binding from before the end of the rules in use was in force there, or is of another history.
    one.live("s", &[]);
    two.live("s", &[]);
    let live = LiveAuthorizer::new(&rules(&one, Target::Zone)).unwrap();
    two.write(|zone| zone.create_policy(NewPolicy::named("more"))).unwrap();
    refused(live.reload(&rules(&two, Target::Zone)), forked, "binding_entry");
    let strict = LiveAuthorizer::new(&rules(&one, Target::user("ann"))).unwrap();
    guard(&one, "forbid(principal, action, resource);");
    guard(&two, "forbid(principal, action, resource) when { true };");
    for (world, count) in [(&one, 4), (&two, 8)] {
        for number in 0..count {
            world.write(|zone| zone.create_policy(NewPolicy::named(format!("more {number}")))).unwrap();
        }
    }
    let live = LiveAuthorizer::new(&rules(&one, Target::user("ann"))).unwrap();
    refused(live.reload(&rules(&two, Target::user("ann"))), forked, "guardrail");
    assert!(strict.reload(&rules(&one, Target::user("ann"))).unwrap());
}

#[test]
fn a_strict_authorizer_stays_strict() {
    let world = World::new();
    let fails = world.version("f", "forbid(principal, action, resource) when { principal.level + 1 == 9 };");
    let permit = world.version("p", PERMIT);
    world.live("s", &[&permit, &fails]);
    let live = LiveAuthorizer::new(&rules(&world, Target::Zone)).unwrap();
    assert_eq!(decide(&live.current(), "bob", "read", "open"), Decision::Allow);
    let live = live.deny_on_forbid_error();
    assert_eq!(decide(&live.current(), "bob", "read", "open"), Decision::Deny);
    world.live("s", &[&fails, &permit]);
    assert!(live.reload(&rules(&world, Target::Zone)).unwrap());
    assert_eq!(decide(&live.current(), "bob", "read", "open"), Decision::Deny);
}

#[test]
fn requests_run_on_while_rules_are_reloaded() {
    let world = World::new();
    let permit = world.version("p", PERMIT);
    world.live("s", &[&permit]);
    let live = LiveAuthorizer::new(&rules(&world, Target::Zone)).unwrap();
    // Allowed and denied in turn, so an end of the log has one right answer.
    let (mut files, mut expected) = (Vec::new(), vec![(live.current().log_end().size, Decision::Allow)]);
    for round in 0..40 {
        let pins = if round % 2 == 0 { vec![] } else { vec![&permit] };
        world.live("s", &pins);
        let next = rules(&world, Target::Zone);
        expected.push((next.log_end().size, if round % 2 == 0 { Decision::Deny } else { Decision::Allow }));
        files.push(next);
    }
    let decided = AtomicU64::new(0);
    let (done, flag) = super::support::Done::new();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut newest = 0;
                while !flag.load(Ordering::SeqCst) {
                    let authorizer = live.current();
                    let size = authorizer.log_end().size;
                    assert!(size >= newest, "older rules came back");
                    newest = size;
                    let right = expected.iter().find(|(end, _)| *end == size).unwrap().1;
                    assert_eq!(decide(&authorizer, "ann", "read", "open"), right);
                    decided.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let done = done;
        for (number, file) in files.iter().enumerate() {
            let before = decided.load(Ordering::SeqCst);
            assert!(live.reload(file).unwrap());
            assert_eq!(live.current().log_end(), file.log_end());
            if number > 0 {
                refused(live.reload(&files[number - 1]), (Conflict, "older_rules"), "");
            }
            while decided.load(Ordering::SeqCst) < before + 4 {
                std::thread::yield_now();
            }
        }
        drop(done);
    });
}

/// Several threads reload the same files in any order: the newest one stays.
#[test]
fn the_newest_of_files_that_are_reloaded_at_once_stays() {
    let world = World::new();
    world.live("s", &[]);
    let live = LiveAuthorizer::new(&rules(&world, Target::Zone)).unwrap();
    let files: Vec<_> = (0..8)
        .map(|_| {
            world.live("s", &[]);
            rules(&world, Target::Zone)
        })
        .collect();
    std::thread::scope(|scope| {
        for turn in 0..4 {
            let (files, live) = (&files, &live);
            scope.spawn(move || {
                for number in 0..files.len() {
                    match live.reload(&files[(number * 3 + turn) % files.len()]) {
                        Ok(_) => {}
                        Err(error) => assert_eq!(error.code(), "older_rules"),
                    }
                }
            });
        }
    });
    assert_eq!(live.current().log_end(), files.last().unwrap().log_end());
}
