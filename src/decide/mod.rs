//! Decisions: authorizers, answers, receipts and their replay, and the statements and explanation of an answer.
//!
//! Knows no writes and no lists.

pub(crate) mod answer;
pub(crate) mod authorizer;
pub(crate) mod difference;
#[cfg(feature = "attestation")]
pub(crate) mod evidence;
pub(crate) mod explanation;
pub(crate) mod guardrail;
pub(crate) mod receipt;
pub(crate) mod statement;
