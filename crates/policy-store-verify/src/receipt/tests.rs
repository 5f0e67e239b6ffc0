//! Receipts: their forms, their inputs, and batches under one signature.

use super::*;
use crate::attestation::Ed25519Signer;
use crate::note::{NoteKey, Trust};
use crate::types::actor::Actor;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

fn binding() -> Binding {
    Binding {
        zone_id: "acme".parse().unwrap(),
        target: Target::Zone,
        mode: BindingMode::Active,
        policy_set_id: "s".parse().unwrap(),
        policy_set_version_id: "s.v1".parse().unwrap(),
        version: 1,
        since: Timestamp::EPOCH,
        by: Actor::customer("ann").unwrap(),
        rationale: None,
        position: 5,
    }
}

/// A receipt of form 3, told from others by a number.
pub(crate) fn receipt(number: u32) -> Receipt {
    Receipt {
        v: 3,
        zone_id: "acme".parse().unwrap(),
        log_id: LogId([1; 16]),
        log_end: Some(LogEnd { size: 9, last: EntryHash([2; 32]) }),
        binding: Some(binding()),
        binding_entry: Some(EntryHash([3; 32])),
        guardrail: None,
        policy_set_id: "s".parse().unwrap(),
        policy_set_version_id: "s.v1".parse().unwrap(),
        policy_set_version: number,
        policy_set_version_entry: EntryHash([4; 32]),
        manifest_sha: Sha256([5; 32]),
        schema_version: "1".parse().unwrap(),
        schema_sha: Sha256([6; 32]),
        request_sha: Some(Sha256([7; 32])),
        entities_sha: Some(Sha256([8; 32])),
        decision: Decision::Deny,
        determining: Vec::new(),
        failed: Vec::new(),
        deny_on_forbid_error: false,
        cedar_version: CedarVersion::new("4.14.1".to_owned(), "4.6.0".to_owned()),
    }
}

fn key(secret: u8) -> (Ed25519Signer, NoteKey) {
    let signer = Ed25519Signer::new("k", &[secret; 32]).unwrap();
    let key = NoteKey::ed25519("example.com/decisions", signer.jwk().as_bytes()).unwrap();
    (signer, key)
}

fn batch(count: u32) -> Vec<SignedReceipt> {
    let receipts: Vec<_> = (0..count).map(receipt).collect();
    let (signer, key) = key(1);
    sign_batch(&receipts, &key, &signer).unwrap()
}

#[test]
fn a_receipt_has_the_fields_of_its_form_and_no_others() {
    let form = |change: &dyn Fn(&mut Receipt)| {
        let mut changed = receipt(1);
        change(&mut changed);
        changed.check_form().map_err(|error| error.code())
    };
    let old = |receipt: &mut Receipt| {
        (receipt.v, receipt.log_end, receipt.binding_entry) = (1, None, None);
        (receipt.request_sha, receipt.entities_sha) = (None, None);
    };
    let guardrail = |binding_entry| GuardrailReceipt {
        binding: binding(),
        binding_entry,
        policy_set_version_entry: EntryHash([4; 32]),
        manifest_sha: Sha256([5; 32]),
        schema_version: "1".parse().unwrap(),
        schema_sha: Sha256([6; 32]),
    };
    assert_eq!(form(&|_| ()), Ok(()));
    assert_eq!(form(&old), Ok(()));
    assert_eq!(form(&|receipt| (old(receipt), receipt.guardrail = Some(guardrail(None)), receipt.v = 2).0), Ok(()));
    assert_eq!(form(&|receipt| receipt.v = 4), Err("newer_format"));
    let malformed: [&dyn Fn(&mut Receipt); 10] = [
        &|receipt| receipt.v = 0,
        &|receipt| receipt.v = 1,
        &|receipt| receipt.v = 2,
        &|receipt| receipt.log_end = None,
        &|receipt| receipt.request_sha = None,
        &|receipt| receipt.entities_sha = None,
        &|receipt| receipt.binding_entry = None,
        &|receipt| receipt.binding = None,
        &|receipt| receipt.guardrail = Some(guardrail(None)),
        &|receipt| (old(receipt), receipt.guardrail = Some(guardrail(None))).1,
    ];
    for (index, change) in malformed.iter().enumerate() {
        assert_eq!(form(change), Err("malformed"), "{index}");
    }
}

#[test]
fn other_inputs_are_refused_by_their_name() {
    let receipt = receipt(1);
    let check = |request, entities| receipt.check_inputs(Sha256([request; 32]), Sha256([entities; 32]));
    assert_eq!(check(7, 8), Ok(()));
    assert!(check(9, 8).unwrap_err().to_string().starts_with("request_sha is `0909"));
    assert!(check(7, 9).unwrap_err().to_string().starts_with("entities_sha is `0909"));
}

#[test]
fn each_receipt_of_a_batch_is_verified_alone() {
    let trust = Trust::new().receipt_key(key(1).1);
    assert!(batch(0).is_empty());
    for count in [1, 2, 3, 7, 64, 100] {
        let signed = batch(count);
        assert_eq!(signed.len(), count as usize);
        for (number, signed) in (0..).zip(&signed) {
            let text = signed.to_string();
            let read: SignedReceipt = text.parse().unwrap();
            assert_eq!((read.to_string(), read.unverified()), (text, signed.unverified()));
            assert_eq!(read.verify(&trust).unwrap(), &receipt(number));
        }
        // One signature for all.
        assert!(signed.iter().all(|one| one.to_string().lines().last() == signed[0].to_string().lines().last()));
    }
}

#[test]
fn a_changed_receipt_or_one_of_another_batch_is_refused() {
    let trust = Trust::new().receipt_key(key(1).1);
    let text = batch(5)[3].to_string();
    let of_logs = Trust::new().log_key(key(1).1);
    assert_eq!(batch(1)[0].verify(&of_logs).unwrap_err().code(), "not_signed");
    let other_key = Trust::new().receipt_key(key(2).1);
    let read = |text: &str| text.parse::<SignedReceipt>();
    assert_eq!(read(&text).unwrap().verify(&other_key).unwrap_err().code(), "not_signed");
    let with_extra = |receipt: &Receipt| {
        use base64ct::{Base64, Encoding};
        let json = serde_json::to_string(receipt).unwrap();
        let lines = text.lines().map(|line| match line.strip_prefix("extra ") {
            Some(_) => format!("extra {}\n", Base64::encode_string(json.as_bytes())),
            None => format!("{line}\n"),
        });
        lines.collect::<String>()
    };
    assert_eq!(with_extra(&receipt(3)), text);
    assert_eq!(read(&with_extra(&receipt(4))).unwrap().verify(&trust).unwrap_err().code(), "wrong_root");
    assert_eq!(read(&with_extra(&Receipt { v: 9, ..receipt(3) })).unwrap_err().code(), "newer_format");
    assert_eq!(read(&text.replacen("index 3", "index 2", 1)).unwrap().verify(&trust).unwrap_err().code(), "wrong_root");
    for (from, to) in
        [("extra ", "extras "), ("index 3", "index 03"), ("/batch/", "/other/"), ("tlog-proof@v1", "tlog-proof@v2")]
    {
        assert_eq!(read(&text.replacen(from, to, 1)).unwrap_err().code(), "malformed", "{from}");
    }
    for (index, byte) in text.bytes().enumerate() {
        let mut changed = text.clone().into_bytes();
        changed[index] = byte ^ 1;
        let Ok(changed) = String::from_utf8(changed) else { continue };
        assert!(read(&changed).and_then(|read| read.verify(&trust).cloned()).is_err(), "byte {index}");
    }
}

#[test]
fn a_batch_needs_the_key_of_its_signer() {
    let (signer, own) = key(1);
    let witness = NoteKey::cosigner("w.example", signer.jwk().as_bytes()).unwrap();
    for wrong in [key(2).1, witness] {
        assert_eq!(sign_batch(&[receipt(1)], &wrong, &signer).unwrap_err().code(), "invalid_input");
    }
    let mut large = receipt(1);
    large.cedar_version = CedarVersion::new("x".repeat(crate::limits::RECEIPT_BYTES), String::new());
    assert_eq!(sign_batch(&[large], &own, &signer).unwrap_err().code(), "too_large");
}

#[test]
fn only_what_a_reader_takes_is_signed() {
    let sign = |receipt: Receipt, name: &str| {
        let signer = key(1).0;
        let key = NoteKey::ed25519(name, signer.jwk().as_bytes()).unwrap();
        sign_batch(&[receipt], &key, &signer).map(|mut signed| signed.remove(0))
    };
    for wrong in
        [Receipt { v: 0, ..receipt(1) }, Receipt { v: 4, ..receipt(1) }, Receipt { log_end: None, ..receipt(1) }]
    {
        assert_eq!(sign(wrong, "example.com/decisions").unwrap_err().code(), "json");
    }
    // With `/batch/` and the root, a name has 71 bytes more.
    let longest = sign(receipt(1), &"n".repeat(256 - 71)).unwrap();
    assert_eq!(longest.to_string().parse::<SignedReceipt>().unwrap(), longest);
    let refused = sign(receipt(1), &"n".repeat(256 - 70)).unwrap_err();
    assert!(refused.to_string().contains("too long"), "{refused}");
}
