//! History: a zone's log as a list of what happened, who did it, and when.

use serde::Serialize;

use crate::error::Result;
use crate::hash::EntryHash;
use crate::id::{OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::model::{BindingMode, Target};
use crate::record::{Body, BoundVersion, Recorded};
use crate::time::Timestamp;

/// One entry of a log.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistoryEntry {
    /// Its place in the log, counted from 0.
    pub position: u64,
    /// When it was made: later than all before it.
    pub created_at: Timestamp,
    /// What the clock said then.
    pub clock: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// What kind of actor that was.
    pub actor_type: OwnerType,
    /// Who imported it, if it is earlier history of another system; then `clock` is when.
    pub imported_by: Option<String>,
    /// The first and the last position of the write that it was part of: all of those are in force, or none.
    pub write: (u64, u64),
    /// What happened.
    pub change: Change,
    /// The BLAKE3 of the entry's bytes, which the next entry names.
    pub hash: EntryHash,
}

/// A policy set version, as a change of bindings names it.
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

/// What happened in a zone.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of the resources that the variants name")]
pub enum Change {
    /// The zone was created.
    ZoneCreated { zone_id: ZoneId },
    /// A policy was created.
    PolicyCreated { policy_id: PolicyId, name: String, description: Option<String> },
    /// A policy's name and description became these.
    PolicyUpdated { policy_id: PolicyId, name: String, description: Option<String> },
    /// A policy was archived.
    PolicyArchived { policy_id: PolicyId },
    /// A version of a policy was created.
    PolicyVersionCreated {
        policy_id: PolicyId,
        policy_version_id: PolicyVersionId,
        version: u32,
        sha: crate::hash::Sha256,
        schema_version: SchemaName,
    },
    /// A version of a policy was archived.
    PolicyVersionArchived { policy_id: PolicyId, policy_version_id: PolicyVersionId, version: u32 },
    /// A policy set was created.
    PolicySetCreated { policy_set_id: PolicySetId, name: String },
    /// A policy set's name became this.
    PolicySetUpdated { policy_set_id: PolicySetId, name: String },
    /// A policy set was archived.
    PolicySetArchived { policy_set_id: PolicySetId },
    /// A version of a policy set was created.
    PolicySetVersionCreated {
        policy_set_id: PolicySetId,
        policy_set_version_id: PolicySetVersionId,
        version: u32,
        manifest_sha: crate::hash::Sha256,
        schema_version: SchemaName,
    },
    /// A version of a policy set was archived.
    PolicySetVersionArchived { policy_set_id: PolicySetId, policy_set_version_id: PolicySetVersionId, version: u32 },
    /// A version was bound to a target; `from` is what was bound there before.
    Bound { target: Target, mode: BindingMode, to: BoundTo, from: Option<BoundTo> },
    /// What was bound to a target was unbound.
    Unbound { target: Target, mode: BindingMode, from: BoundTo },
}

impl HistoryEntry {
    pub(crate) fn new(recorded: &Recorded) -> Result<Self> {
        let envelope = &recorded.envelope;
        Ok(Self {
            position: envelope.position,
            created_at: envelope.created_at,
            clock: envelope.clock,
            created_by: envelope.actor.id().to_owned(),
            actor_type: envelope.actor.owner_type(),
            imported_by: envelope.imported_by.as_ref().map(|actor| actor.id().to_owned()),
            write: (envelope.group.start, envelope.group.end().saturating_sub(1)),
            change: Change::new(&recorded.body)?,
            hash: recorded.hash,
        })
    }
}

impl Change {
    fn new(body: &Body) -> Result<Self> {
        Ok(match body.clone() {
            Body::ZoneOpened(body) => Self::ZoneCreated { zone_id: body.zone_id },
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
            Body::PolicySetCreated(body) => {
                Self::PolicySetCreated { policy_set_id: body.policy_set_id, name: body.name }
            }
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
            Body::ZoneCreated(_) | Body::SchemaPublished(_) | Body::SchemaStatusChanged(_) => {
                return Err(crate::error::ErrorDetail::corrupt("a zone's log", "an entry of the store's log").into());
            }
        })
    }
}

impl From<BoundVersion> for BoundTo {
    fn from(bound: BoundVersion) -> Self {
        Self { policy_set_id: bound.policy_set_id, policy_set_version_id: bound.version_id, version: bound.version }
    }
}
