//! What the store records: log entries, their bodies, and content; their bytes and their hashes.
//!
//! Pure: nothing here reads a file, a clock or a cache, or knows where a record is kept.

mod body;
mod codec;
mod entry;
mod manifest;
mod object;

pub(crate) use body::{
    Body, Bound, BoundVersion, Content, PolicyArchived, PolicyCreated, PolicySetArchived, PolicySetCreated,
    PolicySetUpdated, PolicySetVersionArchived, PolicySetVersionCreated, PolicyUpdated, PolicyVersionArchived,
    PolicyVersionCreated, SchemaPublished, SchemaStatusChanged, Unbound, ZoneCreated, ZoneOpened,
};
pub(crate) use codec::{Format, decode, encode};
pub(crate) use entry::{Entry, EntryProblem, Envelope, Group, Recorded};
pub(crate) use manifest::Manifest;
pub(crate) use object::{Object, ObjectKind};
