//! The basic types of the crate: errors, ids, actors, hashes, times, targets, statuses, syntaxes, and the limits of all
//! input. Those that need no store are those of `policy-store-verify`.
//!
//! Imports no other folder. Time and randomness enter through [`environment`] only.

#[macro_use]
mod trace;

pub(crate) use policy_store_verify::internal::{
    actor, checkpoint, hash, id, json, manifest_entry, origin, rationale, schema, target, time,
};

pub(crate) mod cache_stats;
pub(crate) mod concurrency;
pub(crate) mod environment;
pub(crate) mod error;
pub mod limits;
pub(crate) mod progress;
pub(crate) mod syntax;
#[cfg(test)]
mod words_tests;
