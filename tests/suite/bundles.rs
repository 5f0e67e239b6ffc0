//! Policy bundles: the policies in force as one archive, and an edited archive put in force.

use std::collections::BTreeSet;

use cedar_policy::Decision;
use policy_store::{
    Binding, Bundle, BundleKey, BundlePolicy, ErrorDetail, ErrorKind, Include, NewPolicy, NewPolicySet,
    NewPolicySetVersion, NewPolicyVersion, NewSchema, OwnerType, PolicyUpdate, Result, SchemaStatus, Target,
    TargetType, ZoneTransaction, limits,
};

use super::support::{FORBID, PERMIT, SCHEMA, V1, World, decide, platform};

/// A zone with two policies in force.
pub(super) fn world() -> World {
    let world = World::new();
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    world.live("s", &[&a, &b]);
    world
}

pub(super) fn ann() -> Target {
    Target::User("ann".to_owned())
}

/// A bundle of texts by policy id.
pub(super) fn bundle(schema: &str, policies: &[(&str, &str)]) -> Bundle {
    let policies = policies.iter().map(|(id, text)| BundlePolicy::of(id.parse().unwrap(), *text));
    Bundle::new(schema.parse().unwrap(), policies.collect()).unwrap()
}

/// The bundle with one more policy.
pub(super) fn with(bundle: &Bundle, policy: BundlePolicy) -> Bundle {
    let mut policies = bundle.policies().to_vec();
    policies.retain(|other| other.key != policy.key);
    policies.push(policy);
    Bundle::new(bundle.schema_version().clone(), policies).unwrap()
}

pub(super) fn apply(world: &World, target: Target, bundle: &Bundle) -> Result<Binding> {
    world.write(|zone| zone.apply_bundle(target, bundle)).map(|outcome| outcome.binding)
}

/// Names and texts.
pub(super) fn texts(bundle: &Bundle) -> BTreeSet<(Option<String>, String)> {
    bundle.policies().iter().map(|policy| (policy.name.clone(), policy.cedar_raw.clone())).collect()
}

/// The versions in force for the target, by policy.
pub(super) fn pins(world: &World, target: Target) -> Vec<(String, String)> {
    let version = world.zone().in_force(target).unwrap().policy_set_version_id;
    let entries = world.zone().policy_set_version(version).unwrap().manifest.entries;
    entries.iter().map(|entry| (entry.policy_id.to_string(), entry.policy_version_id.to_string())).collect()
}

#[test]
fn a_bundle_is_what_is_in_force() {
    let world = world();
    world.write(|zone| zone.update_policy("a", PolicyUpdate::new().name("All may"))).unwrap();
    world.version("a", FORBID);
    let bundle = world.zone().bundle(Target::Zone).unwrap();
    assert_eq!((bundle.schema_version().as_str(), bundle.schema()), (V1, Some(SCHEMA)));
    assert_eq!((bundle.target_type(), bundle.target_id()), (Some(TargetType::Zone), Some("acme")));
    let policy = |id: &str, name: &str, text: &str| BundlePolicy {
        name: Some(name.to_owned()),
        ..BundlePolicy::of(id.parse().unwrap(), text)
    };
    assert_eq!(bundle.policies(), [policy("a", "All may", PERMIT), policy("b", "b", FORBID)]);
    assert_eq!(Bundle::from_bytes(&bundle.to_bytes()).unwrap(), bundle);
    assert_eq!(world.write(|zone| zone.bundle(Target::Zone)).unwrap(), bundle);
}

#[test]
fn a_schema_that_was_published_as_json_is_given_in_cedar_syntax() {
    let world = World::new();
    let schema = r#"{"": {"entityTypes": {"U": {}}, "actions": {"x": {"appliesTo": {"principalTypes": ["U"],
        "resourceTypes": ["U"]}}}}}"#;
    world.write_store(|w| w.publish_schema(NewSchema::json("json", schema))).unwrap();
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", NewPolicySetVersion::new("json"))?;
            zone.activate(&version.id)
        })
        .unwrap();
    let derived = world.store.schema("json", Include::Cedar).unwrap().cedar_schema;
    let bundle = world.zone().bundle(Target::Zone).unwrap();
    assert!(derived.is_some() && bundle.schema() == derived.as_deref());
    assert!(bundle.policies().is_empty());
}

#[test]
fn a_user_without_a_binding_edits_the_zones_bundle() {
    let world = world();
    let before = world.extent();
    let zones = world.zone().bundle(Target::Zone).unwrap();
    assert_eq!(world.zone().effective_bundle("ann").unwrap(), zones);
    assert_eq!(world.zone().bundle(ann()).unwrap_err().code(), "not_bound");
    assert_eq!(world.extent(), before);
    assert_eq!(world.zone().effective_bundle("").unwrap_err().code(), "invalid_input");

    let own = world.write(|zone| {
        assert_eq!(zone.effective_bundle("ann")?, zones);
        zone.apply_bundle(ann(), bundle(V1, &[("b", FORBID)]))?;
        zone.effective_bundle("ann")
    });
    assert_eq!(world.zone().effective_bundle("ann").unwrap(), own.unwrap());
    let own = world.zone().effective_bundle("ann").unwrap();
    assert_eq!((own.target_type(), own.target_id()), (Some(TargetType::User), Some("ann")));
    assert_eq!((own.policies().len(), own), (1, world.zone().bundle(ann()).unwrap()));
    assert_eq!(world.zone().effective_bundle("bob").unwrap(), zones);

    let empty = World::new().zone();
    assert_eq!(empty.effective_bundle("ann").unwrap_err().kind(), ErrorKind::NotBound);
    assert_eq!(empty.bundle(Target::Zone).unwrap_err().kind(), ErrorKind::NotBound);
}

/// Edits of a user affect only that user; resources that others use stay the same.
#[test]
fn what_is_in_force_for_the_zone_is_forked_and_never_edited() {
    let world = world();
    let zones = world.zone().bundle(Target::Zone).unwrap();
    let bob = || Target::User("bob".into());
    apply(&world, bob(), &bundle(V1, &[("a", FORBID)])).unwrap();
    let bobs = pins(&world, bob()).remove(0).0;
    apply(&world, ann(), &bundle(V1, &[("a", PERMIT)])).unwrap();
    let anns = pins(&world, ann()).remove(0).0;
    assert!(anns != bobs && anns != "a" && bobs != "a");
    // Again, by the policy id of the zone: one more copy.
    apply(&world, ann(), &bundle(V1, &[(&anns, PERMIT), ("b", PERMIT)])).unwrap();
    assert_eq!(pins(&world, ann()).len(), 2);
    // The same for another user's policy.
    let before = world.zone().bundle(bob()).unwrap();
    apply(&world, ann(), &bundle(V1, &[(&bobs, PERMIT)])).unwrap();
    assert!(pins(&world, ann()).iter().all(|(id, _)| *id != bobs));
    assert_eq!(world.zone().policy(&bobs).unwrap().latest_version, Some(1));
    assert_eq!(world.zone().bundle(bob()).unwrap(), before);
    let expected = (ErrorKind::NotFound, "not_found");
    let missing = bundle(V1, &[("nope", PERMIT)]);
    world.refuses(expected, "nope", |zone| zone.apply_bundle(ann(), &missing));
    // A set that an operator created from the zone's policies.
    world
        .write(|zone| {
            zone.create_policy_set(NewPolicySet::named("carols").id("carols").target_type(TargetType::User))?;
            let version = zone.policy("a")?.latest_version_id.unwrap();
            let version = zone.policy_version(version, Include::Neither)?;
            let version = zone.create_policy_set_version("carols", NewPolicySetVersion::new(V1).pin(&version))?;
            zone.bind(&version.id, Target::User("carol".into()))
        })
        .unwrap();
    let carol = || Target::User("carol".into());
    assert_eq!(apply(&world, carol(), &bundle(V1, &[("a", PERMIT)])).unwrap().version, 1, "it is in force");
    apply(&world, carol(), &bundle(V1, &[("a", FORBID)])).unwrap();
    assert_ne!(pins(&world, carol())[0].0, "a");
    assert_eq!(world.zone().bundle(Target::Zone).unwrap(), zones);
    for policy in ["a", "b"] {
        assert_eq!(world.zone().policy(policy).unwrap().latest_version, Some(1));
    }
}

#[test]
fn what_is_in_force_already_changes_nothing() {
    let world = world();
    let before = (world.extent(), world.zone().in_force(Target::Zone).unwrap());
    let read = world.zone().bundle(Target::Zone).unwrap();
    let renamed = bundle(V1, &[("b", FORBID), ("a", PERMIT)]).with_target(TargetType::User, "bob").unwrap();
    for same in [&read, &renamed] {
        assert_eq!(apply(&world, Target::Zone, same).unwrap(), before.1);
    }
    assert_eq!(world.extent(), before.0);
    // Not even if the version in force could not be bound again.
    let pinned = pins(&world, Target::Zone);
    world.write(|zone| zone.archive_policy_version(&pinned[0].1)).unwrap();
    world.write(|zone| zone.archive_policy("b")).unwrap();
    let before = (world.extent(), before.1);
    assert_eq!(apply(&world, Target::Zone, &read).unwrap(), before.1);
    assert_eq!(world.extent(), before.0);
}

#[test]
fn only_what_was_edited_gets_a_version() {
    let world = world();
    let before = world.history().len();
    let (kept, read) = (pins(&world, Target::Zone), world.zone().bundle(Target::Zone).unwrap());
    let edited = with(&read, BundlePolicy::of("b".parse().unwrap(), "forbid(principal, action, resource);"));
    let edited = with(&edited, BundlePolicy::new("night shift", PERMIT));
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Allow);
    let binding = apply(&world, Target::Zone, &edited).unwrap();
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Deny);

    let zone = world.zone();
    assert_eq!((binding.policy_set_id.as_str(), binding.version), ("s", 2));
    assert_eq!(binding, zone.in_force(Target::Zone).unwrap());
    let history = world.history();
    let kinds: Vec<String> = history[before..].iter().map(|entry| format!("{:?}", entry.change)).collect();
    assert_eq!(kinds.len(), 5, "a policy, two versions, the set's, the binding: {kinds:?}");
    let now = pins(&world, Target::Zone);
    assert!(now.contains(&kept[0]) && !now.contains(&kept[1]) && now.len() == 3);
    assert_eq!(zone.policy("a").unwrap().latest_version, Some(1));
    assert_eq!(zone.policy("b").unwrap().latest_version, Some(2));
    let (new, _) = now.iter().find(|(id, _)| id != "a" && id != "b").unwrap();
    assert_eq!(zone.policy(new).unwrap().name, "night shift");

    // The bundle reads back as applied, with an id for the new policy.
    let texts = |bundle: &Bundle| {
        let mut texts: Vec<_> = bundle.policies().iter().map(|policy| policy.cedar_raw.clone()).collect();
        texts.sort();
        texts
    };
    let read = zone.bundle(Target::Zone).unwrap();
    assert_eq!(texts(&read), texts(&edited));
    assert!(read.policies().iter().all(|policy| matches!(policy.key, BundleKey::PublicId(_))));
}

#[test]
fn what_is_left_out_is_no_longer_pinned_and_stays_as_it_is() {
    let world = world();
    let before = world.zone().policy("b").unwrap();
    apply(&world, Target::Zone, &bundle(V1, &[("a", PERMIT)])).unwrap();
    assert_eq!(pins(&world, Target::Zone).len(), 1);
    assert_eq!(world.zone().policy("b").unwrap(), before);
    apply(&world, Target::Zone, &bundle(V1, &[])).unwrap();
    assert_eq!(decide(&world.zone().authorizer(Target::Zone).unwrap(), "ann", "read", "open"), Decision::Deny);
}

#[test]
fn a_text_that_a_version_has_already_is_not_a_new_one() {
    let world = world();
    let kept = pins(&world, Target::Zone);
    // The newest version differs; the version in force has precedence.
    let newest = world.version("a", FORBID);
    apply(&world, Target::Zone, &bundle(V1, &[("a", PERMIT)])).unwrap();
    assert_eq!(pins(&world, Target::Zone), [kept[0].clone()]);
    // Then the newest version, which is not in force.
    let other = world.version("c", PERMIT);
    apply(&world, Target::Zone, &bundle(V1, &[("a", FORBID), ("c", PERMIT)])).unwrap();
    let pin = |version: &policy_store::PolicyVersion| (version.policy_id.to_string(), version.id.to_string());
    assert_eq!(pins(&world, Target::Zone), [pin(&newest), pin(&other)]);
    // An archived one cannot be pinned again.
    world.write(|zone| zone.archive_policy_version(&newest.id)).unwrap();
    apply(&world, Target::Zone, &bundle(V1, &[("a", FORBID)])).unwrap();
    let policy = world.zone().policy("a").unwrap();
    assert_eq!(policy.latest_version, Some(3));
    assert_eq!(pins(&world, Target::Zone), [("a".to_owned(), policy.latest_version_id.unwrap().to_string())]);
}

#[test]
fn the_first_bundle_of_a_user_makes_a_set_of_the_users_own() {
    let world = world();
    let zones = world.zone().in_force(Target::Zone).unwrap();
    let first = apply(&world, ann(), &world.zone().effective_bundle("ann").unwrap()).unwrap();
    assert_ne!(first.policy_set_id, zones.policy_set_id);
    assert_eq!((first.target.clone(), first.version), (ann(), 1));
    // Also for the user's own policies with the names and texts of the zone's.
    let forked = world.zone().bundle(ann()).unwrap();
    let zones_bundle = world.zone().bundle(Target::Zone).unwrap();
    assert_eq!(texts(&forked), texts(&zones_bundle));
    let ids = |target| pins(&world, target).into_iter().map(|(policy, _)| policy).collect::<BTreeSet<_>>();
    assert!(ids(ann()).is_disjoint(&ids(Target::Zone)));
    let set = world.zone().policy_set(&first.policy_set_id).unwrap();
    assert_eq!((set.name.as_str(), set.target_type), ("policy bundle", TargetType::User));
    assert_eq!(set.target_id.as_deref(), Some("ann"));

    let own = &pins(&world, ann())[0].0;
    let second = apply(&world, ann(), &bundle(V1, &[(own, "forbid(principal, action, resource);")])).unwrap();
    assert_eq!(pins(&world, ann())[0].0, *own, "what is the user's own is edited in place");
    assert_eq!(world.zone().policy(own).unwrap().latest_version, Some(2));
    assert_eq!((&second.policy_set_id, second.version), (&first.policy_set_id, 2));
    assert_eq!(world.zone().in_force(Target::Zone).unwrap(), zones);
    let zones = world.zone().bundle(Target::Zone).unwrap();
    assert_eq!(zones.policies()[0].cedar_raw, PERMIT);

    let nothing = World::new();
    nothing.version("a", PERMIT);
    let first = apply(&nothing, Target::Zone, &bundle(V1, &[("a", PERMIT)])).unwrap();
    assert_eq!((first.target, first.version), (Target::Zone, 1));
}

#[test]
fn a_bundle_that_is_refused_leaves_no_trace() {
    let world = world();
    let read = world.zone().bundle(Target::Zone).unwrap();
    // The bundle also has valid policies before the bad one: one to create, and one to edit.
    let fine = with(&read, BundlePolicy::new("new", PERMIT));
    let fine = with(&fine, BundlePolicy::of("a".parse().unwrap(), FORBID));
    world.version("c", PERMIT);
    world.write(|zone| zone.archive_policy("c")).unwrap();
    let apply = |bundle: &Bundle| {
        let bundle = bundle.clone();
        move |zone: &mut ZoneTransaction<'_, '_>| zone.apply_bundle(Target::Zone, &bundle)
    };
    let with_text = |id: &str, text: &str| with(&fine, BundlePolicy::of(id.parse().unwrap(), text));
    for (bundle, expected, names) in [
        (with_text("x", PERMIT), (ErrorKind::NotFound, "not_found"), "policies/x.cedar"),
        (with_text("b", "permit("), (ErrorKind::Invalid, "syntax"), "policies/b.cedar"),
        (with_text("b", ""), (ErrorKind::Invalid, "empty_policy"), "policies/b.cedar"),
        (
            with_text("b", "permit(principal, action, resource) when { principal.none };"),
            (ErrorKind::Invalid, "policy_validation"),
            "policies/b.cedar",
        ),
        (with_text("c", FORBID), (ErrorKind::Archived, "archived"), "policies/c.cedar"),
        (with_text("c", PERMIT), (ErrorKind::Archived, "archived"), "policies/c.cedar"),
    ] {
        world.refuses(expected, names, apply(&bundle));
    }
    let error = world.write(apply(&with_text("b", "permit("))).unwrap_err();
    let ErrorDetail::InBundle { member, cause } = error.detail() else { panic!("{error:?}") };
    assert_eq!((member.as_str(), cause.code()), ("policies/b.cedar", "syntax"));

    let unknown = Bundle::new("none".parse().unwrap(), fine.policies().to_vec()).unwrap();
    world.refuses((ErrorKind::NotFound, "not_found"), "none", apply(&unknown));
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("old", SCHEMA))?;
            w.set_schema_status("old", SchemaStatus::Deprecated)?;
            w.set_schema_status("old", SchemaStatus::Archived)
        })
        .unwrap();
    let archived = bundle("old", &[("a", PERMIT), ("b", FORBID)]);
    world.refuses((ErrorKind::Archived, "archived"), "old", apply(&archived));
    world.refuses((ErrorKind::Invalid, "invalid_input"), "target", |zone| {
        zone.apply_bundle(Target::User(String::new()), &fine)
    });
    world.write(|zone| zone.suspend()).unwrap();
    world.refuses((ErrorKind::Conflict, "suspended"), "acme", apply(&fine));
}

#[test]
fn the_platforms_set_is_the_platforms_and_its_policies_can_be_pinned() {
    let world = World::new();
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            let version = zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))?;
            zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
            let version = zone.create_policy_set_version("s", NewPolicySetVersion::new(V1).pin(&version))?;
            zone.activate(&version.id)
        })
        .unwrap();
    world.version("c", FORBID);
    let edited = bundle(V1, &[("p", PERMIT), ("c", FORBID)]);
    // The owner of the set is checked before anything is created.
    let more = with(&edited, BundlePolicy::new("new", PERMIT));
    world.refuses((ErrorKind::Forbidden, "platform_owned"), "policy set `s`", |zone| {
        zone.apply_bundle(Target::Zone, &more)
    });
    apply(&world, ann(), &bundle(V1, &[("p", FORBID)])).unwrap();
    let fork = world.zone().policy(&pins(&world, ann())[0].0).unwrap();
    assert_eq!((fork.name.as_str(), fork.owner_type, fork.created_by.id()), ("p", OwnerType::Customer, "alice"));
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(1), "the platform's was not edited");
    let binding = world.write_as(&platform(), |zone| zone.apply_bundle(Target::Zone, &edited)).unwrap();
    assert_eq!((binding.binding.policy_set_id.as_str(), binding.binding.version), ("s", 2));
}

#[test]
fn under_another_schema_version_texts_keep_their_versions_if_they_validate() {
    let world = world();
    let kept = pins(&world, Target::Zone);
    let smaller = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";
    world
        .write_store(|w| {
            w.publish_schema(NewSchema::cedar("2", format!("{SCHEMA}\n")))?;
            w.publish_schema(NewSchema::cedar("3", smaller))
        })
        .unwrap();
    apply(&world, Target::Zone, &bundle("2", &[("a", PERMIT), ("b", FORBID)])).unwrap();
    assert_eq!(pins(&world, Target::Zone), kept);
    assert_eq!(world.zone().bundle(Target::Zone).unwrap().schema(), Some(&*format!("{SCHEMA}\n")));
    let invalid = bundle("3", &[("a", PERMIT), ("b", FORBID)]);
    world.refuses((ErrorKind::Invalid, "policy_validation"), &kept[1].1, |zone| {
        zone.apply_bundle(Target::Zone, &invalid)
    });
    // Edited policies are validated against the new schema version only.
    apply(&world, Target::Zone, &bundle("3", &[("a", "forbid(principal, action, resource);")])).unwrap();
    let newest = world.zone().policy("a").unwrap();
    assert_eq!(newest.latest_schema_version.unwrap().as_str(), "3");
}

#[test]
fn a_bundle_finds_room_in_its_write_for_all_of_it() {
    let world = world();
    let outcome = world.write(|zone| {
        for _ in 4..limits::WRITE_ENTRIES {
            zone.create_policy(NewPolicy::named("p"))?;
        }
        let before = (zone.bundle(Target::Zone)?, zone.policy("a")?);
        let three = with(&before.0, BundlePolicy::new("new", PERMIT));
        let four = with(&three, BundlePolicy::of("a".parse().unwrap(), FORBID));
        // A user's first bundle also creates a set.
        let first = with(&bundle(V1, &[]), BundlePolicy::new("new", PERMIT));
        for (target, bundle) in [(Target::Zone, &four), (ann(), &first)] {
            let error = zone.apply_bundle(target, bundle).unwrap_err();
            assert_eq!((error.kind(), error.code()), (ErrorKind::TooLarge, "too_large"), "{error}");
        }
        assert_eq!((zone.bundle(Target::Zone)?, zone.policy("a")?), before);
        // The remaining entries suffice for two of a new policy, one of the set's version, and one of the binding.
        zone.apply_bundle(Target::Zone, &three)?;
        assert_eq!(zone.create_policy(NewPolicy::named("p")).unwrap_err().code(), "too_large");
        zone.policy("none").map(drop)
    });
    assert_eq!(outcome.unwrap_err().code(), "not_found");
}
