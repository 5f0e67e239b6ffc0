//! The changes that log entries record, as public values.

use serde::Serialize;

use super::change_kind::ChangeKind;
use crate::record::{Body, BoundVersion, SealRoot, SealedZone};
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::{EntryHash, RootHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::origin::Origin;
use crate::types::schema::SchemaStatus;
use crate::types::target::{BindingMode, Target, TargetType};

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

/// The tree over the checkpoints of all zones of a store, sorted by log id. A leaf is the log id, the size as a u64 in big
/// endian, and the root.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Seal {
    /// The number of zones.
    pub zones: u64,
    /// The root of the tree.
    pub root: RootHash,
}

impl From<SealRoot> for Seal {
    fn from(seal: SealRoot) -> Self {
        Self { zones: seal.zones, root: RootHash(seal.root) }
    }
}

impl From<SealedZone> for Checkpoint {
    fn from(zone: SealedZone) -> Self {
        Self { log_id: zone.log_id, size: zone.size, root: RootHash(zone.root) }
    }
}

/// Defines [`Change`] together with its values: each field beside the part of the entry's body that it shows.
macro_rules! changes {
    ($body:ident: $($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty = $value:expr),* $(,)? })*) => {
        /// A change in a zone or in the store.
        #[non_exhaustive]
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        #[expect(missing_docs, reason = "the fields are those of the resources that the variants name")]
        pub enum Change {
            $($(#[$doc])* $name { $($field: $type),* },)*
            /// A call with an idempotency key changed nothing. The entry records the key.
            Unchanged,
        }

        impl Change {
            /// The change of a body.
            #[doc(hidden)]
            #[must_use]
            pub fn new(body: &Body) -> Self {
                match body.clone() {
                    $(Body::$name($body) => Self::$name { $($field: $value),* },)*
                    Body::ZoneOpened($body) => Self::ZoneCreated { zone_id: $body.zone_id },
                    Body::Unchanged(_) => Self::Unchanged,
                }
            }

            /// Its kind.
            #[must_use]
            pub fn kind(&self) -> ChangeKind {
                match self {
                    $(Self::$name { .. } => ChangeKind::$name,)*
                    Self::Unchanged => ChangeKind::Unchanged,
                }
            }
        }

        impl ChangeKind {
            /// The kind of a body's change.
            #[doc(hidden)]
            #[must_use]
            pub fn of(body: &Body) -> Self {
                match body {
                    $(Body::$name(_) => Self::$name,)*
                    Body::ZoneOpened(_) => Self::ZoneCreated,
                    Body::Unchanged(_) => Self::Unchanged,
                }
            }
        }
    };
}

changes! {
    body:
    /// A zone was created: the first entry of the zone's log, and an entry of the store's log.
    ZoneCreated { zone_id: ZoneId = body.zone_id }
    /// A schema version was published. In the store's log.
    SchemaPublished { version: SchemaName = body.version, sha: Sha256 = body.sha }
    /// The status of a schema version changed to this one. In the store's log.
    SchemaStatusChanged { version: SchemaName = body.version, status: SchemaStatus = body.status }
    /// A zone was erased; this tombstone is all that remains of its log. In the store's log.
    ZoneErased {
        zone_id: ZoneId = body.zone_id,
        log_id: LogId = body.log_id,
        length: u64 = body.length,
        last: EntryHash = body.last,
    }
    /// A backup of the store became a store of its own, and the zone's log got another id. In the store's log.
    ZoneForked { zone_id: ZoneId = body.zone_id, from: LogId = body.from, to: LogId = body.to }
    /// The checkpoints of zones were sealed: those of all that have changed since the last seal, or some of them. The last
    /// entry of the write has the seal. In the store's log.
    ZonesSealed {
        zones: Vec<Checkpoint> = body.zones.into_iter().map(Checkpoint::from).collect(),
        seal: Option<Seal> = body.seal.map(Seal::from),
    }
    /// A signed checkpoint of a log was kept, as a note. In the store's log.
    CheckpointKept { log_id: LogId = body.log_id, size: u64 = body.size, note: String = body.note }
    /// A backup became a store of its own. The log goes on under another id; under the one before, it had this length and
    /// last hash.
    LogForked { from: LogId = body.from, length: u64 = body.length, last: EntryHash = body.last }
    /// A policy was created.
    PolicyCreated {
        policy_id: PolicyId = body.policy_id,
        name: String = body.name,
        description: Option<String> = body.description,
        origin: Option<Origin> = body.origin,
    }
    /// A policy's name and description changed to these.
    PolicyUpdated {
        policy_id: PolicyId = body.policy_id,
        name: String = body.name,
        description: Option<String> = body.description,
    }
    /// A policy was archived.
    PolicyArchived { policy_id: PolicyId = body.policy_id }
    /// A version of a policy was created.
    PolicyVersionCreated {
        policy_id: PolicyId = body.policy_id,
        policy_version_id: PolicyVersionId = body.version_id,
        version: u32 = body.version,
        sha: Sha256 = body.sha,
        schema_version: SchemaName = body.schema.version,
    }
    /// A version of a policy was archived.
    PolicyVersionArchived {
        policy_id: PolicyId = body.policy_id,
        policy_version_id: PolicyVersionId = body.version_id,
        version: u32 = body.version,
    }
    /// A policy set was created.
    PolicySetCreated {
        policy_set_id: PolicySetId = body.policy_set_id,
        name: String = body.name,
        target_type: TargetType = body.target_type,
    }
    /// A policy set's name changed to this one.
    PolicySetUpdated { policy_set_id: PolicySetId = body.policy_set_id, name: String = body.name }
    /// A policy set was archived.
    PolicySetArchived { policy_set_id: PolicySetId = body.policy_set_id }
    /// A version of a policy set was created.
    PolicySetVersionCreated {
        policy_set_id: PolicySetId = body.policy_set_id,
        policy_set_version_id: PolicySetVersionId = body.version_id,
        version: u32 = body.version,
        manifest_sha: Sha256 = body.manifest_sha,
        schema_version: SchemaName = body.schema.version,
    }
    /// A version of a policy set was archived.
    PolicySetVersionArchived {
        policy_set_id: PolicySetId = body.policy_set_id,
        policy_set_version_id: PolicySetVersionId = body.version_id,
        version: u32 = body.version,
    }
    /// A version was bound to a target; `from` is the version bound before.
    Bound {
        target: Target = body.target,
        mode: BindingMode = body.mode,
        to: BoundTo = body.bound.into(),
        from: Option<BoundTo> = body.replaced.map(BoundTo::from),
    }
    /// The binding of a target ended; `from` is the version that was bound.
    Unbound { target: Target = body.target, mode: BindingMode = body.mode, from: BoundTo = body.replaced.into() }
    /// The zone was suspended or resumed.
    ZoneSuspended { suspended: bool = body.suspended }
    /// The zone's default schema changed to this one.
    DefaultSchemaChanged { version: Option<SchemaName> = body.schema.map(|schema| schema.version) }
    /// A policy set version was attested; `sha` is the SHA-256 of the attestation.
    Attested {
        policy_set_id: PolicySetId = body.policy_set_id,
        policy_set_version_id: PolicySetVersionId = body.version_id,
        version: u32 = body.version,
        sha: Sha256 = body.sha,
    }
    /// A test suite was kept with a policy set version; `sha` is the SHA-256 of the suite.
    TestsKept {
        policy_set_id: PolicySetId = body.policy_set_id,
        policy_set_version_id: PolicySetVersionId = body.version_id,
        version: u32 = body.version,
        sha: Sha256 = body.sha,
        cases: u32 = body.cases,
    }
    /// The zone began or ceased to demand that the tests of a version pass before it is put in force.
    TestsRequired { required: bool = body.required }
}

impl From<BoundVersion> for BoundTo {
    fn from(bound: BoundVersion) -> Self {
        Self { policy_set_id: bound.policy_set_id, policy_set_version_id: bound.version_id, version: bound.version }
    }
}
