//! Attestations in the store: signed outside all locks, written together with their subject, kept for ever, and
//! verified without the store.

use policy_store::ErrorKind::{
    Archived, Conflict, Forbidden, Invalid, NotFound, PreconditionFailed, TooLarge, Unavailable,
};
use policy_store::attestation::{
    Ed25519Signer, Expected, ExpectedManifest, ExpectedSchema, Jwks, Signer, Status, VerificationError, Verifier,
};
use policy_store::{Actor, Change, Include, NewPolicySetVersion, PolicySetVersion, Target, limits};

use super::support::{PERMIT, SCHEMA, V1, World, customer, pinning, platform, refused};

pub(super) fn signer(key_id: &str) -> Ed25519Signer {
    let secret: [u8; 32] = std::array::from_fn(|n| key_id.as_bytes()[n % key_id.len()]);
    Ed25519Signer::new(key_id, &secret).unwrap()
}

pub(super) fn verifier(signers: &[&Ed25519Signer]) -> Verifier {
    Verifier::new(Jwks::new(signers.iter().map(|signer| signer.jwk().clone())).unwrap())
}

/// Creates the next version of the set `s` with an attestation.
fn attested(world: &World, new: NewPolicySetVersion, signer: &dyn Signer) -> PolicySetVersion {
    let prepared = world.zone().prepare_attested_version(&customer("alice"), "s", new, signer).unwrap();
    world.write(|zone| zone.create_attested_version(prepared)).unwrap()
}

pub(super) fn expected<'a>(world: &World, version: &'a PolicySetVersion) -> Expected<'a> {
    Expected {
        zone_id: version.zone_id.as_str(),
        log_id: world.zone().info().unwrap().log_id,
        policy_set_id: version.policy_set_id.as_str(),
        policy_set_version: version.version,
        manifest: ExpectedManifest::Entries(&version.manifest.entries),
        schema: ExpectedSchema::Source(SCHEMA),
    }
}

#[test]
fn a_version_is_created_with_its_attestation_which_verifies_without_the_store() {
    let world = World::in_file();
    let policy = world.version("p", PERMIT);
    world.set_version("s", &[]);
    let key = signer("2026-a");
    let version = attested(&world, pinning(&[&policy]), &key);
    assert_eq!((version.version, version.attestations.len()), (2, 1));
    let verified = verifier(&[&key]).verify(&version.attestations[0], &expected(&world, &version), None).unwrap();
    let statement = verified.statement();
    assert_eq!((statement.attested_by.as_str(), statement.status), ("alice", Status::Created));
    assert_eq!(statement.manifest_sha, version.manifest_sha);
    let sha = match world.history().pop().unwrap().change {
        Change::Attested { policy_set_id, policy_set_version_id, version: 2, sha } => {
            assert_eq!((policy_set_id, &policy_set_version_id), (version.policy_set_id.clone(), &version.id));
            sha
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(sha, verified.sha());
    let world = world.reopened();
    assert_eq!(world.zone().policy_set_version(&version.id).unwrap(), version);
    world.store.rebuild_indexes().unwrap();
    assert_eq!(world.zone().policy_set_version_numbered("s", 2).unwrap(), version);
    assert!(world.store.verify().unwrap().is_clean());
    let authorizer = world.write(|zone| zone.activate(&version.id)).and_then(|_| world.zone().authorizer(Target::Zone));
    assert!(authorizer.is_ok());
}

#[test]
fn a_rotated_key_signs_again_and_the_earlier_attestation_stays() {
    let world = World::new();
    world.set_version("s", &[]);
    let (old, new) = (signer("old"), signer("new"));
    let first = attested(&world, NewPolicySetVersion::new(V1), &old);
    let second = attested(&world, NewPolicySetVersion::new(V1), &old);
    let zone = world.zone();
    let again = zone.prepare_attestation(&customer("alice"), &first.id, &new).unwrap();
    assert_eq!(again.attestation().statement().status, Status::ReSigned);
    let first = world.write(|zone| zone.attest(again)).unwrap();
    assert_eq!(first.attestations.len(), 2);
    // One chain for the set, with the attestations of all its versions.
    let texts = [&first.attestations[0], &second.attestations[0], &first.attestations[1]];
    let chain = [&first, &second, &first].map(|version| expected(&world, version));
    let links = || texts.iter().map(|text| &***text).zip(chain);
    let verified = verifier(&[&old, &new]).verify_chain(None, links()).unwrap();
    assert_eq!(verified.len(), 3);
    assert!(matches!(verifier(&[&old]).verify_chain(None, links()), Err(VerificationError::Link { index: 2, .. })));
    // A version without an attestation can get its first later.
    let bare = zone.policy_set_version_numbered("s", 1).unwrap();
    assert!(bare.attestations.is_empty());
    let late = zone.prepare_attestation(&customer("alice"), &bare.id, &new).unwrap();
    assert_eq!(late.attestation().statement().status, Status::Created);
    assert_eq!(late.attestation().header().previous_sha, Some(verified[2].sha()));
    world.write(|zone| zone.attest(late)).unwrap();
    assert!(world.store.verify().unwrap().is_clean());
}

/// One write takes all attestations of a key rotation, in the order of signing.
#[test]
fn many_versions_are_signed_again_in_one_write() {
    let world = World::new();
    world.set_version("s", &[]);
    let (old, new, zone, alice) = (signer("old"), signer("new"), world.zone(), customer("alice"));
    let mut versions: Vec<_> = (0..3).map(|_| attested(&world, NewPolicySetVersion::new(V1), &old)).collect();
    versions.push(world.set_version("t", &[]));
    versions.insert(0, zone.policy_set_version_numbered("s", 1).unwrap());
    let ids = || versions.iter().map(|version| &version.id);
    let prepared = zone.prepare_attestations(&alice, ids(), &new).unwrap();
    assert_eq!(prepared.len(), 5);
    world.write(|zone| prepared.into_iter().try_for_each(|each| zone.attest(each).map(drop))).unwrap();
    let after = ids().map(|id| zone.policy_set_version(id).unwrap()).collect::<Vec<_>>();
    let statuses = after.iter().map(|version| version.attestations.len()).collect::<Vec<_>>();
    assert_eq!(statuses, [1, 2, 2, 2, 1]);
    // The set's chain: first the attestations of the old key, then those of the new key, in the order of ids.
    let chain = after[1..4].iter().map(|version| (&*version.attestations[0], expected(&world, version)));
    let again = after[..4].iter().map(|version| (&**version.attestations.last().unwrap(), expected(&world, version)));
    let verified = verifier(&[&old, &new]).verify_chain(None, chain.chain(again)).unwrap();
    let statuses: Vec<_> = verified[3..].iter().map(|attestation| attestation.statement().status).collect();
    assert_eq!(statuses, [Status::Created, Status::ReSigned, Status::ReSigned, Status::ReSigned]);

    let twice = zone.prepare_attestations(&alice, ids().chain(ids().take(1)), &new);
    refused(twice, (Invalid, "invalid_input"), versions[0].id.as_str());
    assert_eq!(zone.prepare_attestations(&alice, [] as [&str; 0], &new).unwrap().len(), 0);
    let never = Odd("EdDSA", || panic!("the signer was asked"));
    refused(zone.prepare_attestations(&alice, ["nope"], &never), (NotFound, "not_found"), "nope");
}

/// A retry after a key rotation has the same fingerprint: it gets the first answer and needs no signature.
#[test]
fn a_request_is_the_same_whichever_key_signs_it() {
    let world = World::new();
    world.set_version("s", &[]);
    let (old, new, zone, alice) = (signer("old"), signer("new"), world.zone(), customer("alice"));
    let id = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e".parse().unwrap();
    let empty = || NewPolicySetVersion::new(V1);
    let create = |key: &dyn Signer| {
        let prepared = zone.prepare_attested_version(&alice, "s", empty(), key).unwrap();
        world.write(|zone| zone.idempotency_key(id).create_attested_version(prepared)).unwrap()
    };
    let first = create(&old);
    let extent = world.extent();
    assert_eq!(create(&new), first);
    let unsigned = world.write(|zone| zone.idempotency_key(id).create_policy_set_version("s", empty())).unwrap();
    assert_eq!((unsigned, world.extent()), (first, extent));
    let version = world.version("p", PERMIT);
    let other = world.write(|zone| zone.idempotency_key(id).create_policy_set_version("s", pinning(&[&version])));
    refused(other, (Conflict, "request_conflict"), "182bd5e5");
}

/// The signed version is the written one, or nothing is written.
#[test]
fn what_came_between_signing_and_writing_is_noticed() {
    let world = World::new();
    world.set_version("s", &[]);
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    let empty = || NewPolicySetVersion::new(V1);
    let late = zone.prepare_attested_version(&alice, "s", empty(), &key).unwrap();
    let bare = zone.policy_set_version_numbered("s", 1).unwrap();
    let again = zone.prepare_attestation(&alice, &bare.id, &key).unwrap();
    let twice = again.clone();
    let expected = (PreconditionFailed, "precondition_failed");
    world.write(|zone| zone.attest(again)).unwrap();
    world.refuses(expected, "previous attestation", |zone| zone.attest(twice.clone()));
    world.refuses(expected, "previous attestation", |zone| zone.create_attested_version(late.clone()));
    let late = zone.prepare_attested_version(&alice, "s", empty(), &key).unwrap();
    world.set_version("s", &[]);
    world.refuses(expected, "policy set version", |zone| zone.create_attested_version(late.clone()));
    let prepared = zone.prepare_attested_version(&alice, "s", empty(), &key).unwrap();
    let wrong = |actor: &str| {
        world.store.write(&customer(actor), |w| w.zone("acme")?.create_attested_version(prepared.clone()))
    };
    refused(wrong("bea"), (Invalid, "invalid_input"), "alice");
    assert_eq!(wrong("alice").unwrap().version, 3);
    // In another zone, with a set and versions of the same ids.
    let elsewhere = world.store.write(&alice, |w| {
        let mut other = w.zone("other")?;
        other.create_policy_set(policy_store::NewPolicySet::named("s").id("s"))?;
        other.create_attested_version(zone.prepare_attested_version(&alice, "s", empty(), &key)?)
    });
    refused(elsewhere, expected, "zone");
}

/// A faulty signer.
pub(super) struct Odd(pub &'static str, pub fn() -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>>);

impl Signer for Odd {
    fn key_id(&self) -> &str {
        "odd"
    }

    fn algorithm(&self) -> &str {
        self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        self.1()
    }
}

#[test]
fn a_failing_signer_fails_the_creation_and_leaves_no_trace() {
    let world = World::new();
    world.set_version("s", &[]);
    let before = world.extent();
    let prepare = |odd: Odd| {
        let new = NewPolicySetVersion::new(V1);
        world.zone().prepare_attested_version(&customer("alice"), "s", new, &odd)
    };
    refused(prepare(Odd("EdDSA", || Err("the token is out".into()))), (Unavailable, "signer"), "odd");
    refused(prepare(Odd("EdDSA", || Ok(Vec::new()))), (Invalid, "invalid_input"), "odd");
    refused(prepare(Odd("none", || Ok(vec![1]))), (Invalid, "invalid_input"), "none");
    refused(prepare(Odd("X", || Ok(vec![1; 16_000]))), (TooLarge, "too_large"), "attestation");
    assert_eq!(world.extent(), before);
    assert_eq!(world.zone().policy_set("s").unwrap().latest_version, Some(1));
}

/// The signer is not called for a version that cannot be created.
#[test]
fn no_signer_is_asked_in_vain() {
    let world = World::new();
    let version = world.set_version("s", &[]);
    world
        .write_as(&platform(), |zone| zone.create_policy_set(policy_store::NewPolicySet::named("own").id("own")))
        .unwrap();
    let prepare = |set: &str| {
        let never = Odd("EdDSA", || panic!("the signer was asked"));
        world.zone().prepare_attested_version(&customer("alice"), set, NewPolicySetVersion::new(V1), &never)
    };
    refused(prepare("own"), (Forbidden, "platform_owned"), "own");
    world.write(|zone| zone.archive_policy_set("s")).unwrap();
    refused(prepare("s"), (Archived, "archived"), "policy set `s`");
    world.write(|zone| zone.suspend()).unwrap();
    refused(prepare("own"), (Conflict, "suspended"), "acme");
    let never = Odd("EdDSA", || panic!("the signer was asked"));
    refused(world.zone().prepare_attestation(&customer("alice"), &version.id, &never), (Conflict, "suspended"), "acme");
}

/// The actors that may archive a version may attest it, and no others. The version's owner decides, not the set's.
#[test]
fn a_version_is_attested_by_whom_it_belongs_to() {
    let world = World::new();
    world.set_version("s", &[]);
    let theirs =
        world.write_as(&platform(), |zone| zone.create_policy_set_version("s", NewPolicySetVersion::new(V1))).unwrap();
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    let forbidden = (Forbidden, "platform_owned");
    let never = Odd("EdDSA", || panic!("the signer was asked"));
    refused(zone.prepare_attestation(&alice, &theirs.id, &never), forbidden, "policy set version");
    world.refuses(forbidden, "policy set version", |zone| zone.archive_policy_set_version(&theirs.id));
    let prepared = zone.prepare_attestation(&platform(), &theirs.id, &key).unwrap();
    // A customer with the id of the platform's actor is another actor.
    let own = world.set_version("own", &[]);
    let by_platform = zone.prepare_attestation(&platform(), &own.id, &key).unwrap();
    let namesake = world.write_as(&customer("ops"), |zone| zone.attest(by_platform.clone()));
    refused(namesake, (Invalid, "invalid_input"), "attester `ops`");
    assert_eq!(world.write_as(&platform(), |zone| zone.attest(prepared)).unwrap().attestations.len(), 1);
    // The platform may also change the customer's resources.
    let first = zone.policy_set_version_numbered("s", 1).unwrap();
    let prepared = zone.prepare_attestation(&platform(), &first.id, &key).unwrap();
    world.write_as(&platform(), |zone| zone.attest(prepared)).unwrap();
    world.write_as(&platform(), |zone| zone.archive_policy_set_version(&first.id)).unwrap();
}

#[test]
fn a_version_has_at_most_so_many_attestations() {
    let world = World::new();
    let version = world.set_version("s", &[]);
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    let mut last = zone.prepare_attestation(&alice, &version.id, &key).unwrap();
    for count in 1..limits::VERSION_ATTESTATIONS {
        assert_eq!(world.write(|zone| zone.attest(last)).unwrap().attestations.len(), count);
        last = zone.prepare_attestation(&alice, &version.id, &key).unwrap();
    }
    let one_more = last.clone();
    world.write(|zone| zone.attest(last)).unwrap();
    let too_large = (TooLarge, "too_large");
    world.refuses(too_large, "attestations", |zone| zone.attest(one_more.clone()));
    let never = Odd("EdDSA", || panic!("the signer was asked"));
    refused(zone.prepare_attestation(&alice, &version.id, &never), too_large, "attestations");
    // Another version of the set has a limit of its own.
    let next = attested(&world, NewPolicySetVersion::new(V1), &key);
    assert_eq!((next.version, next.attestations.len()), (2, 1));
    assert_eq!(zone.policy_set_version(&version.id).unwrap().attestations.len(), limits::VERSION_ATTESTATIONS);
}

/// The signer may write to the store: no lock is held while it runs.
#[test]
fn a_signer_may_use_the_store() {
    struct Busy<'a>(&'a World, Ed25519Signer);
    impl Signer for Busy<'_> {
        fn key_id(&self) -> &str {
            self.1.key_id()
        }

        fn algorithm(&self) -> &str {
            self.1.algorithm()
        }

        fn sign(&self, input: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            self.0.version("audit", PERMIT);
            self.1.sign(input)
        }
    }
    let world = World::new();
    world.set_version("s", &[]);
    let version = attested(&world, NewPolicySetVersion::new(V1), &Busy(&world, signer("k")));
    assert_eq!(version.attestations.len(), 1);
    assert_eq!(world.zone().policy("audit").unwrap().latest_version, Some(1));
}

#[test]
fn attesting_keeps_the_rules_of_writing() {
    let world = World::new();
    let version = world.set_version("s", &[]);
    let (key, zone, alice) = (signer("k"), world.zone(), customer("alice"));
    refused(zone.prepare_attestation(&alice, "nope", &key), (NotFound, "not_found"), "nope");
    let missing = zone.prepare_attested_version(&alice, "nope", NewPolicySetVersion::new(V1), &key);
    refused(missing, (NotFound, "not_found"), "nope");
    // The platform's set is attested by the platform.
    let own = world
        .write_as(&platform(), |zone| {
            zone.create_policy_set(policy_store::NewPolicySet::named("own").id("own"))?;
            zone.create_policy_set_version("own", NewPolicySetVersion::new(V1))
        })
        .unwrap();
    refused(zone.prepare_attestation(&alice, &own.id, &key), (Forbidden, "platform_owned"), own.id.as_str());
    let namesake = zone.prepare_attestation(&Actor::platform("alice").unwrap(), &own.id, &key).unwrap();
    world.refuses((Invalid, "invalid_input"), "attester `alice`", |zone| zone.attest(namesake.clone()));
    let by_platform = zone.prepare_attestation(&platform(), &own.id, &key).unwrap();
    assert_eq!(world.write_as(&platform(), |zone| zone.attest(by_platform)).unwrap().attestations.len(), 1);
    // A repeated call is answered once, although each attempt is signed again.
    let id = "182bd5e5-6e1a-4fe4-a799-aa6d9a6ab26e".parse().unwrap();
    let attest = || {
        let prepared = zone.prepare_attestation(&alice, &version.id, &key).unwrap();
        world.write(|zone| zone.idempotency_key(id).attest(prepared)).unwrap()
    };
    assert_eq!(attest(), attest());
    assert_eq!(zone.policy_set_version(&version.id).unwrap().attestations.len(), 1);
    // Archived versions can be attested: they do not change.
    world
        .write(|zone| {
            zone.archive_policy_set_version(&version.id)?;
            zone.archive_policy_set("s")
        })
        .unwrap();
    let again = zone.prepare_attestation(&alice, &version.id, &key).unwrap();
    assert_eq!(world.write(|zone| zone.attest(again)).unwrap().attestations.len(), 2);
    assert!(zone.policy_versions("audit", Include::Both, &policy_store::PageRequest::new()).is_err());
}
