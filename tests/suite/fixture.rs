//! A store of each released format must open, read the same and verify for ever.
//!
//! `write_fixture` wrote `tests/fixtures/format-1.redb` when format 1 was frozen; `format-1.json` has everything that
//! could be read from it. They are never written again: new entry kinds get their own fixture.

use std::path::{Path, PathBuf};

use policy_store::{
    BindingFilter, HistoryFilter, Include, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema,
    Order, Origin, PageRequest, PolicyFilter, PolicySetFilter, PolicySetUpdate, PolicySetVersion, PolicyStore,
    PolicyUpdate, Rationale, Receipt, Restore, SchemaFilter, SchemaStatus, Target, TargetType, Timestamp,
    WriteTransaction,
};
use serde_json::{Value, json};

use super::support::*;

const TEXT_2: &str =
    "@id(\"mine\")\npermit(principal, action == Action::\"read\", resource) when { principal.level > 2 };";
const JSON: &str = r#"{"staticPolicies":{"audit":{"effect":"permit","principal":{"op":"All"},"action":{"op":"All"},
    "resource":{"op":"All"},"conditions":[]}},"templates":{},"templateLinks":[]}"#;

pub(super) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Writes a store with entries of every kind, and the results of all reads.
fn write_fixture(path: &Path) -> Value {
    let clock = Clock::new();
    let world = World::with(clock.builder().open(path).unwrap(), clock.clone());
    let schema_json = world.store.schema(V1, Include::Json).unwrap().cedar_schema_json.unwrap();
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::json("2027", &*schema_json))?;
            w.publish_schema(NewSchema::cedar("2025", "entity Old;"))?;
            w.set_schema_status("2025", SchemaStatus::Deprecated)?;
            w.set_schema_status("2025", SchemaStatus::Archived)
        })
        .unwrap();
    let first = world.version("rules", &format!("{PERMIT}\n{FORBID}"));
    let second = world.version("rules", TEXT_2);
    let audit = world
        .write_as(&platform(), |zone| {
            zone.create_policy(NewPolicy::named("audit").id("audit").description("what the platform needs"))?;
            zone.create_policy_version("audit", NewPolicyVersion::json("2027", JSON))
        })
        .unwrap();
    let live = world.live("production", &[&first]);
    let next = world
        .write(|zone| {
            zone.update_policy("rules", PolicyUpdate::new().name("règles").description("of the house"))?;
            zone.update_policy_set("production", PolicySetUpdate::new().name("live"))?;
            let new = NewPolicySetVersion::from(&live).pin(&second).pin(&audit).schema_version("2027");
            let next = zone.create_policy_set_version("production", new)?;
            zone.activate(&next.id)?;
            zone.archive_policy_set_version(&live.id)?;
            Ok(next)
        })
        .unwrap();
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("gone").id("gone"))?;
            zone.archive_policy("gone")?;
            zone.archive_policy_version(&first.id)?;
            zone.create_policy_set(NewPolicySet::named("gone").id("gone"))?;
            zone.archive_policy_set("gone")?;
            zone.create_policy_set(NewPolicySet::named("ann's").id("anns").target_type(TargetType::User))?;
            let own = zone.create_policy_set_version("anns", NewPolicySetVersion::new(V1))?;
            zone.bind(&own.id, Target::User("ann".into()))?;
            zone.unbind(Target::User("ann".into()))
        })
        .unwrap();
    write_more(&world, &next);
    assert_eq!(world.zone().in_force(Target::Zone).unwrap().policy_set_version_id, next.id);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    let mut read = read_all(&world.store);
    read["receipt"] = serde_json::to_value(receipt).unwrap();
    read
}

/// The idempotency key of a call that changed nothing.
const REQUEST: &str = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e";

/// A full tile, a guardrail, a copy of a policy, a rationale, and the other kinds of entries.
fn write_more(world: &World, next: &PolicySetVersion) {
    world
        .write_store(|w| {
            w.rationale(Rationale::new().with_reason("To fill a tile.\nTwice.")?.with_reference("TICKET-1")?)?;
            let mut zone = w.create_zone("large")?;
            (0..600).try_for_each(|n| zone.create_policy(NewPolicy::named("p").id(format!("p{n}"))).map(drop))
        })
        .unwrap();
    world
        .store
        .write(&platform(), |w| {
            w.rationale(Rationale::new().with_reason("No secrets")?)?;
            let mut zone = w.zone("acme")?;
            let original = Origin::new("acme".parse()?, zone.info()?.log_id, "rules".parse()?).version(1);
            zone.create_policy(NewPolicy::named("guard").id("guard").copied_from(original))?;
            let version = zone.create_policy_version("guard", NewPolicyVersion::cedar(V1, FORBID).id("guard.v1"))?;
            zone.create_policy_set(NewPolicySet::named("guard").id("guard"))?;
            let set = zone.create_policy_set_version("guard", NewPolicySetVersion::new(V1).pin(&version))?;
            zone.bind_guardrail(&set.id).map(drop)
        })
        .unwrap();
    world
        .write(|zone| {
            zone.set_default_schema(Some(V1))?;
            zone.bind_shadow(&next.id, Target::Zone)?;
            zone.idempotency_key(REQUEST.parse()?).update_policy("rules", PolicyUpdate::new())?;
            zone.create_policy_set(NewPolicySet::named("attested").id("attested"))
        })
        .unwrap();
    #[cfg(feature = "attestation")]
    {
        let signer = policy_store::attestation::Ed25519Signer::new("2026", &[7; 32]).unwrap();
        let new = NewPolicySetVersion::new(V1);
        let attested = world.zone().prepare_attested_version(&customer("alice"), "attested", new, &signer).unwrap();
        world.write(|zone| zone.create_attested_version(attested)).unwrap();
    }
    let past = Timestamp::from_micros(START);
    let imported = world.store.import(&customer("alice"), &customer("olga"), past, |w| w.create_zone("old").map(drop));
    imported.unwrap();
    world.clock.set(START + HOUR);
    let then = Timestamp::from_micros(START + HOUR / 2);
    let import =
        |w: &mut WriteTransaction<'_, '_>| w.zone("other")?.create_policy(NewPolicy::named("old").id("old")).map(drop);
    world.store.import(&customer("alice"), &customer("olga"), then, import).unwrap();
    world.store.write(&customer("alice"), |w| w.zone("other")?.suspend()).unwrap();
    world.write_store(|w| w.create_zone("left").map(drop)).unwrap();
    world.store.erase_zone(&customer("alice"), "left").unwrap();
}

/// Everything that can be read from a fixture.
pub(super) fn read_all(store: &PolicyStore) -> Value {
    let list = PageRequest::new().limit(100).order(Order::Ascending);
    let zone = store.zone("acme").unwrap();
    let policies = zone.policies(&PolicyFilter::new(), &list).unwrap().items;
    let sets = zone.policy_sets(&PolicySetFilter::new().any_target(), &list).unwrap().items;
    let versions = |id| zone.policy_versions(id, Include::Both, &list).unwrap().items;
    let set_versions = |id| zone.policy_set_versions(id, &list).unwrap().items;
    let suite = |version: PolicySetVersion| {
        let suite = zone.test_suite(&version.id).unwrap().map(|suite| suite.as_json().to_owned());
        json!([suite, zone.run_tests(&version.id).unwrap()])
    };
    let report = store.verify().unwrap();
    json!({
        "zones": store.zones(&list).unwrap().items,
        "schemas": store.schemas(Include::Both, &list).unwrap().items,
        "policy_versions": policies.iter().map(|policy| versions(&policy.id)).collect::<Vec<_>>(),
        "policies": policies,
        "policy_set_versions": sets.iter().map(|set| set_versions(&set.id)).collect::<Vec<_>>(),
        "test_suites": sets.iter().flat_map(|set| set_versions(&set.id)).map(suite).collect::<Vec<_>>(),
        "policy_sets": sets,
        "in_force": zone.in_force(Target::Zone).unwrap(),
        "observed": zone.observed(Target::Zone).ok(),
        "guardrail": zone.guardrail().unwrap(),
        "bindings": zone.bindings(&BindingFilter::new(), &list).unwrap().items,
        "large": store.zone("large").unwrap().history(&HistoryFilter::new(), &list).unwrap().items.pop(),
        "zone_schemas": zone.schemas(&SchemaFilter::new(), Include::Neither, &list).unwrap().items,
        "history": zone.history(&HistoryFilter::new(), &list).unwrap().items,
        "other_history": store.zone("other").unwrap().history(&HistoryFilter::new(), &list).unwrap().items,
        "store_history": store.history(&HistoryFilter::new(), &list).unwrap().items,
        "verified": report,
    })
}

/// Every value from when the fixture was written is still read; more values may be added.
pub(super) fn assert_told(read: &Value, expected: &Value, place: &str) {
    match (read, expected) {
        (Value::Object(read), Value::Object(expected)) => {
            for (name, expected) in expected {
                assert_told(&read[name], expected, &format!("{place}.{name}"));
            }
        }
        (Value::Array(read), Value::Array(expected)) => {
            assert_eq!(read.len(), expected.len(), "{place}");
            for (number, (read, expected)) in read.iter().zip(expected).enumerate() {
                assert_told(read, expected, &format!("{place}.{number}"));
            }
        }
        _ => assert_eq!(read, expected, "{place}"),
    }
}

#[test]
fn a_store_of_format_1_opens_reads_and_decides_as_when_it_was_written() {
    let expected = std::fs::read_to_string(fixture("format-1.json")).unwrap();
    let mut expected: Value = serde_json::from_str(&expected).unwrap();
    let receipt: Receipt = serde_json::from_value(expected["receipt"].take()).unwrap();
    expected.as_object_mut().unwrap().remove("receipt");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::copy(fixture("format-1.redb"), &path).unwrap();
    let store = PolicyStore::open(&path).unwrap();
    let read = read_all(&store);
    for (part, expected) in expected.as_object().unwrap() {
        assert_told(&read[part], expected, part);
    }
    assert_eq!(read["verified"]["findings"], json!([]));

    let authorizer = store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let again = store.replay(&receipt, &request, &entities).unwrap();
    assert_eq!((again.decision(), again.determining()), (receipt.decision.into(), receipt.determining.as_slice()));

    store.rebuild_indexes().unwrap();
    assert_eq!(read_all(&store), read);
    assert!(store.write(&customer("zoe"), |w| w.zone("acme")?.activate(&receipt.policy_set_version_id)).is_ok());
    let repeat = |actor: &str| {
        store.write(&customer(actor), |w| {
            w.zone("acme")?.idempotency_key(REQUEST.parse()?).update_policy("rules", PolicyUpdate::new())
        })
    };
    assert_eq!(repeat("zoe").unwrap_err().code(), "request_conflict");
    assert_eq!(serde_json::to_value(repeat("alice").unwrap()).unwrap(), read["policies"][0]);
}

/// Forks the fixture of format 1 into `path`. Returns the results of all reads.
fn write_fork(path: &Path) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("store.redb");
    std::fs::copy(fixture("format-1.redb"), &original).unwrap();
    PolicyStore::open(&original).unwrap().backup(path).unwrap();
    let clock = Clock::new();
    clock.set(START + 2 * HOUR);
    let store = clock.builder().id_seed(8).restore(Restore::Fork(platform())).open(path).unwrap();
    read_all(&store)
}

#[test]
fn a_fork_of_format_1_opens_and_reads_as_when_it_was_written() {
    let expected = std::fs::read_to_string(fixture("fork-1.json")).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::copy(fixture("fork-1.redb"), &path).unwrap();
    let store = PolicyStore::open(&path).unwrap();
    let read = read_all(&store);
    assert_told(&read, &expected, "fork");
    assert_eq!(read["verified"]["findings"], json!([]));
    store.rebuild_indexes().unwrap();
    assert_eq!(read_all(&store), read);

    // A receipt of the original from before the fork.
    let original = std::fs::read_to_string(fixture("format-1.json")).unwrap();
    let original: Value = serde_json::from_str(&original).unwrap();
    let receipt: Receipt = serde_json::from_value(original["receipt"].clone()).unwrap();
    assert_ne!(receipt.log_id, store.zone("acme").unwrap().info().unwrap().log_id);
    let authorizer = store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    assert_eq!(store.replay(&receipt, &request, &entities).unwrap().decision(), receipt.decision);
}

#[test]
fn the_same_fork_has_the_same_entries() {
    let temporary = tempfile::tempdir().unwrap();
    let asked = std::env::var_os("POLICY_STORE_FIXTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| temporary.path().to_owned());
    let read = write_fork(&folder.join("fork.redb"));
    std::fs::write(folder.join("fork.json"), serde_json::to_string_pretty(&read).unwrap() + "\n").unwrap();
    let expected = std::fs::read_to_string(fixture("fork-1.json")).unwrap();
    assert_told(&read, &serde_json::from_str(&expected).unwrap(), "fork");
}

/// If `POLICY_STORE_FIXTURES` names a folder, writes the store and its values there, as a fixture for a new format.
#[test]
fn a_store_with_entries_of_every_kind_reads_alike_once_it_was_closed() {
    let temporary = tempfile::tempdir().unwrap();
    let asked = std::env::var_os("POLICY_STORE_FIXTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| temporary.path().to_owned());
    let path = folder.join("fixture.redb");
    let mut written = write_fixture(&path);
    std::fs::write(folder.join("fixture.json"), serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
    written.as_object_mut().unwrap().remove("receipt");
    assert_eq!(read_all(&PolicyStore::open(&path).unwrap()), written);
    assert_eq!(written["verified"]["findings"], json!([]));
}
