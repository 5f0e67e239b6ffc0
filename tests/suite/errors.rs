//! Errors: one kind and one stable code each, from which a frontend can choose without reading text.

use std::error::Error as _;

use policy_store::{Error, ErrorKind, PolicyId, PolicyStore, SchemaStatus, Target};

use super::help::{PERMIT, V1, World};

#[test]
fn kinds_and_codes_are_as_documented() {
    let world = World::new();
    world.version("p", PERMIT);
    let cases: [(Error, ErrorKind, &str); 5] = [
        (PolicyId::new("").unwrap_err(), ErrorKind::Invalid, "invalid_input"),
        (world.zone().policy("none").unwrap_err(), ErrorKind::NotFound, "not_found"),
        (world.write_store(|w| w.create_zone("acme").map(drop)).unwrap_err(), ErrorKind::Conflict, "already_exists"),
        (world.zone().in_force(Target::Zone).unwrap_err(), ErrorKind::NotBound, "not_bound"),
        (world.try_version("p", &" ".repeat(70_000)).unwrap_err(), ErrorKind::TooLarge, "too_large"),
    ];
    for (error, kind, code) in cases {
        assert_eq!((error.kind(), error.code()), (kind, code));
        assert!(format!("{error:?}").starts_with(&format!("Error({code}")), "{error:?}");
    }
}

#[test]
fn an_error_names_a_long_input_without_carrying_all_of_it() {
    let long = "x".repeat(100_000);
    let error = World::new().zone().policy(&long).unwrap_err();
    assert_eq!(error.code(), "not_found");
    assert!(error.to_string().contains("xxxx") && error.to_string().len() < 300, "{}", error.to_string().len());
}

#[test]
fn a_transition_error_names_both_statuses() {
    let world = World::new();
    let error = world.write_store(|w| w.set_schema_status(V1, SchemaStatus::Archived)).unwrap_err();
    let text = error.to_string().to_lowercase();
    assert!(text.contains("active") && text.contains("archived"), "{text}");
}

#[test]
fn a_file_that_is_open_already_is_unavailable_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    let store = PolicyStore::open(&path).unwrap();
    let error = PolicyStore::open(&path).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "already_open"));
    assert!(error.to_string().contains("store.redb"), "{error}");
    drop(store);
    PolicyStore::open(&path).unwrap();
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in [("text", b"hello, this is no store".repeat(400)), ("short", b"x".to_vec()), ("empty", vec![])]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let error = PolicyStore::open(&path).unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "not_a_store"), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{name} was changed");
    }
}

#[test]
fn what_the_operating_system_refuses_keeps_its_cause() {
    let folder = tempfile::tempdir().unwrap();
    let error = PolicyStore::open(folder.path().join("missing/store.redb")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.source().is_some(), "{error:?}");
    assert!(error.to_string().contains("missing` does not exist"), "{error}");
    // The number alone, as the words stand in the message.
    #[cfg(target_os = "linux")]
    assert_eq!(error.source().unwrap().to_string(), "os error 2");
}
