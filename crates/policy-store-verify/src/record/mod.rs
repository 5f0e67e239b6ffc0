//! Log entries, their bodies, manifests, names of content, and the tree over a log: bytes and hashes.
//!
//! Pure: reads no file, clock or cache, and does not know where a record is stored.
#![allow(missing_docs, reason = "the crate's users see other types")]

#[macro_use]
mod wire;

#[cfg(test)]
mod arbitrary;
mod body;
mod bound;
#[cfg(test)]
mod canonical_tests;
mod codec;
mod content_id;
#[cfg(any(test, feature = "judge"))]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "for tests")]
pub mod edits;
mod entry;
mod manifest;
#[cfg(test)]
mod pin_tests;
#[cfg(test)]
pub(crate) mod samples;
mod tree;

pub use body::{
    Attested, Body, Bound, CheckpointKept, DefaultSchemaChanged, FEATURE_TESTS, LogForked, PolicyArchived,
    PolicyCreated, PolicySetArchived, PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived,
    PolicySetVersionCreated, PolicyUpdated, PolicyVersionArchived, PolicyVersionCreated, SchemaPublished,
    SchemaStatusChanged, SealRoot, SealedZone, TestsKept, TestsRequired, Unbound, Unchanged, ZoneCreated, ZoneErased,
    ZoneForked, ZoneOpened, ZoneSuspended, ZonesSealed,
};
pub use bound::BoundVersion;
pub use codec::{decode, encode};
pub use content_id::{ContentId, ContentKey, ContentKind};
pub use entry::{Entry, EntryProblem, Envelope, Group, Idempotency, LogEntry};
pub use manifest::Manifest;
pub use tree::{Frontier, NodeHash, TILE, node, tile_root};
pub use wire::{Format, Wire};
