//! History: log entries as public values.

pub use policy_store_verify::log::{BoundTo, Change};
use serde::Serialize;

use crate::record::LogEntry;
use crate::storage::Snapshot;
use crate::storage::key::LogNumber;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::hash::EntryHash;
use crate::types::id::IdempotencyKey;
use crate::types::rationale::Rationale;
use crate::types::time::Timestamp;

/// One entry of a log.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Its position in the log, counted from 0.
    pub position: u64,
    /// Its time: later than that of every entry before it.
    pub created_at: Timestamp,
    /// The clock at the time of the write.
    pub clock: Timestamp,
    /// The author.
    pub created_by: Actor,
    /// The actor that imported it, if it is earlier history of another system; `clock` is then the time of the import.
    pub imported_by: Option<Actor>,
    /// The idempotency key of the call that wrote it, if the call had one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The first and last position of its write. All entries of a write are durable, or none.
    pub write: (u64, u64),
    /// Why its write was made, if that was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
    /// The change.
    pub change: Change,
    /// The hash of the entry: SHA-256 over a zero byte and the entry's bytes, as for a leaf of RFC 6962. The next entry contains it.
    pub hash: EntryHash,
}

impl HistoryEntry {
    pub(crate) fn new(snapshot: &Snapshot<'_>, log: LogNumber, recorded: &LogEntry) -> Result<Self> {
        let (envelope, group) = (&recorded.envelope, snapshot.group(log, recorded));
        Ok(Self {
            position: envelope.position,
            created_at: envelope.created_at,
            clock: envelope.clock(),
            created_by: envelope.actor.clone(),
            imported_by: envelope.imported_by.clone(),
            idempotency_key: envelope.idempotency.map(|idempotency| idempotency.key),
            write: (group.start, group.end.saturating_sub(1)),
            rationale: snapshot.rationale(log, recorded)?,
            change: Change::new(&recorded.body),
            hash: recorded.hash,
        })
    }
}
