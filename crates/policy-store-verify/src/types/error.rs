//! The error of the crate's values: the input, and the rule that it breaks.

use std::error::Error as StdError;

use super::error_kind::ErrorKind;

/// The result of making a value.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A value breaks a rule, or a signer failed.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An id, name, time or other small input breaks a rule.
    #[error("invalid {what} `{input}`: {reason}")]
    InvalidInput {
        /// The name of the input, such as `policy id`.
        what: &'static str,
        /// The input, cut short if long.
        input: String,
        /// The rule.
        reason: &'static str,
    },
    /// The input is over a limit.
    #[error("too large: {}, limit {limit}", sized(.what, *.actual))]
    TooLarge {
        /// The unit and the input, as in `entries of the manifest`. An input alone is counted in bytes.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The size of the input.
        actual: usize,
    },
    /// JSON that does not have the required structure.
    #[error("invalid {what}: {message}")]
    Json {
        /// The name of the input, such as `JWK`.
        what: &'static str,
        /// The problem and its place.
        message: String,
    },
    /// A manifest names a policy twice.
    #[error("manifest names policy `{policy_id}` more than once")]
    DuplicatePolicy {
        /// The policy.
        policy_id: String,
    },
    /// The signer failed.
    #[error("signer with key `{key_id}` failed")]
    Signer {
        /// The key.
        key_id: String,
        /// The signer's error.
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl Error {
    /// The kind, which tells the caller's next step.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Signer { .. } => ErrorKind::Unavailable,
            Self::InvalidInput { .. } | Self::Json { .. } | Self::DuplicatePolicy { .. } => ErrorKind::Invalid,
        }
    }

    /// A stable, machine-readable name of this error, such as `"invalid_input"`. Codes are never renamed.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidInput { .. } => "invalid_input",
            Self::TooLarge { .. } => "too_large",
            Self::Json { .. } => "json",
            Self::DuplicatePolicy { .. } => "duplicate_policy",
            Self::Signer { .. } => "signer",
        }
    }

    /// The error of an input, which is cut short.
    #[doc(hidden)]
    #[must_use]
    pub fn invalid(what: &'static str, input: &str, reason: &'static str) -> Self {
        Self::InvalidInput { what, input: cut(input), reason }
    }
}

/// `statements of the policy` and 1001 as `the policy: 1001 statements`.
#[must_use]
pub fn sized(what: &str, actual: usize) -> String {
    let (unit, thing) = what.split_once(" of ").unwrap_or(("bytes", what));
    format!("{thing}: {actual} {unit}")
}

/// Refuses `actual` if it is over `limit`. `what` is the unit and the input, as in `statements of the policy`; an input alone
/// is counted in bytes.
pub fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit { Err(Error::TooLarge { what, limit, actual }) } else { Ok(()) }
}

/// The first characters of an input, so that an error does not carry megabytes.
#[must_use]
pub fn cut(input: &str) -> String {
    match input.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", input.get(..end).unwrap_or_default()),
        None => input.to_owned(),
    }
}
