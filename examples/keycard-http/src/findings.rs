//! Findings in JSON: the messages of a syntax or validation error, each with its place. Does not know the status of the
//! error.

use policy_store::{Diagnostic, Error, ErrorDetail};
use serde::Serialize;

/// A finding as a flat object, so that the place is no object of its own.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    message: String,
    /// The file in the policy bundle.
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
    /// The number of findings that it represents, if more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u32>,
}

impl Finding {
    /// The findings of an error; empty for other kinds of errors.
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
