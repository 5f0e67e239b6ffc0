//! The error of publishing and following: a stable code, and the object that it is about.

use std::error::Error as StdError;

use policy_store::Timestamp;
use policy_store::proof::ProofError;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason that a publisher, a follower or an edge does not go on. [`code`](Self::code) is stable for machines.
///
/// A follower and an edge keep their state with every error. A publisher has published a head or not; its next call finds out.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The newest head, or the signed rules, are older than those that were seen before, or these are gone. The bucket was put back to an older state,
    /// or somebody shows one.
    #[error("`{object}` is older than the state that was seen before: {problem}")]
    Rollback {
        /// The object.
        object: String,
        /// The sizes or numbers that contradict each other.
        problem: String,
    },
    /// A signed checkpoint is of another history than the own log or rules: a restored backup, or another store.
    #[error("`{object}` is of another history: {problem}")]
    Fork {
        /// The object.
        object: String,
        /// The logs, or the size, that contradict each other.
        problem: String,
    },
    /// The newest time is older than the largest age that the follower or edge was given.
    #[error("`{object}` was signed at {time}, too old at {now}")]
    Frozen {
        /// The object.
        object: String,
        /// The time that was signed.
        time: Timestamp,
        /// The time of the own clock.
        now: Timestamp,
    },
    /// The newest time is in the future: one of the two clocks is wrong.
    #[error("`{object}` was signed at {time}, in the future at {now}: one of the clocks is wrong")]
    Clock {
        /// The object.
        object: String,
        /// The time that was signed.
        time: Timestamp,
        /// The time of the own clock.
        now: Timestamp,
    },
    /// A head, or that of signed rules, lacks a signature of the publication's key, its time, or the witnesses.
    #[error("`{object}` is not signed as demanded")]
    NotSigned {
        /// The object.
        object: String,
        /// The reason.
        source: ProofError,
    },
    /// An object is missing, or is not the one that the head names.
    #[error("`{object}` is damaged: {problem}")]
    Damaged {
        /// The object.
        object: String,
        /// The rule that it breaks.
        problem: String,
    },
    /// The object storage, or a witness, does not answer, or refuses the request. Try again later.
    #[error("`{object}`: the storage does not answer as expected")]
    Unavailable {
        /// The object.
        object: String,
        /// The reason.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// The newest head is of the same log and larger: the store is an older state. Make a follower the writer.
    #[error("`{object}` has {published} entries, the store has {own}: the store is an older state")]
    Behind {
        /// The object.
        object: String,
        /// The entries of the store's log in the newest head.
        published: u64,
        /// The entries of the store's log in the store.
        own: u64,
    },
    /// Another publisher has put the head that this one was about to put.
    #[error("`{object}` was put by another publisher")]
    Fenced {
        /// The object.
        object: String,
    },
    /// The store refuses a call, or an argument breaks a rule.
    #[error("the store refuses the call")]
    Store(#[from] policy_store::Error),
}

impl Error {
    /// A stable, machine-readable name of the error, such as `"fenced"`. Codes are never renamed.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rollback { .. } => "rollback",
            Self::Fork { .. } => "fork",
            Self::Frozen { .. } => "frozen",
            Self::Clock { .. } => "clock",
            Self::NotSigned { .. } => "not_signed",
            Self::Damaged { .. } => "damaged",
            Self::Unavailable { .. } => "unavailable",
            Self::Behind { .. } => "behind",
            Self::Fenced { .. } => "fenced",
            Self::Store(_) => "store",
        }
    }

    /// The name of the object that the error is about, without the prefix of the publication. None for errors of the store.
    #[must_use]
    pub fn object(&self) -> Option<&str> {
        match self {
            Self::Rollback { object, .. }
            | Self::Fork { object, .. }
            | Self::Frozen { object, .. }
            | Self::Clock { object, .. }
            | Self::NotSigned { object, .. }
            | Self::Damaged { object, .. }
            | Self::Unavailable { object, .. }
            | Self::Behind { object, .. }
            | Self::Fenced { object } => Some(object),
            Self::Store(_) => None,
        }
    }

    pub(crate) fn invalid(what: &'static str, input: &str, reason: &'static str) -> Self {
        Self::Store(policy_store::ErrorDetail::InvalidInput { what, input: input.to_owned(), reason }.into())
    }

    pub(crate) fn damaged(object: impl Into<String>, problem: impl std::fmt::Display) -> Self {
        Self::Damaged { object: object.into(), problem: problem.to_string() }
    }

    pub(crate) fn unavailable(object: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::Unavailable { object: object.into(), source: source.into() }
    }
}
