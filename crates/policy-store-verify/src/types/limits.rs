//! The limits of what the crate reads and makes. Those of a store are the same, and it has others.
//!
//! Later versions may raise a limit and never lower one.

/// Bytes of a name.
pub const NAME_BYTES: usize = 256;
/// Bytes of a description.
pub const DESCRIPTION_BYTES: usize = 4 * 1024;
/// Entries in a manifest.
pub const MANIFEST_ENTRIES: usize = 1_000;
/// Characters of an id or of a schema version's name.
pub const ID_CHARS: usize = 64;
/// Bytes of an actor's id.
pub const ACTOR_ID_BYTES: usize = 256;
/// Bytes of a target's id.
pub const TARGET_ID_BYTES: usize = 256;
/// Bytes of an attestation.
pub const ATTESTATION_BYTES: usize = 16 * 1024;
/// Bytes of a key's id.
pub const KEY_ID_BYTES: usize = 256;
/// Bytes of the name of a signature algorithm.
pub const ALGORITHM_BYTES: usize = 64;
/// Bytes of a JWK or a JWK set.
pub const JWKS_BYTES: usize = 256 * 1024;
/// Bytes of one encoded log entry.
pub const ENTRY_BYTES: usize = 64 * 1024;
/// Bytes of one piece of content, plain.
pub const CONTENT_BYTES: usize = 8 * 1024 * 1024;
/// Bytes of the reason of a write.
pub const REASON_BYTES: usize = 1024;
/// Bytes of the reference of a write: a commit, a ticket, a URL.
pub const REFERENCE_BYTES: usize = 256;
/// Bytes of a signed note, with its signatures.
pub const NOTE_BYTES: usize = 256 * 1024;
/// Signatures of a signed note.
pub const NOTE_SIGNATURES: usize = 64;
/// Bytes of the text of a proof, with its checkpoint and extra data.
pub const PROOF_BYTES: usize = 1024 * 1024;
/// Bytes of the JSON of a receipt.
pub const RECEIPT_BYTES: usize = 512 * 1024;
/// Attestations of one policy set version. Each read of the version returns all of them.
pub const VERSION_ATTESTATIONS: usize = 64;
/// Log entries of an evidence file, and of signed rules.
pub const EVIDENCE_ENTRIES: usize = 128 * 1024;
/// Bindings and unbindings back from a decision that evidence shows to prove that no guardrail was in force, if the
/// decision needs fewer.
pub const EVIDENCE_BINDINGS: usize = 4_096;
/// Bytes of an evidence file, and of signed rules.
pub const EVIDENCE_BYTES: usize = 256 * 1024 * 1024;
