//! Proofs with their checkpoint as texts: C2SP tlog-proof for inclusion, the request of C2SP tlog-witness for consistency.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Encoding};

use super::{ConsistencyProof, InclusionProof, ProofError, decimal, hash_lines};
use crate::note::{SignedCheckpoint, Trust, VerifiedCheckpoint};
use crate::record::NodeHash;
use crate::types::hash::RootHash;
use crate::types::limits;

const WHAT: &str = "tlog-proof";
const HEAD: &str = "c2sp.org/tlog-proof@v1\n";

/// A proof that an entry is in a log, with the checkpoint that it is proven against (C2SP tlog-proof). Its `Display` is the
/// text, and it parses from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    index: u64,
    hashes: Vec<NodeHash>,
    checkpoint: SignedCheckpoint,
}

impl TlogProof {
    /// A proof with its checkpoint.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](ProofError::Mismatch) if the proof is of another size than the checkpoint.
    pub fn new(proof: InclusionProof, checkpoint: SignedCheckpoint) -> Result<Self, ProofError> {
        ProofError::compare("size of the checkpoint", &proof.size, &checkpoint.unverified().size)?;
        Ok(Self { index: proof.index, hashes: proof.hashes, checkpoint })
    }

    /// The position of the entry.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The checkpoint.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// Verifies the checkpoint's signatures, and that the entry with these bytes is at the proof's place in its log.
    ///
    /// # Errors
    ///
    /// As [`SignedCheckpoint::verify`] and [`InclusionProof::verify`].
    pub fn verify(&self, entry: &[u8], trust: &Trust) -> Result<VerifiedCheckpoint, ProofError> {
        let verified = self.checkpoint.verify(trust)?;
        let checkpoint = verified.checkpoint();
        InclusionProof { index: self.index, size: checkpoint.size, hashes: self.hashes.clone() }
            .verify(entry, checkpoint.root)?;
        Ok(verified)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_proof(f, None, self.index, &self.hashes, &self.checkpoint)
    }
}

impl FromStr for TlogProof {
    type Err = ProofError;

    /// Reads a proof. Extra data is refused: an entry needs none.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge).
    fn from_str(text: &str) -> Result<Self, ProofError> {
        let Parts { extra, index, hashes, note } = Parts::read(text)?;
        if extra.is_some() {
            return Err(ProofError::malformed(WHAT, "extra data is not used here"));
        }
        Ok(Self { index, hashes, checkpoint: note.parse()? })
    }
}

/// The text of a proof.
pub(crate) fn write_proof(
    f: &mut fmt::Formatter<'_>,
    extra: Option<&[u8]>,
    index: u64,
    hashes: &[NodeHash],
    note: &impl fmt::Display,
) -> fmt::Result {
    f.write_str(HEAD)?;
    if let Some(extra) = extra {
        writeln!(f, "extra {}", Base64::encode_string(extra))?;
    }
    writeln!(f, "index {index}")?;
    hashes.iter().try_for_each(|hash| writeln!(f, "{}", Base64::encode_string(hash)))?;
    write!(f, "\n{note}")
}

/// The parts of a proof's text.
pub(crate) struct Parts<'t> {
    pub extra: Option<Vec<u8>>,
    pub index: u64,
    pub hashes: Vec<NodeHash>,
    pub note: &'t str,
}

impl<'t> Parts<'t> {
    pub(crate) fn read(text: &'t str) -> Result<Self, ProofError> {
        ProofError::at_most(WHAT, text.len(), limits::PROOF_BYTES)?;
        let wrong = |problem| ProofError::malformed(WHAT, problem);
        let rest = text.strip_prefix(HEAD).ok_or_else(|| wrong("first line is not `c2sp.org/tlog-proof@v1`"))?;
        let (head, note) = rest.split_once("\n\n").ok_or_else(|| wrong("missing blank line"))?;
        let mut lines = head.split('\n').peekable();
        let extra = lines.next_if(|line| line.starts_with("extra ")).and_then(|line| line.strip_prefix("extra "));
        let extra = extra.map(Base64::decode_vec).transpose().map_err(|_| wrong("extra data is not base64"))?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(decimal);
        let index = index.ok_or_else(|| wrong("missing line `index` with a decimal number"))?;
        Ok(Self { extra, index, hashes: hash_lines(WHAT, lines)?, note })
    }
}

impl ConsistencyProof {
    /// The proof with the later checkpoint, as a witness wants it (the request `add-checkpoint` of C2SP tlog-witness).
    #[must_use]
    pub fn with_checkpoint(&self, later: &SignedCheckpoint) -> String {
        let hashes: String = self.hashes.iter().map(|hash| format!("{}\n", Base64::encode_string(hash))).collect();
        format!("old {}\n{hashes}\n{later}", self.old)
    }

    /// Reads a proof with its later checkpoint, and verifies that the log of the verified earlier one has grown into it.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) or [`TooLarge`](ProofError::TooLarge); those of [`SignedCheckpoint::verify`]
    /// and [`verify`](Self::verify); [`Origin`](ProofError::Origin) if the checkpoints are of two logs.
    pub fn verify_text(
        text: &str,
        earlier: &VerifiedCheckpoint,
        trust: &Trust,
    ) -> Result<VerifiedCheckpoint, ProofError> {
        let what = "consistency proof";
        ProofError::at_most(what, text.len(), limits::PROOF_BYTES)?;
        let wrong = |problem| ProofError::malformed(what, problem);
        let (head, note) = text.split_once("\n\n").ok_or_else(|| wrong("missing blank line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(decimal);
        let old = old.ok_or_else(|| wrong("missing line `old` with a decimal number"))?;
        let hashes = hash_lines(what, lines)?;
        let later: SignedCheckpoint = note.parse()?;
        if later.origin() != earlier.signed().origin() {
            let (expected, found) = (format!("`{}`", earlier.signed().origin()), later.origin().to_owned());
            return Err(ProofError::Origin { expected, found });
        }
        ProofError::compare("size of the earlier checkpoint", &earlier.checkpoint().size, &old)?;
        let later = later.verify(trust)?;
        let (old_root, new): (RootHash, _) = (earlier.checkpoint().root, later.checkpoint());
        Self { old, new: new.size, hashes }.verify(old_root, new.root)?;
        Ok(later)
    }
}
