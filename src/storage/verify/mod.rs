//! Verifies a store against its logs: every entry, all content, every derived row; or what came after checkpoints.

mod calls;
mod careful;
mod check;
mod checkpoints;
mod compare;
mod contents;
mod kept;
mod report;
mod rows;
mod sealed;
mod seals;
mod since;
mod spread;

#[cfg(test)]
pub(in crate::storage) use kept::Kept;

pub use report::{Finding, Place, Report, VerifiedLog};
