//! Deciding: authorizers, answers, receipts and their replay, and the statements behind an answer.
//!
//! Knows no write and no list.

pub(crate) mod answer;
pub(crate) mod authorizer;
pub(crate) mod difference;
pub(crate) mod guardrail;
pub(crate) mod receipt;
pub(crate) mod statement;
