//! Findings as they are printed: a syntax or validation error's list of messages, each with its place. Which status their
//! error gets is not known here.

use policy_store::{Diagnostic, Error, ErrorDetail};
use serde::Serialize;

/// A finding, flat, so that a client needs no second object for the place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    message: String,
    /// The file of the policy bundle that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    /// Counted from 0.
    statement: Option<u32>,
    /// Counted from 1.
    line: Option<u32>,
    /// In characters, counted from 1.
    column: Option<u32>,
    /// In bytes, counted from 0.
    offset: Option<u32>,
    /// In bytes.
    length: Option<u32>,
    /// How many findings it stands for, if more than itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl Finding {
    /// Every finding of an error; none if it is of another kind.
    pub fn all(error: &Error) -> Vec<Self> {
        Self::of(error, None)
    }

    fn of(error: &Error, file: Option<&str>) -> Vec<Self> {
        match error.detail() {
            ErrorDetail::Syntax { diagnostics, .. } | ErrorDetail::PolicyValidation { diagnostics, .. } => {
                diagnostics.iter().map(|diagnostic| Self::new(diagnostic, file)).collect()
            }
            ErrorDetail::InBundle { member, cause } => Self::of(cause, Some(member)),
            _ => Vec::new(),
        }
    }

    fn new(diagnostic: &Diagnostic, file: Option<&str>) -> Self {
        let place = diagnostic.place;
        Self {
            message: diagnostic.message.clone(),
            file: file.map(str::to_owned),
            statement: diagnostic.statement,
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            offset: place.map(|place| place.offset),
            length: place.map(|place| place.length),
            count: Some(diagnostic.count).filter(|count| *count > 1),
        }
    }
}
