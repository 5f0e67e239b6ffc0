//! Batches: what is signed is read back.

use super::*;
use crate::attestation::Ed25519Signer;
use crate::note::NoteKey;
use crate::types::hash::Sha256;

/// A receipt of form 3.
pub(crate) fn receipt() -> Receipt {
    let sha = Sha256([1; 32]);
    let json = format!(
        r#"{{"v":3,"zone_id":"z","log_id":"{log}","log_end":{{"size":7,"last":"{sha}"}},"binding":null,
        "policy_set_id":"s","policy_set_version_id":"s1","policy_set_version":1,"policy_set_version_entry":"{sha}",
        "manifest_sha":"{sha}","schema_version":"v","schema_sha":"{sha}","request_sha":"{sha}","entities_sha":"{sha}",
        "decision":"allow","determining":[],"failed":[],"deny_on_forbid_error":false,
        "cedar_version":{{"sdk":"4","language":"4"}}}}"#,
        log = "ab".repeat(16),
    );
    serde_json::from_str(&json).unwrap()
}

fn sign(receipt: Receipt, name: &str) -> crate::Result<SignedReceipt> {
    let signer = Ed25519Signer::new("k", &[1; 32]).unwrap();
    let key = NoteKey::ed25519(name, signer.jwk().as_bytes()).unwrap();
    Ok(sign_batch(&[receipt], &key, &signer)?.remove(0))
}

#[test]
fn only_what_a_reader_takes_is_signed() {
    let signed = sign(receipt(), "example.com/decisions").unwrap();
    assert_eq!(signed.to_string().parse::<SignedReceipt>().unwrap(), signed);
    for wrong in [Receipt { v: 0, ..receipt() }, Receipt { v: 4, ..receipt() }, Receipt { log_end: None, ..receipt() }]
    {
        assert_eq!(sign(wrong, "example.com/decisions").unwrap_err().code(), "json");
    }
    // With `/batch/` and the root, a name has 71 bytes more.
    let longest = sign(receipt(), &"n".repeat(256 - 71)).unwrap();
    assert_eq!(longest.to_string().parse::<SignedReceipt>().unwrap(), longest);
    let refused = sign(receipt(), &"n".repeat(256 - 70)).unwrap_err();
    assert!(refused.to_string().contains("too long"), "{refused}");
}
