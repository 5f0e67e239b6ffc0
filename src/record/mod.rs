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
mod content;
mod entry;
pub(crate) mod fingerprint;
mod manifest;
#[cfg(test)]
mod pin_tests;
#[cfg(test)]
mod samples;
mod tree;
mod wire;

pub(crate) use body::{
    Attested, Body, Bound, DefaultSchemaChanged, LogForked, PolicyArchived, PolicyCreated, PolicySetArchived,
    PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived, PolicySetVersionCreated, PolicyUpdated,
    PolicyVersionArchived, PolicyVersionCreated, SchemaPublished, SchemaStatusChanged, Unbound, Unchanged, ZoneCreated,
    ZoneErased, ZoneForked, ZoneOpened, ZoneSuspended,
};
pub(crate) use bound::BoundVersion;
pub(crate) use codec::{decode, encode};
pub(crate) use content::{Content, ContentId, ContentKey, ContentKind, PackedContent, Plain};
pub(crate) use entry::{Entry, EntryProblem, Envelope, Group, Idempotency, LogEntry};
pub(crate) use manifest::Manifest;
pub(crate) use tree::{Frontier, NodeHash, TILE, tile_root};
pub(crate) use wire::{Wire, record};
