//! Public keys of notes, and their texts (vkeys). An Ed25519 key signs notes; a cosigner's key signs a time with a checkpoint.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::signed_note::is_key_name;
use crate::attestation::{Jwk, VerificationKey};
use crate::types::error::{Error, Result};
use crate::types::hash::hex;
use crate::types::id::LogId;
use crate::types::time::Timestamp;

/// Signatures of the text (C2SP signed-note).
const ED25519: u8 = 0x01;
/// Signatures of a time and the text (C2SP tlog-cosignature).
const COSIGNATURE: u8 = 0x04;

/// A key that verifies signatures of notes. Implement it for other signature types.
pub trait NoteVerifier: Send + Sync {
    /// The key's name.
    fn name(&self) -> &str;

    /// The key's id in signature lines with this name; none if such lines are not of this key.
    fn key_id(&self, name: &str) -> Option<u32>;

    /// Verifies a signature of a text. Gives the time of a cosignature, or none for a signature without one.
    ///
    /// # Errors
    ///
    /// [`BadSignature`] if it is not valid.
    fn verify(&self, text: &str, signature: &[u8]) -> std::result::Result<Option<Timestamp>, BadSignature>;
}

/// A signature is not valid for the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

/// An Ed25519 key with its name: of a log, or of a witness. Its `Display` is its vkey, and it parses from it.
///
/// A log's key with the name `N` is also the key of the logs `N/` and a log id, and of batches of receipts. So one key stands
/// for all logs of a store, and signature lines have the full origin as their name.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    kind: u8,
    key: Jwk,
}

impl NoteKey {
    /// A key that signs notes. `name`: 1 to 256 bytes without spaces, control characters and `+`, such as
    /// `example.com/policies`.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](Error::InvalidInput) for another name, and for bytes that are not a safe public key.
    pub fn ed25519(name: impl Into<String>, key: &[u8; 32]) -> Result<Self> {
        Self::new(name.into(), ED25519, key)
    }

    /// A witness's key, which signs a time with a checkpoint.
    ///
    /// # Errors
    ///
    /// As [`ed25519`](Self::ed25519).
    pub fn cosigner(name: impl Into<String>, key: &[u8; 32]) -> Result<Self> {
        Self::new(name.into(), COSIGNATURE, key)
    }

    fn new(name: String, kind: u8, key: &[u8; 32]) -> Result<Self> {
        if !is_key_name(&name) {
            return Err(Error::invalid("key name", &name, "expected 1 to 256 bytes without spaces and `+`"));
        }
        let key = Jwk::new(&name, key)?;
        Ok(Self { name, kind, key })
    }

    /// The key of one log of the store, as other programs want it: its name is the log's origin.
    #[must_use]
    pub fn of_log(&self, log_id: LogId) -> Self {
        Self { name: origin(&self.name, log_id), ..self.clone() }
    }

    /// Whether it is a witness's key.
    #[must_use]
    pub fn is_cosigner(&self) -> bool {
        self.kind == COSIGNATURE
    }

    /// The key's 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// The key's id under a name.
    pub(crate) fn id_under(&self, name: &str) -> u32 {
        let hash =
            Sha256::new_with_prefix(name).chain_update([b'\n', self.kind]).chain_update(self.as_bytes()).finalize();
        hash.first_chunk::<4>().map_or(0, |first| u32::from_be_bytes(*first))
    }
}

/// The origin of a log: the store's name, a slash, and the log's id.
pub(super) fn origin(name: &str, log_id: LogId) -> String {
    format!("{name}/{log_id}")
}

impl NoteVerifier for NoteKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self, name: &str) -> Option<u32> {
        let is_own = || name == self.name;
        let is_below = || {
            let below = name.strip_prefix(&self.name)?.strip_prefix('/')?;
            match below.strip_prefix("batch/") {
                Some(root) => hex::decode::<32>(root).map(drop),
                None => hex::decode::<16>(below).map(drop),
            }
        };
        (is_own() || !self.is_cosigner() && is_below().is_some()).then(|| self.id_under(name))
    }

    fn verify(&self, text: &str, signature: &[u8]) -> std::result::Result<Option<Timestamp>, BadSignature> {
        if !self.is_cosigner() {
            return if self.key.verify(text.as_bytes(), signature) { Ok(None) } else { Err(BadSignature) };
        }
        let (time, signature) = signature.split_first_chunk::<8>().ok_or(BadSignature)?;
        let seconds = u64::from_be_bytes(*time);
        if i64::try_from(seconds).is_err() || !self.key.verify(cosigned(seconds, text).as_bytes(), signature) {
            return Err(BadSignature);
        }
        let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        Ok(Some(Timestamp::from_micros(micros)))
    }
}

/// The message of a cosignature.
pub(super) fn cosigned(seconds: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = Base64::encode_string(&[[self.kind].as_slice(), self.as_bytes()].concat());
        write!(f, "{}+{:08x}+{material}", self.name, self.id_under(&self.name))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({self})")
    }
}

impl FromStr for NoteKey {
    type Err = Error;

    /// Reads a vkey: name, `+`, key id in hex, `+`, and type and key in base64.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](Error::InvalidInput) for another text, another signature type, a key id that is not the key's, and
    /// bytes that are not a safe public key.
    fn from_str(vkey: &str) -> Result<Self> {
        let wrong = |reason| Error::invalid("vkey", vkey, reason);
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("expected a name, a key id and a key, with `+` between them"));
        };
        let material = Base64::decode_vec(material).map_err(|_| wrong("key is not base64"))?;
        let key = match material.split_first() {
            Some((kind @ (&ED25519 | &COSIGNATURE), key)) => key.try_into().map(|key| (*kind, key)),
            _ => return Err(wrong("signature type is not Ed25519 (1) or a cosignature (4)")),
        };
        let (kind, key) = key.map_err(|_| wrong("key does not have 32 bytes"))?;
        let key = Self::new(name.to_owned(), kind, key)?;
        if id != format!("{:08x}", key.id_under(name)) {
            return Err(wrong("key id is not that of the key"));
        }
        Ok(key)
    }
}
