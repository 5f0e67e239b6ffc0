//! Decisions: authorizers, answers, receipts and their replay, and the statements and explanation of an answer.
//! Decisions: authorizers, answers, receipts and their replay, the statements of an answer, and runs of test suites.
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
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod statement;
pub(crate) mod testing;
