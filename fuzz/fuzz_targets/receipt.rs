//! Text as a receipt: refused, or a value whose JSON reads back as the same. Signed in a batch, each receipt reads back and
//! verifies alone. The text itself under a valid signature: refused, or printed the same.
#![no_main]

use base64ct::{Base64, Encoding};
use policy_store_fuzz::outside::{self, NAME, key, read_alike, refused, signed_note, signer, trust};
use policy_store_verify::receipt::{Receipt, SignedReceipt, sign_batch};
use policy_store_verify::{RootHash, Sha256, limits};

/// The inputs of the decision are those with its hashes, and no others.
fn inputs(receipt: &Receipt) {
    let other = Sha256::of(b"other");
    let own = (receipt.request_sha.unwrap_or(other), receipt.entities_sha.unwrap_or(other));
    receipt.check_inputs(own.0, own.1).unwrap();
    for (field, sha) in [("request_sha", receipt.request_sha), ("entities_sha", receipt.entities_sha)] {
        let changed = |own: Sha256, name: &str| if name == field { other } else { own };
        let checked = receipt.check_inputs(changed(own.0, "request_sha"), changed(own.1, "entities_sha"));
        assert_eq!(checked.is_err(), sha.is_some_and(|sha| sha != other), "{field}");
    }
}

fn batch(receipt: Receipt) {
    let checked = receipt.check_form();
    if let Err(error) = &checked {
        refused(error);
    }
    let other = Receipt { deny_on_forbid_error: !receipt.deny_on_forbid_error, ..receipt.clone() };
    let receipts = [receipt, other];
    match sign_batch(&receipts, &key(NAME).unwrap(), &signer()) {
        Ok(signed) => {
            assert!(checked.is_ok(), "a receipt that nobody reads was signed");
            for (signed, receipt) in signed.iter().zip(&receipts) {
                let read = read_alike::<SignedReceipt>(&signed.to_string()).expect("a signed receipt is read");
                assert_eq!((&read, read.verify(&trust()).unwrap()), (signed, receipt));
            }
            // The proof of one receipt is none of the other.
            let [one, two] = [&signed[0], &signed[1]].map(SignedReceipt::to_string);
            let extra = |text: &str| text.lines().nth(1).unwrap().to_owned();
            let mixed = one.replacen(&extra(&one), &extra(&two), 1).parse::<SignedReceipt>().unwrap();
            assert_eq!(mixed.verify(&trust()).unwrap_err().code(), "wrong_root");
        }
        Err(error) => assert!(checked.is_err() || error.code() == "too_large", "{error}"),
    }
}

/// The text as the receipt in a validly signed batch of one.
fn under_a_signature(text: &str) {
    let root = RootHash::from(outside::leaf(text.as_bytes()));
    let origin = format!("{NAME}/batch/{root}");
    let note = signed_note(&format!("{origin}\n1\n{}\n", Base64::encode_string(root.as_bytes())), &origin).unwrap();
    let extra = Base64::encode_string(text.as_bytes());
    let signed = format!("c2sp.org/tlog-proof@v1\nextra {extra}\nindex 0\n\n{note}");
    if let Some(read) = read_alike::<SignedReceipt>(&signed) {
        assert_eq!(read.verify(&trust()).unwrap(), read.unverified());
        assert_eq!(read.unverified(), &serde_json::from_str::<Receipt>(text).unwrap());
        assert!(text.len() <= limits::RECEIPT_BYTES);
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    under_a_signature(text);
    let Ok(receipt) = serde_json::from_str::<Receipt>(text) else { return };
    let json = serde_json::to_string(&receipt).unwrap();
    let again: Receipt = serde_json::from_str(&json).unwrap();
    assert_eq!((&again, serde_json::to_string(&again).unwrap()), (&receipt, json));
    inputs(&receipt);
    batch(receipt);
});
