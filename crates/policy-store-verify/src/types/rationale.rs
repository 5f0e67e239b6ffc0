//! Why a write was made: a reason for people, and a reference to the place that has more.

use serde::{Deserialize, Serialize};

use super::error::{Error, Result, at_most};
use super::id::check_text;
use super::limits;

/// Why a write was made. Both parts are optional. They stand on the entries of the write, in history, with what is in
/// force, and in the receipts of its decisions.
///
/// ```
/// use policy_store_verify::Rationale;
/// let rationale = Rationale::new().with_reason("Guests may no longer share.")?.with_reference("TICKET-17")?;
/// assert_eq!((rationale.reason(), rationale.reference()), (Some("Guests may no longer share."), Some("TICKET-17")));
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
#[serde(try_from = "GivenRationale", deny_unknown_fields)]
pub struct Rationale {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
}

/// A rationale in JSON, unchecked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenRationale {
    reason: Option<String>,
    reference: Option<String>,
}

impl TryFrom<GivenRationale> for Rationale {
    type Error = super::error::Error;

    fn try_from(given: GivenRationale) -> Result<Self> {
        Self::of(given.reason, given.reference)
    }
}

impl Rationale {
    /// Neither a reason nor a reference.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same, with a reason: 1 to 1,024 bytes of UTF-8 without control characters except newlines.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) or [`TooLarge`](crate::Error::TooLarge) for any other text.
    pub fn with_reason(self, reason: impl Into<String>) -> Result<Self> {
        Self::of(Some(reason.into()), self.reference)
    }

    /// The same, with a reference to a commit, a ticket or a page: 1 to 256 bytes of UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) or [`TooLarge`](crate::Error::TooLarge) for any other text.
    pub fn with_reference(self, reference: impl Into<String>) -> Result<Self> {
        Self::of(self.reason, Some(reference.into()))
    }

    /// Both parts, checked.
    ///
    /// # Errors
    ///
    /// As [`with_reason`](Self::with_reason) and [`with_reference`](Self::with_reference).
    #[doc(hidden)]
    pub fn of(reason: Option<String>, reference: Option<String>) -> Result<Self> {
        if let Some(reason) = &reason {
            check_reason(reason)?;
        }
        if let Some(reference) = &reference {
            check_text("reference", reference, limits::REFERENCE_BYTES)?;
        }
        Ok(Self { reason, reference })
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// The reference.
    #[must_use]
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// Whether it has neither a reason nor a reference.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reason.is_none() && self.reference.is_none()
    }
}

fn check_reason(reason: &str) -> Result<()> {
    if reason.is_empty() {
        return Err(Error::invalid("reason", reason, "must not be empty"));
    }
    at_most("reason", reason.len(), limits::REASON_BYTES)?;
    if reason.chars().any(|c| c.is_control() && c != '\n') {
        let rule = "control characters except newlines are not allowed";
        return Err(Error::invalid("reason", reason, rule));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_lines_and_a_reference_has_one() {
        let code = |result: Result<Rationale>| result.unwrap_err().code();
        let new = Rationale::new;
        assert_eq!(new().with_reason("a\nb").unwrap().reason(), Some("a\nb"));
        assert!(new().with_reason("é".repeat(512)).is_ok());
        assert_eq!(code(new().with_reason("x".repeat(1_025))), "too_large");
        assert_eq!(code(new().with_reference("x".repeat(257))), "too_large");
        for wrong in ["", "a\tb", "a\r\nb", "\u{7f}"] {
            assert_eq!(code(new().with_reason(wrong)), "invalid_input", "{wrong:?}");
        }
        for wrong in ["", "a\nb"] {
            assert_eq!(code(new().with_reference(wrong)), "invalid_input", "{wrong:?}");
        }
    }

    #[test]
    fn its_json_has_the_parts_that_it_has() {
        let both = Rationale::new().with_reason("r").unwrap().with_reference("T-1").unwrap();
        assert_eq!(serde_json::to_string(&both).unwrap(), r#"{"reason":"r","reference":"T-1"}"#);
        assert_eq!(serde_json::to_string(&Rationale::new()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Rationale>(r#"{"reference":"T-1"}"#).unwrap().reference(), Some("T-1"));
        assert!(serde_json::from_str::<Rationale>(r#"{"reason":""}"#).is_err());
        assert!(serde_json::from_str::<Rationale>(r#"{"why":"r"}"#).is_err());
    }
}
