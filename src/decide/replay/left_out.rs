//! Lines that a replay leaves out, and the reasons.

use policy_store_verify::text_enum;
use serde::Serialize;

use crate::types::error::{Error, ErrorDetail, ErrorKind, Result};

/// The reason that a replay leaves a line out of its counts.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// The line is no record of this form, is too large, or has inputs that cannot be read.
    Malformed,
    /// The receipt is of another zone or log, or the store does not have its rules as it says.
    OtherRules,
    /// The request or the entities are not those of the receipt.
    OtherInputs,
    /// The line names entities that no earlier line has.
    MissingEntities,
    /// The request or the entities do not fit the schema of the authorizer that decides.
    Unreadable,
    /// Cedar failed on the decision.
    Failed,
}

text_enum!(LeftOut, "reason", {
    Malformed => "malformed",
    OtherRules => "other_rules",
    OtherInputs => "other_inputs",
    MissingEntities => "missing_entities",
    Unreadable => "unreadable",
    Failed => "failed",
});

/// Characters of a message. Cedar's can be long.
const MESSAGE_CHARS: usize = 500;

/// The reason and the message for one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub reason: LeftOut,
    pub message: String,
}

impl Refusal {
    pub(super) fn new(reason: LeftOut, message: &str) -> Self {
        let mut shown: String = message.chars().take(MESSAGE_CHARS).collect();
        if shown.len() < message.len() {
            shown.push('…');
        }
        Self { reason, message: shown }
    }

    /// Tells an error about a line from one that ends the replay: of the disk, or damage of the store.
    pub(super) fn of<T>(reason: LeftOut, result: Result<T>) -> Result<Result<T, Self>> {
        match result {
            Ok(value) => Ok(Ok(value)),
            Err(error) if is_of_the_line(&error) => Ok(Err(Self::new(reason, &error.to_string()))),
            Err(error) => Err(error),
        }
    }
}

/// The end of the work on one line.
pub(super) enum Halt {
    /// The line is left out.
    Line(Refusal),
    /// The replay fails.
    Replay(Error),
}

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        Self::Line(refusal)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Replay(error)
    }
}

fn is_of_the_line(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Corrupt | ErrorKind::OutcomeUnknown | ErrorKind::Stopped => false,
        ErrorKind::Unavailable => {
            matches!(error.detail(), ErrorDetail::NewerFormat { .. } | ErrorDetail::CannotCompile { .. })
        }
        _ => true,
    }
}
