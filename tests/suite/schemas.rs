//! Schema versions: published once, with both forms unchanged; and their status.

use cedar_policy::{Decision, Schema};
use policy_store::ErrorKind::{Archived, Conflict, Forbidden, Invalid, NotFound};
use policy_store::SchemaStatus::{self, Active, Deprecated};
use policy_store::{
    Actor, Change, HistoryFilter, Include, NewPolicy, NewPolicySetVersion, NewPolicyVersion, NewSchema, Order,
    OwnerType, PageRequest, SchemaName, Sha256, Syntax, Target,
};

use super::support::{PERMIT, SCHEMA, V1, World, customer, decide, platform, refused};

fn json() -> String {
    let fragment = cedar_policy::SchemaFragment::from_cedarschema_str(SCHEMA).unwrap().0;
    // Unusual whitespace, to check that no byte changes.
    format!(" {}\n", fragment.to_json_string().unwrap())
}

fn set(world: &World, status: SchemaStatus) -> policy_store::Result<policy_store::SchemaVersion> {
    world.write_store(|w| w.set_schema_status(V1, status))
}

#[test]
fn the_published_bytes_are_kept_and_their_sha_256_is_the_sha() {
    let source = format!("// café\r\n{SCHEMA}  ");
    let world = World::in_file();
    for new in [NewSchema::cedar("text", source.as_str()), NewSchema::json("json", json())] {
        world.write_store(|w| w.publish_schema(new)).unwrap();
    }
    let world = world.reopened();
    let text = world.store.schema("text", Include::Both).unwrap();
    assert_eq!((text.syntax, text.cedar_schema.as_deref()), (Syntax::Cedar, Some(source.as_str())));
    assert_eq!(text.sha, Sha256::of(source.as_bytes()));
    let published = world.store.schema("json", Include::Both).unwrap();
    assert_eq!((published.syntax, published.cedar_schema_json.as_deref()), (Syntax::Json, Some(json().as_str())));
    assert_eq!(published.sha, Sha256::of(json().as_bytes()));
}

#[test]
fn the_other_form_is_derived_once_and_is_the_same_schema() {
    let world = World::in_file();
    let first = world.write_store(|w| w.publish_schema(NewSchema::json("json", json()))).unwrap();
    let text = first.cedar_schema.clone().unwrap();
    assert!(Schema::from_cedarschema_str(&text).is_ok(), "{text}");
    let derived = world.store.schema(V1, Include::Json).unwrap().cedar_schema_json.unwrap();
    assert!(Schema::from_json_str(&derived).is_ok(), "{derived}");
    let given: serde_json::Value = serde_json::from_str(&json()).unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&derived).unwrap(), given);
    let world = world.reopened();
    assert_eq!(world.store.schema("json", Include::Both).unwrap(), first);
    assert_eq!(world.store.schema(V1, Include::Json).unwrap().cedar_schema_json.unwrap(), derived);
}

#[test]
fn only_the_forms_asked_for_are_returned() {
    let world = World::new();
    for (include, text, json) in [
        (Include::Both, true, true),
        (Include::Cedar, true, false),
        (Include::Json, false, true),
        (Include::Neither, false, false),
    ] {
        let schema = world.store.schema(V1, include).unwrap();
        assert_eq!((schema.cedar_schema.is_some(), schema.cedar_schema_json.is_some()), (text, json));
    }
}

#[test]
fn a_schema_that_does_not_parse_is_refused_and_leaves_no_trace() {
    let world = World::new();
    let before = world.extent();
    let cases = [
        (NewSchema::cedar("bad", "entity"), "syntax"),
        (NewSchema::cedar("bad", "entity User in [Nowhere];"), "syntax"),
        (NewSchema::json("bad", SCHEMA), "json"),
        (NewSchema::json("bad", r#"{"":{"entityTypes":{},"actions":{},"actions":{}}}"#), "json"),
    ];
    for (new, _) in cases {
        let error = world.write_store(|w| w.publish_schema(new)).unwrap_err();
        assert_eq!(error.kind(), Invalid, "{error}");
        assert!(error.to_string().contains("schema"), "{error}");
    }
    assert_eq!(world.extent(), before);
    refused(
        world.store.schema("bad", Include::Both),
        (NotFound, "not_found"),
        "schema version `bad`".get(..6).unwrap(),
    );
}

#[test]
fn the_same_version_name_cannot_be_published_twice() {
    let world = World::new();
    let before = world.extent();
    for source in [SCHEMA, "entity Another;"] {
        let again = world.write_store(|w| w.publish_schema(NewSchema::cedar(V1, source)));
        refused(again, (Conflict, "already_exists"), V1);
    }
    set(&world, Deprecated).unwrap();
    set(&world, SchemaStatus::Archived).unwrap();
    let again = world.write_store(|w| w.publish_schema(NewSchema::cedar(V1, SCHEMA)));
    refused(again, (Conflict, "already_exists"), V1);
    assert_eq!(world.extent(), [before[0], before[1] + 2, before[2], before[3]]);
}

#[test]
fn status_goes_between_active_and_deprecated_and_from_there_to_archived_for_good() {
    let world = World::new();
    let created = world.store.schema(V1, Include::Neither).unwrap();
    assert_eq!((created.status, created.updated_at), (Active, created.created_at));
    assert_eq!((created.deprecated_at, created.archived_at), (None, None));
    refused(set(&world, SchemaStatus::Archived), (Conflict, "schema_transition"), V1);

    let deprecated = set(&world, Deprecated).unwrap();
    assert_eq!((deprecated.status, deprecated.deprecated_at), (Deprecated, Some(deprecated.updated_at)));
    assert!(deprecated.updated_at > created.updated_at);
    let active = set(&world, Active).unwrap();
    assert_eq!((active.status, active.deprecated_at, active.archived_at), (Active, None, None));
    assert!(active.updated_at > deprecated.updated_at);
    refused(set(&world, SchemaStatus::Archived), (Conflict, "schema_transition"), V1);

    let deprecated = set(&world, Deprecated).unwrap();
    let archived = set(&world, SchemaStatus::Archived).unwrap();
    assert_eq!((archived.status, archived.archived_at), (SchemaStatus::Archived, Some(archived.updated_at)));
    assert_eq!(archived.deprecated_at, deprecated.deprecated_at);
    for back in [Active, Deprecated] {
        refused(set(&world, back), (Conflict, "schema_transition"), V1);
    }
    assert_eq!(world.store.schema(V1, Include::Both).unwrap().created_at, created.created_at);
    refused(world.write_store(|w| w.set_schema_status("none", Active)), (NotFound, "not_found"), "schema `none`");
}

#[test]
fn the_status_that_it_has_already_changes_nothing() {
    let world = World::new();
    for status in [Active, Deprecated, SchemaStatus::Archived] {
        let first = set(&world, status).unwrap();
        let before = world.extent();
        assert_eq!(set(&world, status).unwrap(), first);
        assert_eq!(world.extent(), before);
    }
}

#[test]
fn active_and_deprecated_accept_new_versions_and_archived_refuses_them() {
    let world = World::new();
    world.write(|zone| zone.create_policy_set(policy_store::NewPolicySet::named("s").id("s"))).unwrap();
    world.version("p", PERMIT);
    for status in [Active, Deprecated] {
        set(&world, status).unwrap();
        world.version("p", PERMIT);
        world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::new(V1))).unwrap();
    }
    set(&world, SchemaStatus::Archived).unwrap();
    world.refuses((Archived, "archived"), &format!("schema `{V1}`"), |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
    });
    world.refuses((Archived, "archived"), &format!("schema `{V1}`"), |zone| {
        zone.create_policy_set_version("s", NewPolicySetVersion::new(V1))
    });
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, PERMIT));
    refused(prepared, (Archived, "archived"), V1);
}

#[test]
fn a_version_prepared_before_its_schema_was_archived_is_refused() {
    let world = World::new();
    world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, PERMIT)).unwrap();
    set(&world, Deprecated).unwrap();
    set(&world, SchemaStatus::Archived).unwrap();
    world.refuses((Archived, "archived"), V1, |zone| zone.create_policy_version("p", prepared.clone()));
}

#[test]
fn set_versions_pinned_to_an_archived_schema_still_evaluate_and_can_still_be_bound() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let (old, _) = (world.live("s", &[&version]), world.live("s", &[]));
    set(&world, Deprecated).unwrap();
    set(&world, SchemaStatus::Archived).unwrap();
    let world = world.reopened();
    let zone = world.zone();
    assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Deny);
    world.write(|zone| zone.activate(&old.id)).unwrap();
    assert_eq!(decide(&zone.authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
}

#[test]
fn a_schema_that_is_not_there_is_named() {
    let world = World::new();
    world.version("p", PERMIT);
    world.refuses((NotFound, "not_found"), "schema `none`", |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar("none", PERMIT))
    });
}

#[test]
fn one_schema_serves_every_zone_and_its_cedar_is_recorded() {
    let world = World::new();
    for name in ["acme", "other"] {
        let made = world.write_store(|w| {
            let mut zone = w.zone(name)?;
            let policy = zone.create_policy(NewPolicy::named("p"))?;
            zone.create_policy_version(&policy.id, NewPolicyVersion::cedar(V1, PERMIT))
        });
        assert_eq!(made.unwrap().schema_version, V1);
    }
    let cedar = world.store.schema(V1, Include::Neither).unwrap().cedar_version;
    assert_eq!(cedar.sdk, cedar_policy::get_sdk_version().to_string());
    assert_eq!(cedar.language, cedar_policy::get_lang_version().to_string());
}

#[test]
fn only_a_platform_actor_changes_the_status_of_what_a_platform_actor_published() {
    let world = World::new();
    world.store.write(&platform(), |w| w.publish_schema(NewSchema::cedar("p", "entity E;"))).unwrap();
    let status = |actor: &Actor, status| world.store.write(actor, |w| w.set_schema_status("p", status));
    refused(status(&customer("c"), SchemaStatus::Deprecated), (Forbidden, "platform_owned"), "schema `p`");
    let schema = world.store.schema("p", Include::Neither).unwrap();
    assert_eq!(
        (schema.status, schema.owner_type, schema.updated_by),
        (SchemaStatus::Active, OwnerType::Platform, None)
    );
    let schema = status(&platform(), SchemaStatus::Deprecated).unwrap();
    assert_eq!(
        (schema.status, schema.updated_by.as_ref().map(policy_store::Actor::id)),
        (SchemaStatus::Deprecated, Some("ops"))
    );
}

#[test]
fn the_stores_history_tells_who_did_what_to_zones_and_schemas() {
    let world = World::new();
    world.write_store(|w| w.set_schema_status(V1, SchemaStatus::Deprecated)).unwrap();
    let list = PageRequest::new().order(Order::Ascending).limit(3);
    let first = world.store.history(&HistoryFilter::new(), &list).unwrap();
    let rest =
        world.store.history(&HistoryFilter::new(), &list.clone().after(first.after_cursor.clone().unwrap())).unwrap();
    let version: SchemaName = V1.parse().unwrap();
    let sha = world.store.schema(V1, Include::Neither).unwrap().sha;
    let told: Vec<Change> = first.items.iter().chain(&rest.items).map(|entry| entry.change.clone()).collect();
    let expected = [
        Change::SchemaPublished { version: version.clone(), sha },
        Change::ZoneCreated { zone_id: "acme".parse().unwrap() },
        Change::ZoneCreated { zone_id: "other".parse().unwrap() },
        Change::SchemaStatusChanged { version, status: SchemaStatus::Deprecated },
    ];
    assert_eq!(told, expected);
    assert!(first.items.iter().chain(&rest.items).all(|entry| entry.created_by.id() == "alice"));
    // A cursor of the store's history is not valid for a zone's.
    refused(
        world.zone().history(&HistoryFilter::new(), &list.after(first.after_cursor.unwrap())),
        (Invalid, "invalid_cursor"),
        "cursor",
    );
}

#[test]
fn exactly_one_form_of_a_schema_is_taken() {
    let either = |text: Option<&str>, json: Option<&str>| {
        NewSchema::either("s", text.map(str::to_owned), json.map(str::to_owned))
    };
    let world = World::new();
    let published = world.write_store(|w| w.publish_schema(either(Some("entity E;"), None)?)).unwrap();
    assert_eq!(published.syntax, Syntax::Cedar);
    for (text, json, given) in [(Some("t"), Some("{}"), "both"), (None, None, "neither")] {
        refused(either(text, json), (Invalid, "exactly_one"), given);
    }
}
