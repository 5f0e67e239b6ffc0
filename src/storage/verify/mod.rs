//! Verifies a store against its logs: every entry, all content, every derived row.

mod careful;
mod check;
mod compare;
mod contents;
mod report;
mod rows;
mod since;

pub use report::{Finding, Place, Report, VerifiedLog};
