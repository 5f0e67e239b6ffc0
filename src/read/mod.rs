//! A zone as its handles read it: at each call's moment, at one moment that is held, or inside a write.
//!
//! Writes nothing.

mod all;
pub(crate) mod as_of;
mod bindings;
pub(crate) mod blame;
pub(crate) mod changes;
mod decisions;
mod differences;
pub(crate) mod moment;
mod pinned_statements;
pub(crate) mod proofs;
mod suites;
pub(crate) mod zone;
