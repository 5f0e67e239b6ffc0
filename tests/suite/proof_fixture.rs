//! A store with seals and kept checkpoints, and the evidence of its decisions, must be read and verify for ever. The fixtures
//! `proof-1.*` are never written again.

use std::path::{Path, PathBuf};

use policy_store::evidence::Evidence;
use policy_store::note::Trust;
use policy_store::receipt::{SignedReceipt, sign_batch};
use policy_store::{HistoryFilter, NewPolicySet, NewPolicyVersion, PolicyStore, Rationale, Target};
use serde_json::{Value, json};

use super::attesting;
use super::seals::{key, signed, signer, trust};
use super::support::*;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// Writes a store with a guardrail, an attestation, seals and kept checkpoints; two evidence files, of which one rests on a seal;
/// a signed receipt.
fn write_all(folder: &Path) {
    let clock = Clock::new();
    let world = World::with(clock.builder().open(folder.join("proof.redb")).unwrap(), clock);
    let policy = world.version("p", PERMIT);
    world
        .write_as(&platform(), |zone| {
            zone.create_policy(policy_store::NewPolicy::named("g").id("g"))?;
            let version = zone.create_policy_version("g", NewPolicyVersion::cedar(V1, FORBID))?;
            zone.create_policy_set(NewPolicySet::named("guard").id("guard"))?;
            let set = zone.create_policy_set_version("guard", pinning(&[&version]))?;
            zone.bind_guardrail(&set.id)
        })
        .unwrap();
    world.set_version("s", &[]);
    let attester = attesting::signer("2026-a");
    let prepared =
        world.zone().prepare_attested_version(&customer("alice"), "s", pinning(&[&policy]), &attester).unwrap();
    let version = world.write(|zone| zone.create_attested_version(prepared)).unwrap();
    world
        .store
        .write(&customer("bea"), |w| {
            w.rationale(Rationale::new().with_reason("For the auditors.")?.with_reference("TICKET-17")?)?;
            w.zone("acme")?.activate(&version.id)
        })
        .unwrap();
    let zone = world.zone();
    let authorizer = zone.authorizer(Target::Zone).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    let receipt = authorizer.is_authorized(&request, &entities).unwrap().receipt(&entities).unwrap();
    world.store.seal(&platform()).unwrap();
    world.store.keep_checkpoint(&platform(), &signed(&world.store.checkpoint().unwrap())).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("proof-sealed.evidence", zone.evidence(&receipt).unwrap().to_string());
    world.store.keep_checkpoint(&platform(), &signed(&zone.checkpoint().unwrap())).unwrap();
    write("proof.evidence", zone.evidence(&receipt).unwrap().to_string());
    let batch = [receipt.clone(), policy_store::Receipt { policy_set_version: 7, ..receipt }];
    write("proof.receipt", sign_batch(&batch, &key(), &signer()).unwrap()[0].to_string());
    let told = serde_json::to_string_pretty(&told(&world.store)).unwrap() + "\n";
    write("proof.json", told);
}

/// What is read from the store.
fn told(store: &PolicyStore) -> Value {
    let history = |items: Vec<policy_store::HistoryEntry>| serde_json::to_value(items).unwrap();
    let all = policy_store::PageRequest::new().limit(100);
    json!({
        "store_history": history(store.history(&HistoryFilter::new(), &all).unwrap().items),
        "history": history(store.zone("acme").unwrap().history(&HistoryFilter::new(), &all).unwrap().items),
        "kept": store.zone("acme").unwrap().kept_checkpoint().unwrap().unwrap().to_string(),
        "kept_of_store": store.kept_checkpoint().unwrap().unwrap().to_string(),
    })
}

#[test]
fn evidence_and_receipts_of_the_first_form_verify_for_ever() {
    let read = |name: &str| std::fs::read_to_string(fixture(name)).unwrap();
    let attesters = attesting::verifier(&[&attesting::signer("2026-a")]);
    for (name, is_sealed) in [("proof-1.evidence", false), ("proof-1-sealed.evidence", true)] {
        let evidence: Evidence = read(name).parse().unwrap();
        assert_eq!(evidence.to_string(), read(name));
        let verdict = evidence.verify(&trust().attesters(attesters.clone())).unwrap();
        assert_eq!((verdict.is_sealed, verdict.attestations.len()), (is_sealed, 1));
        let binding = verdict.binding.as_ref().unwrap();
        assert_eq!((binding.by.id(), binding.since.to_string().as_str()), ("bea", "2026-02-24T13:20:00.006000Z"));
        assert_eq!(binding.rationale.as_ref().unwrap().reference(), Some("TICKET-17"));
    }
    let receipt: SignedReceipt = read("proof-1.receipt").parse().unwrap();
    assert_eq!(receipt.to_string(), read("proof-1.receipt"));
    assert_eq!(receipt.verify(&Trust::new().receipt_key(key())).unwrap().zone_id, "acme");
}

#[test]
fn a_store_with_seals_and_kept_checkpoints_reads_as_when_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.redb");
    std::fs::copy(fixture("proof-1.redb"), &path).unwrap();
    let store = PolicyStore::open(&path).unwrap();
    let expected: Value = serde_json::from_str(&std::fs::read_to_string(fixture("proof-1.json")).unwrap()).unwrap();
    assert_eq!(told(&store), expected);
    assert!(store.verify().unwrap().is_clean());
    // The receipt in the evidence replays, and new evidence is the same.
    let file = std::fs::read_to_string(fixture("proof-1.evidence")).unwrap();
    let evidence: Evidence = file.parse().unwrap();
    let authorizer = store.authorizer_of_receipt(&evidence.receipt).unwrap();
    let (request, entities) = asked(&authorizer, "ann", "read", "shut");
    store.replay(&evidence.receipt, &request, &entities).unwrap().agrees_with(&evidence.receipt).unwrap();
    assert_eq!(store.zone("acme").unwrap().evidence(&evidence.receipt).unwrap().to_string(), file);
    store.rebuild_indexes().unwrap();
    assert_eq!(told(&store), expected);
}

/// If `POLICY_STORE_FIXTURES` names a folder, writes the store and its evidence there, as a fixture for a new form.
#[test]
fn the_same_store_gives_the_same_evidence() {
    let temporary = tempfile::tempdir().unwrap();
    let asked = std::env::var_os("POLICY_STORE_FIXTURES").map(PathBuf::from);
    let folder = asked.unwrap_or_else(|| temporary.path().to_owned());
    write_all(&folder);
    for (name, kept) in
        [("proof.evidence", "proof-1.evidence"), ("proof.receipt", "proof-1.receipt"), ("proof.json", "proof-1.json")]
    {
        assert_eq!(
            std::fs::read_to_string(folder.join(name)).unwrap(),
            std::fs::read_to_string(fixture(kept)).unwrap(),
            "{name}"
        );
    }
}
