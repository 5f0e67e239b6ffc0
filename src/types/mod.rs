//! The basic types of the crate: errors, ids, actors, hashes, times, targets, statuses, syntaxes, and the limits of all
//! input.
//!
//! Imports no other folder. Time and randomness enter through [`environment`] only.

#[macro_use]
mod text_enum;
#[macro_use]
mod trace;

pub(crate) mod actor;
pub(crate) mod cache_stats;
pub(crate) mod checkpoint;
pub(crate) mod concurrency;
pub(crate) mod environment;
pub(crate) mod error;
pub(crate) mod hash;
pub(crate) mod id;
pub(crate) mod json;
pub mod limits;
pub(crate) mod manifest_entry;
pub(crate) mod origin;
pub(crate) mod progress;
pub(crate) mod rationale;
pub(crate) mod schema;
pub(crate) mod syntax;
pub(crate) mod target;
pub(crate) mod time;
