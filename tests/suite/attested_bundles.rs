//! Applying policy bundles with attestations: the new policy set version is created with its attestation, or not at
//! all.

use policy_store::ErrorKind::{Invalid, PreconditionFailed, Unavailable};
use policy_store::attestation::Status;
use policy_store::{BundlePolicy, Target};

use super::attesting::{Odd, expected, signer, verifier};
use super::bundles::{ann, bundle, with, world};
use super::support::{FORBID, PERMIT, V1, World, customer, platform, refused};

const OTHER: &str = "forbid(principal, action, resource);";
const UNMET: (policy_store::ErrorKind, &str) = (PreconditionFailed, "precondition_failed");

/// The version in force for the target, whose attestation is the newest, verified without the store.
#[track_caller]
fn verify(world: &World, target: Target) -> usize {
    let zone = world.zone();
    let version = zone.policy_set_version(zone.in_force(target).unwrap().policy_set_version_id).unwrap();
    let previous = version.version.checked_sub(1).filter(|number| *number > 0).and_then(|number| {
        let before = zone.policy_set_version_numbered(&version.policy_set_id, number).unwrap();
        before.attestations.last().map(|jws| policy_store::Sha256::of(jws.as_bytes()))
    });
    let [jws] = &version.attestations[..] else { panic!("{:?}", version.attestations) };
    let verified = verifier(&[&signer("k")]).verify(jws, &expected(world, &version), previous).unwrap();
    let statement = verified.statement();
    assert_eq!((statement.attested_by.as_str(), statement.status), ("alice", Status::Created));
    version.manifest.entries.len()
}

#[test]
fn every_version_that_a_bundle_makes_can_be_attested() {
    let world = world();
    let (key, alice) = (signer("k"), customer("alice"));
    let apply = |target: Target, next: &policy_store::Bundle| {
        let prepared = world.zone().prepare_attested_bundle(&alice, target.clone(), next, &key).unwrap();
        let attestation = prepared.attestation().cloned();
        let binding = world.write(|zone| zone.apply_attested_bundle(target, prepared)).unwrap().binding;
        (binding, attestation)
    };
    // The zone's set gets a version: one policy is kept, one edited, one new.
    let next = with(&bundle(V1, &[("a", PERMIT), ("b", OTHER)]), BundlePolicy::new("new", FORBID));
    let (binding, attestation) = apply(Target::Zone, &next);
    assert_eq!(verify(&world, Target::Zone), 3);
    let version = world.zone().policy_set_version(&binding.policy_set_version_id).unwrap();
    assert_eq!((version.version, &*version.attestations[0]), (2, attestation.unwrap().as_str()));
    let ids = version.manifest.entries.iter().map(|entry| entry.policy_version_id.as_str());
    assert!(ids.chain([binding.policy_set_version_id.as_str()]).all(|id| !id.is_empty()));
    // Again: the next attestation follows.
    apply(Target::Zone, &bundle(V1, &[("a", PERMIT)]));
    assert_eq!(verify(&world, Target::Zone), 1);
    // A user's first bundle creates a set, and its id is attested too.
    apply(ann(), &bundle(V1, &[("a", OTHER), ("b", FORBID)]));
    assert_eq!(verify(&world, ann()), 2);
    // A bundle that is already in force creates no version.
    let extent = world.extent();
    let own = world.zone().bundle(ann()).unwrap();
    let (_, attestation) = apply(ann(), &own);
    assert_eq!((attestation, world.extent()), (None, extent));
    world.store.rebuild_indexes().unwrap();
    assert_eq!(verify(&world, ann()), 2);
}

#[test]
fn a_bundle_that_comes_to_something_else_by_then_is_refused() {
    let world = world();
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    let next = bundle(V1, &[("a", OTHER)]);
    let prepare =
        |target: Target, next: &policy_store::Bundle| zone.prepare_attested_bundle(&alice, target, next, &key).unwrap();
    let (late, in_force) = (prepare(Target::Zone, &next), prepare(Target::Zone, &zone.bundle(Target::Zone).unwrap()));
    let late_user = prepare(ann(), &next);
    // Another version of the set was created meanwhile.
    world.set_version("s", &[]);
    world.refuses(UNMET, "policy set version", |zone| zone.apply_attested_bundle(Target::Zone, late.clone()));
    // The policy now has a version with this text, which the bundle keeps; so the prepared version number is outdated.
    let late = prepare(Target::Zone, &next);
    let version = world.version("a", OTHER);
    world.write(|zone| zone.create_policy_set_version("s", super::support::pinning(&[&version]))).unwrap();
    world.refuses(UNMET, "`3`", |zone| zone.apply_attested_bundle(Target::Zone, late.clone()));
    // The bundle is no longer in force, and nothing is created without an attestation.
    world.live("s", &[&version]);
    world.refuses(UNMET, "in force", |zone| zone.apply_attested_bundle(Target::Zone, in_force.clone()));
    // The user has a set meanwhile.
    world.write(|zone| zone.apply_bundle(ann(), bundle(V1, &[]))).unwrap();
    world.refuses(UNMET, "policy set", |zone| zone.apply_attested_bundle(ann(), late_user.clone()));
    // Another target, or another actor.
    let prepared = prepare(ann(), &next);
    let other = Target::User("bea".to_owned());
    world.refuses(UNMET, "policy set", |zone| zone.apply_attested_bundle(other.clone(), prepared.clone()));
    let by_bea = world.write_as(&customer("bea"), |zone| zone.apply_attested_bundle(ann(), prepared.clone()));
    refused(by_bea, (Invalid, "invalid_input"), "alice");
    let by_platform = world.write_as(&platform(), |zone| zone.apply_attested_bundle(ann(), prepared.clone()));
    refused(by_platform, (Invalid, "invalid_input"), "alice");
    world.write(|zone| zone.apply_attested_bundle(ann(), prepared)).unwrap();
}

#[test]
fn a_failing_signer_leaves_no_trace_of_a_bundle() {
    let world = world();
    let (before, alice) = (world.extent(), customer("alice"));
    let next = bundle(V1, &[("a", OTHER)]);
    let odd = Odd("EdDSA", || Err("the token is out".into()));
    let prepared = world.zone().prepare_attested_bundle(&alice, Target::Zone, &next, &odd);
    refused(prepared, (Unavailable, "signer"), "odd");
    assert_eq!(world.extent(), before);
}

#[test]
fn a_request_is_answered_again_without_a_signature() {
    let world = world();
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    let (id, next) = ("182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e".parse().unwrap(), bundle(V1, &[("a", OTHER)]));
    let prepared = zone.prepare_attested_bundle(&alice, ann(), &next, &key).unwrap();
    let first = world.write(|zone| zone.idempotency_key(id).apply_attested_bundle(ann(), prepared.clone())).unwrap();
    world.write(|zone| zone.apply_bundle(ann(), bundle(V1, &[]))).unwrap();
    let extent = world.extent();
    assert_eq!(world.write(|zone| zone.idempotency_key(id).apply_attested_bundle(ann(), prepared)).unwrap(), first);
    assert_eq!(world.write(|zone| zone.idempotency_key(id).apply_bundle(ann(), &next)).unwrap(), first);
    assert_eq!(world.extent(), extent);
}
