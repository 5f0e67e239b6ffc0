//! Test suites that are kept with policy set versions: their bytes, their history, and everything that goes with a zone.
//!
//! Defends against a suite that is lost, changed, or told of another version or another time.

use policy_store::ErrorKind::{Archived, Forbidden, Invalid, NotFound};
use policy_store::{
    At, Change, IdempotencyKey, NewPolicySetVersion, PolicySetVersion, PolicyStore, Restore, Sha256, Target, TestSuite,
};
use serde_json::json;

use super::support::{FORBID, PERMIT, World, customer, pinning, platform};
use super::test_suites::{case, suite, with};

/// A suite that `PERMIT` and `FORBID` together pass, and one that they do not.
pub fn good() -> TestSuite {
    suite(&[case("ann", "open", "allow"), case("ann", "shut", "deny")])
}

pub fn bad() -> TestSuite {
    suite(&[case("ann", "open", "allow"), with(case("ann", "shut", "allow"), "name", json!("leak"))])
}

/// A world with an active version of two policies.
pub fn world() -> (World, PolicySetVersion) {
    let world = World::new();
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    let version = world.live("s", &[&a, &b]);
    (world, version)
}

pub fn keep(world: &World, version: &PolicySetVersion, suite: &TestSuite) -> PolicySetVersion {
    world.write(|zone| zone.keep_tests(&version.id, suite)).unwrap()
}

fn kept(store: &PolicyStore, version: &PolicySetVersion) -> (Option<Sha256>, Option<String>) {
    let zone = store.zone("acme").unwrap();
    let sha = zone.policy_set_version(&version.id).unwrap().tests_sha;
    (sha, zone.test_suite(&version.id).unwrap().map(|suite| suite.as_json().to_owned()))
}

fn of(suite: &TestSuite) -> (Option<Sha256>, Option<String>) {
    (Some(suite.sha()), Some(suite.as_json().to_owned()))
}

#[test]
fn a_version_has_its_newest_suite_and_the_history_has_all() {
    let (world, version) = world();
    assert_eq!((version.tests_sha, kept(&world.store, &version)), (None, (None, None)));
    assert_eq!(world.zone().run_tests(&version.id).unwrap(), None);
    let changed = keep(&world, &version, &bad());
    let active = world.zone().policy_set_version(&version.id).unwrap();
    assert_eq!((changed.tests_sha, &changed), (Some(bad().sha()), &active));
    let before = world.extent();
    assert_eq!(keep(&world, &version, &bad()), changed);
    assert_eq!(world.extent(), before, "the same suite again is nothing new");
    assert_eq!(world.zone().run_tests(&version.id).unwrap().unwrap().failed(), 1);

    keep(&world, &version, &good());
    assert_eq!(kept(&world.store, &version), of(&good()));
    assert!(world.zone().run_tests(&version.id).unwrap().unwrap().is_passed());
    keep(&world, &version, &bad());
    assert_eq!(kept(&world.store, &version), of(&bad()), "an earlier suite is the newest again");
    let shas: Vec<_> = world
        .history()
        .into_iter()
        .filter_map(|entry| match entry.change {
            Change::TestsKept { policy_set_version_id, sha, cases, version: number, .. } => {
                assert_eq!((policy_set_version_id, cases, number), (version.id.clone(), 2, 1));
                Some(sha)
            }
            _ => None,
        })
        .collect();
    assert_eq!(shas, [bad().sha(), good().sha(), bad().sha()]);
    // Another version of the set has none.
    let next = world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::from(&version))).unwrap();
    assert_eq!(kept(&world.store, &next), (None, None));
}

#[test]
fn an_earlier_point_has_the_suite_of_then() {
    let (world, version) = world();
    let positions = [good(), bad()].map(|suite| {
        keep(&world, &version, &suite);
        world.zone().checkpoint().unwrap().size - 1
    });
    let then = |at: At| {
        let zone = world.zone().as_of(at).unwrap();
        let told = zone.policy_set_version(&version.id).unwrap().tests_sha;
        assert_eq!(zone.test_suite(&version.id).unwrap().map(|suite| suite.sha()), told);
        (told, zone.run_tests(&version.id).unwrap().map(|report| report.failed()))
    };
    assert_eq!(then(At::Before(positions[0])), (None, None));
    assert_eq!(then(At::Position(positions[0])), (Some(good().sha()), Some(0)));
    assert_eq!(then(At::Before(positions[1])), (Some(good().sha()), Some(0)));
    assert_eq!(then(At::Position(positions[1])), (Some(bad().sha()), Some(1)));
}

#[test]
fn a_suite_needs_cases_a_version_that_can_change_and_its_owner() {
    let (world, version) = world();
    let empty = TestSuite::from_json("[]").unwrap();
    world.refuses((Invalid, "invalid_input"), "at least one case", |zone| zone.keep_tests(&version.id, &empty));
    world.refuses((NotFound, "not_found"), "policy set version `none`", |zone| zone.keep_tests("none", &good()));
    let theirs = world
        .write_as(&platform(), |zone| {
            zone.create_policy_set(policy_store::NewPolicySet::named("p").id("p"))?;
            zone.create_policy_set_version("p", pinning(&[]))
        })
        .unwrap();
    world.refuses((Forbidden, "platform_owned"), theirs.id.as_str(), |zone| zone.keep_tests(&theirs.id, &good()));
    world.write_as(&platform(), |zone| zone.keep_tests(&theirs.id, &good())).unwrap();
    let old = world.write(|zone| zone.create_policy_set_version("s", pinning(&[]))).unwrap();
    world.write(|zone| zone.archive_policy_set_version(&old.id)).unwrap();
    world.refuses((Archived, "archived"), old.id.as_str(), |zone| zone.keep_tests(&old.id, &good()));
    world.write_as(&platform(), |zone| zone.archive_policy_set("p")).unwrap();
    let archived = world.write_as(&platform(), |zone| zone.keep_tests(&theirs.id, &bad())).unwrap_err();
    assert_eq!((archived.code(), archived.to_string().contains("policy set `p`")), ("archived", true), "{archived}");
}

#[test]
fn a_repeated_call_is_answered_with_the_suite_of_then() {
    let (world, version) = world();
    let key = IdempotencyKey::from([9; 16]);
    let first = world.write(|zone| zone.idempotency_key(key).keep_tests(&version.id, &good())).unwrap();
    keep(&world, &version, &bad());
    let again = world.write(|zone| zone.idempotency_key(key).keep_tests(&version.id, &good())).unwrap();
    assert_eq!((again.tests_sha, again), (Some(good().sha()), first));
    let other = world.write(|zone| zone.idempotency_key(key).keep_tests(&version.id, &bad())).unwrap_err();
    assert_eq!(other.code(), "request_conflict");
    let demand =
        |required| world.write(|zone| zone.idempotency_key(IdempotencyKey::from([8; 16])).require_tests(required));
    let first = demand(true).unwrap();
    world.write(|zone| zone.require_tests(false)).unwrap();
    assert_eq!(demand(true).unwrap(), first);
    assert_eq!(demand(false).unwrap_err().code(), "request_conflict");
}

#[test]
fn tests_of_a_write_run_in_the_write_and_leave_nothing_behind() {
    let (world, _) = world();
    let abandoned = world.write(|zone| {
        let version =
            zone.create_policy_version("a", policy_store::NewPolicyVersion::cedar("2026-02-24", FORBID).id("x"))?;
        let set = zone.create_policy_set_version("s", pinning(&[&version]).id("y"))?;
        zone.keep_tests(&set.id, &suite(&[case("ann", "open", "deny")]))?;
        assert!(zone.run_tests(&set.id)?.unwrap().is_passed());
        Err::<(), _>(zone.policy("none").unwrap_err())
    });
    assert_eq!(abandoned.unwrap_err().code(), "not_found");
    // The same ids with another text.
    world
        .write(|zone| {
            let new = policy_store::NewPolicyVersion::cedar("2026-02-24", PERMIT).id("x");
            let version = zone.create_policy_version("a", new)?;
            let set = zone.create_policy_set_version("s", pinning(&[&version]).id("y"))?;
            zone.keep_tests(&set.id, &suite(&[case("ann", "open", "deny")]))?;
            assert!(!zone.run_tests(&set.id)?.unwrap().is_passed());
            Ok(())
        })
        .unwrap();
    assert!(!world.zone().run_tests("y").unwrap().unwrap().is_passed());
    let authorizer = world.zone().authorizer_of_version("y").unwrap();
    assert!(authorizer.run_tests(&suite(&[case("ann", "open", "allow")])).unwrap().is_passed());
}

#[test]
fn suites_and_the_demand_go_where_the_zone_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (world, version) = world();
    keep(&world, &version, &good());
    keep(&world, &version, &bad());
    world.write_as(&platform(), |zone| zone.require_tests(true)).unwrap();
    let check = |store: &PolicyStore, what: &str| {
        let report = store.verify().unwrap();
        assert!(report.is_clean(), "{what}: {:?}", report.findings);
        assert_eq!(kept(store, &version), of(&bad()), "{what}");
        assert!(store.zone("acme").unwrap().info().unwrap().tests_required, "{what}");
        let lift = store.write(&customer("alice"), |w| w.zone("acme")?.require_tests(false));
        assert_eq!(lift.unwrap_err().code(), "tests_reserved", "{what}");
    };
    check(&world.store, "the store");
    world.store.rebuild_indexes().unwrap();
    check(&world.store, "rebuilt");
    let copy = PolicyStore::builder().in_memory().unwrap();
    world.store.copy_zones(&platform(), &["acme"], &copy).unwrap();
    check(&copy, "a copy");
    let path = folder.path().join("backup.redb");
    world.store.backup(&path).unwrap();
    let fork = PolicyStore::builder().restore(Restore::Fork(platform())).open(&path).unwrap();
    check(&fork, "a fork");
}

#[test]
fn an_erased_zone_takes_its_suites_along_but_not_those_that_others_name() {
    let (world, version) = world();
    let content = |world: &World| world.extent()[2];
    keep(&world, &version, &good());
    keep(&world, &version, &bad());
    world
        .write_store(|w| {
            let mut other = w.zone("other")?;
            other.create_policy_set(policy_store::NewPolicySet::named("s").id("s"))?;
            let version = other.create_policy_set_version("s", NewPolicySetVersion::new("2026-02-24"))?;
            other.keep_tests(&version.id, &good()).map(drop)
        })
        .unwrap();
    let before = content(&world);
    world.store.erase_zone(&platform(), "acme").unwrap();
    // Two texts, a manifest and `bad` are gone.
    assert_eq!(content(&world), before - 4);
    let other = world.store.zone("other").unwrap();
    let id = other.policy_set("s").unwrap().latest_version_id.unwrap();
    assert_eq!(other.test_suite(id).unwrap(), Some(good()));
}

#[test]
fn a_large_suite_is_read_back_verbatim() {
    let (world, version) = world();
    let mut small = case("ann", "open", "deny");
    small["entities"] = json!([]);
    let text = format!("[\n{}\n]", vec![small.to_string(); 4_000].join(",\n"));
    assert!(text.len() > 600_000, "{}", text.len());
    let large = TestSuite::from_json(text).unwrap();
    keep(&world, &version, &large);
    assert_eq!(kept(&world.store, &version), of(&large));
    let other = PolicyStore::builder().in_memory().unwrap();
    world.store.copy_zones(&platform(), &["acme"], &other).unwrap();
    assert_eq!(kept(&other, &version), of(&large));
    assert_eq!(world.zone().in_force(Target::Zone).unwrap().policy_set_version_id, version.id);
}
