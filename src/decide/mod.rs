//! Decisions: authorizers, answers, receipts and their replay, the statements of an answer, and runs of test suites.
//!
//! Knows no writes and no lists.

#[cfg(feature = "attestation")]
pub(crate) mod anchor;
pub(crate) mod answer;
pub(crate) mod authorizer;
pub(crate) mod difference;
#[cfg(feature = "attestation")]
pub(crate) mod evidence;
pub(crate) mod explanation;
pub(crate) mod guardrail;
#[cfg(feature = "attestation")]
pub(crate) mod live;
#[cfg(feature = "attestation")]
mod proven;
pub(crate) mod receipt;
pub(crate) mod record;
pub(crate) mod replay;
#[cfg(feature = "attestation")]
pub(crate) mod signed_rules;
pub(crate) mod statement;
pub(crate) mod testing;
