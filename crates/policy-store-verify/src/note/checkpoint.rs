//! Checkpoints as signed notes: the origin, the size and the root of a log.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use super::key::{NoteKey, cosigned, origin};
use super::signed_note::{NoteSignature, SignedNote};
use super::trust::{Cosigned, Trust};
use super::{NoteVerifier, signed_note::is_key_name};
use crate::attestation::{Ed25519Signer, Signer};
use crate::proof::{ProofError, decimal};
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{Error, Result};
use crate::types::hash::RootHash;
use crate::types::time::Timestamp;

const WHAT: &str = "checkpoint";

/// The text of a checkpoint note.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    pub origin: String,
    pub size: u64,
    pub root: RootHash,
}

impl Body {
    pub(crate) fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, Base64::encode_string(&self.root.0))
    }

    pub(crate) fn read(text: &str) -> Result<Self, ProofError> {
        let wrong = |problem| ProofError::malformed(WHAT, problem);
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root), Some(""), None) =
            (lines.next(), lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(wrong("expected three lines: origin, size and root"));
        };
        if !is_key_name(origin) {
            return Err(wrong("origin must have 1 to 256 bytes without spaces and `+`"));
        }
        let size = decimal(size).ok_or_else(|| wrong("size is not a decimal number without leading zeros"))?;
        let mut bytes = [0; 32];
        let root = Base64::decode(root, &mut bytes).ok().filter(|root| root.len() == 32);
        root.ok_or_else(|| wrong("root is not 32 bytes in base64"))?;
        Ok(Self { origin: origin.to_owned(), size, root: RootHash(bytes) })
    }
}

/// A checkpoint of a log as a signed note (C2SP tlog-checkpoint). Its `Display` is the note, and it parses from it.
///
/// Its origin is the store's name, a slash, and the log's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: SignedNote,
    origin: String,
    checkpoint: Checkpoint,
}

impl SignedCheckpoint {
    /// A checkpoint without signatures. `name` is the store's, such as `example.com/policies`: with a slash and the log's
    /// id, 1 to 256 bytes without spaces, control characters and `+`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](Error::InvalidInput) for another name.
    pub fn unsigned(checkpoint: &Checkpoint, name: &str) -> Result<Self> {
        let origin = origin(name, checkpoint.log_id);
        if name.is_empty() || !is_key_name(&origin) {
            return Err(Error::invalid("name of the store", name, "expected a short text without spaces and `+`"));
        }
        let body = Body { origin: origin.clone(), size: checkpoint.size, root: checkpoint.root };
        let note =
            SignedNote::new(body.text()).map_err(|_| Error::invalid("name of the store", name, "invalid note"))?;
        Ok(Self { note, origin, checkpoint: *checkpoint })
    }

    /// A checkpoint that the store `name` signs with its Ed25519 key.
    ///
    /// A store signs only checkpoints of its own logs, and no two that contradict each other.
    ///
    /// # Errors
    ///
    /// As [`unsigned`](Self::unsigned); [`Signer`](Error::Signer) if the signer fails.
    pub fn sign(checkpoint: &Checkpoint, name: &str, signer: &Ed25519Signer) -> Result<Self> {
        let mut signed = Self::unsigned(checkpoint, name)?;
        signed.sign_with(&NoteKey::ed25519(name, signer.jwk().as_bytes())?, signer)?;
        Ok(signed)
    }

    /// Adds the signature of the store's key by any signer of it: a device, or a service.
    ///
    /// # Errors
    ///
    /// [`Signer`](Error::Signer) if the signer fails; [`InvalidInput`](Error::InvalidInput) for a key of another name, and
    /// for a signature that the key does not verify.
    pub fn sign_with(&mut self, key: &NoteKey, signer: &dyn Signer) -> Result<()> {
        let name = self.origin.clone();
        let key_id = NoteVerifier::key_id(key, &name).filter(|_| !key.is_cosigner());
        let key_id =
            key_id.ok_or_else(|| Error::invalid("key", &key.to_string(), "not a key of the checkpoint's log"))?;
        let signature = signed_by(signer, self.note.text().as_bytes())?;
        self.add_checked(key, NoteSignature { name, key_id, signature })
    }

    /// Adds a witness's cosignature, made at `time`.
    ///
    /// # Errors
    ///
    /// As [`sign_with`](Self::sign_with), for a key that is not a witness's.
    pub fn cosign(&mut self, key: &NoteKey, signer: &dyn Signer, time: Timestamp) -> Result<()> {
        if !key.is_cosigner() {
            return Err(Error::invalid("key", &key.to_string(), "not a witness's key"));
        }
        let (name, seconds) = (key.name().to_owned(), u64::try_from(time.as_micros() / 1_000_000).unwrap_or(0));
        let signature = signed_by(signer, cosigned(seconds, self.note.text()).as_bytes())?;
        let signature = [seconds.to_be_bytes().as_slice(), &signature].concat();
        self.add_checked(key, NoteSignature { key_id: key.id_under(&name), name, signature })
    }

    fn add_checked(&mut self, key: &NoteKey, signature: NoteSignature) -> Result<()> {
        let refused = |reason| Error::invalid("signature of key", key.name(), reason);
        key.verify(self.note.text(), &signature.signature).map_err(|_| refused("does not verify"))?;
        self.note.add(signature).map_err(|_| refused("the note has too many signatures, or the line is not valid"))
    }

    /// Adds a signature that somebody else made, such as the line that a witness returns. [`verify`](Self::verify) checks it.
    ///
    /// # Errors
    ///
    /// As [`SignedNote::add`].
    pub fn add(&mut self, signature: NoteSignature) -> Result<(), ProofError> {
        self.note.add(signature)
    }

    /// The note.
    #[must_use]
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    /// The origin: the store's name, a slash, and the log's id.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The name of the store, which the origin begins with.
    #[must_use]
    pub fn store_name(&self) -> &str {
        self.origin.rsplit_once('/').map_or("", |(name, _)| name)
    }

    /// The log, size and root as the note says them. Anybody can write such a note.
    #[must_use]
    pub fn unverified(&self) -> Checkpoint {
        self.checkpoint
    }

    /// Verifies the signatures: one of the log's key at least, every one by a known key, and those of as many witnesses as
    /// `trust` demands. Signatures by unknown keys do not count.
    ///
    /// # Errors
    ///
    /// [`NotSigned`](ProofError::NotSigned), [`Signature`](ProofError::Signature) or [`Quorum`](ProofError::Quorum).
    pub fn verify(&self, trust: &Trust) -> Result<VerifiedCheckpoint, ProofError> {
        let cosigned = trust.check(&self.note, &self.origin)?;
        Ok(VerifiedCheckpoint { signed: self.clone(), cosigned })
    }
}

fn signed_by(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>> {
    signer.sign(message).map_err(|source| Error::Signer { key_id: signer.key_id().to_owned(), source })
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl FromStr for SignedCheckpoint {
    type Err = ProofError;

    /// Reads a checkpoint note of a store's log. It may have no signature yet.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge).
    fn from_str(note: &str) -> Result<Self, ProofError> {
        let note: SignedNote = note.parse()?;
        let Body { origin, size, root } = Body::read(note.text())?;
        let log_id = origin.rsplit_once('/').filter(|(name, _)| !name.is_empty()).and_then(|(_, log)| log.parse().ok());
        let log_id =
            log_id.ok_or_else(|| ProofError::malformed(WHAT, "origin does not end with a slash and a log id"))?;
        Ok(Self { note, origin, checkpoint: Checkpoint { log_id, size, root } })
    }
}

/// A checkpoint whose signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedCheckpoint {
    signed: SignedCheckpoint,
    cosigned: Vec<Cosigned>,
}

impl VerifiedCheckpoint {
    /// The log, size and root.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.signed.checkpoint
    }

    /// The note.
    #[must_use]
    pub fn signed(&self) -> &SignedCheckpoint {
        &self.signed
    }

    /// The valid cosignatures of known witnesses.
    #[must_use]
    pub fn cosigned(&self) -> &[Cosigned] {
        &self.cosigned
    }
}
