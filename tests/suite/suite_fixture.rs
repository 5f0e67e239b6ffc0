//! A store with test suites and a demand for them, which came after format 1 was frozen, must open, read the same and verify
//! for ever.
//!
//! `write_fixture` wrote `tests/fixtures/suites-1.redb`; `suites-1.json` has everything that could be read from it.

use std::path::{Path, PathBuf};

use policy_store::{At, PolicyStore};
use serde_json::{Value, json};

use super::fixture::{assert_told, fixture, read_all};
use super::kept_suites::{bad, good};
use super::support::{Clock, FORBID, PERMIT, World, customer, pinning, platform};

/// Writes a store with every kind of entry about tests.
fn write_fixture(path: &Path) -> Value {
    let clock = Clock::new();
    let world = World::with(clock.builder().open(path).unwrap(), clock);
    world.write_store(|w| w.create_zone("large").map(drop)).unwrap();
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    let first = world.live("s", &[&a]);
    world.write(|zone| zone.keep_tests(&first.id, &good())).unwrap();
    world.write(|zone| zone.require_tests(true)).unwrap();
    world.write_as(&platform(), |zone| zone.require_tests(true)).unwrap();
    world
        .write(|zone| {
            let next = zone.create_policy_set_version("s", pinning(&[&a, &b]))?;
            zone.keep_tests(&next.id, &bad())?;
            zone.keep_tests(&next.id, &good())?;
            zone.activate(&next.id)
        })
        .unwrap();
    world.store.write(&customer("bob"), |w| w.zone("other")?.require_tests(true)).unwrap();
    world.store.write(&customer("bob"), |w| w.zone("other")?.require_tests(false)).unwrap();
    read_all(&world.store)
}

#[test]
fn a_store_with_suites_opens_reads_and_demands_as_when_it_was_written() {
    let expected = std::fs::read_to_string(fixture("suites-1.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::copy(fixture("suites-1.redb"), &path).unwrap();
    let store = PolicyStore::open(&path).unwrap();
    let read = read_all(&store);
    assert_told(&read, &expected, "suites");
    assert_eq!(read["verified"]["findings"], json!([]));
    store.rebuild_indexes().unwrap();
    assert_eq!(read_all(&store), read);
    let zone = store.zone("acme").unwrap();
    let first = zone.policy_set_version_numbered("s", 1).unwrap();
    let refused = store.write(&customer("alice"), |w| w.zone("acme")?.activate(&first.id)).unwrap_err();
    assert_eq!(refused.code(), "tests_failed");
    assert!(
        zone.info().unwrap().tests_required && !zone.as_of(At::Position(1)).unwrap().info().unwrap().tests_required
    );
}

/// If `POLICY_STORE_FIXTURES` names a folder, writes the store and its values there.
#[test]
fn a_store_with_suites_reads_alike_once_it_was_closed() {
    let temporary = tempfile::tempdir().unwrap();
    let asked = std::env::var_os("POLICY_STORE_FIXTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| temporary.path().to_owned());
    let read = write_fixture(&folder.join("suites.redb"));
    std::fs::write(folder.join("suites.json"), serde_json::to_string_pretty(&read).unwrap() + "\n").unwrap();
    assert_eq!(read_all(&PolicyStore::open(folder.join("suites.redb")).unwrap()), read);
}
