//! Errors: each has one kind and one stable code, so that a frontend can choose without reading text.

use std::error::Error as _;

use policy_store::{
    Error, ErrorKind, Include, NewPolicy, NewPolicySetVersion, NewPolicyVersion, PageRequest, Pin, PolicyId,
    PolicyStore, SchemaStatus, Target,
};

use super::support::{PERMIT, V1, World, refused};

#[test]
fn kinds_and_codes_are_as_documented() {
    let world = World::new();
    world.version("p", PERMIT);
    let cases: [(Error, ErrorKind, &str); 5] = [
        (PolicyId::new("").unwrap_err().into(), ErrorKind::Invalid, "invalid_input"),
        (world.zone().policy("none").unwrap_err(), ErrorKind::NotFound, "not_found"),
        (world.write_store(|w| w.create_zone("acme").map(drop)).unwrap_err(), ErrorKind::Conflict, "already_exists"),
        (world.zone().in_force(Target::Zone).unwrap_err(), ErrorKind::NotBound, "not_bound"),
        (world.try_version("p", &" ".repeat(70_000)).unwrap_err(), ErrorKind::TooLarge, "too_large"),
    ];
    for (error, kind, code) in cases {
        assert_eq!((error.kind(), error.code()), (kind, code));
        // As printed when `main` returns it.
        assert_eq!(format!("{error:?}"), format!("Error({code}): {error}"));
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
    // Only the number, because the message has the words.
    #[cfg(target_os = "linux")]
    assert_eq!(error.source().unwrap().to_string(), "os error 2");
}

/// Every id of a zone in place of every other kind of id.
#[test]
fn an_id_of_another_kind_is_told_from_one_that_nobody_has() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let live = world.live("s", &[&version]);
    let zone = world.zone();
    let not_found = (ErrorKind::NotFound, "not_found");
    let (of_version, of_set_version) = (version.id.as_str(), live.id.as_str());
    for id in ["s", "p", of_version] {
        let kind = if id == "s" {
            "policy set"
        } else if id == "p" {
            "policy"
        } else {
            "policy version"
        };
        let said =
            format!("policy set version `{id}` does not exist: it is a {kind} id, expected a policy set version id");
        refused(zone.policy_set_version(id), not_found, &said);
        refused(zone.authorizer_of_version(id), not_found, &said);
        refused(zone.pinned_policy_versions(id, Include::Neither, &PageRequest::new()), not_found, &said);
        world.refuses(not_found, &said, |zone| zone.activate(id));
        world.refuses(not_found, &said, |zone| zone.bind_shadow(id, Target::Zone));
        world.refuses(not_found, &said, |zone| zone.archive_policy_set_version(id));
    }
    for (id, kind) in [("p", "policy"), ("s", "policy set"), (of_set_version, "policy set version")] {
        let said = format!("policy version `{id}` does not exist: it is a {kind} id, expected a policy version id");
        refused(zone.policy_version(id, Include::Both), not_found, &said);
        world.refuses(not_found, &said, |zone| zone.archive_policy_version(id));
        let pin = || Pin { policy_id: "p".to_owned(), policy_version_id: id.to_owned(), sha: None };
        world.refuses(not_found, &said, |zone| {
            zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin()]))
        });
    }
    for (id, kind) in [("s", "policy set"), (of_version, "policy version"), (of_set_version, "policy set version")] {
        let said = format!("policy `{id}` does not exist: it is a {kind} id, expected a policy id");
        refused(zone.policy(id), not_found, &said);
        refused(zone.policy_versions(id, Include::Neither, &PageRequest::new()), not_found, &said);
        refused(zone.policy_version_numbered(id, 1, Include::Neither), not_found, &said);
        world.refuses(not_found, &said, |zone| zone.create_policy_version(id, NewPolicyVersion::cedar(V1, PERMIT)));
        world.refuses(not_found, &said, |zone| zone.archive_policy(id));
    }
    for (id, kind) in [("p", "policy"), (of_version, "policy version"), (of_set_version, "policy set version")] {
        let said = format!("policy set `{id}` does not exist: it is a {kind} id, expected a policy set id");
        refused(zone.policy_set(id), not_found, &said);
        refused(zone.policy_set_versions(id, &PageRequest::new()), not_found, &said);
        refused(zone.policy_set_version_numbered(id, 1), not_found, &said);
        world.refuses(not_found, &said, |zone| zone.create_policy_set_version(id, NewPolicySetVersion::new(V1)));
    }
    // Another zone's ids are unknown here.
    let other = world.store.zone("other").unwrap();
    for id in ["s", of_version, "none"] {
        let error = other.policy_set_version(id).unwrap_err();
        assert_eq!(error.to_string(), format!("policy set version `{id}` does not exist"));
    }
}

#[test]
fn a_parse_error_tells_which_tokens_were_expected_and_a_byte_order_mark_is_named() {
    let world = World::new();
    let invalid = (ErrorKind::Invalid, "syntax");
    let said = "1:36: unexpected end of input: expected `;` or identifier";
    refused(world.try_version("p", "permit(principal, action, resource)"), invalid, said);
    refused(
        world.try_version("p", &format!("{PERMIT} permit principal")),
        invalid,
        "unexpected token `principal`: expected `(`",
    );
    refused(world.try_version("p", &format!("\u{feff}{PERMIT}")), invalid, "1:1: unexpected byte order mark (U+FEFF)");
}

#[test]
fn sizes_are_told_with_their_unit_and_the_limit() {
    let world = World::new();
    let over = (ErrorKind::TooLarge, "too_large");
    refused(world.try_version("p", &" ".repeat(70_000)), over, "too large: policy text: 70000 bytes, limit 65536");
    let name = "x".repeat(300);
    world.refuses(over, "too large: name: 300 bytes, limit 256", |zone| zone.create_policy(NewPolicy::named(&*name)));
}
