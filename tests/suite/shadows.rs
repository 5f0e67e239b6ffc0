//! Shadows: an observed policy set version is evaluated in addition to the active one, and never enforced.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Archived, Conflict, Invalid, NotBound, NotFound};
use policy_store::{Answer, At, BindingMode, NewPolicySet, PolicySetVersion, Target, TargetType};

use super::support::{FORBID, PERMIT, World, asked, customer, decide, pinning, platform, receipt_of, refused};

const NOT_BOUND: (policy_store::ErrorKind, &str) = (NotBound, "not_bound");
const IN_FORCE: (policy_store::ErrorKind, &str) = (Conflict, "in_force");
const WRONG_TARGET: (policy_store::ErrorKind, &str) = (Conflict, "wrong_target");

fn user(id: &str) -> Target {
    Target::User(id.to_owned())
}

fn user_set(world: &World, id: &str) -> PolicySetVersion {
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named(id).id(id).target_type(TargetType::User))?;
            zone.create_policy_set_version(id, pinning(&[]))
        })
        .unwrap()
}

/// The answers of the active version and of the shadow of the zone to one request.
fn answers(world: &World, doc: &str) -> (Answer, Answer) {
    let [enforced, shadow] =
        [world.zone().authorizer(Target::Zone), world.zone().shadow_authorizer(Target::Zone)].map(|authorizer| {
            let authorizer = authorizer.unwrap();
            let (request, entities) = asked(&authorizer, "ann", "read", doc);
            authorizer.is_authorized(&request, &entities).unwrap()
        });
    (enforced, shadow)
}

#[test]
fn what_is_observed_is_told_apart_from_what_is_in_force() {
    let world = World::new();
    let allow = world.version("p", PERMIT);
    let (live, next) = (world.live("s", &[]), world.set_version("t", &[&allow]));
    let before = world.zone().in_force(Target::Zone).unwrap();
    let bound = world.write_as(&customer("bea"), |zone| zone.bind_shadow(&next.id, Target::Zone)).unwrap().binding;
    let entry = world.history().pop().unwrap();
    assert_eq!((bound.mode, &bound.policy_set_version_id, bound.version), (BindingMode::Shadow, &next.id, 1));
    assert_eq!((bound.since, bound.by.id(), bound.position), (entry.created_at, "bea", entry.position));
    let zone = world.zone();
    assert_eq!(zone.observed(Target::Zone).unwrap(), bound);
    assert_eq!(world.write(|zone| zone.observed(Target::Zone)).unwrap(), bound);
    assert_eq!(zone.in_force(Target::Zone).unwrap(), before);
    assert_eq!(zone.info().unwrap().bindings_revision, bound.position);
    let (s, t) = (zone.policy_set("s").unwrap(), zone.policy_set("t").unwrap());
    assert_eq!((s.active, s.mode, s.shadow_version), (true, Some(BindingMode::Active), None));
    assert_eq!((t.active, t.mode, t.active_version_id), (false, Some(BindingMode::Shadow), None));
    assert_eq!((t.shadow_version, t.shadow_version_id, t.revision), (Some(1), Some(next.id.clone()), bound.position));
    assert!(!zone.policy_set_version(&next.id).unwrap().active && zone.policy_set_version(&live.id).unwrap().active);
    // The enforced answer is unchanged, and the shadow gives its own.
    let enforced = zone.authorizer(Target::Zone).unwrap();
    let shadow = zone.shadow_authorizer(Target::Zone).unwrap();
    assert_eq!((decide(&enforced, "ann", "read", "open"), enforced.binding()), (Decision::Deny, Some(&before)));
    assert_eq!((decide(&shadow, "ann", "read", "open"), shadow.binding()), (Decision::Allow, Some(&bound)));
    world.extent();
}

#[test]
fn nothing_observed_is_an_error_and_what_is_in_force_is_no_answer() {
    let world = World::new();
    world.live("s", &[]);
    refused(world.zone().observed(Target::Zone), NOT_BOUND, "the zone");
    refused(world.zone().shadow_authorizer(Target::Zone), NOT_BOUND, "acme");
    world.refuses(NOT_BOUND, "the zone", |zone| zone.unbind_shadow(Target::Zone));
    world.refuses(NOT_BOUND, "the zone", |zone| zone.observed(Target::Zone));
    world.refuses((Invalid, "invalid_input"), "target id", |zone| zone.unbind_shadow(user("")));
    world.refuses((NotFound, "not_found"), "none", |zone| zone.bind_shadow("none", Target::Zone));
    let observed = world.set_version("t", &[]);
    world.write(|zone| zone.bind_shadow(&observed.id, Target::Zone)).unwrap();
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    // Nor does a shadow answer for the active mode.
    refused(world.zone().authorizer(Target::Zone), NOT_BOUND, "acme");
    assert!(world.zone().shadow_authorizer(Target::Zone).is_ok());
}

#[test]
fn observing_ends_without_a_change_of_what_is_in_force() {
    let world = World::new();
    let live = world.live("s", &[]);
    let bound = world.write(|zone| zone.bind_shadow(&live.id, Target::Zone)).unwrap().binding;
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.mode, set.active_version, set.shadow_version), (Some(BindingMode::Active), Some(1), Some(1)));
    let before = world.extent();
    let again = world.write(|zone| zone.bind_shadow(&live.id, Target::Zone)).unwrap();
    assert_eq!((again.changed, &again.binding), (false, &bound), "again changes nothing");
    assert_eq!(world.extent(), before);
    // The same version in both modes: each binding ends alone.
    assert_eq!(world.write(|zone| zone.unbind_shadow(Target::Zone)).unwrap(), bound);
    refused(world.zone().observed(Target::Zone), NOT_BOUND, "the zone");
    assert_eq!(world.zone().in_force(Target::Zone).unwrap().policy_set_version_id, live.id);
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.mode, set.shadow_version, set.shadow_version_id), (Some(BindingMode::Active), None, None));
    let ended = world.history().pop().unwrap();
    assert_eq!(set.revision, ended.position);
    world.write(|zone| zone.bind_shadow(&live.id, Target::Zone)).unwrap();
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.mode, set.active, set.shadow_version), (Some(BindingMode::Shadow), false, Some(1)));
    // Earlier shadows are still in the history.
    assert_eq!(world.zone().observed_at(Target::Zone, At::Position(bound.position)).unwrap(), bound);
    refused(world.zone().observed_at(Target::Zone, At::Position(ended.position)), NOT_BOUND, "the zone");
    refused(world.zone().observed_at(Target::Zone, At::Position(bound.position - 1)), NOT_BOUND, "the zone");
}

#[test]
fn the_one_shadow_of_a_target_is_replaced_also_by_another_sets() {
    let world = World::new();
    let (first, second) = (world.set_version("s", &[]), world.set_version("s", &[]));
    let other = world.set_version("t", &[]);
    for (version, s, t) in [(&first, Some(1), None), (&second, Some(2), None), (&other, None, Some(1))] {
        world.write(|zone| zone.bind_shadow(&version.id, Target::Zone)).unwrap();
        assert_eq!(world.zone().observed(Target::Zone).unwrap().policy_set_version_id, version.id);
        let sets = ["s", "t"].map(|id| world.zone().policy_set(id).unwrap());
        assert_eq!([sets[0].shadow_version, sets[1].shadow_version], [s, t]);
    }
    let position = world.history().pop().unwrap().position;
    assert_eq!(world.zone().policy_set("s").unwrap().revision, position, "to be displaced changes a set");
    world.extent();
    world.store.rebuild_indexes().unwrap();
    world.extent();
}

#[test]
fn what_is_observed_cannot_be_archived_nor_what_is_archived_observed() {
    let world = World::new();
    let (first, second) = (world.set_version("s", &[]), world.set_version("s", &[]));
    world.write(|zone| zone.bind_shadow(&first.id, Target::Zone)).unwrap();
    world.refuses(IN_FORCE, "policy set `s`", |zone| zone.archive_policy_set("s"));
    world.refuses(IN_FORCE, first.id.as_str(), |zone| zone.archive_policy_set_version(&first.id));
    // Other versions of the set are free.
    world.write(|zone| zone.archive_policy_set_version(&second.id)).unwrap();
    let archived = (Archived, "archived");
    world.refuses(archived, second.id.as_str(), |zone| zone.bind_shadow(&second.id, Target::Zone));
    world
        .write(|zone| {
            zone.unbind_shadow(Target::Zone)?;
            zone.archive_policy_set("s")
        })
        .unwrap();
    world.refuses(archived, "policy set `s`", |zone| zone.bind_shadow(&first.id, Target::Zone));
}

#[test]
fn a_user_set_has_one_user_over_both_modes() {
    let world = World::new();
    let (u, v) = (user_set(&world, "u"), user_set(&world, "v"));
    world.refuses(WRONG_TARGET, "wrong target of policy set `u`: the zone, expected a user", |zone| {
        zone.bind_shadow(&u.id, Target::Zone)
    });
    let for_zone = world.set_version("s", &[]);
    world.refuses(WRONG_TARGET, "wrong target of policy set `s`: user `ann`, expected the zone", |zone| {
        zone.bind_shadow(&for_zone.id, user("ann"))
    });
    // While it is a user's shadow, the set is reserved for that user.
    world.write(|zone| zone.bind_shadow(&u.id, user("ann"))).unwrap();
    assert_eq!(world.zone().policy_set("u").unwrap().target_id, None);
    for shadow in [false, true] {
        world.refuses(WRONG_TARGET, "wrong target of policy set `u`: user `bob`, expected user `ann`", |zone| {
            if shadow { zone.bind_shadow(&u.id, user("bob")) } else { zone.bind(&u.id, user("bob")) }
        });
    }
    assert_eq!(world.zone().observed(user("ann")).unwrap().policy_set_version_id, u.id);
    refused(world.zone().observed(user("bob")), NOT_BOUND, "user `bob`");
    world.write(|zone| zone.unbind_shadow(user("ann"))).unwrap();
    world.write(|zone| zone.bind_shadow(&u.id, user("bob"))).unwrap();
    // After its replacement, it is free again.
    world.write(|zone| zone.bind_shadow(&v.id, user("bob"))).unwrap();
    world.write(|zone| zone.bind(&u.id, user("ann"))).unwrap();
    // Once active, it is that user's for ever, in both modes.
    world.write(|zone| zone.unbind(user("ann"))).unwrap();
    world.refuses(WRONG_TARGET, "policy set `u`: user `bob`, expected user `ann`", |zone| {
        zone.bind_shadow(&u.id, user("bob"))
    });
    world.write(|zone| zone.bind_shadow(&u.id, user("ann"))).unwrap();
    assert_eq!(world.zone().policy_set("u").unwrap().target_id.as_deref(), Some("ann"));
    world.extent();
}

#[test]
fn customers_observe_what_the_platform_made_as_it_fixes_nothing() {
    let world = World::new();
    let own = world
        .write_as(&platform(), |zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
            zone.create_policy_set_version("u", pinning(&[]))
        })
        .unwrap();
    world.write(|zone| zone.bind_shadow(&own.id, user("ann"))).unwrap();
    let forbidden = (policy_store::ErrorKind::Forbidden, "platform_owned");
    world.refuses(forbidden, "policy set `u`", |zone| zone.bind(&own.id, user("ann")));
}

#[test]
fn a_difference_tells_what_would_be_decided_otherwise_and_by_which_statements() {
    let world = World::new();
    let permit = world.version("p", PERMIT);
    let forbid = world.version("f", FORBID);
    world.live("s", &[&permit]);
    let next = world.set_version("s", &[&permit, &forbid]);
    world.write(|zone| zone.bind_shadow(&next.id, Target::Zone)).unwrap();
    // The same decision for the same reason.
    let (enforced, shadow) = answers(&world, "open");
    let same = enforced.difference(&shadow);
    assert!(same.is_none() && !same.decides_otherwise(), "{same:?}");
    assert_eq!((same.enforced, same.shadow), (Decision::Allow, Decision::Allow));
    // Another decision.
    let (enforced, shadow) = answers(&world, "shut");
    let other = enforced.difference(&shadow);
    assert!(!other.is_none() && other.decides_otherwise());
    assert_eq!((other.enforced, other.shadow), (Decision::Allow, Decision::Deny));
    let ids = |statements: &[policy_store::StatementRef]| {
        statements.iter().map(|one| one.policy_version_id.clone()).collect::<Vec<_>>()
    };
    assert_eq!((ids(&other.only_enforced), ids(&other.only_shadow)), (vec![permit.id.clone()], vec![forbid.id]));
    let back = shadow.difference(&enforced);
    assert_eq!((back.enforced, back.shadow), (Decision::Deny, Decision::Allow));
    assert_eq!((&back.only_enforced, &back.only_shadow), (&other.only_shadow, &other.only_enforced));
    let json = serde_json::to_value(&other).unwrap();
    assert_eq!((&json["enforced"], &json["only_enforced"][0]["policy_id"]), (&"allow".into(), &"p".into()));
    // The same decision for another reason: the newer version of the policy.
    let newer = world.version("p", PERMIT);
    let third = world.set_version("s", &[&newer]);
    world.write(|zone| zone.bind_shadow(&third.id, Target::Zone)).unwrap();
    let (enforced, shadow) = answers(&world, "open");
    let reason = enforced.difference(&shadow);
    assert!(!reason.decides_otherwise() && !reason.is_none());
    assert_eq!((ids(&reason.only_enforced), ids(&reason.only_shadow)), (vec![permit.id], vec![newer.id]));
}

#[test]
fn receipts_of_shadows_say_so_and_replay() {
    let world = World::in_file();
    let permit = world.version("p", PERMIT);
    world.live("s", &[]);
    let next = world.set_version("t", &[&permit]);
    let bound = world.write(|zone| zone.bind_shadow(&next.id, Target::Zone)).unwrap().binding;
    let (enforced, shadow) = answers(&world, "open");
    let receipts = [receipt_of(&world, &enforced), receipt_of(&world, &shadow)];
    assert_eq!(receipts[0].binding.as_ref().unwrap().mode, BindingMode::Active);
    assert_eq!((receipts[1].decision.into(), receipts[1].binding.as_ref()), (Decision::Allow, Some(&bound)));
    world.write(|zone| zone.unbind_shadow(Target::Zone)).unwrap();
    world.live("t", &[]);
    let world = world.reopened();
    for receipt in &receipts {
        let authorizer = world.store.authorizer_of_receipt(receipt).unwrap();
        let (request, entities) = asked(&authorizer, "ann", "read", "open");
        let again = world.store.replay(receipt, &request, &entities).unwrap();
        again.agrees_with(receipt).unwrap();
        assert_eq!(again.receipt(&entities).unwrap(), *receipt);
    }
    // The receipt of a shadow is not one of the active version.
    let mut json = serde_json::to_value(&receipts[1]).unwrap();
    json["binding"]["mode"] = "active".into();
    let forged = serde_json::from_value(json).unwrap();
    refused(world.store.authorizer_of_receipt(&forged), (Conflict, "receipt_mismatch"), "binding");
}

#[test]
fn a_shadow_authorizer_is_up_to_date_after_each_write() {
    let world = World::new();
    let permit = world.version("p", PERMIT);
    let (deny, allow) = (world.set_version("s", &[]), world.set_version("s", &[&permit]));
    world.live("t", &[]);
    for _ in 0..2 {
        for (version, expected) in [(&deny, Decision::Deny), (&allow, Decision::Allow)] {
            world.write(|zone| zone.bind_shadow(&version.id, Target::Zone)).unwrap();
            for _ in 0..2 {
                let shadow = world.zone().shadow_authorizer(Target::Zone).unwrap();
                assert_eq!(decide(&shadow, "ann", "read", "open"), expected);
                let enforced = world.zone().authorizer(Target::Zone).unwrap();
                assert_eq!(decide(&enforced, "ann", "read", "open"), Decision::Deny);
            }
        }
    }
}
