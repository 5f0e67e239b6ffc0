//! The reasons that a note, a proof, a receipt or an evidence file is refused, each with the input.

use std::fmt;

use crate::types::error::cut;
use crate::types::error_kind::ErrorKind;
use crate::types::hash::RootHash;
use crate::types::plain;

/// The reason that a signed note, a checkpoint, a proof, a signed receipt or an evidence file is refused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The input is over a limit. It was not read.
    #[error("too large: {what}: {actual}, limit {limit}")]
    TooLarge {
        /// The name of the input and its unit.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The size of the input.
        actual: usize,
    },
    /// The input does not have its format.
    #[error("invalid {what}: {problem}")]
    Malformed {
        /// The name of the input.
        what: &'static str,
        /// The problem, with the line or member.
        problem: String,
    },
    /// A newer release wrote the input.
    #[error("{what} {found} is newer than {known}, the newest that this build reads")]
    Newer {
        /// The number's name.
        what: &'static str,
        /// The number in the input.
        found: u64,
        /// The newest number that this build knows.
        known: u64,
    },
    /// No signature of the note is by a trusted key of the log.
    #[error("checkpoint of `{origin}` has no signature by a trusted key of the log")]
    NotSigned {
        /// The origin of the checkpoint.
        origin: String,
    },
    /// A signature by a trusted key is not valid for the text.
    #[error("signature of `{name}` does not verify")]
    Signature {
        /// The name in the signature line.
        name: String,
    },
    /// Too few known witnesses have cosigned.
    #[error("checkpoint of `{origin}` has valid cosignatures of {found} known witnesses, expected {expected}")]
    Quorum {
        /// The origin of the checkpoint.
        origin: String,
        /// The number that is demanded.
        expected: usize,
        /// The number of known witnesses with a valid cosignature.
        found: usize,
    },
    /// The checkpoint is of another log.
    #[error("origin of the checkpoint is `{found}`, expected {expected}")]
    Origin {
        /// The expected origin.
        expected: String,
        /// The origin of the checkpoint.
        found: String,
    },
    /// The place in the tree does not exist.
    #[error("{what} {index} is not in a tree of {size} leaves")]
    OutOfTree {
        /// The name of the place.
        what: &'static str,
        /// The place.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A proof has another number of hashes than its sizes have: it is of a tree of another size.
    #[error("{what} has {found} hashes, expected {expected} for this size of the tree")]
    ProofLength {
        /// The kind of proof.
        what: &'static str,
        /// The number of hashes for these sizes.
        expected: usize,
        /// The number of hashes in the proof.
        found: usize,
    },
    /// A proof leads to another root: the leaf, an earlier root or the proof was changed, or is of another log.
    #[error("{what} does not lead to the root {root}")]
    WrongRoot {
        /// The kind of proof.
        what: &'static str,
        /// The expected root.
        root: RootHash,
    },
    /// Two parts that must agree differ.
    #[error("{field} is `{found}`, expected `{expected}`")]
    Mismatch {
        /// The name of the value.
        field: &'static str,
        /// The value that the rest of the evidence demands.
        expected: String,
        /// The value that was found.
        found: String,
    },
    /// A part that the verification needs is not there.
    #[error("missing: {what}")]
    Missing {
        /// The part.
        what: String,
    },
    /// The version was no longer in force: a later entry before the decision binds or unbinds the same target.
    #[error("binding was replaced before the decision: entry {position} {change}")]
    Replaced {
        /// The position of the later entry.
        position: u64,
        /// The change that it made.
        change: String,
    },
    /// An attestation is refused.
    #[error("attestation is refused: {reason}")]
    Attestation {
        /// The reason.
        reason: String,
    },
    /// Deciding again gave another result.
    #[error("deciding again gives another result: {field} is `{found}`, the receipt says `{expected}`")]
    Decision {
        /// The name of the value.
        field: &'static str,
        /// The receipt's value.
        expected: String,
        /// The value of deciding again.
        found: String,
    },
    /// A part of a larger input is refused.
    #[error("{part}: {source}")]
    In {
        /// The part.
        part: String,
        /// The reason.
        source: Box<ProofError>,
    },
}

impl ProofError {
    /// A stable, machine-readable name of the reason, such as `"wrong_root"`: that of the part if a part is refused.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "too_large",
            Self::Malformed { .. } => "malformed",
            Self::Newer { .. } => "newer_format",
            Self::NotSigned { .. } => "not_signed",
            Self::Signature { .. } => "signature",
            Self::Quorum { .. } => "quorum",
            Self::Origin { .. } => "origin",
            Self::OutOfTree { .. } => "out_of_tree",
            Self::ProofLength { .. } => "proof_length",
            Self::WrongRoot { .. } => "wrong_root",
            Self::Mismatch { .. } => "mismatch",
            Self::Missing { .. } => "missing",
            Self::Replaced { .. } => "replaced",
            Self::Attestation { .. } => "attestation",
            Self::Decision { .. } => "decision",
            Self::In { source, .. } => source.code(),
        }
    }

    /// The kind, which tells the caller's next step.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Newer { .. } => ErrorKind::Unavailable,
            Self::In { source, .. } => source.kind(),
            _ => ErrorKind::Invalid,
        }
    }

    pub(crate) fn malformed(what: &'static str, problem: impl fmt::Display) -> Self {
        Self::Malformed { what, problem: plain::message(&problem.to_string()) }
    }

    /// Refuses a value that differs from the expected one.
    pub(crate) fn compare<T: PartialEq + fmt::Display>(
        field: &'static str,
        expected: &T,
        found: &T,
    ) -> Result<(), Self> {
        if expected == found {
            return Ok(());
        }
        Err(Self::Mismatch { field, expected: cut(&expected.to_string()), found: cut(&found.to_string()) })
    }
}

#[cfg(feature = "signatures")]
impl ProofError {
    pub(crate) fn missing(what: impl fmt::Display) -> Self {
        Self::Missing { what: what.to_string() }
    }

    /// The same as a reason to refuse a larger input.
    pub(crate) fn within(self, part: impl fmt::Display) -> Self {
        Self::In { part: part.to_string(), source: Box::new(self) }
    }

    /// Refuses an input over its limit.
    pub(crate) fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<(), Self> {
        if actual > limit { Err(Self::TooLarge { what, limit, actual }) } else { Ok(()) }
    }
}
