//! Limits: input of the maximum size is accepted; one more is refused without a trace.

use policy_store::ErrorKind::{Invalid, TooLarge};
use policy_store::{
    IdempotencyKey, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicySetUpdate,
    PolicyUpdate, limits,
};

use super::support::{PERMIT, V1, World, pinning, refused};

const OVER: (policy_store::ErrorKind, &str) = (TooLarge, "too_large");

#[test]
fn the_limits_are_those_of_the_domain_and_never_shrink() {
    for (limit, least) in [
        (limits::POLICY_TEXT_BYTES, 64 << 10),
        (limits::POLICY_JSON_BYTES, 256 << 10),
        (limits::POLICY_STATEMENTS, 1_000),
        (limits::SCHEMA_BYTES, 1 << 20),
        (limits::NAME_BYTES, 256),
        (limits::DESCRIPTION_BYTES, 4 << 10),
        (limits::MANIFEST_ENTRIES, 1_000),
        (limits::WRITE_ENTRIES, 100_000),
        (limits::ID_CHARS, 64),
        (limits::ACTOR_ID_BYTES, 256),
        (limits::TARGET_ID_BYTES, 256),
    ] {
        assert!(limit >= least, "{limit} is less than {least}");
    }
    assert_eq!((limits::PAGE_ITEMS, limits::PAGE_ITEMS_DEFAULT, limits::CURSOR_CHARS), (100, 50, 255));
}

#[test]
fn policy_text_has_up_to_64_kib() {
    let world = World::new();
    let text = |bytes: usize| format!("{PERMIT}//{}", "x".repeat(bytes - PERMIT.len() - 2));
    assert_eq!(
        world.version("p", &text(limits::POLICY_TEXT_BYTES)).cedar_raw.unwrap().len(),
        limits::POLICY_TEXT_BYTES
    );
    world.refuses(OVER, &limits::POLICY_TEXT_BYTES.to_string(), |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text(limits::POLICY_TEXT_BYTES + 1)))
    });
}

#[test]
fn policy_json_has_up_to_256_kib() {
    let world = World::new();
    let json = world.version("p", PERMIT).cedar_json.unwrap();
    let padded = |bytes: usize| format!("{json}{}", " ".repeat(bytes - json.len()));
    let largest = NewPolicyVersion::json(V1, padded(limits::POLICY_JSON_BYTES));
    world.write(|zone| zone.create_policy_version("p", largest)).unwrap();
    world.refuses(OVER, &limits::POLICY_JSON_BYTES.to_string(), |zone| {
        zone.create_policy_version("p", NewPolicyVersion::json(V1, padded(limits::POLICY_JSON_BYTES + 1)))
    });
}

#[test]
fn text_that_json_becomes_is_bounded_as_given_text_is() {
    let world = World::new();
    world.version("p", PERMIT);
    let note = "x".repeat(limits::POLICY_TEXT_BYTES);
    let json = format!(
        r#"{{"staticPolicies":{{"policy0":{{"annotations":{{"n":"{note}"}},"effect":"permit","principal":{{"op":"All"}},
        "action":{{"op":"All"}},"resource":{{"op":"All"}},"conditions":[]}}}},"templates":{{}},"templateLinks":[]}}"#
    );
    world.refuses(OVER, "", |zone| zone.create_policy_version("p", NewPolicyVersion::json(V1, json.as_str())));
}

#[test]
fn a_version_has_up_to_1000_statements() {
    let world = World::new();
    let text = "permit(principal,action,resource);";
    assert_eq!(world.version("p", &text.repeat(1_000)).statements, 1_000);
    world
        .refuses(OVER, "1000", |zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text.repeat(1_001))));
}

#[test]
fn deep_expressions_are_refused_before_they_reach_a_parser() {
    let world = World::new();
    world.version("p", PERMIT);
    for deep in [
        format!("permit(principal, action, resource) when {{ {}true{} }};", "(".repeat(5_000), ")".repeat(5_000)),
        format!("permit(principal, action, resource) when {{ {}true }};", "!(1 == 1) || ".repeat(1_000)),
    ] {
        let error = world.try_version("p", &deep).unwrap_err();
        assert_eq!((error.kind(), error.code()), (TooLarge, "too_deep"), "{error}");
    }
}

#[test]
fn a_schema_has_up_to_1_mib() {
    let world = World::new();
    let text = |bytes: usize| format!("entity A;//{}", "x".repeat(bytes - 11));
    let publish = |name: &str, bytes| world.write_store(|w| w.publish_schema(NewSchema::cedar(name, text(bytes))));
    publish("largest", limits::SCHEMA_BYTES).unwrap();
    let before = world.extent();
    refused(publish("larger", limits::SCHEMA_BYTES + 1), OVER, &limits::SCHEMA_BYTES.to_string());
    let json = format!("{{}}{}", " ".repeat(limits::SCHEMA_BYTES - 1));
    refused(world.write_store(|w| w.publish_schema(NewSchema::json("larger", json))), OVER, "schema");
    assert_eq!(world.extent(), before);
}

#[test]
fn names_have_1_to_256_bytes_without_control_characters() {
    let world = World::new();
    world
        .write(|zone| {
            zone.create_policy(NewPolicy::named("é".repeat(128)).id("p"))?;
            zone.create_policy_set(NewPolicySet::named("é".repeat(128)).id("s"))
        })
        .unwrap();
    for (name, expected) in [
        ("é".repeat(128) + "x", OVER),
        (String::new(), (Invalid, "invalid_input")),
        ("a\u{7}".into(), (Invalid, "invalid_input")),
    ] {
        world.refuses(expected, "name", |zone| zone.create_policy(NewPolicy::named(name.as_str())));
        world.refuses(expected, "name", |zone| zone.update_policy("p", PolicyUpdate::new().name(name.as_str())));
        world.refuses(expected, "name", |zone| zone.create_policy_set(NewPolicySet::named(name.as_str())));
        world.refuses(expected, "name", |zone| zone.update_policy_set("s", PolicySetUpdate::new().name(name.as_str())));
    }
}

#[test]
fn descriptions_have_up_to_4_kib_without_control_characters() {
    let world = World::new();
    let longest = "é".repeat(2 << 10);
    let new = NewPolicy::named("p").id("p").description(longest.as_str());
    assert_eq!(world.write(|zone| zone.create_policy(new)).unwrap().description.as_deref(), Some(longest.as_str()));
    for (text, expected) in [(longest + "x", OVER), ("a\0".into(), (Invalid, "invalid_input"))] {
        world.refuses(expected, "description", |zone| {
            zone.create_policy(NewPolicy::named("q").description(text.as_str()))
        });
        world.refuses(expected, "description", |zone| {
            zone.update_policy("p", PolicyUpdate::new().description(text.as_str()))
        });
    }
}

#[test]
fn a_manifest_has_up_to_1000_entries() {
    let world = World::new();
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, PERMIT)).unwrap();
    let versions = world.write(|zone| {
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        (0..=limits::MANIFEST_ENTRIES)
            .map(|n| {
                let policy = zone.create_policy(NewPolicy::named(format!("p{n}")))?;
                zone.create_policy_version(&policy.id, prepared.clone())
            })
            .collect::<policy_store::Result<Vec<_>>>()
    });
    let versions: Vec<_> = versions.unwrap();
    let all: Vec<_> = versions.iter().collect();
    world.refuses(OVER, "1001 entries, limit 1000", |zone| zone.create_policy_set_version("s", pinning(&all)));
    let largest = world.write(|zone| zone.create_policy_set_version("s", pinning(&all[1..]))).unwrap();
    assert_eq!(largest.manifest.entries.len(), 1_000);
    assert_eq!(world.zone().policy_set_version(&largest.id).unwrap(), largest);
    let authorizer = world.zone().authorizer_of_version(&largest.id).unwrap();
    let (request, entities) = super::support::asked(&authorizer, "ann", "read", "open");
    assert_eq!(authorizer.is_authorized(&request, &entities).unwrap().determining().len(), 1_000);
}

#[test]
fn a_write_has_up_to_100000_entries() {
    let world = World::new();
    let before = world.history().len();
    let over = world.write(|zone| {
        for n in 1..limits::WRITE_ENTRIES {
            zone.create_policy(NewPolicy::named("p").id(format!("p{n}")))?;
        }
        // A call with an idempotency key that adds the last entry is executed, and needs no other entry.
        zone.idempotency_key(IdempotencyKey::from([1; 16])).create_policy(NewPolicy::named("p").id("last")).unwrap();
        assert_eq!(zone.policy("last")?.name, "p");
        let error = refused(zone.create_policy(NewPolicy::named("p")), OVER, "the write: 100001 entries, limit 100000");
        refused(
            zone.create_policy_set_version("s", NewPolicySetVersion::new(V1)),
            (policy_store::ErrorKind::NotFound, "not_found"),
            "s",
        );
        Err::<(), _>(error)
    });
    refused(over, OVER, &limits::WRITE_ENTRIES.to_string());
    assert_eq!(world.history().len(), before);
}
