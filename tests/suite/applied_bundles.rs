//! Applying policy bundles: preconditions, prepared bundles and repeated calls.

use policy_store::ErrorKind::{Archived, Conflict, Invalid, NotFound, PreconditionFailed};
use policy_store::{
    Bundle, BundlePolicy, ErrorKind, IdempotencyKey, NewPolicy, NewPolicyVersion, NewSchema, PolicyUpdate,
    Precondition, SchemaStatus, Sha256, Target, ZoneTransaction,
};

use super::bundles::{ann, apply, bundle, pins, with, world};
use super::support::{FORBID, PERMIT, SCHEMA, V1, World, customer, platform};

const UNMET: (ErrorKind, &str) = (PreconditionFailed, "precondition_failed");
/// A schema without the attribute that [`FORBID`] uses.
const SMALLER: &str = "entity User; entity Doc; action read appliesTo { principal: User, resource: Doc };";
const OTHER: &str = "forbid(principal, action, resource);";

fn request() -> IdempotencyKey {
    "0190a1b2-0000-7000-8000-000000000001".parse().unwrap()
}

/// Bundles with the names of their policies.
pub(super) fn named(texts: &[(&str, &str)]) -> Bundle {
    Bundle::new(V1.parse().unwrap(), texts.iter().map(|(name, text)| BundlePolicy::new(*name, *text)).collect())
        .unwrap()
}

#[test]
fn a_digest_that_is_expected_is_that_of_what_was_edited() {
    let world = world();
    let expecting_in = |zone: &mut ZoneTransaction<'_, '_>, target: Target, bundle: &Bundle, digest: Sha256| {
        zone.precondition(Precondition::bundle_digest(target.clone(), Some(digest))).apply_bundle(target, bundle)
    };
    let expecting = |target: Target, bundle: &Bundle, digest: Sha256| {
        world.write(|zone| expecting_in(zone, target, bundle, digest))
    };
    let zones = world.zone().bundle(Target::Zone).unwrap();
    let next = bundle(V1, &[("a", PERMIT)]);
    let stale = bundle(V1, &[]).digest();
    let refused = (ErrorKind::PreconditionFailed, "precondition_failed");
    let error = world.refuses(refused, &stale.to_string(), |zone| expecting_in(zone, Target::Zone, &next, stale));
    assert!(error.to_string().contains(&zones.digest().to_string()), "{error}");
    // Even if the bundle changes nothing.
    world.refuses(refused, "the zone", |zone| expecting_in(zone, Target::Zone, &zones, stale));

    // The user's first bundle starts from the zone's, the next one from the user's own.
    expecting(ann(), &next, zones.digest()).unwrap();
    let own = world.zone().bundle(ann()).unwrap();
    world.refuses(refused, "user `ann`", |zone| expecting_in(zone, ann(), &zones, zones.digest()));
    expecting(ann(), &zones, own.digest()).unwrap();
    expecting(Target::Zone, &next, zones.digest()).unwrap();

    let nothing = World::new();
    nothing.refuses(refused, "is `none`", |zone| expecting_in(zone, Target::Zone, &bundle(V1, &[]), stale));
}

#[test]
fn a_bundle_can_be_demanded_to_be_there_or_not() {
    let world = world();
    let empty = World::new();
    let next = bundle(V1, &[]);
    for target in [Target::Zone, ann()] {
        empty.refuses(UNMET, "`none`", |zone| {
            zone.precondition(Precondition::some_bundle(target.clone())).apply_bundle(target.clone(), &next)
        });
        world.refuses(UNMET, "expected `none`", |zone| {
            zone.precondition(Precondition::bundle_digest(target.clone(), None)).apply_bundle(target.clone(), &next)
        });
        world
            .write(|zone| {
                zone.precondition(Precondition::some_bundle(target.clone())).apply_bundle(target.clone(), &next)
            })
            .unwrap();
    }
    let nothing = Precondition::bundle_digest(ann(), None);
    empty.write(|zone| zone.precondition(nothing).apply_bundle(ann(), &next)).unwrap();
}

#[test]
fn a_digest_is_that_of_its_target() {
    let world = world();
    apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    let of = |target: Target| {
        let digest = world.zone().bundle(target.clone()).unwrap().digest();
        Precondition::bundle_digest(target, Some(digest))
    };
    let not = |target: Target| Precondition::bundle_digest(target, None);
    for (first, second) in [(not(Target::Zone), of(ann())), (not(ann()), of(Target::Zone))] {
        world.zone().check(&Precondition::any([first.clone(), second])).unwrap();
        assert_eq!(world.zone().check(&first).unwrap_err().kind(), PreconditionFailed);
    }
}

/// The digest of a precondition is that of the readable bundle, for a schema that was published in either syntax.
#[test]
fn the_demanded_digest_is_that_of_the_bundle() {
    let world = world();
    let schema = r#"{"": {"entityTypes": {"U": {}}, "actions": {}}}"#;
    world.write_store(|w| w.publish_schema(NewSchema::json("json", schema))).unwrap();
    let json = Bundle::new("json".parse().unwrap(), Vec::new()).unwrap();
    for next in [&named(&[("x", PERMIT)]), &json, &bundle(V1, &[])] {
        for target in [ann(), Target::Zone] {
            let digest =
                world.zone().bundle(target.clone()).unwrap_or_else(|_| world.zone().bundle(Target::Zone).unwrap());
            let precondition = Precondition::bundle_digest(target.clone(), Some(digest.digest()));
            world.write(|zone| zone.precondition(precondition).apply_bundle(target, next)).unwrap();
        }
    }
}

#[test]
fn a_request_is_carried_out_once() {
    let world = world();
    let id: IdempotencyKey = "0190a1b2-0000-7000-8000-000000000001".parse().unwrap();
    let edited = with(&bundle(V1, &[("a", FORBID)]), BundlePolicy::new("new", PERMIT));
    let digest = world.zone().bundle(Target::Zone).unwrap().digest();
    let precondition = || Precondition::bundle_digest(Target::Zone, Some(digest));
    let call = |zone: &mut ZoneTransaction<'_, '_>| {
        zone.idempotency_key(id).precondition(precondition()).apply_bundle(Target::Zone, &edited)
    };
    let first = world.write(call).unwrap();
    let before = world.extent();
    assert_eq!(world.write(call).unwrap(), first);
    assert_eq!(world.extent(), before);
    // Also after another version came into force.
    world.write(|zone| zone.apply_bundle(Target::Zone, bundle(V1, &[]))).unwrap();
    assert_eq!(world.write(call).unwrap(), first);

    let conflict = (ErrorKind::Conflict, "request_conflict");
    let other = with(&edited, BundlePolicy::new("newer", PERMIT));
    world.refuses(conflict, &id.to_string(), |zone| {
        zone.idempotency_key(id).precondition(precondition()).apply_bundle(Target::Zone, &other)
    });
    world.refuses(conflict, &id.to_string(), |zone| {
        zone.idempotency_key(id).precondition(precondition()).apply_bundle(ann(), &edited)
    });
    world.refuses(conflict, &id.to_string(), |zone| zone.idempotency_key(id).apply_bundle(Target::Zone, &edited));

    let precondition = Precondition::latest_policy_version("a", Some(7));
    world.refuses((ErrorKind::PreconditionFailed, "precondition_failed"), "policy `a`", |zone| {
        zone.precondition(precondition.clone()).apply_bundle(Target::Zone, &edited)
    });
    // The precondition applies to that call only: the inner calls of a bundle do not check it again.
    let precondition = Precondition::latest_policy_version("a", world.zone().policy("a").unwrap().latest_version);
    world
        .write(|zone| zone.precondition(precondition).apply_bundle(Target::Zone, bundle(V1, &[("a", OTHER)])))
        .unwrap();
}

#[test]
fn what_is_read_after_a_repeated_request_is_as_it_was_then() {
    let world = world();
    let edited = named(&[("new", PERMIT)]);
    let call = |zone: &mut ZoneTransaction<'_, '_>| {
        zone.idempotency_key(request()).apply_bundle(ann(), &edited)?;
        Ok((zone.bundle(ann())?, zone.effective_bundle("ann")?))
    };
    let first = world.write(call).unwrap();
    let (own, _) = &pins(&world, ann())[0];
    world.write(|zone| zone.update_policy(own, PolicyUpdate::new().name("renamed"))).unwrap();
    assert_eq!(world.write(call).unwrap(), first);
    world.write(|zone| zone.reset_bundle("ann")).unwrap();
    assert_eq!(world.write(call).unwrap(), first);
    let zones = world.zone().bundle(Target::Zone).unwrap();
    assert_eq!(world.zone().effective_bundle("ann").unwrap(), zones);
}

#[test]
fn the_same_bundle_again_changes_nothing() {
    let world = world();
    let mixed = with(&bundle(V1, &[("a", FORBID), ("b", FORBID)]), BundlePolicy::new("night shift", PERMIT));
    let twins = {
        let text = |end: &str| format!("{PERMIT}{end}");
        let names = [("a", text("")), ("b", text("\n")), ("night shift", text("\n\n"))];
        named(&names.each_ref().map(|(name, text)| (*name, text.as_str())))
    };
    for bundle in [&mixed, &twins] {
        for target in [ann(), Target::Zone] {
            let first = apply(&world, target.clone(), bundle).unwrap();
            let before = world.extent();
            assert_eq!(apply(&world, target.clone(), bundle).unwrap(), first, "{target}");
            assert_eq!(world.extent(), before, "{target}");
        }
    }
    // Two equal new policies are two policies, and created once.
    let (a, b) = (BundlePolicy::new("x", PERMIT), BundlePolicy::new("y", PERMIT));
    let alike = Bundle::new(V1.parse().unwrap(), vec![a, b]).unwrap();
    apply(&world, ann(), &alike).unwrap();
    let before = world.extent();
    world.write(|zone| zone.update_policy(&pins(&world, Target::Zone)[0].0, PolicyUpdate::new().name("x"))).unwrap();
    let renamed = world.extent();
    assert_ne!(before, renamed);
    apply(&world, ann(), &alike).unwrap();
    assert_eq!(world.extent(), renamed);
}

/// A copy of a new policy has its name and text, can be pinned, and is not named by the bundle itself.
#[test]
fn only_what_is_just_like_it_stands_for_a_new_policy() {
    let world = world();
    apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    let own = pins(&world, ann())[0].clone();
    let policy = || BundlePolicy::of(own.0.parse().unwrap(), PERMIT);
    apply(&world, ann(), &with(&named(&[("x", PERMIT)]), policy())).unwrap();
    assert_eq!(pins(&world, ann()).len(), 2, "one for each");
    for (name, text) in [("x", OTHER), ("y", PERMIT)] {
        let before = pins(&world, ann());
        apply(&world, ann(), &named(&[(name, text)])).unwrap();
        assert!(!before.contains(&pins(&world, ann())[0]), "{name} {text}");
    }
    // An archived version of it, then an archived policy.
    for is_policy in [false, true] {
        let before = pins(&world, ann())[0].clone();
        let archive = |zone: &mut ZoneTransaction<'_, '_>| match is_policy {
            true => zone.archive_policy(&before.0).map(drop),
            false => zone.archive_policy_version(&before.1).map(drop),
        };
        world.write(archive).unwrap();
        apply(&world, ann(), &named(&[("y", PERMIT)])).unwrap();
        let now = pins(&world, ann())[0].clone();
        assert_ne!(now.1, before.1);
        assert_eq!(
            now.0 != before.0,
            is_policy,
            "an archived version has a successor, and an archived policy has none"
        );
    }
    // The platform's is not the customer's own.
    world.write_as(&platform(), |zone| zone.apply_bundle(ann(), named(&[("z", PERMIT)]))).unwrap();
    let platforms = pins(&world, ann())[0].clone();
    world.write_as(&platform(), |zone| zone.apply_bundle(ann(), named(&[("z", PERMIT)]))).unwrap();
    assert_eq!(pins(&world, ann())[0], platforms);
    apply(&world, ann(), &named(&[("z", PERMIT)])).unwrap();
    assert_ne!(pins(&world, ann())[0], platforms);
}

#[test]
fn what_was_removed_can_be_named_again() {
    let world = world();
    apply(&world, ann(), &named(&[("x", PERMIT), ("y", FORBID)])).unwrap();
    let earlier = world.zone().bundle(ann()).unwrap();
    apply(&world, ann(), &named(&[("y", FORBID)])).unwrap();
    apply(&world, ann(), &earlier).unwrap();
    let texts = |bundle: &Bundle| {
        bundle.policies().iter().map(|policy| policy.cedar_raw.clone()).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(texts(&world.zone().bundle(ann()).unwrap()), texts(&earlier));
}

#[test]
fn what_is_archived_cannot_be_named_whatever_would_become_of_it() {
    let world = world();
    let archived = (Archived, "archived");
    apply(&world, ann(), &named(&[("x", PERMIT)])).unwrap();
    let own = pins(&world, ann())[0].0.clone();
    world.write(|zone| zone.archive_policy("a").and_then(|_| zone.archive_policy(&own))).unwrap();
    for (target, id, text) in [
        (Target::Zone, "a", PERMIT),
        (Target::Zone, "a", OTHER),
        (ann(), "a", OTHER),
        (ann(), &own, PERMIT),
        (ann(), &own, OTHER),
    ] {
        let bundle = with(&bundle(V1, &[(id, text)]), BundlePolicy::new("more", PERMIT));
        let file = format!("policies/{id}.cedar");
        world.refuses(archived, &file, |zone| zone.apply_bundle(target.clone(), &bundle));
    }
}

#[test]
fn what_is_kept_and_is_wrong_is_said_with_its_file() {
    let world = world();
    world.write_store(|w| w.publish_schema(NewSchema::cedar("3", SMALLER))).unwrap();
    let invalid = bundle("3", &[("a", PERMIT), ("b", FORBID)]);
    let error = world
        .refuses((Invalid, "policy_validation"), "policies/b.cedar", |zone| zone.apply_bundle(Target::Zone, &invalid));
    assert!(error.to_string().contains(&pins(&world, Target::Zone)[1].1), "{error}");
}

#[test]
fn a_prepared_bundle_is_applied_as_it_would_be_without() {
    let (world, alice) = (world(), customer("alice"));
    let edited = with(&bundle(V1, &[("a", OTHER), ("b", FORBID)]), BundlePolicy::new("new", PERMIT));
    for (n, target) in [(1, ann()), (2, Target::Zone)] {
        let before = world.extent();
        let prepared = world.zone().prepare_bundle(&alice, target.clone(), &edited).unwrap();
        assert_eq!(world.extent(), before);
        assert_eq!(prepared.bundle(), &edited);
        let id = IdempotencyKey::from([n; 16]);
        assert_eq!(world.zone().entry_for_key(id).unwrap(), None);
        let first =
            world.write(|zone| zone.idempotency_key(id).apply_bundle(target.clone(), prepared.clone())).unwrap();
        assert_eq!(pins(&world, target.clone()).len(), 3);
        // The same fingerprint, prepared or not.
        assert_eq!(world.write(|zone| zone.idempotency_key(id).apply_bundle(target.clone(), &edited)).unwrap(), first);
        assert!(world.zone().entry_for_key(id).unwrap().is_some());
        world.write(|zone| zone.apply_bundle(target.clone(), bundle(V1, &[]))).unwrap();
        // Outdated preparation is repeated in the write.
        world.write(|zone| zone.apply_bundle(target.clone(), prepared)).unwrap();
        assert_eq!(pins(&world, target.clone()).len(), 3);
    }
}

#[test]
fn what_is_refused_is_refused_when_it_is_prepared() {
    let (world, alice) = (world(), customer("alice"));
    let zone = world.zone();
    let prepare = |target: Target, bundle: &Bundle| zone.prepare_bundle(&alice, target, bundle).unwrap_err();
    for (bundle, kind, names) in [
        (bundle(V1, &[("a", "permit(")]), Invalid, "policies/a.cedar"),
        (bundle(V1, &[("none", PERMIT)]), NotFound, "policies/none.cedar"),
        (bundle("none", &[("a", OTHER)]), NotFound, "none"),
    ] {
        let error = prepare(ann(), &bundle);
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(names), "{error}");
    }
    assert_eq!(prepare(Target::User(String::new()), &bundle(V1, &[])).kind(), Invalid);
    world.write(|zone| zone.suspend()).unwrap();
    assert_eq!(prepare(ann(), &bundle(V1, &[])).kind(), Conflict);
}

/// A prepared bundle does not use a schema that was archived meanwhile.
#[test]
fn what_was_prepared_for_a_schema_that_was_archived_since_is_refused() {
    let world = world();
    let edited = bundle(V1, &[("a", OTHER)]);
    let prepared = world.zone().prepare_bundle(&customer("alice"), Target::Zone, &edited).unwrap();
    world
        .write_store(|w| {
            w.set_schema_status(V1, SchemaStatus::Deprecated)?;
            w.set_schema_status(V1, SchemaStatus::Archived)
        })
        .unwrap();
    world.refuses((Archived, "archived"), V1, |zone| zone.apply_bundle(Target::Zone, prepared.clone()));
    // Nor the validation against another store's schema of the same name.
    let other = World::new();
    other.version("a", PERMIT);
    other.write_store(|w| w.publish_schema(NewSchema::cedar("s", SCHEMA))).unwrap();
    let third = World::new();
    third.version("a", PERMIT);
    third.write_store(|w| w.publish_schema(NewSchema::cedar("s", SMALLER))).unwrap();
    let edited = bundle("s", &[("a", FORBID)]);
    let prepared = other.zone().prepare_bundle(&customer("alice"), Target::Zone, &edited).unwrap();
    third.refuses((Invalid, "policy_validation"), "policies/a.cedar", |zone| {
        zone.apply_bundle(Target::Zone, prepared.clone())
    });
}

/// Also in a customer's set.
#[test]
fn a_customer_gets_a_copy_of_the_platforms_policy_and_the_platform_edits_it() {
    let world = World::new();
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(NewPolicy::named("p").id("p"))?;
            zone.create_policy_version("p", NewPolicyVersion::cedar(V1, PERMIT))
        })
        .unwrap();
    apply(&world, Target::Zone, &bundle(V1, &[("p", PERMIT)])).unwrap();
    assert_eq!(pins(&world, Target::Zone)[0].0, "p", "what is not edited is pinned as it is");
    apply(&world, Target::Zone, &bundle(V1, &[("p", FORBID)])).unwrap();
    let copy = pins(&world, Target::Zone)[0].0.clone();
    assert_ne!(copy, "p");
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(1));
    world.write_as(&platform(), |zone| zone.apply_bundle(Target::Zone, bundle(V1, &[("p", OTHER)]))).unwrap();
    assert_eq!(pins(&world, Target::Zone)[0].0, "p");
    assert_eq!(world.zone().policy("p").unwrap().latest_version, Some(2));
}
