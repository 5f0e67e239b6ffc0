//! An entry of a log, decoded from its bytes.

use serde::Serialize;

use super::change::Change;
use crate::proof::ProofError;
use crate::record::{self, EntryProblem, LogEntry};
use crate::types::actor::Actor;
use crate::types::hash::EntryHash;
use crate::types::id::{IdempotencyKey, LogId};
use crate::types::rationale::Rationale;
use crate::types::time::Timestamp;

/// An entry of a log. docs/format.md of the store describes the bytes. JSON of an entry is for people: the bytes are hashed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The log.
    pub log_id: LogId,
    /// The position in the log, counted from 0.
    pub position: u64,
    /// The hash of the entry before it; zeros for the first.
    pub previous: EntryHash,
    /// The time: later than that of every entry before it.
    pub created_at: Timestamp,
    /// The clock at the time of the write.
    pub clock: Timestamp,
    /// The author.
    pub created_by: Actor,
    /// The actor that imported it, if it is earlier history of another system.
    pub imported_by: Option<Actor>,
    /// The idempotency key of the call that wrote it, if the call had one.
    pub idempotency_key: Option<IdempotencyKey>,
    /// The first and last position of its write.
    pub write: (u64, u64),
    /// Why its write was made. Only the first entry of a write has it, for all of them.
    pub rationale: Option<Rationale>,
    /// The position of the last entry before it that bound or unbound a version, of any target and mode.
    pub last_binding: Option<u64>,
    /// The change.
    pub change: Change,
    /// The hash: SHA-256 of a zero byte and the bytes, which is the hash of a leaf of RFC 6962.
    pub hash: EntryHash,
}

impl Entry {
    /// Decodes an entry.
    ///
    /// # Errors
    ///
    /// [`Malformed`](ProofError::Malformed) for bytes that are not the one encoding of an entry; [`Newer`](ProofError::Newer)
    /// for an entry of a newer release, whose hash is good all the same.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProofError> {
        read(bytes).map(|entry| Self::from(&entry))
    }
}

/// Decodes an entry as the crate uses it.
pub(crate) fn read(bytes: &[u8]) -> Result<LogEntry, ProofError> {
    let read = record::Entry::decode(bytes).and_then(|(entry, hash)| LogEntry::from_entry(entry, hash));
    read.map_err(|problem| match problem {
        EntryProblem::Damaged(problem) => ProofError::malformed("log entry", problem),
        EntryProblem::Newer { what, found, known } => ProofError::Newer { what, found, known },
    })
}

impl From<&LogEntry> for Entry {
    fn from(entry: &LogEntry) -> Self {
        let envelope = &entry.envelope;
        Self {
            log_id: envelope.log_id,
            position: envelope.position,
            previous: envelope.previous,
            created_at: envelope.created_at,
            clock: envelope.clock(),
            created_by: envelope.actor.clone(),
            imported_by: envelope.imported_by.clone(),
            idempotency_key: envelope.idempotency.map(|idempotency| idempotency.key),
            write: (envelope.group_start(), envelope.group_end().saturating_sub(1)),
            rationale: envelope.rationale.clone(),
            last_binding: envelope.last_binding,
            change: Change::new(&entry.body),
            hash: entry.hash,
        }
    }
}
