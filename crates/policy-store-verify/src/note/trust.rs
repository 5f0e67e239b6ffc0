//! The keys that count, and the number of witnesses that must have cosigned.

use std::fmt;
use std::sync::Arc;

use super::key::{NoteKey, NoteVerifier};
use super::signed_note::SignedNote;
use crate::attestation::Verifier;
use crate::proof::ProofError;
use crate::types::time::Timestamp;

/// The public keys that an auditor trusts: of logs, of receipts, of witnesses, and of the signers of attestations.
///
/// A checkpoint is good if a log's key has signed it, and a batch of receipts if a receipt key has; and if as many
/// witnesses as demanded have cosigned it. By default no
/// cosignature is demanded.
#[derive(Clone, Default)]
pub struct Trust {
    logs: Vec<Arc<dyn NoteVerifier>>,
    receipts: Vec<Arc<dyn NoteVerifier>>,
    witnesses: Vec<Arc<dyn NoteVerifier>>,
    quorum: usize,
    attesters: Option<Verifier>,
}

/// A valid cosignature of a known witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// The name of the witness's key.
    pub witness: String,
    /// The time that the witness signed.
    pub time: Timestamp,
}

impl Trust {
    /// Trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts a log's key, or the key of a store for all of its logs. A witness's key signs for no log, and does not count.
    #[must_use]
    pub fn log_key(self, key: NoteKey) -> Self {
        if key.is_cosigner() { self } else { self.log_verifier(key) }
    }

    /// As [`log_key`](Self::log_key), with a key of another signature type.
    #[must_use]
    pub fn log_verifier(mut self, key: impl NoteVerifier + 'static) -> Self {
        self.logs.push(Arc::new(key));
        self
    }

    /// Trusts a key that signs receipts, and no checkpoint. It is often a key of the service that decides, apart from that of
    /// the log.
    #[must_use]
    pub fn receipt_key(self, key: NoteKey) -> Self {
        if key.is_cosigner() { self } else { self.receipt_verifier(key) }
    }

    /// As [`receipt_key`](Self::receipt_key), with a key of another signature type.
    #[must_use]
    pub fn receipt_verifier(mut self, key: impl NoteVerifier + 'static) -> Self {
        self.receipts.push(Arc::new(key));
        self
    }

    /// Knows a witness. [`quorum`](Self::quorum) says how many of the known ones must have cosigned.
    #[must_use]
    pub fn witness(self, key: NoteKey) -> Self {
        self.witness_verifier(key)
    }

    /// As [`witness`](Self::witness), with a key of another signature type. Its signatures must have a time.
    #[must_use]
    pub fn witness_verifier(mut self, key: impl NoteVerifier + 'static) -> Self {
        self.witnesses.push(Arc::new(key));
        self
    }

    /// Demands valid cosignatures of so many known witnesses.
    #[must_use]
    pub fn quorum(self, quorum: usize) -> Self {
        Self { quorum, ..self }
    }

    /// Demands that the version in an evidence file is attested with one of these keys.
    #[must_use]
    pub fn attesters(self, verifier: Verifier) -> Self {
        Self { attesters: Some(verifier), ..self }
    }

    /// The keys of attestations.
    pub(crate) fn attestation_verifier(&self) -> Option<&Verifier> {
        self.attesters.as_ref()
    }

    /// Verifies the signatures of a checkpoint with this origin: every one by a known key, one of the log at least, and
    /// those of as many witnesses as demanded.
    pub(crate) fn check(&self, note: &SignedNote, origin: &str) -> Result<Vec<Cosigned>, ProofError> {
        self.check_by(&self.logs, note, origin)
    }

    /// The same for a batch of receipts.
    pub(crate) fn check_batch(&self, note: &SignedNote, origin: &str) -> Result<Vec<Cosigned>, ProofError> {
        self.check_by(&self.receipts, note, origin)
    }

    fn check_by(
        &self,
        signers: &[Arc<dyn NoteVerifier>],
        note: &SignedNote,
        origin: &str,
    ) -> Result<Vec<Cosigned>, ProofError> {
        let mut signed = false;
        let mut cosigned: Vec<Cosigned> = Vec::new();
        for line in note.signatures() {
            let of = |keys: &[Arc<dyn NoteVerifier>]| {
                keys.iter().find(|key| key.key_id(&line.name) == Some(line.key_id)).cloned()
            };
            let verified = |key: &Arc<dyn NoteVerifier>| {
                let bad = |_| ProofError::Signature { name: line.name.clone() };
                key.verify(note.text(), &line.signature).map_err(bad)
            };
            // A log's signature line has the log's origin as its name.
            if let Some(key) = of(signers).filter(|_| line.name == origin) {
                verified(&key)?;
                signed = true;
            } else if let Some(key) = of(&self.witnesses) {
                let witness = key.name().to_owned();
                if let Some(time) = verified(&key)?
                    && cosigned.iter().all(|known| known.witness != witness)
                {
                    cosigned.push(Cosigned { witness, time });
                }
            }
        }
        if !signed {
            return Err(ProofError::NotSigned { origin: origin.to_owned() });
        }
        if cosigned.len() < self.quorum {
            let (origin, expected, found) = (origin.to_owned(), self.quorum, cosigned.len());
            return Err(ProofError::Quorum { origin, expected, found });
        }
        Ok(cosigned)
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |keys: &[Arc<dyn NoteVerifier>]| keys.iter().map(|key| key.name().to_owned()).collect::<Vec<_>>();
        f.debug_struct("Trust")
            .field("logs", &names(&self.logs))
            .field("receipts", &names(&self.receipts))
            .field("witnesses", &names(&self.witnesses))
            .field("quorum", &self.quorum)
            .field("attesters", &self.attesters)
            .finish()
    }
}
