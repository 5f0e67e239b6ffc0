//! Verifies a store against its logs: every entry, all content, every derived row.

mod careful;
mod check;
mod compare;
mod contents;
mod report;
mod rows;
mod since;
mod spread;

#[cfg(test)]
pub(in crate::storage) use since::Kept;

pub use report::{Finding, Place, Report, VerifiedLog};
