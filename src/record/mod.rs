//! What the store records: log entries, their bodies, and content; their bytes and their hashes.
//!
//! Pure: nothing here reads a file, a clock or a cache, or knows where a record is kept.

#[cfg(test)]
pub(crate) mod arbitrary;
mod body;
mod bound;
#[cfg(test)]
mod canonical_tests;
mod codec;
mod entry;
pub(crate) mod fingerprint;
mod ids;
mod manifest;
mod object;
#[cfg(test)]
mod pin_tests;
#[cfg(test)]
mod samples;

pub(crate) use body::{
    Attested, Body, Bound, Content, DefaultSchemaChanged, PolicyArchived, PolicyCreated, PolicySetArchived,
    PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived, PolicySetVersionCreated, PolicyUpdated,
    PolicyVersionArchived, PolicyVersionCreated, SchemaPublished, SchemaStatusChanged, Unbound, Unchanged, ZoneCreated,
    ZoneErased, ZoneOpened, ZoneSuspended,
};
pub(crate) use bound::BoundVersion;
pub(crate) use codec::{Format, decode, encode};
pub(crate) use entry::{Entry, EntryProblem, Envelope, Group, Idempotency, LogEntry};
pub(crate) use manifest::Manifest;
pub(crate) use object::{Object, ObjectKind};
