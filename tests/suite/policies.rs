//! Policies and their versions: stored content, numbering, validation and archiving.

use cedar_policy::{Decision, PolicySet};
use policy_store::ErrorKind::{Archived, Invalid, NotFound};
use policy_store::{
    Change, ErrorDetail, Include, NewPolicy, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyUpdate, Sha256,
    Syntax, Target,
};

use super::support::{FORBID, PERMIT, V1, World, customer, decide, pinning, refused, reread};

#[test]
fn text_is_kept_verbatim_and_the_sha_is_that_of_its_bytes() {
    let text = "\n// café\r\n  permit ( principal,action , resource ) ;\t\r\n// end";
    let world = World::in_file();
    let version = world.version("p", text);
    assert_eq!((version.syntax, version.cedar_raw.as_deref()), (Syntax::Cedar, Some(text)));
    assert_eq!(version.sha, Sha256::of(text.as_bytes()));
    let hex = version.sha.to_string();
    assert!(hex.len() == 64 && hex.chars().all(|c| c.is_ascii_digit() || c.is_ascii_lowercase()), "{hex}");
    let world = world.reopened();
    assert_eq!(reread(&world, &version), version);
}

#[test]
fn exactly_one_of_text_and_json_is_taken() {
    let (text, json) = (Some(PERMIT.to_owned()), Some("{}".to_owned()));
    let both = NewPolicyVersion::either(V1, text.clone(), json);
    refused(both, (Invalid, "exactly_one"), "expected exactly one of `cedar_raw` and `cedar_json`, found both");
    refused(NewPolicyVersion::either(V1, None, None), (Invalid, "exactly_one"), "neither");
    let world = World::new();
    let version = world.write(|zone| {
        let policy = zone.create_policy(NewPolicy::named("p"))?;
        zone.create_policy_version(&policy.id, NewPolicyVersion::either(V1, text, None)?)
    });
    assert_eq!(version.unwrap().cedar_raw.as_deref(), Some(PERMIT));
}

#[test]
fn a_version_may_hold_several_statements_in_order() {
    let text = (0..12).map(|n| format!("permit(principal, action, resource) when {{ principal.level == {n} }};\n"));
    let text: String = text.collect();
    let version = World::new().version("p", &text);
    assert_eq!(version.statements, 12);
    let json: serde_json::Value = serde_json::from_str(version.cedar_json.as_deref().unwrap()).unwrap();
    for n in 0..12 {
        assert_eq!(json["staticPolicies"][format!("policy{n}")]["conditions"][0]["body"]["=="]["right"]["Value"], n);
    }
    let raw = version.cedar_json.unwrap();
    let places: Vec<_> = (0..12).map(|n| raw.find(&format!("\"policy{n}\":")).unwrap()).collect();
    assert!(places.is_sorted(), "{raw}");
}

#[test]
fn the_json_form_means_the_same_and_its_bytes_never_change() {
    let world = World::in_file();
    let text = format!("@id(\"a\") @note {PERMIT}\n{FORBID}");
    let version = world.version("p", &text);
    let json = version.cedar_json.clone().unwrap();
    let (given, derived): (PolicySet, _) = (text.parse().unwrap(), PolicySet::from_json_str(&json).unwrap());
    assert_eq!(given, derived);
    for key in [r#""staticPolicies":{"#, r#""templates":{}"#, r#""templateLinks":[]"#] {
        assert!(json.contains(key), "{json}");
    }
    let world = world.reopened();
    assert_eq!(reread(&world, &version).cedar_json.unwrap(), json);
    let printed = serde_json::to_string(&reread(&world, &version)).unwrap();
    assert!(printed.contains(&format!("\"cedar_json\":{json}")), "it is printed as the JSON that it is: {printed}");
}

#[test]
fn templates_and_empty_texts_are_refused_each_with_an_error_of_its_own() {
    let world = World::new();
    world.version("p", PERMIT);
    for (text, code, names) in [
        ("permit(principal == ?principal, action, resource);", "template", "policy0"),
        (
            "permit(principal, action, resource); forbid(principal, action, resource in ?resource);",
            "template",
            "policy1",
        ),
        ("", "empty_policy", "no statement"),
        (" // nothing\n", "empty_policy", "no statement"),
        ("permit(principal, action);", "syntax", "1:"),
    ] {
        world
            .refuses((Invalid, code), names, |zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text)));
        refused(world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, text)), (Invalid, code), names);
    }
}

#[test]
fn a_version_must_validate_strictly_and_every_finding_is_listed_with_its_place() {
    let world = World::new();
    world.version("p", PERMIT);
    let text = format!(
        "{PERMIT}\npermit(principal, action, resource) when {{ principal.age == 1 }};\n\
                        forbid(principal is Nobody, action, resource);"
    );
    let error = world.refuses((Invalid, "policy_validation"), V1, |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, text.as_str()))
    });
    let ErrorDetail::PolicyValidation { diagnostics, .. } = error.detail() else { panic!("{error:?}") };
    let places: Vec<_> = diagnostics.iter().map(|d| (d.statement, d.place.map(|place| place.line))).collect();
    assert!(places.contains(&(Some(1), Some(2))) && places.contains(&(Some(2), Some(3))), "{diagnostics:?}");
    assert!(error.to_string().contains("age") && error.to_string().contains("Nobody"), "{error}");
    // Cedar accepts this one in permissive mode: the set holds elements of two types.
    let permissive = "permit(principal, action, resource) when { [1, \"a\"].contains(principal.level) };";
    world.refuses((Invalid, "policy_validation"), V1, |zone| {
        zone.create_policy_version("p", NewPolicyVersion::cedar(V1, permissive))
    });
}

#[test]
fn warnings_are_kept() {
    let world = World::in_file();
    let text = "permit(principal, action, resource) when { false };";
    let version = world.version("p", text);
    assert_eq!(version.warnings.len(), 1, "{version:?}");
    assert_eq!((version.warnings[0].statement, version.warnings[0].place.map(|place| place.line)), (Some(0), Some(1)));
    assert!(world.version("p", PERMIT).warnings.is_empty());
    let prepared = world.store.prepare_policy_version(NewPolicyVersion::cedar(V1, text)).unwrap();
    assert_eq!(prepared.warnings(), version.warnings);
    let world = world.reopened();
    assert_eq!(reread(&world, &version).warnings, version.warnings);
}

#[test]
fn numbers_are_1_2_3_per_policy_without_gaps() {
    let world = World::new();
    assert_eq!([world.version("p", PERMIT).version, world.version("p", FORBID).version], [1, 2]);
    assert_eq!(world.version("q", PERMIT).version, 1);
    // Neither a refused call nor a write that was rolled back uses a number.
    world.try_version("p", "nonsense").unwrap_err();
    let given_up: policy_store::Result<()> = world.write(|zone| {
        assert_eq!(zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?.version, 3);
        Err(zone.policy("none").unwrap_err())
    });
    given_up.unwrap_err();
    let twice = world.write(|zone| {
        let first = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?.version;
        Ok([first, zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?.version])
    });
    assert_eq!(twice.unwrap(), [3, 4]);
    let policy = world.zone().policy("p").unwrap();
    assert_eq!(policy.latest_version, Some(4));
    let newest = world.zone().policy_version_numbered("p", 4, Include::Both).unwrap();
    assert_eq!(policy.latest_version_id.as_ref(), Some(&newest.id));
    for number in [0, 5, u32::MAX] {
        let missing = world.zone().policy_version_numbered("p", number, Include::Both);
        refused(missing, (NotFound, "not_found"), &format!("`{number} of p`"));
    }
}

#[test]
fn the_same_content_again_is_a_new_version() {
    let world = World::new();
    let (first, second) = (world.version("p", PERMIT), world.version("p", PERMIT));
    assert_ne!(first.id, second.id);
    assert_eq!((first.sha, first.version, second.sha, second.version), (second.sha, 1, first.sha, 2));
}

#[test]
fn only_the_forms_asked_for_are_returned() {
    let world = World::new();
    let id = world.version("p", PERMIT).id;
    for (include, text, json) in [
        (Include::Both, true, true),
        (Include::Cedar, true, false),
        (Include::Json, false, true),
        (Include::Neither, false, false),
    ] {
        let version = world.zone().policy_version(&id, include).unwrap();
        assert_eq!((version.cedar_raw.is_some(), version.cedar_json.is_some()), (text, json));
        assert_eq!(world.zone().policy_version_numbered("p", 1, include).unwrap(), version);
    }
}

#[test]
fn the_cedar_that_validated_a_version_is_recorded() {
    let version = World::new().version("p", PERMIT);
    assert_eq!(version.cedar_version.sdk, cedar_policy::get_sdk_version().to_string());
    assert_eq!(version.cedar_version.language, cedar_policy::get_lang_version().to_string());
}

#[test]
fn archiving_a_version_is_idempotent_and_permanent() {
    let world = World::new();
    let version = world.version("p", PERMIT);
    let archived = world.write_as(&customer("bea"), |zone| zone.archive_policy_version(&version.id)).unwrap();
    assert_eq!(archived.archived_by.as_ref().map(policy_store::Actor::id), Some("bea"));
    assert!(archived.archived_at > Some(version.created_at));
    let before = world.extent();
    let again = world.write_as(&customer("carl"), |zone| zone.archive_policy_version(&version.id)).unwrap();
    assert_eq!((&again, world.extent()), (&archived, before));
    // Only the archiving has changed, and the policy can get new versions.
    let unchanged = policy_store::PolicyVersion::clone(&version);
    let mut restored = archived.clone();
    (restored.archived_at, restored.archived_by) = (None, None);
    assert_eq!((restored, reread(&world, &version)), (unchanged, archived));
    assert_eq!(world.version("p", PERMIT).version, 2);
}

#[test]
fn an_archived_version_is_not_newly_pinned_but_what_pins_it_evaluates() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    let live = world.live("s", &[&version]);
    world.write(|zone| zone.archive_policy_version(&version.id)).unwrap();
    let id = version.id.as_str();
    world.refuses((Archived, "archived"), &format!("policy version `{id}`"), |zone| {
        zone.create_policy_set_version("s", pinning(&[&version]))
    });
    world.refuses((Archived, "archived"), id, |zone| {
        zone.create_policy_set_version("s", NewPolicySetVersion::from(&live))
    });
    let world = world.reopened();
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
    assert_eq!(reread(&world, &version).cedar_raw.as_deref(), Some(PERMIT));
}

#[test]
fn an_archived_policy_takes_no_updates_and_no_versions_and_is_not_newly_pinned() {
    let world = World::in_file();
    let version = world.version("p", PERMIT);
    world.live("s", &[&version]);
    let archived = world.write(|zone| zone.archive_policy("p")).unwrap();
    assert_eq!(archived.archived_by.as_ref().map(policy_store::Actor::id), Some("alice"));
    let before = world.extent();
    assert_eq!(world.write_as(&customer("bea"), |zone| zone.archive_policy("p")).unwrap(), archived);
    assert_eq!(world.extent(), before);
    let expected = (Archived, "archived");
    world.refuses(expected, "policy `p`", |zone| zone.update_policy("p", PolicyUpdate::new().name("x")));
    world.refuses(expected, "policy `p`", |zone| zone.update_policy("p", PolicyUpdate::new()));
    world.refuses(expected, "policy `p`", |zone| zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT)));
    world.refuses(expected, "policy `p`", |zone| zone.create_policy_set_version("s", pinning(&[&version])));
    // Its versions may still be archived, and what pins them goes on.
    world.write(|zone| zone.archive_policy_version(&version.id)).unwrap();
    let world = world.reopened();
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
    assert_eq!(world.zone().policy("p").unwrap(), archived);
}

#[test]
fn updated_moves_with_name_and_description_and_not_with_versions() {
    let world = World::new();
    world.version("p", PERMIT);
    let fresh = world.zone().policy("p").unwrap();
    assert_eq!((fresh.updated_at, &fresh.updated_by), (fresh.created_at, &None));
    let update = |update| world.write_as(&customer("bea"), |zone| zone.update_policy("p", update)).unwrap();
    let named = update(PolicyUpdate::new().name("better"));
    assert_eq!(
        (named.name.as_str(), &named.description, named.updated_by.as_ref().map(policy_store::Actor::id)),
        ("better", &None, Some("bea"))
    );
    assert!(named.updated_at > fresh.updated_at);
    let described = update(PolicyUpdate::new().description("why"));
    assert_eq!((described.name.as_str(), described.description.as_deref()), ("better", Some("why")));
    assert!(described.updated_at > named.updated_at);
    world.live("s", &[&world.version("p", FORBID)]);
    let later = world.zone().policy("p").unwrap();
    assert_eq!((later.updated_at, &later.updated_by), (described.updated_at, &described.updated_by));
    assert_eq!(update(PolicyUpdate::new().no_description()).description, None);
    let before = world.extent();
    let same = update(PolicyUpdate::new().name("better").no_description());
    assert_eq!((same.name.as_str(), world.extent()), ("better", before), "what it has already changes nothing");
    // The earlier entries stay readable.
    let names = world.history().into_iter().filter_map(|entry| match entry.change {
        Change::PolicyCreated { name, .. } | Change::PolicyUpdated { name, .. } => Some(name),
        _ => None,
    });
    assert_eq!(names.collect::<Vec<_>>(), ["p", "better", "better", "better"]);
}

#[test]
fn a_policy_tells_its_latest_version_and_its_schema() {
    let world = World::new();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("next", super::support::SCHEMA))).unwrap();
    let policy = world.write(|zone| zone.create_policy(NewPolicy::named("p").id("p"))).unwrap();
    assert_eq!((policy.latest_version, &policy.latest_version_id, &policy.latest_schema_version), (None, &None, &None));
    world.version("p", PERMIT);
    let newest = world.write(|zone| zone.create_policy_version("p", NewPolicyVersion::cedar("next", PERMIT))).unwrap();
    let policy = world.zone().policy("p").unwrap();
    assert_eq!((policy.latest_version, policy.latest_version_id), (Some(2), Some(newest.id.clone())));
    assert_eq!(policy.latest_schema_version.unwrap(), "next");
    world.write(|zone| zone.archive_policy_version(&newest.id)).unwrap();
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(2), "archived or not");
}

#[test]
fn the_revision_is_the_position_of_the_last_change_of_what_is_returned() {
    let world = World::new();
    let revision = || world.zone().policy("p").unwrap().revision;
    let last = || world.history().last().unwrap().position;
    let version = world.version("p", PERMIT);
    assert_eq!(revision(), last());
    world.write(|zone| zone.update_policy("p", PolicyUpdate::new().name("x"))).unwrap();
    assert_eq!(revision(), last());
    let before = revision();
    world.version("q", PERMIT);
    world.write(|zone| zone.archive_policy_version(&version.id)).unwrap();
    assert_eq!(revision(), before, "neither changes what the policy is");
    world.write(|zone| zone.archive_policy("p")).unwrap();
    assert_eq!(revision(), last());
}
