//! History: log entries as public values, and the resources that an entry is about.

pub use policy_store_verify::log::{BoundTo, Change, ChangeKind};
use serde::Serialize;

use crate::record::{
    Attested, Body, LogEntry, PolicyArchived, PolicyCreated, PolicySetArchived, PolicySetCreated, PolicySetUpdated,
    PolicySetVersionArchived, PolicySetVersionCreated, PolicyUpdated, PolicyVersionArchived, PolicyVersionCreated,
    SchemaPublished, SchemaStatusChanged, TestsKept, ZoneCreated, ZoneErased, ZoneForked,
};
use crate::storage::Snapshot;
use crate::storage::key::LogNumber;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::hash::EntryHash;
use crate::types::id::{IdempotencyKey, ZoneId};
use crate::types::rationale::Rationale;
use crate::types::target::Target;
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

/// One entry of a log, in the timeline of all logs.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// The zone that the log belongs to; none for the store's own log.
    pub zone_id: Option<ZoneId>,
    /// The entry.
    #[serde(flatten)]
    pub entry: HistoryEntry,
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

/// The resources that an entry is about: those that it creates or changes, and the parent of a version. Resources that a
/// version pins or was validated against are not among them.
#[derive(Debug, Default)]
pub(crate) struct About<'a> {
    pub policy: Option<&'a str>,
    /// The set of a version that was bound, and that of the version that it replaced.
    pub policy_sets: [Option<&'a str>; 2],
    pub schema: Option<&'a str>,
    /// In the store's log: the zone. A zone's own entries do not repeat its id.
    pub zone: Option<&'a str>,
    pub target: Option<&'a Target>,
}

impl<'a> About<'a> {
    pub(crate) fn of(body: &'a Body) -> Self {
        let none = Self::default();
        match body {
            Body::PolicyCreated(PolicyCreated { policy_id, .. })
            | Body::PolicyUpdated(PolicyUpdated { policy_id, .. })
            | Body::PolicyArchived(PolicyArchived { policy_id })
            | Body::PolicyVersionCreated(PolicyVersionCreated { policy_id, .. })
            | Body::PolicyVersionArchived(PolicyVersionArchived { policy_id, .. }) => {
                Self { policy: Some(policy_id.as_str()), ..none }
            }
            Body::PolicySetCreated(PolicySetCreated { policy_set_id, .. })
            | Body::PolicySetUpdated(PolicySetUpdated { policy_set_id, .. })
            | Body::PolicySetArchived(PolicySetArchived { policy_set_id })
            | Body::PolicySetVersionCreated(PolicySetVersionCreated { policy_set_id, .. })
            | Body::PolicySetVersionArchived(PolicySetVersionArchived { policy_set_id, .. })
            | Body::Attested(Attested { policy_set_id, .. })
            | Body::TestsKept(TestsKept { policy_set_id, .. }) => {
                Self { policy_sets: [Some(policy_set_id.as_str()), None], ..none }
            }
            Body::Bound(bound) => {
                let replaced = bound.replaced.as_ref().map(|replaced| replaced.policy_set_id.as_str());
                let policy_sets = [Some(bound.bound.policy_set_id.as_str()), replaced];
                Self { policy_sets, target: Some(&bound.target), ..none }
            }
            Body::Unbound(unbound) => {
                let policy_sets = [Some(unbound.replaced.policy_set_id.as_str()), None];
                Self { policy_sets, target: Some(&unbound.target), ..none }
            }
            Body::SchemaPublished(SchemaPublished { version, .. })
            | Body::SchemaStatusChanged(SchemaStatusChanged { version, .. }) => {
                Self { schema: Some(version.as_str()), ..none }
            }
            Body::DefaultSchemaChanged(changed) => {
                Self { schema: changed.schema.as_ref().map(|schema| schema.version.as_str()), ..none }
            }
            Body::ZoneCreated(ZoneCreated { zone_id, .. })
            | Body::ZoneErased(ZoneErased { zone_id, .. })
            | Body::ZoneForked(ZoneForked { zone_id, .. }) => Self { zone: Some(zone_id.as_str()), ..none },
            Body::ZonesSealed(_)
            | Body::CheckpointKept(_)
            | Body::ZoneOpened(_)
            | Body::LogForked(_)
            | Body::ZoneSuspended(_)
            | Body::TestsRequired(_)
            | Body::Unchanged(_) => none,
        }
    }
}
