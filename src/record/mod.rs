//! Content, packed, and the fingerprints of calls; with the entries, manifests and trees of `policy-store-verify`: bytes and
//! hashes.
//!
//! Pure: reads no file, clock or cache, and does not know where a record is stored.

mod address;
mod content;
pub(crate) mod fingerprint;

pub use address::ContentAddress;
pub(crate) use content::{Content, PackedContent, Plain};
pub(crate) use policy_store_verify::record;
#[cfg(test)]
pub(crate) use policy_store_verify::record::edits;
pub(crate) use policy_store_verify::record::{
    Attested, Body, Bound, BoundVersion, ContentId, ContentKey, ContentKind, DefaultSchemaChanged, Entry, EntryProblem,
    Envelope, FEATURE_TESTS, Frontier, Group, Idempotency, LogEntry, LogForked, Manifest, NodeHash, PolicyArchived,
    PolicyCreated, PolicySetArchived, PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived,
    PolicySetVersionCreated, PolicyUpdated, PolicyVersionArchived, PolicyVersionCreated, SchemaPublished,
    SchemaStatusChanged, SealRoot, SealedZone, TILE, TestsKept, TestsRequired, Unbound, Unchanged, Wire, ZoneCreated,
    ZoneErased, ZoneForked, ZoneOpened, ZoneSuspended, ZonesSealed, decode, encode, node, tile_root,
};
