//! Evidence files: all that shows, without the store, which rules decided, who put them in force, when and why, and that
//! nothing had replaced them when the decision was made.
//!
//! An [`Evidence`] has the receipt of a decision, a signed checkpoint of the zone's log (or of the store's log, with a seal),
//! the log entries that the receipt rests on, each with its proof, and the texts that they name by hash. [`Evidence::verify`]
//! checks all of it against public keys, and gives a [`Verdict`].
//!
//! The format is in docs/format.md of the store. Does not know stores.

mod file;
mod log;
#[cfg(feature = "cedar")]
mod replay;
mod rules;
mod statement;
mod verdict;
mod verify;

pub use file::{Evidence, ProvenEntry, RulesText, SealProof};
pub use verdict::{Guardrail, Import, RulesVerdict, Verdict};
