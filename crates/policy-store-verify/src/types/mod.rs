//! The basic types: errors, ids, actors, hashes, times, targets, statuses, and the limits of what is read.
//!
//! Imports no other folder, and reads no clock but in [`time::Timestamp::now`].

#[macro_use]
mod text_enum;

pub mod actor;
pub mod checkpoint;
pub mod error;
pub mod error_kind;
pub mod hash;
pub mod id;
pub mod json;
pub mod limits;
pub mod manifest_entry;
pub mod origin;
pub mod plain;
pub mod rationale;
pub mod schema;
pub mod syntax;
pub mod target;
pub mod time;
