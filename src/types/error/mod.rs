//! The error type of the crate: a kind to act on, a stable code, and a detail with the input.

mod cause;
mod constructors;
mod detail;
mod diagnostic;
mod kind;
mod wording;

use std::fmt;

pub(crate) use cause::{NamedCause, describe_io};
pub use detail::ErrorDetail;
pub use diagnostic::{Diagnostic, SourcePlace};
pub use policy_store_verify::ErrorKind;
pub(crate) use policy_store_verify::internal::error::cut;
use policy_store_verify::text_enum;

/// The result of a call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The error of this crate: [`kind`](Error::kind) tells the caller's next step, [`code`](Error::code) is stable for machines,
/// [`detail`](Error::detail) names the input.
///
/// Unless the kind is [`ErrorKind::OutcomeUnknown`], a refused write has left no trace in the store.
pub struct Error(Box<ErrorDetail>);

impl Error {
    /// The kind, which tells the caller's next step.
    pub fn kind(&self) -> ErrorKind {
        self.0.class().0
    }

    /// A stable, machine-readable name of this error, such as `"policy_validation"`. Codes are never renamed.
    pub fn code(&self) -> &'static str {
        self.0.class().1
    }

    /// The detail with the input.
    pub fn detail(&self) -> &ErrorDetail {
        &self.0
    }
}

impl From<ErrorDetail> for Error {
    fn from(detail: ErrorDetail) -> Self {
        Self(Box::new(detail))
    }
}

impl From<policy_store_verify::Error> for Error {
    fn from(error: policy_store_verify::Error) -> Self {
        use policy_store_verify::Error as Given;
        Self::from(match error {
            Given::InvalidInput { what, input, reason } => ErrorDetail::InvalidInput { what, input, reason },
            Given::TooLarge { what, limit, actual } => ErrorDetail::TooLarge { what, limit, actual },
            Given::Json { what, message } => ErrorDetail::Json { what, message },
            Given::DuplicatePolicy { policy_id } => ErrorDetail::DuplicatePolicy { policy_id },
            Given::Signer { key_id, source } => ErrorDetail::Signer { key_id, source },
            other => ErrorDetail::failed("read a value", other),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A program prints this when its `main` returns the error: the message, with the causes that it does not contain.
        let mut told = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let message = error.to_string();
            if !told.contains(&message) {
                told = format!("{told}: {message}");
            }
            cause = error.source();
        }
        write!(f, "Error({}): {told}", self.code())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.0 {
            // The message of these already contains the cause, so the chain continues after it.
            ErrorDetail::InBundle { cause, .. }
            | ErrorDetail::InPlan { cause, .. }
            | ErrorDetail::GuardrailSchema { cause, .. } => std::error::Error::source(cause),
            ErrorDetail::OutcomeUnknown { source } => source.source(),
            ErrorDetail::Storage { source, .. } => match source.downcast_ref::<NamedCause>() {
                Some(told) if told.adds() => Some(told),
                _ => source.source(),
            },
            detail => std::error::Error::source(detail),
        }
    }
}

/// The kinds of resources in a store, as errors name them.
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

text_enum!(Resource, "resource", {
    Zone => "zone",
    Log => "log",
    Schema => "schema",
    Policy => "policy",
    PolicyVersion => "policy version",
    PolicySet => "policy set",
    PolicySetVersion => "policy set version",
});

/// Refuses `actual` if it is over `limit`. `what` is the unit and the input, as in `statements of the policy`; an input alone
/// is counted in bytes.
pub(crate) fn at_most(what: &'static str, actual: usize, limit: usize) -> Result<()> {
    Ok(policy_store_verify::internal::error::at_most(what, actual, limit)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_causes_of_a_refused_bundle_are_in_the_chain() {
        let signer = ErrorDetail::Signer { key_id: "k".to_owned(), source: "the token is out".into() };
        let error = Error::from(ErrorDetail::InBundle { member: "policies/p.cedar".to_owned(), cause: signer.into() });
        assert_eq!(error.to_string(), "`policies/p.cedar` of the policy bundle: signer with key `k` failed");
        let chain: Vec<_> = std::iter::successors(std::error::Error::source(&error), |error| error.source()).collect();
        assert_eq!(chain.iter().map(ToString::to_string).collect::<Vec<_>>(), ["the token is out"]);
    }

    #[test]
    fn debug_is_the_message_with_the_causes_that_it_does_not_contain() {
        let full = Error::from(ErrorDetail::io("commit", std::io::Error::other("no space left on device")));
        assert_eq!(format!("{full:?}"), "Error(storage): cannot commit: no space left on device");
        let main = || -> Result<()> { at_most("bytes of policy text", 70_000, 65_536) };
        let printed = format!("{:?}", main().unwrap_err());
        assert_eq!(printed, "Error(too_large): too large: policy text: 70000 bytes, limit 65536");
    }

    /// The templates of all messages, with the line breaks of their literals.
    fn templates() -> Vec<&'static str> {
        let source = include_str!("detail.rs");
        let literal = |attribute: &'static str| attribute.trim_start().strip_prefix('"')?.split('"').next();
        let all: Vec<_> = source.split("#[error(").skip(1).map(|rest| literal(rest).expect(rest)).collect();
        assert!(all.len() > 50 && all.contains(&"zone `{zone_id}` is suspended"), "{all:?}");
        all
    }

    #[test]
    fn messages_have_one_style() {
        for template in templates() {
            assert!(!template.starts_with(|first: char| first.is_uppercase()), "upper case: {template}");
            assert!(!template.starts_with("the ") && !template.starts_with("a "), "article: {template}");
            assert!(!template.ends_with(['.', '!', ':', ' ']), "end: {template}");
            let words = template.split(|c: char| !c.is_alphanumeric());
            let vague =
                words.filter(|word| matches!(*word, "what" | "who" | "whose" | "demanded" | "told" | "something"));
            // Fields are named in braces.
            let vague: Vec<_> = vague.filter(|word| !template.contains(&format!("{{{word}}}"))).collect();
            assert!(vague.is_empty(), "{vague:?}: {template}");
        }
    }

    #[test]
    fn messages_name_the_input_and_the_limit() {
        let request = |what| Error::from(ErrorDetail::Request { what, message: "no".to_owned() }).to_string();
        assert_eq!(request("entities"), "invalid entities: no");
        assert_eq!(request("context"), "invalid context: no");
        let costly = |statements, counted| {
            let (policy, schema) = ("policy".to_owned(), "v1".to_owned());
            let (request_types, limit, advice) = (3, 5, "split it");
            let detail =
                ErrorDetail::ValidationTooCostly { policy, schema, statements, counted, request_types, limit, advice };
            Error::from(detail).to_string()
        };
        let start = "too costly: policy against schema `v1`: ";
        assert_eq!(costly(2, 2), format!("{start}2 statements × 3 request types = 6, limit 5: split it"));
        let long = "1 statement counted as 4 for its length × 3 request types = 12, limit 5: split it";
        assert_eq!(costly(1, 4), format!("{start}{long}"));
        let large = |what| ErrorDetail::TooLarge { what, limit: 1, actual: 2 }.to_string();
        assert_eq!(large("name"), "too large: name: 2 bytes, limit 1");
        assert_eq!(large("statements of the policy"), "too large: the policy: 2 statements, limit 1");
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
