//! Evidence files: all that shows, without the store, which rules decided, who put them in force, when and why, and that
//! nothing had replaced them when the decision was made. And signed rules: the same for the rules in force, without a decision.
//!
//! An [`Evidence`] has the receipt of a decision, a signed checkpoint of the zone's log (or of the store's log, with a seal),
//! the log entries that the receipt rests on, each with its proof, and the texts that they name by hash. [`Evidence::verify`]
//! checks all of it against public keys, and gives a [`Verdict`].
//!
//! [`SignedRules`] have the rules in force for a target when the checkpoint was signed. [`SignedRules::verify`] gives
//! [`VerifiedRules`], which the store's crate decides by, without a store.
//!
//! The formats are in docs/format.md of the store. Does not know stores.

mod attested;
mod file;
mod in_force;
mod log;
mod parts;
#[cfg(feature = "cedar")]
mod replay;
mod rules;
mod seal;
mod signed_rules;
mod statement;
mod told;
mod verdict;
mod verified_rules;
mod verify;

pub use file::Evidence;
pub use parts::{ProvenEntry, RulesText, SealProof};
pub use signed_rules::SignedRules;
pub use verdict::{Guardrail, Import, RulesVerdict, Verdict};
pub use verified_rules::{RulesInForce, VerifiedRules};
