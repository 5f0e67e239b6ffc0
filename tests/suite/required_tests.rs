//! A zone that demands tests: nothing is put in force, in any way, unless it passes its suite.
//!
//! Defends against a way around the demand, and against a demand that a customer lifts for the platform.

use policy_store::ErrorKind::{Conflict, Forbidden};
use policy_store::{
    Actor, BindingMode, Change, DesiredPolicy, DesiredPolicySet, ErrorDetail, ErrorKind, NewPolicySet, PolicySetPlan,
    PolicySetVersion, PolicyStore, Target, TargetType,
};

use super::kept_suites::{bad, good, keep, world};
use super::support::{FORBID, HOUR, PERMIT, SCHEMA, START, V1, World, customer, pinning, platform};
use super::test_suites::{case, suite};

const MISSING: (ErrorKind, &str) = (Conflict, "tests_missing");
const FAILED: (ErrorKind, &str) = (Conflict, "tests_failed");
const RESERVED: (ErrorKind, &str) = (Forbidden, "tests_reserved");

fn require(world: &World, actor: &Actor, required: bool) -> bool {
    world.write_as(actor, |zone| zone.require_tests(required)).unwrap().tests_required
}

/// The next version of the set `s`, with these policies.
fn next(world: &World, policies: &[(&str, &str)]) -> PolicySetVersion {
    let versions: Vec<_> = policies.iter().map(|(id, text)| world.version(id, text)).collect();
    world.set_version("s", &versions.iter().collect::<Vec<_>>())
}

#[test]
fn every_way_to_bind_needs_a_suite_that_passes() {
    let (world, first) = world();
    let second =
        next(&world, &[("a", PERMIT), ("b", "forbid(principal, action, resource) when { resource.secret || false };")]);
    world.write(|zone| zone.activate(&second.id)).unwrap();
    assert!(require(&world, &customer("alice"), true));
    for (expected, says) in [
        (MISSING, "zone `acme` demands tests: policy set version `"),
        (FAILED, "1 of 2 failed: case 1 (`leak`): decision is deny, expected allow"),
    ] {
        world.refuses(expected, says, |zone| zone.activate(&first.id));
        world.refuses(expected, first.id.as_str(), |zone| zone.bind(&first.id, Target::Zone));
        world.refuses(expected, first.id.as_str(), |zone| zone.rollback(Target::Zone));
        keep(&world, &first, &bad());
    }
    let error = world.write(|zone| zone.activate(&first.id)).unwrap_err();
    let ErrorDetail::TestsFailed { zone_id, policy_set_version_id, failed: 1, cases: 2, first: why, .. } =
        error.detail()
    else {
        panic!("{error}")
    };
    assert_eq!((zone_id.as_str(), policy_set_version_id.as_str()), ("acme", first.id.as_str()));
    assert!(why.starts_with("case 1 (`leak`): "), "{why}");
    keep(&world, &first, &good());
    assert!(world.write(|zone| zone.rollback(Target::Zone)).unwrap().changed);
    world.refuses(MISSING, second.id.as_str(), |zone| zone.rollback(Target::Zone));
    // The newest suite counts, not one that it passed before.
    keep(&world, &second, &good());
    keep(&world, &second, &bad());
    world.refuses(FAILED, second.id.as_str(), |zone| zone.activate(&second.id));
    assert!(!require(&world, &customer("bob"), false));
    world.write(|zone| zone.activate(&second.id)).unwrap();
}

#[test]
fn what_is_bound_stays_and_can_be_bound_again_or_unbound_without_tests() {
    let (world, version) = world();
    require(&world, &customer("alice"), true);
    assert!(!world.write(|zone| zone.activate(&version.id)).unwrap().changed);
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    world.refuses(MISSING, version.id.as_str(), |zone| zone.activate(&version.id));
}

#[test]
fn a_user_is_bound_under_the_same_demand() {
    let (world, _) = world();
    let policy = world.version("u", PERMIT);
    let own = world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("u").id("u").target_type(TargetType::User))?;
            zone.create_policy_set_version("u", pinning(&[&policy]))
        })
        .unwrap();
    require(&world, &customer("alice"), true);
    let ann = || Target::User("ann".to_owned());
    world.refuses(MISSING, own.id.as_str(), |zone| zone.bind(&own.id, ann()));
    keep(&world, &own, &suite(&[case("ann", "shut", "allow")]));
    assert!(world.write(|zone| zone.bind(&own.id, ann())).unwrap().changed);
}

#[test]
fn shadow_and_guardrail_bindings_are_not_checked() {
    let (world, _) = world();
    let tried = next(&world, &[("a", PERMIT)]);
    let forbid = world.version("g", FORBID);
    let guardrail = world
        .write_as(&platform(), |zone| {
            zone.create_policy_set(NewPolicySet::named("g").id("g"))?;
            zone.create_policy_set_version("g", pinning(&[&forbid]))
        })
        .unwrap();
    require(&world, &platform(), true);
    assert!(world.write(|zone| zone.bind_shadow(&tried.id, Target::Zone)).unwrap().changed);
    assert!(world.write_as(&platform(), |zone| zone.bind_guardrail(&guardrail.id)).unwrap().changed);
    // The guardrail forbids what the suite expects; a suite is run without it.
    let (a, b) =
        (world.version("a", PERMIT), world.version("b", "forbid(principal, action, resource) when { false };"));
    let next = world.set_version("s", &[&a, &b]);
    keep(&world, &next, &suite(&[case("ann", "shut", "allow")]));
    world.write(|zone| zone.activate(&next.id)).unwrap();
}

#[test]
fn only_a_platform_actor_lifts_a_demand_of_the_platform() {
    let (world, _) = world();
    let (alice, ops) = (customer("alice"), platform());
    let demands = |world: &World| {
        let told = world.history().into_iter().filter_map(|entry| match entry.change {
            Change::TestsRequired { required } => Some((required, entry.created_by)),
            _ => None,
        });
        told.collect::<Vec<_>>()
    };
    assert!(!require(&world, &alice, false));
    assert!(require(&world, &alice, true) && require(&world, &customer("bob"), true));
    assert_eq!(demands(&world), [(true, alice.clone())], "what is so already is not written");
    assert!(require(&world, &ops, true), "it takes the place of the customer's");
    assert!(require(&world, &alice, true) && require(&world, &Actor::platform("other").unwrap(), true));
    world.refuses(RESERVED, "zone `acme` demands tests for the platform", |zone| zone.require_tests(false));
    assert!(world.zone().info().unwrap().tests_required);
    assert!(!require(&world, &Actor::platform("other").unwrap(), false));
    assert!(require(&world, &alice, true) && !require(&world, &ops, false));
    let told = demands(&world).into_iter().map(|(required, _)| required).collect::<Vec<_>>();
    assert_eq!(told, [true, true, false, true, false]);
    let info =
        world.zone().as_of(policy_store::At::Position(world.history().len() as u64 - 2)).unwrap().info().unwrap();
    assert!(info.tests_required);
}

#[test]
fn an_import_is_bound_under_the_demand_too() {
    let (world, first) = world();
    let second = next(&world, &[("a", PERMIT)]);
    require(&world, &platform(), true);
    world.clock.set(START + 2 * HOUR);
    let then = policy_store::Timestamp::from_micros(START + HOUR);
    let import = |store: &PolicyStore| {
        store.import(&customer("alice"), &customer("olga"), then, |w| w.zone("acme")?.activate(&second.id).map(drop))
    };
    assert_eq!(import(&world.store).unwrap_err().code(), "tests_missing");
    assert_eq!(world.zone().in_force(Target::Zone).unwrap().policy_set_version_id, first.id);
}

#[test]
fn tests_that_have_passed_before_the_write_are_remembered_by_rules_and_suite() {
    let (world, version) = world();
    let second = next(&world, &[("a", PERMIT)]);
    keep(&world, &second, &good());
    // The report of other rules, or of another suite, says nothing about these.
    keep(&world, &version, &good());
    assert!(world.zone().run_tests(&version.id).unwrap().unwrap().is_passed());
    assert!(!world.zone().run_tests(&second.id).unwrap().unwrap().is_passed());
    require(&world, &customer("alice"), true);
    world.refuses(FAILED, second.id.as_str(), |zone| zone.activate(&second.id));
    keep(&world, &second, &suite(&[case("ann", "shut", "allow")]));
    world.write(|zone| zone.activate(&second.id)).unwrap();
    world.write(|zone| zone.activate(&version.id)).unwrap();
    keep(&world, &second, &good());
    world.refuses(FAILED, second.id.as_str(), |zone| zone.activate(&second.id));
}

#[test]
fn everything_that_a_demand_needs_can_be_one_write() {
    let world = World::new();
    world
        .write(|zone| {
            zone.require_tests(true)?;
            zone.create_policy(policy_store::NewPolicy::named("p").id("p"))?;
            let policy =
                zone.create_policy_version("p", policy_store::NewPolicyVersion::cedar("2026-02-24", PERMIT))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", pinning(&[&policy]))?;
            assert_eq!(zone.activate(&version.id).unwrap_err().code(), "tests_missing");
            zone.keep_tests(&version.id, &good())?;
            assert_eq!(zone.activate(&version.id).unwrap_err().code(), "tests_failed");
            zone.keep_tests(&version.id, &suite(&[case("ann", "shut", "allow")]))?;
            assert!(zone.activate(&version.id)?.changed);
            Ok(())
        })
        .unwrap();
    world.extent();
}

fn desired(policies: &[(&str, &str)]) -> DesiredPolicySet {
    let set = DesiredPolicySet::new(V1).named("s");
    policies.iter().fold(set, |set, (name, text)| set.policy(DesiredPolicy::new(*name, *text)))
}

fn planned(world: &World, mode: BindingMode, desired: DesiredPolicySet) -> PolicySetPlan {
    world.zone().plan(&customer("alice"), Target::Zone, mode, desired).unwrap()
}

#[test]
fn a_plan_is_applied_under_the_demand_and_its_version_takes_the_suite_over() {
    let (world, version) = world();
    require(&world, &platform(), true);
    let open = "forbid(principal, action, resource) when { false };";
    let other = "forbid(principal, action, resource) when { resource.secret || false };";
    let plan = |policies: &[(&str, &str)]| planned(&world, BindingMode::Active, desired(policies));
    let next = plan(&[("a", PERMIT), ("b", other)]);
    world.refuses(MISSING, version.id.as_str(), |zone| zone.apply_plan(&next));
    keep(&world, &version, &good());
    // The suite that it would take over is new to the plan.
    let outdated = (ErrorKind::PreconditionFailed, "plan_outdated");
    world.refuses(outdated, "test suite", |zone| zone.apply_plan(&next));
    let next = plan(&[("a", PERMIT), ("b", other)]);
    // It has a new policy without an id.
    let leak = plan(&[("a", PERMIT), ("b", open), ("new", open)]);
    world.refuses(FAILED, "1 of 2 failed: case 1:", |zone| zone.apply_plan(&leak));
    let applied = world.write(|zone| zone.apply_plan(&next)).unwrap();
    assert_eq!((applied.changed, applied.policy_set_version.tests_sha), (true, Some(good().sha())));
    // Back to a version that is there, whose newest suite does not pass.
    keep(&world, &version, &bad());
    let back = plan(&[("a", PERMIT), ("b", FORBID)]);
    let is_new = world.write(|zone| zone.apply_plan(&back)).unwrap().policy_set_version;
    assert_eq!(is_new.tests_sha, Some(good().sha()), "a new version has the suite of the one in force");
    let tried = planned(&world, BindingMode::Shadow, desired(&[("a", PERMIT)]));
    let tried = world.write(|zone| zone.apply_plan(&tried)).unwrap();
    assert_eq!((tried.changed, tried.policy_set_version.tests_sha), (true, None));
    // The version under observation is put in force as it is.
    let same = plan(&[("a", PERMIT)]);
    world.refuses(MISSING, tried.policy_set_version.id.as_str(), |zone| zone.apply_plan(&same));
    keep(&world, &tried.policy_set_version, &suite(&[case("ann", "shut", "allow")]));
    let same = plan(&[("a", PERMIT)]);
    assert!(world.write(|zone| zone.apply_plan(&same)).unwrap().changed);
    world.extent();
}

#[test]
fn a_plan_that_publishes_its_schema_is_tested_as_well() {
    let (world, version) = world();
    keep(&world, &version, &good());
    require(&world, &platform(), true);
    let plan = |texts: [&str; 2]| {
        let set = DesiredPolicySet::new("next").cedar_schema(format!("{SCHEMA}// next")).named("s");
        let set = set.policy(DesiredPolicy::new("a", texts[0])).policy(DesiredPolicy::new("b", texts[1]));
        planned(&world, BindingMode::Active, set)
    };
    let before = (world.extent(), world.history());
    let leak = plan([PERMIT, "forbid(principal, action, resource) when { false };"]);
    assert_eq!(world.write(|zone| zone.apply_plan(&leak)).unwrap_err().code(), "tests_failed");
    assert_eq!((world.extent(), world.history()), before);
    let applied = world.write(|zone| zone.apply_plan(&plan([PERMIT, FORBID]))).unwrap();
    assert_eq!(applied.policy_set_version.tests_sha, Some(good().sha()));
}

#[cfg(feature = "bundle")]
mod bundles {
    use policy_store::{Bundle, BundlePolicy};

    use super::*;
    use crate::suite::bundles::bundle;

    const OTHER: &str = "forbid(principal, action, resource) when { resource.secret || false };";

    fn ann() -> Target {
        Target::User("ann".to_owned())
    }

    fn edited(text: &str) -> Bundle {
        bundle(V1, &[("a", PERMIT), ("b", text)])
    }

    fn suite_in_force(world: &World, target: Target) -> Option<policy_store::Sha256> {
        let id = world.zone().in_force(target).unwrap().policy_set_version_id;
        world.zone().policy_set_version(&id).unwrap().tests_sha
    }

    #[test]
    fn the_version_of_a_bundle_takes_the_suite_of_the_one_that_it_replaces_over() {
        let (world, version) = world();
        require(&world, &platform(), true);
        world.refuses(MISSING, version.id.as_str(), |zone| zone.apply_bundle(Target::Zone, edited(OTHER)));
        // A bundle that is in force needs no tests.
        let own = world.zone().bundle(Target::Zone).unwrap();
        assert!(!world.write(|zone| zone.apply_bundle(Target::Zone, &own)).unwrap().changed);
        keep(&world, &version, &good());
        let open = "forbid(principal, action, resource) when { false };";
        world.refuses(FAILED, "1 of 2 failed: case 1:", |zone| zone.apply_bundle(Target::Zone, edited(open)));
        let prepared = world.zone().prepare_bundle(&customer("alice"), Target::Zone, edited(OTHER)).unwrap();
        assert!(world.write(|zone| zone.apply_bundle(Target::Zone, prepared)).unwrap().changed);
        assert_eq!(suite_in_force(&world, Target::Zone), Some(good().sha()));
        // A new policy has no id before the write.
        let new = |text: &str| {
            let policies = edited(OTHER).policies().iter().cloned().chain([BundlePolicy::new("new", text)]).collect();
            Bundle::new(V1.parse().unwrap(), policies).unwrap()
        };
        let all = "forbid(principal, action, resource);";
        world.refuses(FAILED, "case 0: decision is deny", |zone| zone.apply_bundle(Target::Zone, new(all)));
        assert!(world.write(|zone| zone.apply_bundle(Target::Zone, new(open))).unwrap().changed);
        assert_eq!(suite_in_force(&world, Target::Zone), Some(good().sha()));
        world.extent();
        // Without a demand, a version of a bundle has no suite.
        require(&world, &platform(), false);
        world.write(|zone| zone.apply_bundle(Target::Zone, edited(FORBID))).unwrap();
        assert_eq!(suite_in_force(&world, Target::Zone), None);
    }

    #[test]
    fn the_first_bundle_of_a_user_starts_with_the_suite_of_the_zone() {
        let (world, version) = world();
        require(&world, &platform(), true);
        world.refuses(MISSING, version.id.as_str(), |zone| zone.apply_bundle(ann(), edited(OTHER)));
        keep(&world, &version, &good());
        let open = "forbid(principal, action, resource) when { false };";
        world.refuses(FAILED, "case 1", |zone| zone.apply_bundle(ann(), edited(open)));
        assert!(world.write(|zone| zone.apply_bundle(ann(), edited(OTHER))).unwrap().changed);
        assert_eq!(suite_in_force(&world, ann()), Some(good().sha()));
        let own = world.zone().in_force(ann()).unwrap().policy_set_version_id;
        let own = world.zone().policy_set_version(&own).unwrap();
        // The next one starts with the user's own.
        keep(&world, &own, &bad());
        let empty = bundle(V1, &[]);
        world.refuses(FAILED, own.id.as_str(), |zone| zone.apply_bundle(ann(), &empty));

        let nothing = World::new();
        require(&nothing, &platform(), true);
        nothing.refuses(MISSING, "no version is in force whose tests", |zone| zone.apply_bundle(Target::Zone, &empty));
    }

    #[cfg(feature = "attestation")]
    #[test]
    fn an_attested_bundle_is_under_the_demand_too() {
        let (world, version) = world();
        require(&world, &platform(), true);
        let (alice, key) = (customer("alice"), crate::suite::attesting::signer("k"));
        let prepare =
            |text: &str| world.zone().prepare_attested_bundle(&alice, Target::Zone, edited(text), &key).unwrap();
        let prepared = prepare(OTHER);
        world.refuses(MISSING, version.id.as_str(), |zone| zone.apply_attested_bundle(Target::Zone, prepared.clone()));
        keep(&world, &version, &good());
        let open = prepare("forbid(principal, action, resource) when { false };");
        world.refuses(FAILED, "case 1", |zone| zone.apply_attested_bundle(Target::Zone, open.clone()));
        assert!(world.write(|zone| zone.apply_attested_bundle(Target::Zone, prepared)).unwrap().changed);
        assert_eq!(suite_in_force(&world, Target::Zone), Some(good().sha()));
        let id = world.zone().in_force(Target::Zone).unwrap().policy_set_version_id;
        assert_eq!(world.zone().policy_set_version(id).unwrap().attestations.len(), 1);
        world.extent();
    }
}
