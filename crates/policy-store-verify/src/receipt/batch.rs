//! Signed receipts: one signature for many. The receipts of a batch are the leaves of a tree, and its root is signed as a
//! checkpoint. Each receipt has its own proof, and is verified alone.

use std::fmt;
use std::str::FromStr;

use super::Receipt;
use crate::attestation::Signer;
use crate::note::{Body, NoteKey, NoteSignature, NoteVerifier, SignedNote, Trust};
use crate::proof::{InclusionProof, Levels, Parts, ProofError, write_proof};
use crate::types::error::{Error, Result};
use crate::types::hash::{EntryHash, RootHash};
use crate::types::limits;

const WHAT: &str = "signed receipt";

/// A receipt with the signature of its batch. Its text is a C2SP tlog-proof that has the receipt's JSON as extra data: the
/// leaf is exactly these bytes.
///
/// The signed text is a checkpoint whose origin is the name of the key, `/batch/`, and the root in hex: each batch is a log
/// of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    json: String,
    receipt: Receipt,
    proof: InclusionProof,
    body: Body,
    note: SignedNote,
}

/// Signs receipts with one signature. The results are in the order of the receipts.
///
/// ```
/// # use policy_store_verify::receipt::{Receipt, SignedReceipt, sign_batch};
/// # use policy_store_verify::{attestation::Ed25519Signer, note::NoteKey};
/// fn signed(receipts: &[Receipt], signer: &Ed25519Signer) -> policy_store_verify::Result<Vec<SignedReceipt>> {
///     sign_batch(receipts, &NoteKey::ed25519("example.com/decisions", signer.jwk().as_bytes())?, signer)
/// }
/// ```
///
/// # Errors
///
/// [`TooLarge`](Error::TooLarge) for a receipt over [`RECEIPT_BYTES`](limits::RECEIPT_BYTES);
/// [`Json`](Error::Json) for one that no reader
/// takes, by [`check_form`](Receipt::check_form); [`InvalidInput`](Error::InvalidInput) if the key is a witness's, or not the
/// signer's, or if its name is too long for the origin of a batch; [`Signer`](Error::Signer) if the
/// signer fails.
pub fn sign_batch(receipts: &[Receipt], key: &NoteKey, signer: &dyn Signer) -> Result<Vec<SignedReceipt>> {
    if receipts.is_empty() {
        return Ok(Vec::new());
    }
    let json = receipts.iter().map(json_of).collect::<Result<Vec<_>>>()?;
    let tree = Levels::new(json.iter().map(|json| EntryHash::of(json.as_bytes()).0).collect());
    let root = tree.root();
    let body = Body { origin: origin(key.name(), root), size: json.len() as u64, root };
    let refused = |reason| Error::invalid("key of the batch", &key.to_string(), reason);
    if key.is_cosigner() {
        return Err(refused("must not be a witness's key"));
    }
    let mut note = SignedNote::new(body.text()).map_err(|_| refused("name is not valid"))?;
    let signature = signer.sign(note.text().as_bytes());
    let signature = signature.map_err(|source| Error::Signer { key_id: signer.key_id().to_owned(), source })?;
    key.verify(note.text(), &signature).map_err(|_| refused("does not verify the signature of the signer"))?;
    let name = body.origin.clone();
    let line = NoteSignature { key_id: key.id_under(&name), name, signature };
    note.add(line).map_err(|_| refused("name is too long, or the signature is too large"))?;
    let signed = (0..).zip(receipts).zip(json).filter_map(|((index, receipt), json)| {
        let (receipt, proof) = (receipt.clone(), tree.proof(index)?);
        Some(SignedReceipt { json, receipt, proof, body: body.clone(), note: note.clone() })
    });
    Ok(signed.collect())
}

fn json_of(receipt: &Receipt) -> Result<String> {
    let refused = |message| Error::Json { what: "receipt", message };
    receipt.check_form().map_err(|error| refused(error.to_string()))?;
    let json = serde_json::to_string(receipt).map_err(|error| refused(error.to_string()))?;
    crate::types::error::at_most("receipt", json.len(), limits::RECEIPT_BYTES)?;
    Ok(json)
}

fn origin(name: &str, root: RootHash) -> String {
    format!("{name}/batch/{root}")
}

impl SignedReceipt {
    /// The receipt as the text says it. Anybody can write such a text.
    #[must_use]
    pub fn unverified(&self) -> &Receipt {
        &self.receipt
    }

    /// Verifies that a [receipt key](Trust::receipt_key) of `trust` signed the batch, and that the receipt is in it.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::verify`](crate::note::SignedCheckpoint::verify) and
    /// [`InclusionProof::verify`](crate::proof::InclusionProof::verify).
    pub fn verify(&self, trust: &Trust) -> Result<&Receipt, ProofError> {
        trust.check_batch(&self.note, &self.body.origin)?;
        self.proof.verify(self.json.as_bytes(), self.body.root)?;
        Ok(&self.receipt)
    }
}

impl fmt::Display for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_proof(f, Some(self.json.as_bytes()), self.proof.index, &self.proof.hashes, &self.note)
    }
}

impl FromStr for SignedReceipt {
    type Err = ProofError;

    /// Reads a signed receipt.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge); [`Newer`](ProofError::Newer) for a receipt
    /// of a later form.
    fn from_str(text: &str) -> Result<Self, ProofError> {
        let Parts { extra, index, hashes, note } = Parts::read(text)?;
        let wrong = |problem: &dyn fmt::Display| ProofError::malformed(WHAT, problem);
        let json = extra.ok_or_else(|| ProofError::missing("receipt in the line `extra`"))?;
        ProofError::at_most("receipt", json.len(), limits::RECEIPT_BYTES)?;
        let json = String::from_utf8(json).map_err(|error| wrong(&error))?;
        let receipt: Receipt = serde_json::from_str(&json).map_err(|error| wrong(&error))?;
        receipt.check_form()?;
        let note: SignedNote = note.parse()?;
        let body = Body::read(note.text())?;
        let name = body.origin.strip_suffix(&origin("", body.root)).filter(|name| !name.is_empty());
        if name.is_none() {
            return Err(wrong(&"origin does not end with `/batch/` and the root"));
        }
        let proof = InclusionProof { index, size: body.size, hashes };
        Ok(Self { json, receipt, proof, body, note })
    }
}
