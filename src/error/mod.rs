//! The one error type: a kind to act on, a stable code, and the detail with the input that was wrong.

mod detail;
mod diagnostic;
mod kind;

use std::fmt;

pub use detail::ErrorDetail;
pub(crate) use detail::cut;
pub use diagnostic::{Diagnostic, SourcePlace};
pub use kind::ErrorKind;

/// What a call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong: [`kind`](Error::kind) says what to do, [`code`](Error::code) is stable for machines, and
/// [`detail`](Error::detail) names the input.
///
/// Unless the kind is [`ErrorKind::OutcomeUnknown`], a refused write has left no trace in the store.
pub struct Error(Box<ErrorDetail>);

impl Error {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.class().0
    }

    /// A stable, machine-readable name of this error, such as `"policy_validation"`. Codes are never renamed.
    pub fn code(&self) -> &'static str {
        self.0.class().1
    }

    /// The error itself, with the input that was wrong.
    pub fn detail(&self) -> &ErrorDetail {
        &self.0
    }
}

impl From<ErrorDetail> for Error {
    fn from(detail: ErrorDetail) -> Self {
        Self(Box::new(detail))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}: {:?})", self.code(), self.0)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            // Its message tells the cause already, so the chain goes on behind that.
            ErrorDetail::InBundle { cause, .. } | ErrorDetail::GuardrailSchema { cause, .. } => {
                std::error::Error::source(cause)
            }
            detail => std::error::Error::source(detail),
        }
    }
}

/// The kinds of things that a store keeps, as errors name them.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Resource {
    /// A zone, also called a tenant.
    Zone,
    /// A zone's log.
    Log,
    /// A schema version.
    Schema,
    /// A policy.
    Policy,
    /// A version of a policy.
    PolicyVersion,
    /// A policy set.
    PolicySet,
    /// A version of a policy set.
    PolicySetVersion,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Zone => "zone",
            Self::Log => "log",
            Self::Schema => "schema",
            Self::Policy => "policy",
            Self::PolicyVersion => "policy version",
            Self::PolicySet => "policy set",
            Self::PolicySetVersion => "policy set version",
        })
    }
}

/// Refuses `actual` when it is over `limit`.
pub(crate) fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<()> {
    if actual > limit {
        return Err(ErrorDetail::TooLarge { what, limit, actual }.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_of_a_refused_bundle_are_led_to() {
        let signer = ErrorDetail::Signer { key_id: "k".to_owned(), source: "the token is out".into() };
        let error = Error::from(ErrorDetail::InBundle { member: "policies/p.cedar".to_owned(), cause: signer.into() });
        assert_eq!(error.to_string(), "`policies/p.cedar` of the policy bundle: the signer with key `k` failed");
        let chain: Vec<_> = std::iter::successors(std::error::Error::source(&error), |error| error.source()).collect();
        assert_eq!(chain.iter().map(ToString::to_string).collect::<Vec<_>>(), ["the token is out"]);
    }

    #[test]
    fn an_error_is_small_and_names_its_input_without_carrying_all_of_it() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
        let long = "é".repeat(10_000);
        let error = Error::from(ErrorDetail::invalid("policy id", &long, "too long"));
        assert!(error.to_string().starts_with("invalid policy id `ééé"));
        assert!(error.to_string().len() < 300);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "invalid_input"));
    }
}
