//! Log entries, their bodies, content, manifests and fingerprints: bytes and hashes.
//!
//! Pure: reads no file, clock or cache, and does not know where a record is stored.

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
