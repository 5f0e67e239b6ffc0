//! Signed notes (C2SP signed-note) and the checkpoints of logs in them (C2SP tlog-checkpoint), with the cosignatures of
//! witnesses (C2SP tlog-cosignature).
//!
//! A [`SignedNote`] is a text with signatures. A [`SignedCheckpoint`] is a note whose text is the origin, the size and the root
//! of a log. A [`NoteKey`] is a public key with its name; its text is a vkey, as other programs read it. [`Trust`] says which
//! keys count, and how many witnesses must have cosigned.
//!
//! ```
//! use policy_store_verify::attestation::Ed25519Signer;
//! use policy_store_verify::note::{NoteKey, SignedCheckpoint, Trust};
//! use policy_store_verify::Checkpoint;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let checkpoint: Checkpoint = format!("{} 3 {}", "01".repeat(16), "ab".repeat(32)).parse()?;
//! let signer = Ed25519Signer::new("2026-a", &[7; 32])?;
//! let signed = SignedCheckpoint::sign(&checkpoint, "example.com/policies", &signer)?;
//!
//! // Elsewhere, with the public key alone: it is good for every log of the store.
//! let key = NoteKey::ed25519("example.com/policies", signer.jwk().as_bytes())?.to_string();
//! let trust = Trust::new().log_key(key.parse::<NoteKey>()?);
//! let read: SignedCheckpoint = signed.to_string().parse()?;
//! assert_eq!(read.verify(&trust)?.checkpoint(), checkpoint);
//! # Ok(())
//! # }
//! ```
//!
//! Does not know the entries of logs.

mod checkpoint;
mod key;
mod signed_note;
mod trust;

#[cfg(test)]
mod tests;

pub(crate) use checkpoint::Body;
pub use checkpoint::{SignedCheckpoint, VerifiedCheckpoint};
pub use key::{BadSignature, NoteKey, NoteVerifier};
pub use signed_note::{NoteSignature, SignedNote};
pub use trust::{Cosigned, Trust};
