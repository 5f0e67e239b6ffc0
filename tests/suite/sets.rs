//! Policy sets and their versions: manifests, the allowed pins, and the hash of a manifest.

use cedar_policy::Decision;
use policy_store::ErrorKind::{Archived, Conflict, Invalid, NotFound};
use policy_store::{
    Include, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, Pin, PolicySetUpdate, PolicyVersion,
    Sha256, Target, TargetType,
};

use super::support::{FORBID, PERMIT, SCHEMA, V1, World, customer, decide, pinning, refused};

fn pin(version: &PolicyVersion) -> Pin {
    Pin { policy_id: version.policy_id.to_string(), policy_version_id: version.id.to_string(), sha: None }
}

fn world() -> (World, PolicyVersion, PolicyVersion) {
    let world = World::new();
    world.write(|zone| zone.create_policy_set(NewPolicySet::named("s").id("s"))).unwrap();
    let (b, a) = (world.version("b", PERMIT), world.version("a", FORBID));
    (world, a, b)
}

#[test]
fn the_store_fills_in_the_sha_and_sorts_the_entries_by_policy_id() {
    let (world, a, b) = world();
    let version =
        world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin(&b), pin(&a)])));
    let version = version.unwrap();
    let entries: Vec<_> =
        version.manifest.entries.iter().map(|e| (&e.policy_id, &e.policy_version_id, e.sha)).collect();
    assert_eq!(entries, [(&a.policy_id, &a.id, a.sha), (&b.policy_id, &b.id, b.sha)]);
    assert_eq!(world.zone().policy_set_version(&version.id).unwrap(), version);
    assert_eq!(world.zone().policy_set_version_numbered("s", 1).unwrap(), version);
}

#[test]
fn a_sha_that_a_client_sends_must_be_right() {
    let (world, a, b) = world();
    let wrong = Pin { sha: Some(b.sha), ..pin(&a) };
    let error = world.refuses((Invalid, "wrong_sha"), a.id.as_str(), |zone| {
        zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [wrong.clone()]))
    });
    assert!(error.to_string().contains(&a.sha.to_string()) && error.to_string().contains(&b.sha.to_string()));
    let right = Pin { sha: Some(a.sha), ..pin(&a) };
    world.write(|zone| zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [right]))).unwrap();
}

#[test]
fn a_manifest_has_one_entry_for_each_policy() {
    let (world, a, b) = world();
    let newer = world.version("a", PERMIT);
    for twice in [pin(&newer), pin(&a)] {
        world.refuses((Invalid, "duplicate_policy"), "policy `a`", |zone| {
            let pins = [pin(&a), pin(&b), twice.clone()];
            zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, pins))
        });
    }
}

#[test]
fn every_entry_must_exist_in_the_zone_and_belong_to_its_policy() {
    let (world, a, b) = world();
    let refuses = |expected, names: &str, pin: Pin| {
        world.refuses(expected, names, |zone| {
            zone.create_policy_set_version("s", NewPolicySetVersion::from_pins(V1, [pin.clone()]))
        });
    };
    refuses((NotFound, "not_found"), "policy `none`", Pin { policy_id: "none".into(), ..pin(&a) });
    refuses((NotFound, "not_found"), "policy version `none`", Pin { policy_version_id: "none".into(), ..pin(&a) });
    refuses((Invalid, "foreign_version"), a.id.as_str(), Pin { policy_id: b.policy_id.to_string(), ..pin(&a) });
}

#[test]
fn every_entry_must_validate_against_the_schema_of_the_set_version() {
    let (world, a, b) = world();
    let source = SCHEMA.replace("secret: Bool", "hidden: Bool");
    world.write_store(|w| w.publish_schema(NewSchema::cedar("hidden", source))).unwrap();
    let error = world.refuses((Invalid, "policy_validation"), a.id.as_str(), |zone| {
        zone.create_policy_set_version("s", pinning(&[&a, &b]).schema_version("hidden"))
    });
    assert!(error.to_string().contains("`hidden`") && error.to_string().contains("secret"), "{error}");
    // A version for one schema may be pinned under another schema that it validates against.
    let pinned = world.write(|zone| zone.create_policy_set_version("s", pinning(&[&b]).schema_version("hidden")));
    assert_eq!(pinned.unwrap().schema_version, "hidden");
    let hidden = "permit(principal, action, resource) when { resource.hidden };";
    let other = world.write(|zone| zone.create_policy_version("a", NewPolicyVersion::cedar("hidden", hidden))).unwrap();
    world.refuses((Invalid, "policy_validation"), other.id.as_str(), |zone| {
        zone.create_policy_set_version("s", pinning(&[&other]))
    });
}

#[test]
fn the_schema_of_a_set_version_must_exist() {
    let (world, ..) = world();
    world.refuses((NotFound, "not_found"), "schema `none`", |zone| {
        zone.create_policy_set_version("s", NewPolicySetVersion::new("none"))
    });
}

#[test]
fn manifest_sha_is_that_of_the_canonical_json_that_any_client_can_make() {
    let (world, a, b) = world();
    for pins in [[].as_slice(), &[&b], &[&b, &a]] {
        let version = world.set_version("s", pins);
        let value = serde_json::json!({ "entries": version.manifest.entries.iter().map(|entry| serde_json::json!({
            "sha": entry.sha.to_string(),
            "policy_version_id": entry.policy_version_id.as_str(),
            "policy_id": entry.policy_id.as_str(),
        })).collect::<Vec<_>>() });
        let canonical = serde_json_canonicalizer::to_string(&value).unwrap();
        assert_eq!(version.manifest_sha, Sha256::of(canonical.as_bytes()), "{canonical}");
        assert_eq!(version.manifest.entries.len(), pins.len());
    }
}

#[test]
fn an_empty_manifest_denies_everything() {
    let (world, ..) = world();
    world.live("s", &[]);
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    for doc in ["open", "shut"] {
        assert_eq!(decide(&authorizer, "ann", "read", doc), Decision::Deny);
    }
}

#[test]
fn numbers_are_1_2_3_per_set_and_a_set_tells_its_latest() {
    let (world, _, b) = world();
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.latest_version, set.latest_version_id), (None, None));
    world.set_version("s", &[]);
    let second = world.set_version("s", &[&b]);
    assert_eq!((second.version, world.set_version("t", &[]).version), (2, 1));
    let set = world.zone().policy_set("s").unwrap();
    assert_eq!((set.latest_version, set.latest_version_id.as_ref()), (Some(2), Some(&second.id)));
    refused(world.zone().policy_set_version_numbered("s", 3), (NotFound, "not_found"), "`3 of s`");
    refused(world.zone().policy_set_version_numbered("none", 1), (NotFound, "not_found"), "policy set `none`");
}

#[test]
fn the_next_manifest_starts_from_another_and_changes_only_what_is_said() {
    let (world, a, b) = world();
    let first = world.set_version("s", &[&a, &b]);
    let newer = world.version("a", PERMIT);
    let next = NewPolicySetVersion::from(&first).pin(&newer);
    let next = world.write(|zone| zone.create_policy_set_version("s", next)).unwrap();
    let ids: Vec<_> = next.manifest.entries.iter().map(|entry| &entry.policy_version_id).collect();
    assert_eq!(ids, [&newer.id, &b.id]);
    let less = NewPolicySetVersion::from(&next).unpin(&b.policy_id);
    let less = world.write(|zone| zone.create_policy_set_version("s", less)).unwrap();
    assert_eq!(less.manifest.entries, next.manifest.entries[..1]);
    assert_eq!(world.zone().policy_set_version(&first.id).unwrap(), first, "the earlier one is as it was");
}

#[test]
fn a_new_set_is_for_the_zone_unless_it_is_said_to_be_for_users() {
    let world = World::new();
    let set = world.write(|zone| zone.create_policy_set(NewPolicySet::named("s"))).unwrap();
    assert_eq!((set.target_type, set.target_id.as_deref()), (TargetType::Zone, Some("acme")));
    let new = NewPolicySet::named("s").target_type(TargetType::User);
    let set = world.write(|zone| zone.create_policy_set(new)).unwrap();
    assert_eq!((set.target_type, set.target_id), (TargetType::User, None));
}

#[test]
fn updated_moves_with_the_name_and_not_with_versions_or_bindings() {
    let (world, ..) = world();
    let fresh = world.zone().policy_set("s").unwrap();
    assert_eq!((fresh.updated_at, &fresh.updated_by), (fresh.created_at, &None));
    let renamed = world
        .write_as(&customer("bea"), |zone| zone.update_policy_set("s", PolicySetUpdate::new().name("better")))
        .unwrap();
    assert_eq!(
        (renamed.name.as_str(), renamed.updated_by.as_ref().map(policy_store::Actor::id)),
        ("better", Some("bea"))
    );
    assert!(renamed.updated_at > fresh.updated_at);
    let before = world.extent();
    assert_eq!(
        world.write(|zone| zone.update_policy_set("s", PolicySetUpdate::new().name("better"))).unwrap(),
        renamed
    );
    assert_eq!(world.extent(), before);
    world.live("s", &[]);
    let later = world.zone().policy_set("s").unwrap();
    assert_eq!((later.updated_at, later.updated_by), (renamed.updated_at, renamed.updated_by));
}

#[test]
fn an_archived_set_takes_no_changes_and_archiving_is_idempotent() {
    let (world, ..) = world();
    let version = world.set_version("s", &[]);
    let archived = world.write_as(&customer("bea"), |zone| zone.archive_policy_set("s")).unwrap();
    assert_eq!(archived.archived_by.as_ref().map(policy_store::Actor::id), Some("bea"));
    let before = world.extent();
    assert_eq!(world.write(|zone| zone.archive_policy_set("s")).unwrap(), archived);
    assert_eq!(world.extent(), before);
    let expected = (Archived, "archived");
    world.refuses(expected, "policy set `s`", |zone| zone.update_policy_set("s", PolicySetUpdate::new().name("x")));
    world.refuses(expected, "policy set `s`", |zone| zone.create_policy_set_version("s", NewPolicySetVersion::new(V1)));
    world.refuses(expected, "policy set `s`", |zone| zone.activate(&version.id));
    assert_eq!(world.zone().policy_set("s").unwrap(), archived);
    assert_eq!(world.zone().policy_set_version(&version.id).unwrap(), version);
}

#[test]
fn archiving_a_set_version_is_idempotent_and_it_stays_readable_and_is_never_bound_again() {
    let (world, _, b) = world();
    let version = world.set_version("s", &[&b]);
    let archived = world.write_as(&customer("bea"), |zone| zone.archive_policy_set_version(&version.id)).unwrap();
    assert_eq!(archived.archived_by.as_ref().map(policy_store::Actor::id), Some("bea"));
    let before = world.extent();
    assert_eq!(world.write(|zone| zone.archive_policy_set_version(&version.id)).unwrap(), archived);
    assert_eq!(world.extent(), before);
    world.refuses((Archived, "archived"), version.id.as_str(), |zone| zone.activate(&version.id));
    let pinned =
        world.zone().pinned_policy_versions(&version.id, Include::Both, &policy_store::PageRequest::new()).unwrap();
    assert_eq!(pinned.items, [b.into()]);
    let authorizer = world.zone().authorizer_of_version(&version.id).unwrap();
    assert_eq!(decide(&authorizer, "ann", "read", "open"), Decision::Allow);
    assert_eq!(world.set_version("s", &[]).version, 2);
}

#[test]
fn what_is_bound_cannot_be_archived_until_it_is_unbound_be_it_in_the_same_write() {
    let (world, ..) = world();
    let (other, live) = (world.set_version("s", &[]), world.live("s", &[]));
    world.refuses((Conflict, "in_force"), live.id.as_str(), |zone| zone.archive_policy_set_version(&live.id));
    world.refuses((Conflict, "in_force"), "policy set `s`", |zone| zone.archive_policy_set("s"));
    world.write(|zone| zone.archive_policy_set_version(&other.id)).unwrap();
    let archived = world.write(|zone| {
        zone.unbind(Target::Zone)?;
        zone.archive_policy_set_version(&live.id)?;
        zone.archive_policy_set("s")
    });
    assert!(archived.unwrap().archived_at.is_some());
}

#[test]
fn the_revision_is_the_position_of_the_last_change_of_what_is_returned() {
    let (world, ..) = world();
    let mut revisions = Vec::new();
    let mut changed = |change: &dyn Fn(&World)| {
        change(&world);
        let revision = world.zone().policy_set("s").unwrap().revision;
        assert_eq!(revision, world.history().last().unwrap().position);
        revisions.push(revision);
    };
    changed(&|world| drop(world.write(|zone| zone.update_policy_set("s", PolicySetUpdate::new().name("x"))).unwrap()));
    changed(&|world| drop(world.set_version("s", &[])));
    changed(&|world| drop(world.live("s", &[])));
    changed(&|world| drop(world.live("t", &[])));
    let back = world.zone().policy_set_version_numbered("s", 1).unwrap().id;
    changed(&|world| drop(world.write(|zone| zone.activate(&back)).unwrap()));
    changed(&|world| drop(world.write(|zone| zone.unbind(Target::Zone)).unwrap()));
    changed(&|world| drop(world.write(|zone| zone.archive_policy_set("s")).unwrap()));
    let last = revisions.last().copied();
    world.version("a", PERMIT);
    world.live("t", &[]);
    world.write(|zone| zone.archive_policy_set_version(&back)).unwrap();
    assert_eq!(Some(world.zone().policy_set("s").unwrap().revision), last, "none of these is a change of the set");
}
