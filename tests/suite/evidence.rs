//! Evidence of a decision: verified without the store, and refused if any part of it is changed, missing, or of another
//! moment.

use policy_store::ErrorKind::{Conflict, Invalid, NotFound, TooLarge};
use policy_store::evidence::{Evidence, Guardrail, Verdict};
use policy_store::note::{NoteKey, SignedCheckpoint, Trust};
use policy_store::proof::ProofError;
use policy_store::receipt::Decision;
use policy_store::{Answer, NewPolicySet, Rationale, Receipt, Restore, Target, TargetType};

use super::attesting;
use super::seals::{NAME, signed, signer, trust};
use super::support::{FORBID, PERMIT, World, asked, customer, pinning, platform, receipt_of, refused};

fn ask(world: &World, who: &str, doc: &str) -> (Answer, Receipt) {
    let authorizer = world.zone().authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, who, "read", doc);
    let answer = authorizer.is_authorized(&request, &entities).unwrap();
    let receipt = answer.receipt(&entities).unwrap();
    (answer, receipt)
}

/// A world whose zone is bound, with the receipt of a decision.
fn decided() -> (World, Receipt) {
    let world = World::in_file();
    let (a, b) = (world.version("a", PERMIT), world.version("b", FORBID));
    let set = world.set_version("s", &[&a, &b]);
    let why = Rationale::new().with_reason("Secret documents stay shut.").unwrap().with_reference("TICKET-17").unwrap();
    world
        .store
        .write(&customer("bea"), |w| {
            w.rationale(why)?;
            let mut zone = w.zone("acme")?;
            zone.create_policy(policy_store::NewPolicy::named("first in its write"))?;
            zone.activate(&set.id)
        })
        .unwrap();
    let (_, receipt) = ask(&world, "ann", "shut");
    (world, receipt)
}

fn keep(world: &World) {
    let checkpoint = signed(&world.zone().checkpoint().unwrap());
    world.store.keep_checkpoint(&platform(), &checkpoint).unwrap();
}

/// The store that goes on from a backup under new log ids.
pub(super) fn forked(world: World) -> (World, tempfile::TempDir) {
    let (clock, folder, path) = world.closed();
    let store = clock.builder().open(&path).unwrap();
    let copy = folder.path().join("copy.redb");
    store.backup(&copy).unwrap();
    drop(store);
    let fork = clock.builder().restore(Restore::Fork(platform())).open(&copy).unwrap();
    (World::resumed(fork, clock), folder)
}

/// The evidence as a file, and its verdict.
fn verified(evidence: &Evidence, trust: &Trust) -> Result<Verdict, ProofError> {
    let file = evidence.to_string();
    let read: Evidence = file.parse()?;
    assert_eq!(read.to_string(), file);
    read.verify(trust)
}

#[test]
fn evidence_shows_who_put_what_in_force_when_and_why() {
    let (world, receipt) = decided();
    keep(&world);
    // What comes later does not matter.
    world.live("s", &[]);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let verdict = verified(&evidence, &trust()).unwrap();
    let binding = verdict.binding.as_ref().unwrap();
    assert_eq!((binding.by.id(), binding.position), ("bea", receipt.binding.as_ref().unwrap().position));
    assert_eq!(binding.rationale.as_ref().unwrap().reference(), Some("TICKET-17"));
    assert_eq!((verdict.receipt.decision, &verdict.guardrail), (Decision::Deny, &Guardrail::None));
    assert_eq!(verdict.policy_of(&receipt.determining[0]).unwrap(), FORBID);
    assert!(!verdict.is_sealed && verdict.walked == 1);
    let told = verdict.to_string();
    for part in [
        "deny, zone `acme`",
        "bound by customer `bea`",
        "why: Secret documents stay shut.",
        "see: TICKET-17",
        FORBID,
        NAME,
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    // Decides again, with the inputs of the decision and no others.
    let authorizer = world.store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    verdict.decide_again(&request, &entities).unwrap();
    let (other, _) = asked(&authorizer, "bob", "read", "shut");
    assert_eq!(verdict.decide_again(&other, &entities).unwrap_err().code(), "mismatch");
}

#[test]
fn a_sealed_zone_needs_no_signed_checkpoint_of_its_own() {
    let (world, receipt) = decided();
    refused(world.zone().evidence(&receipt), (NotFound, "no_checkpoint"), "zone `acme`");
    world.store.seal(&platform()).unwrap();
    // The seal is not covered yet.
    refused(world.zone().evidence(&receipt), (NotFound, "no_checkpoint"), "zone `acme`");
    world.store.keep_checkpoint(&platform(), &signed(&world.store.checkpoint().unwrap())).unwrap();
    let evidence = world.zone().evidence(&receipt).unwrap();
    let verdict = verified(&evidence, &trust()).unwrap();
    assert!(verdict.is_sealed);
    assert_eq!(verdict.checkpoint, world.zone().checkpoint().unwrap());
    let mut other = evidence.clone();
    other.seal.as_mut().unwrap().zone.size += 1;
    assert_eq!(verified(&other, &trust()).unwrap_err().code(), "wrong_root");
    // Without the seal, the checkpoint is of another log.
    other.seal = None;
    assert!(verified(&other, &trust()).is_err());
    let mut later = evidence;
    later.seal.as_mut().unwrap().hashes.push([0; 32]);
    assert_eq!(verified(&later, &trust()).unwrap_err().code(), "proof_length");
}

#[test]
fn a_checkpoint_of_the_callers_own_is_taken_if_the_log_has_it() {
    let (world, receipt) = decided();
    let zone = world.zone();
    let checkpoint = zone.checkpoint().unwrap();
    let with = |checkpoint| {
        let signed = SignedCheckpoint::sign(&checkpoint, NAME, &signer()).unwrap();
        zone.evidence_with(&receipt, &signed)
    };
    assert!(verified(&with(checkpoint).unwrap(), &trust()).is_ok());
    let early = policy_store::Checkpoint { size: 1, root: early_root(&world), ..checkpoint };
    refused(with(early), (NotFound, "no_checkpoint"), "");
    refused(
        with(policy_store::Checkpoint { root: [1; 32].into(), ..checkpoint }),
        (Conflict, "checkpoint_mismatch"),
        "root",
    );
    let other = world.store.zone("other").unwrap().checkpoint().unwrap();
    refused(with(other), (Conflict, "checkpoint_mismatch"), "log_id");
    // One of the store's log, if it covers a seal of the decision.
    refused(with(world.store.checkpoint().unwrap()), (NotFound, "no_checkpoint"), "zone `acme`");
    world.store.seal(&platform()).unwrap();
    let verdict = verified(&with(world.store.checkpoint().unwrap()).unwrap(), &trust()).unwrap();
    assert!(verdict.is_sealed && verdict.checkpoint == checkpoint);
}

fn early_root(world: &World) -> policy_store::RootHash {
    policy_store::RootHash::from(*policy_store::EntryHash::of(&world.zone().entry_bytes(0).unwrap()).as_bytes())
}

#[test]
fn evidence_that_a_binding_was_replaced_before_the_decision_is_refused() {
    let (world, old) = decided();
    let other = world.set_version("t", &[]);
    world.write(|zone| zone.activate(&other.id)).unwrap();
    keep(&world);
    // A receipt that claims the old version at the newer end of the log.
    let (_, new) = ask(&world, "ann", "shut");
    let claimed = Receipt { log_end: new.log_end, ..old.clone() };
    refused(world.zone().evidence(&claimed), (Conflict, "receipt_mismatch"), "binding");
    // A forger puts it together by hand.
    let mut forged = world.zone().evidence(&old).unwrap();
    let newer = world.zone().evidence(&new).unwrap();
    forged.entries.extend(newer.entries.iter().cloned());
    forged.receipt.log_end = new.log_end;
    let refused = verified(&forged, &trust()).unwrap_err();
    assert!(matches!(&refused, ProofError::Replaced { .. }), "{refused}");
    assert!(refused.to_string().contains("binds `"), "{refused}");
    // Without the entry that replaced it, the chain is not complete.
    let position = new.binding.as_ref().unwrap().position;
    forged.entries.retain(|entry| policy_store::log::Entry::decode(&entry.bytes).unwrap().position != position);
    let code = verified(&forged, &trust()).unwrap_err().code();
    assert_eq!(code, "missing");
    // An unbinding replaces, too.
    world.write(|zone| zone.unbind(Target::Zone)).unwrap();
    verified(&world.zone().evidence(&new).unwrap(), &trust()).unwrap();
}

#[test]
fn bindings_of_other_targets_since_are_walked_through() {
    let (world, _) = decided();
    let policy = world.version("c", PERMIT);
    for user in 0..20 {
        let set = format!("u{user}");
        world
            .write(|zone| {
                zone.create_policy_set(NewPolicySet::named(&set).id(&set).target_type(TargetType::User))?;
                let version = zone.create_policy_set_version(&set, pinning(&[&policy]))?;
                zone.bind(&version.id, Target::User(set.clone()))
            })
            .unwrap();
    }
    let (_, receipt) = ask(&world, "ann", "shut");
    keep(&world);
    let verdict = verified(&world.zone().evidence(&receipt).unwrap(), &trust()).unwrap();
    assert_eq!((verdict.walked, &verdict.guardrail), (21, &Guardrail::None));
}

#[test]
fn a_guardrail_is_part_of_the_evidence() {
    let world = World::new();
    world.live("s", &[&world.version("p", PERMIT)]);
    let guard = world
        .store
        .write(&platform(), |w| {
            let mut zone = w.zone("acme")?;
            zone.create_policy(policy_store::NewPolicy::named("g").id("g"))?;
            let version =
                zone.create_policy_version("g", policy_store::NewPolicyVersion::cedar(super::support::V1, FORBID))?;
            zone.create_policy_set(NewPolicySet::named("guard").id("guard"))?;
            let set = zone.create_policy_set_version("guard", pinning(&[&version]))?;
            zone.bind_guardrail(&set.id)?;
            Ok(set)
        })
        .unwrap();
    let (_, receipt) = ask(&world, "ann", "shut");
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let verdict = verified(&evidence, &trust()).unwrap();
    let Guardrail::InForce { binding, rules, .. } = &verdict.guardrail else { panic!("{verdict}") };
    assert_eq!((binding.by.id(), &rules.policy_set_version_id), ("ops", &guard.id));
    assert_eq!(verdict.policy_of(&receipt.determining[0]).unwrap(), FORBID);
    let authorizer = world.store.authorizer_of_receipt(&receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    verdict.decide_again(&request, &entities).unwrap();
    // A receipt that hides it is refused: the walk meets its binding.
    let mut hidden = evidence.clone();
    hidden.receipt.guardrail = None;
    hidden.receipt.determining.clear();
    hidden.guardrail = None;
    let refused = verified(&hidden, &trust()).unwrap_err();
    assert!(refused.to_string().contains("guardrail that the receipt lacks"), "{refused}");
    // Without the entry, the evidence says that it does not show it.
    let position = receipt.guardrail.as_ref().unwrap().binding.position;
    let mut shorter = hidden;
    shorter.entries.retain(|entry| policy_store::log::Entry::decode(&entry.bytes).unwrap().position != position);
    assert!(verified(&shorter, &trust()).is_err(), "the chain of the target leads through it");
    let mut without = evidence;
    without.guardrail = None;
    assert_eq!(verified(&without, &trust()).unwrap_err().code(), "missing");

    // One from before the target's binding, which the chain of the target does not reach.
    world.live("s", &[]);
    let (_, receipt) = ask(&world, "ann", "shut");
    keep(&world);
    let mut hidden = world.zone().evidence(&receipt).unwrap();
    hidden.receipt.guardrail = None;
    hidden.receipt.determining.clear();
    hidden.guardrail = None;
    hidden.entries.retain(|entry| policy_store::log::Entry::decode(&entry.bytes).unwrap().position != position);
    let refused = verified(&hidden, &trust()).unwrap_err();
    assert_eq!(refused.code(), "missing", "{refused}");
    // Its binding is none of a target.
    let mut other = world.zone().evidence(&receipt).unwrap();
    let guardrail = other.receipt.guardrail.take().unwrap();
    other.receipt.binding = Some(guardrail.binding);
    other.receipt.binding_entry = guardrail.binding_entry;
    let refused = verified(&other, &trust()).unwrap_err();
    assert!(refused.to_string().contains("`binding` is that of a guardrail"), "{refused}");
}

#[test]
fn attestations_are_checked_with_the_keys_of_attesters() {
    let world = World::new();
    let policy = world.version("p", PERMIT);
    world.set_version("s", &[]);
    let key = attesting::signer("2026-a");
    let prepared = world.zone().prepare_attested_version(&customer("alice"), "s", pinning(&[&policy]), &key).unwrap();
    let version = world.write(|zone| zone.create_attested_version(prepared)).unwrap();
    world.write(|zone| zone.activate(&version.id)).unwrap();
    let (_, receipt) = ask(&world, "ann", "open");
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    assert_eq!(evidence.attestations.len(), 1);
    let attesters = |key: &_| trust().attesters(attesting::verifier(&[key]));
    let verdict = verified(&evidence, &attesters(&key)).unwrap();
    assert_eq!((verdict.attestations.len(), verdict.attestations_checked), (1, true));
    assert_eq!(verified(&evidence, &attesters(&attesting::signer("2027-b"))).unwrap_err().code(), "attestation");
    assert!(!verified(&evidence, &trust()).unwrap().attestations_checked);
    let mut without = evidence.clone();
    without.attestations.clear();
    assert_eq!(verified(&without, &attesters(&key)).unwrap_err().code(), "attestation");
    let mut forged = evidence;
    forged.attestations[0] = flipped(&forged.attestations[0]);
    assert!(verified(&forged, &trust()).is_err());
}

#[test]
fn a_version_evaluated_by_its_id_is_shown_as_such() {
    let (world, _) = decided();
    let version = world.set_version("t", &[&world.version("c", PERMIT)]);
    let authorizer = world.zone().authorizer_of_version(&version.id).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    keep(&world);
    let verdict = verified(&world.zone().evidence(&receipt).unwrap(), &trust()).unwrap();
    assert!(verdict.binding.is_none() && verdict.to_string().contains("evaluated by its id"));
}

/// The time and the author of imported history are the word of the importing actor, and a person reads so.
#[test]
fn imported_rules_are_shown_as_such() {
    let world = World::new();
    let past = policy_store::Timestamp::from_micros(1_000);
    let import = |w: &mut policy_store::WriteTransaction<'_, '_>| {
        w.create_zone("old")?;
        let mut zone = w.zone("old")?;
        zone.create_policy(policy_store::NewPolicy::named("p").id("p"))?;
        let version =
            zone.create_policy_version("p", policy_store::NewPolicyVersion::cedar(super::support::V1, PERMIT))?;
        zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
        let set = zone.create_policy_set_version("s", pinning(&[&version]))?;
        zone.activate(&set.id)
    };
    world.store.import(&platform(), &customer("olga"), past, import).unwrap();
    let zone = world.store.zone("old").unwrap();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "open");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    let evidence = zone.evidence_with(&receipt, signed(&zone.checkpoint().unwrap()).signed()).unwrap();
    let verdict = verified(&evidence, &trust()).unwrap();
    let binding = verdict.binding.as_ref().unwrap();
    assert_eq!(binding.by.id(), "olga");
    for import in [&verdict.binding_import, &verdict.rules.import] {
        let import = import.as_ref().unwrap();
        assert!(import.by.id() == "ops" && import.at > binding.since, "{import:?}");
    }
    assert_eq!(verdict.to_string().matches("imported by platform `ops`").count(), 2, "{verdict}");
}

/// With another value of the file, the evidence is refused. Left out are the values that the log does not cover.
#[test]
fn no_value_that_the_log_covers_can_be_changed() {
    let (world, receipt) = decided();
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let file = serde_json::to_value(&evidence).unwrap();
    let mut pointers = Vec::new();
    leaves(&file, String::new(), &mut pointers);
    assert!(pointers.len() > 50, "{}", pointers.len());
    // The inputs and the answer to them are not in the log: deciding again compares them.
    let said = [
        "/receipt/request_sha",
        "/receipt/entities_sha",
        "/receipt/decision",
        "/receipt/deny_on_forbid_error",
        "/receipt/cedar_version",
    ];
    for pointer in pointers.iter().filter(|pointer| !said.iter().any(|said| pointer.starts_with(said))) {
        let mut changed = file.clone();
        let place = changed.pointer_mut(pointer).unwrap();
        *place = match &*place {
            serde_json::Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            serde_json::Value::String(text) => flipped(text).into(),
            serde_json::Value::Bool(value) => (!value).into(),
            other => panic!("{pointer}: {other}"),
        };
        let verified = changed.to_string().parse::<Evidence>().and_then(|evidence| evidence.verify(&trust()).map(drop));
        assert!(verified.is_err(), "{pointer}");
    }
}

/// The text with another character in its middle.
pub(super) fn flipped(text: &str) -> String {
    let middle = text.chars().count() / 2;
    let flip = |(index, c): (usize, char)| match c {
        _ if index != middle => c,
        'a' => 'b',
        'A' => 'B',
        '1' => '2',
        c if c.is_ascii_digit() => '1',
        c if c.is_ascii_uppercase() => 'A',
        _ => 'a',
    };
    text.chars().enumerate().map(flip).collect()
}

/// The pointers to all values.
pub(super) fn leaves(value: &serde_json::Value, path: String, into: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(members) => {
            members.iter().for_each(|(name, value)| leaves(value, format!("{path}/{name}"), into))
        }
        serde_json::Value::Array(items) => {
            (0..).zip(items).for_each(|(index, value): (u32, _)| leaves(value, format!("{path}/{index}"), into))
        }
        serde_json::Value::Null => {}
        _ => into.push(path),
    }
}

#[test]
fn an_untrusted_or_missing_signature_is_refused() {
    let (world, receipt) = decided();
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let stranger = policy_store::attestation::Ed25519Signer::new("k", &[8; 32]).unwrap();
    let key = NoteKey::ed25519(NAME, stranger.jwk().as_bytes()).unwrap();
    assert_eq!(verified(&evidence, &Trust::new().log_key(key)).unwrap_err().code(), "not_signed");
    let witness = NoteKey::cosigner("w.example", stranger.jwk().as_bytes()).unwrap();
    assert_eq!(verified(&evidence, &trust().witness(witness).quorum(1)).unwrap_err().code(), "quorum");
    // A valid checkpoint of another size.
    let mut other = evidence;
    world.live("s", &[]);
    other.checkpoint = signed(&world.zone().checkpoint().unwrap()).signed().to_string();
    assert!(verified(&other, &trust()).is_err());
}

/// A forger changes all values that would contradict each other.
#[test]
fn evidence_of_another_zone_or_log_is_refused() {
    let (world, receipt) = decided();
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let mut other_zone = evidence.clone();
    other_zone.receipt.zone_id = "other".parse().unwrap();
    other_zone.receipt.binding.as_mut().unwrap().zone_id = "other".parse().unwrap();
    let refused = verified(&other_zone, &trust()).unwrap_err();
    assert!(refused.to_string().starts_with("zone_id is `other`"), "{refused}");
    // Even the store's own signature under another log's name.
    let log_id = world.store.zone("other").unwrap().info().unwrap().log_id;
    let moved = policy_store::Checkpoint { log_id, ..world.zone().checkpoint().unwrap() };
    let mut other_log = evidence;
    other_log.checkpoint = signed(&moved).signed().to_string();
    other_log.receipt.log_id = log_id;
    let refused = verified(&other_log, &trust()).unwrap_err();
    assert!(refused.to_string().starts_with("log of an entry is "), "{refused}");
}

#[test]
fn a_fork_proves_decisions_from_before_and_after_it() {
    let (world, before) = decided();
    let (world, _folder) = forked(world);
    let (_, after) = ask(&world, "ann", "shut");
    assert_ne!(before.log_id, after.log_id);
    keep(&world);
    for receipt in [before, after] {
        let evidence = world.zone().evidence(&receipt).unwrap();
        let verdict = verified(&evidence, &trust()).unwrap();
        assert_eq!(verdict.receipt.log_id, receipt.log_id);
        // Without the entry of the fork, the ids do not fit.
        let mut without = evidence;
        without.entries.retain(|entry| {
            let change = policy_store::log::Entry::decode(&entry.bytes).unwrap().change;
            !matches!(change, policy_store::Change::LogForked { .. })
        });
        assert!(verified(&without, &trust()).is_err());
    }
}

/// An answer by the rules of an earlier point has the log's id of today, and the end of the log of then.
#[test]
fn a_decision_by_rules_of_before_a_fork_is_proven_under_the_new_id() {
    let (world, before) = decided();
    let (world, _folder) = forked(world);
    keep(&world);
    let after = Receipt { log_id: world.zone().info().unwrap().log_id, ..before.clone() };
    assert_ne!(after.log_id, before.log_id);
    let evidence = world.zone().evidence(&after).unwrap();
    assert_eq!(verified(&evidence, &trust()).unwrap().receipt.log_id, after.log_id);
    // The other way round, the log had another id by then.
    let (_, receipt) = ask(&world, "ann", "shut");
    keep(&world);
    let mut evidence = world.zone().evidence(&receipt).unwrap();
    evidence.receipt.log_id = before.log_id;
    assert_eq!(verified(&evidence, &trust()).unwrap_err().code(), "mismatch");
}

/// A receipt with values that no decision gives.
#[test]
fn receipts_that_contradict_themselves_are_refused() {
    let (world, receipt) = decided();
    keep(&world);
    let evidence = world.zone().evidence(&receipt).unwrap();
    let refused = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = evidence.clone();
        change(&mut changed.receipt);
        verified(&changed, &trust()).unwrap_err().to_string()
    };
    let twice = refused(&|receipt| receipt.determining.push(receipt.determining[0].clone()));
    assert!(twice.contains("`determining` is not sorted"), "{twice}");
    let beyond = refused(&|receipt| receipt.determining[0].statement = 1);
    assert!(beyond.contains("text of"), "{beyond}");
}

#[test]
fn receipts_of_other_zones_and_older_forms_have_no_evidence_here() {
    let (world, receipt) = decided();
    keep(&world);
    refused(world.store.zone("other").unwrap().evidence(&receipt), (Conflict, "receipt_mismatch"), "zone_id");
    let old =
        Receipt { v: 1, log_end: None, binding_entry: None, request_sha: None, entities_sha: None, ..receipt.clone() };
    refused(world.zone().evidence(&old), (Invalid, "json"), "form 3");
    let doctored = Receipt { manifest_sha: policy_store::Sha256::of(b""), ..receipt };
    refused(world.zone().evidence(&doctored), (Conflict, "receipt_mismatch"), "manifest_sha");
}

#[test]
fn a_receipt_over_its_limit_has_no_evidence() {
    let (world, receipt) = decided();
    keep(&world);
    let large = Receipt { determining: vec![receipt.determining[0].clone(); 10_000], ..receipt };
    refused(world.zone().evidence(&large), (TooLarge, "too_large"), "receipt");
}

#[test]
fn no_value_of_the_file_puts_a_line_into_what_a_person_reads() {
    let (world, receipt) = decided();
    keep(&world);
    let mut forged = world.zone().evidence(&receipt).unwrap();
    // Nothing in the log covers the version of Cedar.
    forged.receipt.cedar_version.sdk = "4\nChecked    everything\u{1b}[2K\u{202e}".to_owned();
    let told = verified(&forged, &trust()).unwrap().to_string();
    assert_eq!(told.lines().filter(|line| line.starts_with("Checked")).count(), 1, "{told}");
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told:?}");
}

#[test]
fn a_file_that_is_none_is_refused_by_name() {
    let (world, receipt) = decided();
    keep(&world);
    let file = world.zone().evidence(&receipt).unwrap().to_string();
    let code = |text: &str| text.parse::<Evidence>().unwrap_err().code();
    assert_eq!(code(""), "malformed");
    assert_eq!(code("{}"), "malformed");
    assert_eq!(code(&file.replacen("policy_store_evidence", "evidence", 1)), "malformed");
    assert_eq!(code(&file.replacen("\"v\": 1", "\"v\": 2", 1)), "newer_format");
    assert_eq!(code(&file.replacen("\"v\": 1", "\"v\": 1, \"more\": 1", 1)), "malformed");
    assert_eq!(code(&file[..file.len() / 2]), "malformed");
    assert_eq!(code(&"[".repeat(1_000_000)), "malformed");
    let (_, of_receipt) = ask(&world, "ann", "shut");
    assert_eq!(receipt_of(&world, &ask(&world, "ann", "shut").0).entities_sha, of_receipt.entities_sha);
}
