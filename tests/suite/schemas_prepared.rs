//! Schemas that are prepared: parsed and converted before the write that publishes them.

use policy_store::ErrorKind::{Conflict, Invalid};
use policy_store::{IdempotencyKey, Include, NewSchema, SchemaInput, Sha256, Syntax};

use super::support::{SCHEMA, World, refused};

const NAME: &str = "2027-01-01";

fn request() -> IdempotencyKey {
    "0192d3a4-0000-7000-8000-000000000001".parse().unwrap()
}

#[test]
fn a_prepared_schema_is_published_as_the_new_one_would_be() {
    let world = World::new();
    let json = world.store.prepare_schema(NewSchema::cedar("x", SCHEMA)).unwrap().cedar_schema_json().to_owned();
    for (name, new) in [("a", NewSchema::cedar("a", SCHEMA)), ("b", NewSchema::json("b", json.as_str()))] {
        let prepared = world.store.prepare_schema(new).unwrap();
        let (sha, text, converted) = (prepared.sha(), prepared.cedar_schema(), prepared.cedar_schema_json());
        let published = world.write_store(|w| w.publish_schema(prepared.clone())).unwrap();
        assert_eq!((published.version.as_str(), published.sha), (name, sha));
        assert_eq!(published.cedar_schema.as_deref(), Some(text));
        assert_eq!(published.cedar_schema_json.as_deref(), Some(converted));
    }
    let world_2 = World::new();
    let new = world_2.write_store(|w| w.publish_schema(NewSchema::cedar("a", SCHEMA))).unwrap();
    let prepared = world.store.schema("a", Include::Both).unwrap();
    assert_eq!((new.syntax, new.sha, new.cedar_schema_json), (Syntax::Cedar, prepared.sha, prepared.cedar_schema_json));
    assert_eq!(new.sha, Sha256::of(SCHEMA.as_bytes()));
}

#[test]
fn a_schema_that_cannot_be_published_cannot_be_prepared() {
    let world = World::new();
    for (new, code) in [
        (NewSchema::cedar("a", "entity"), "syntax"),
        (NewSchema::cedar("a", "entity A { a: Long, a: Long };"), "syntax"),
        (NewSchema::json("a", "{}{}"), "json"),
        (NewSchema::cedar("no name", "entity A;"), "invalid_input"),
    ] {
        refused(world.store.prepare_schema(new.clone()), (Invalid, code), "");
        refused(world.write_store(|w| w.publish_schema(new)), (Invalid, code), "");
    }
}

#[test]
fn a_request_is_the_same_whether_or_not_its_schema_was_prepared() {
    let world = World::new();
    let publish = |input: SchemaInput| world.write_store(|w| w.idempotency_key(request()).publish_schema(input));
    let prepared = || world.store.prepare_schema(NewSchema::cedar(NAME, SCHEMA)).unwrap();
    let first = publish(prepared().into()).unwrap();
    let before = world.extent();
    assert_eq!(publish(NewSchema::cedar(NAME, SCHEMA).into()).unwrap(), first);
    assert_eq!(publish(prepared().into()).unwrap(), first);
    let other = world.store.prepare_schema(NewSchema::cedar(NAME, "entity E;")).unwrap();
    refused(publish(other.into()), (Conflict, "request_conflict"), "");
    assert_eq!(world.extent(), before);
}

#[test]
fn a_name_that_was_taken_meanwhile_is_refused() {
    let world = World::new();
    let prepared = world.store.prepare_schema(NewSchema::cedar(NAME, SCHEMA)).unwrap();
    world.write_store(|w| w.publish_schema(NewSchema::cedar(NAME, "entity E;"))).unwrap();
    let before = world.extent();
    refused(world.write_store(|w| w.publish_schema(prepared)), (Conflict, "already_exists"), NAME);
    assert_eq!(world.extent(), before);
}
