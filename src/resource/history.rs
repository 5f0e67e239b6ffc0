//! History: log entries as public values.

use serde::Serialize;

use crate::record::{Body, BoundVersion, Group, LogEntry};
use crate::types::actor::Actor;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{
    IdempotencyKey, LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId,
};
use crate::types::schema::SchemaStatus;
use crate::types::target::{BindingMode, Target, TargetType};
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
    /// The change.
    pub change: Change,
    /// The BLAKE3 of the entry's bytes. The next entry contains it.
    pub hash: EntryHash,
}

/// A policy set version, as named in a change of a binding.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BoundTo {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub version: u32,
}

/// A change in a zone or in the store.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the resources that the variants name")]
pub enum Change {
    /// A zone was created: the first entry of the zone's log, and an entry of the store's log.
    ZoneCreated { zone_id: ZoneId },
    /// A schema version was published. In the store's log.
    SchemaPublished { version: SchemaName, sha: Sha256 },
    /// The status of a schema version changed to this one. In the store's log.
    SchemaStatusChanged { version: SchemaName, status: SchemaStatus },
    /// A policy was created.
    PolicyCreated { policy_id: PolicyId, name: String, description: Option<String> },
    /// A policy's name and description changed to these.
    PolicyUpdated { policy_id: PolicyId, name: String, description: Option<String> },
    /// A policy was archived.
    PolicyArchived { policy_id: PolicyId },
    /// A version of a policy was created.
    PolicyVersionCreated {
        policy_id: PolicyId,
        policy_version_id: PolicyVersionId,
        version: u32,
        sha: Sha256,
        schema_version: SchemaName,
    },
    /// A version of a policy was archived.
    PolicyVersionArchived { policy_id: PolicyId, policy_version_id: PolicyVersionId, version: u32 },
    /// A policy set was created.
    PolicySetCreated { policy_set_id: PolicySetId, name: String, target_type: TargetType },
    /// A policy set's name changed to this one.
    PolicySetUpdated { policy_set_id: PolicySetId, name: String },
    /// A policy set was archived.
    PolicySetArchived { policy_set_id: PolicySetId },
    /// A version of a policy set was created.
    PolicySetVersionCreated {
        policy_set_id: PolicySetId,
        policy_set_version_id: PolicySetVersionId,
        version: u32,
        manifest_sha: Sha256,
        schema_version: SchemaName,
    },
    /// A version of a policy set was archived.
    PolicySetVersionArchived { policy_set_id: PolicySetId, policy_set_version_id: PolicySetVersionId, version: u32 },
    /// A version was bound to a target; `from` is the version bound before.
    Bound { target: Target, mode: BindingMode, to: BoundTo, from: Option<BoundTo> },
    /// The binding of a target ended; `from` is the version that was bound.
    Unbound { target: Target, mode: BindingMode, from: BoundTo },
    /// A zone was erased; this tombstone is all that remains of its log. In the store's log.
    ZoneErased { zone_id: ZoneId, log_id: LogId, length: u64, last: EntryHash },
    /// A call with an idempotency key changed nothing. The entry records the key.
    Unchanged,
    /// The zone was suspended or resumed.
    ZoneSuspended { suspended: bool },
    /// The zone's default schema changed to this one.
    DefaultSchemaChanged { version: Option<SchemaName> },
    /// A policy set version was attested; `sha` is the SHA-256 of the attestation.
    Attested { policy_set_id: PolicySetId, policy_set_version_id: PolicySetVersionId, version: u32, sha: Sha256 },
}

impl HistoryEntry {
    pub(crate) fn new(recorded: &LogEntry, group: Group) -> Self {
        let envelope = &recorded.envelope;
        Self {
            position: envelope.position,
            created_at: envelope.created_at,
            clock: envelope.clock,
            created_by: envelope.actor.clone(),
            imported_by: envelope.imported_by.clone(),
            idempotency_key: envelope.idempotency.map(|idempotency| idempotency.key),
            write: (group.start, group.end().saturating_sub(1)),
            change: Change::new(&recorded.body),
            hash: recorded.hash,
        }
    }
}

impl Change {
    fn new(body: &Body) -> Self {
        match body.clone() {
            Body::ZoneOpened(body) => Self::ZoneCreated { zone_id: body.zone_id },
            Body::ZoneCreated(body) => Self::ZoneCreated { zone_id: body.zone_id },
            Body::SchemaPublished(body) => Self::SchemaPublished { version: body.version, sha: body.sha },
            Body::SchemaStatusChanged(body) => Self::SchemaStatusChanged { version: body.version, status: body.status },
            Body::PolicyCreated(body) => {
                Self::PolicyCreated { policy_id: body.policy_id, name: body.name, description: body.description }
            }
            Body::PolicyUpdated(body) => {
                Self::PolicyUpdated { policy_id: body.policy_id, name: body.name, description: body.description }
            }
            Body::PolicyArchived(body) => Self::PolicyArchived { policy_id: body.policy_id },
            Body::PolicyVersionCreated(body) => Self::PolicyVersionCreated {
                policy_id: body.policy_id,
                policy_version_id: body.version_id,
                version: body.version,
                sha: body.sha,
                schema_version: body.schema.version,
            },
            Body::PolicyVersionArchived(body) => Self::PolicyVersionArchived {
                policy_id: body.policy_id,
                policy_version_id: body.version_id,
                version: body.version,
            },
            Body::PolicySetCreated(body) => Self::PolicySetCreated {
                policy_set_id: body.policy_set_id,
                name: body.name,
                target_type: body.target_type,
            },
            Body::PolicySetUpdated(body) => {
                Self::PolicySetUpdated { policy_set_id: body.policy_set_id, name: body.name }
            }
            Body::PolicySetArchived(body) => Self::PolicySetArchived { policy_set_id: body.policy_set_id },
            Body::PolicySetVersionCreated(body) => Self::PolicySetVersionCreated {
                policy_set_id: body.policy_set_id,
                policy_set_version_id: body.version_id,
                version: body.version,
                manifest_sha: body.manifest_sha,
                schema_version: body.schema.version,
            },
            Body::PolicySetVersionArchived(body) => Self::PolicySetVersionArchived {
                policy_set_id: body.policy_set_id,
                policy_set_version_id: body.version_id,
                version: body.version,
            },
            Body::Bound(body) => Self::Bound {
                target: body.target,
                mode: body.mode,
                to: body.bound.into(),
                from: body.replaced.map(BoundTo::from),
            },
            Body::Unbound(body) => Self::Unbound { target: body.target, mode: body.mode, from: body.replaced.into() },
            Body::ZoneErased(body) => {
                Self::ZoneErased { zone_id: body.zone_id, log_id: body.log_id, length: body.length, last: body.last }
            }
            Body::Unchanged(_) => Self::Unchanged,
            Body::ZoneSuspended(body) => Self::ZoneSuspended { suspended: body.suspended },
            Body::DefaultSchemaChanged(body) => {
                Self::DefaultSchemaChanged { version: body.schema.map(|schema| schema.version) }
            }
            Body::Attested(body) => Self::Attested {
                policy_set_id: body.policy_set_id,
                policy_set_version_id: body.version_id,
                version: body.version,
                sha: body.sha,
            },
        }
    }
}

impl From<BoundVersion> for BoundTo {
    fn from(bound: BoundVersion) -> Self {
        Self { policy_set_id: bound.policy_set_id, policy_set_version_id: bound.version_id, version: bound.version }
    }
}
