//! Receipts: the rules behind a decision, replayed later, and refused if anything in them is wrong.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Conflict, Invalid, NotFound, Unavailable};
use policy_store::{Answer, At, Receipt, SchemaStatus, Target};

use super::support::{Clock, FORBID, PERMIT, V1, World, asked, receipt_of, refused};

/// A world in which `ann` may read `open`, with the answer to that request.
fn answered(world: &World) -> Answer {
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    world.live("s", &[&a, &b]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    authorizer.is_authorized(&request, &entities).unwrap()
}

fn replay(world: &World, receipt: &Receipt) -> policy_store::Result<Answer> {
    let authorizer = world.store.authorizer_of_receipt(receipt)?;
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    world.store.replay(receipt, &request, &entities)
}

#[test]
fn a_receipt_says_what_the_decision_rested_on() {
    let world = World::new();
    let answer = answered(&world);
    let receipt = receipt_of(&world, &answer);
    let zone = world.zone();
    let live = zone.policy_set_version(&receipt.policy_set_version_id).unwrap();
    assert_eq!((receipt.v, &receipt.zone_id, receipt.log_id), (3, zone.id(), zone.info().unwrap().log_id));
    assert_eq!(receipt.binding.as_ref(), Some(&zone.in_force(Target::Zone).unwrap()));
    assert_eq!((&receipt.policy_set_id, receipt.policy_set_version), (&live.policy_set_id, live.version));
    assert_eq!((receipt.manifest_sha, &receipt.schema_version), (live.manifest_sha, &live.schema_version));
    assert_eq!(receipt.schema_sha, world.store.schema(V1, policy_store::Include::Neither).unwrap().sha);
    assert_eq!((receipt.decision.into(), receipt.determining.as_slice()), (Decision::Allow, answer.determining()));
    assert_eq!((receipt.failed.len(), receipt.deny_on_forbid_error), (0, false));
    assert_eq!(receipt.cedar_version.sdk, cedar_policy::get_sdk_version().to_string());
    let created = world.history().into_iter().find(|entry| entry.created_at == live.created_at).unwrap();
    assert_eq!(receipt.policy_set_version_entry, created.hash);
}

#[test]
fn a_receipt_survives_json() {
    let world = World::new();
    let receipt = receipt_of(&world, &answered(&world));
    let json = serde_json::to_string(&receipt).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
    let value = serde_json::to_value(&receipt).unwrap();
    assert_eq!(serde_json::from_value::<Receipt>(value).unwrap(), receipt);
    assert_eq!(serde_json::from_reader::<_, Receipt>(json.as_bytes()).unwrap(), receipt);
}

#[test]
fn a_receipt_replays_whatever_happened_since() {
    let mut world = World::in_file();
    let answer = answered(&world);
    let kept = receipt_of(&world, &answer);
    let json = serde_json::to_string(&kept).unwrap();
    let changes: [fn(&World); 5] = [
        |_| {},
        |world| drop(world.live("s", &[])),
        |world| {
            let old = world.zone().policy_set_version_numbered("s", 1).unwrap();
            world.write(|zone| zone.activate(&old.id)).unwrap();
        },
        |world| {
            world
                .write_store(|w| {
                    w.set_schema_status(V1, SchemaStatus::Deprecated)?;
                    w.set_schema_status(V1, SchemaStatus::Archived)?;
                    let mut zone = w.zone("acme")?;
                    let bound = zone.unbind(Target::Zone)?;
                    zone.archive_policy_set_version(&bound.policy_set_version_id)?;
                    zone.archive_policy_set("s")?;
                    zone.archive_policy("a")?;
                    zone.archive_policy("b").map(drop)
                })
                .unwrap();
        },
        |world| world.store.rebuild_indexes().unwrap(),
    ];
    for change in changes {
        change(&world);
        world = world.reopened();
        let again = replay(&world, &serde_json::from_str(&json).unwrap()).unwrap();
        assert_eq!((again.decision(), again.determining()), (answer.decision(), answer.determining()));
        assert_eq!(again.receipt(kept.entities_sha.unwrap()).unwrap(), kept);
    }
}

#[test]
fn receipts_of_a_user_of_the_past_and_of_an_unbound_version_replay() {
    let world = World::new();
    let bound = receipt_of(&world, &answered(&world)).binding.unwrap();
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    let zone = world.zone();
    let past = zone.authorizer_at(Target::Zone, At::Position(bound.position)).unwrap();
    let unbound = zone.authorizer_of_version(&bound.policy_set_version_id).unwrap();
    for (authorizer, binding) in [(past, Some(bound)), (unbound, None)] {
        let (request, entities) = asked(&authorizer, "ann", "read", "open");
        let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
        assert_eq!(receipt.binding, binding);
        assert_eq!(replay(&world, &receipt).unwrap().receipt(&entities).unwrap(), receipt);
    }
}

#[test]
fn a_receipt_of_a_strict_authorizer_replays_strictly() {
    let world = World::new();
    let fails = "forbid(principal, action, resource) when { principal.level + 1 < 0 };";
    world.live("s", &[&world.version("p", &format!("{PERMIT}{fails}"))]);
    let strict = world.zone().authorizer(Target::Zone).unwrap().deny_on_forbid_error();
    let (request, entities) = asked(&strict, "bob", "read", "open");
    let receipt = strict.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    assert_eq!(receipt.decision, Decision::Deny);
    assert_eq!((receipt.failed.len(), receipt.deny_on_forbid_error), (1, true));
    let again = world.store.replay(&receipt, &request, &entities).unwrap();
    assert!(again.denied_by_error());
    assert_eq!(again.receipt(&entities).unwrap(), receipt);
}

/// A receipt with one JSON value replaced.
fn doctored(receipt: &Receipt, pointer: &str, value: serde_json::Value) -> Receipt {
    let mut json = serde_json::to_value(receipt).unwrap();
    let place = json.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}"));
    assert_ne!(*place, value, "{pointer} is not changed");
    *place = value;
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_doctored_receipt_is_refused_field_by_field() {
    let world = World::new();
    let receipt = receipt_of(&world, &answered(&world));
    // Existing resources, so that the refusal is not for their absence.
    let other = world.live("t", &[]);
    let user = serde_json::json!({"user": "ann"});
    let sha = "0".repeat(64);
    let mismatch = (Conflict, "receipt_mismatch");
    for (pointer, value, expected, names) in [
        ("/zone_id", "other".into(), mismatch, "log_id"),
        ("/zone_id", "none".into(), (NotFound, "not_found"), "zone `none`"),
        ("/log_id", "0".repeat(32).into(), mismatch, "log_id"),
        ("/policy_set_id", "t".into(), mismatch, "policy_set_id"),
        ("/policy_set_version", 2.into(), mismatch, "policy_set_version"),
        ("/policy_set_version_id", other.id.as_str().into(), mismatch, ""),
        ("/policy_set_version_id", "none".into(), (NotFound, "not_found"), "policy set version `none`"),
        ("/policy_set_version_entry", sha.clone().into(), mismatch, "policy_set_version_entry"),
        ("/manifest_sha", sha.clone().into(), mismatch, "manifest_sha"),
        ("/schema_version", "2000-01-01".into(), mismatch, "schema_version"),
        ("/schema_sha", sha.clone().into(), mismatch, "schema_sha"),
        ("/v", 4.into(), (Unavailable, "newer_format"), "receipt form is 4"),
        ("/v", 1.into(), (Invalid, "invalid_input"), "receipt form `1`"),
        ("/v", 2.into(), (Invalid, "invalid_input"), "receipt form `2`"),
        ("/v", 0.into(), (Invalid, "invalid_input"), "receipt form `0`"),
        ("/log_end/size", 1.into(), mismatch, "log_end"),
        ("/log_end/size", 0.into(), mismatch, "log_end"),
        ("/log_end/size", 1_000.into(), mismatch, "log_end"),
        ("/log_end/last", sha.clone().into(), mismatch, "log_end"),
        ("/log_end", serde_json::Value::Null, (Invalid, "invalid_input"), "receipt form `3`"),
        ("/binding_entry", sha.clone().into(), mismatch, "binding_entry"),
        ("/binding_entry", serde_json::Value::Null, (Invalid, "invalid_input"), "receipt form `3`"),
        ("/binding/zone_id", "other".into(), mismatch, "binding"),
        ("/binding/target", user, mismatch, "binding"),
        ("/binding/mode", "shadow".into(), mismatch, "binding"),
        ("/binding/policy_set_id", "t".into(), mismatch, "binding"),
        ("/binding/policy_set_version_id", other.id.as_str().into(), mismatch, "binding"),
        ("/binding/version", 9.into(), mismatch, "binding"),
        ("/binding/since", "2026-01-01T00:00:00Z".into(), mismatch, "binding"),
        ("/binding/by/id", "mallory".into(), mismatch, "binding"),
        ("/binding/by/owner_type", "platform".into(), mismatch, "binding"),
        ("/binding/position", 1.into(), mismatch, "binding"),
        ("/binding/position", 1_000.into(), mismatch, "binding"),
    ] {
        let doctored = doctored(&receipt, pointer, value);
        let error = refused(world.store.authorizer_of_receipt(&doctored), expected, names);
        let authorizer = world.store.authorizer_of_receipt(&receipt).unwrap();
        let (request, entities) = asked(&authorizer, "ann", "read", "open");
        let replayed = refused(world.store.replay(&doctored, &request, &entities), expected, names);
        assert_eq!(replayed.to_string(), error.to_string(), "{pointer}");
    }
}

#[test]
fn the_binding_in_a_receipt_must_be_of_the_version_that_decided() {
    let world = World::new();
    let receipt = receipt_of(&world, &answered(&world));
    world.live("t", &[]);
    let other = serde_json::to_value(world.zone().in_force(Target::Zone).unwrap()).unwrap();
    let doctored = doctored(&receipt, "/binding", other);
    refused(world.store.authorizer_of_receipt(&doctored), (Conflict, "receipt_mismatch"), "binding");
}

#[test]
fn a_replay_tells_whether_it_agrees_with_its_receipt() {
    let world = World::new();
    let receipt = receipt_of(&world, &answered(&world));
    replay(&world, &receipt).unwrap().agrees_with(&receipt).unwrap();
    let other_cedar = doctored(&receipt, "/cedar_version/sdk", "9.9.9".into());
    replay(&world, &other_cedar).unwrap().agrees_with(&other_cedar).unwrap();
    let determining = serde_json::to_value(&receipt).unwrap()["determining"].clone();
    for (pointer, value, field) in [
        ("/decision", "deny".into(), "decision"),
        ("/determining", serde_json::json!([]), "determining"),
        ("/determining/0/statement", 7.into(), "determining"),
        ("/failed", determining, "failed"),
    ] {
        let doctored = doctored(&receipt, pointer, value);
        let answer = replay(&world, &doctored).unwrap();
        assert_eq!(answer.decision(), Decision::Allow, "{pointer}");
        refused(answer.agrees_with(&doctored), (Conflict, "receipt_mismatch"), field);
    }
    for (pointer, value, field) in [
        ("/binding", serde_json::Value::Null, "binding"),
        ("/deny_on_forbid_error", true.into(), "deny_on_forbid_error"),
        ("/manifest_sha", "0".repeat(64).into(), "manifest_sha"),
    ] {
        let doctored = doctored(&receipt, pointer, value);
        let answer = replay(&world, &receipt).unwrap();
        refused(answer.agrees_with(&doctored), (Conflict, "receipt_mismatch"), field);
    }
}

#[test]
fn a_receipt_of_another_store_is_refused_though_all_ids_are_the_same() {
    let first = World::new();
    let receipt = receipt_of(&first, &answered(&first));
    let clock = Clock::new();
    let twin = World::with(clock.builder().id_seed(8).in_memory().unwrap(), clock);
    answered(&twin);
    refused(twin.store.authorizer_of_receipt(&receipt), (Conflict, "receipt_mismatch"), "log_id");
}

#[test]
fn a_replay_with_other_inputs_is_refused_by_the_name_of_the_input() {
    let world = World::new();
    let answer = answered(&world);
    let receipt = receipt_of(&world, &answer);
    let authorizer = world.store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    assert_eq!(receipt.request_sha.unwrap(), policy_store::inputs::request_sha(&request).unwrap());
    assert_eq!(receipt.entities_sha.unwrap(), policy_store::inputs::entities_sha(&entities).unwrap());
    // The same decision, for another resource, and with an entity more.
    let (other, _) = asked(&authorizer, "bob", "read", "open");
    let more = authorizer.entities("[]").unwrap();
    refused(world.store.replay(&receipt, &other, &entities), (Conflict, "receipt_mismatch"), "request_sha");
    refused(world.store.replay(&receipt, &request, &more), (Conflict, "receipt_mismatch"), "entities_sha");
    world.store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
    // A hash that was computed before gives the same receipt.
    assert_eq!(answer.receipt(receipt.entities_sha.unwrap()).unwrap(), receipt);
}

#[test]
fn a_receipt_of_an_authorizer_that_was_kept_names_the_end_of_the_log_when_it_was_taken() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let zone = world.zone();
    let kept = zone.authorizer(Target::Zone).unwrap();
    let size = zone.checkpoint().unwrap().size;
    world.live("s", &[]);
    let (request, entities) = asked(&kept, "ann", "read", "open");
    let end = |authorizer: &policy_store::Authorizer| {
        let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
        world.store.replay(&receipt, &request, &entities).unwrap().agrees_with(&receipt).unwrap();
        receipt.log_end.unwrap()
    };
    assert_eq!(end(&kept).size, size);
    // Of a moment in the past: its end.
    assert_eq!(end(&zone.authorizer_at(Target::Zone, At::Position(size - 1)).unwrap()), end(&kept));
    assert_eq!(end(&zone.authorizer(Target::Zone).unwrap()).size, zone.checkpoint().unwrap().size);
}
