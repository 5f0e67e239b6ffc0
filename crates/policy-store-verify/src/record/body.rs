//! The bodies of log entries: one struct for each kind of change, with the kind's number. Numbers are never reused.
//!
//! A body has all fields that later reads need: one entry gives a name, a status or a binding without earlier entries.
//! Does not know rules between entries, such as free ids or allowed bindings.

use super::BoundVersion;
use super::codec::{decode, encode};
use super::content_id::{ContentId, ContentKind};
use super::tree::NodeHash;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::origin::Origin;
use crate::types::schema::{CedarVersion, SchemaRef, SchemaStatus};
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};

/// The feature bit of test suites: their content, and the demand for them, which an older build would not enforce.
pub const FEATURE_TESTS: u64 = 1;

record! {
    /// The checkpoint of a zone's log, as a leaf of a seal.
    pub struct SealedZone {
        pub log_id: LogId,
        pub size: u64,
        pub root: NodeHash,
    }
}

record! {
    /// The tree over the checkpoints of all zones, by log id.
    #[derive(Copy)]
    pub struct SealRoot {
        /// The number of zones.
        pub zones: u64,
        pub root: NodeHash,
    }
}

impl SealedZone {
    /// The bytes of the leaf: log id, size and root.
    pub fn leaf(&self) -> Vec<u8> {
        [self.log_id.0.as_slice(), &self.size.to_be_bytes(), &self.root].concat()
    }
}

/// Declares the bodies and their kind numbers.
macro_rules! bodies {
    ($($(#[$doc:meta])* $kind:literal $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            record! {
                $(#[$doc])*
                pub struct $name { $(pub $field: $type),* }
            }

            impl From<$name> for Body {
                fn from(body: $name) -> Self {
                    Self::$name(body)
                }
            }
        )*

        /// The body of a log entry.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Body {
            $($(#[$doc])* $name($name)),*
        }

        impl Body {
            /// All kind numbers, ascending.
            pub const KINDS: &[u16] = &[$($kind),*];

            /// The highest kind number of this build.
            pub const NEWEST: u16 = match Self::KINDS {
                [.., newest] => *newest,
                [] => 0,
            };

            /// The kind's number on disk.
            pub fn kind(&self) -> u16 {
                match self { $(Self::$name(_) => $kind),* }
            }

            /// The body's canonical bytes.
            pub fn encode(&self) -> Result<Vec<u8>, String> {
                match self { $(Self::$name(body) => encode(body)),* }
            }

            /// The bytes that bincode writes. They must be equal.
            #[cfg(test)]
            pub fn bincode_bytes(&self) -> Vec<u8> {
                match self { $(Self::$name(body) => bincode::encode_to_vec(body, bincode::config::standard()).unwrap()),* }
            }

            /// The body of kind `kind` in `bytes`; `None` if this build does not know the kind.
            pub fn decode(kind: u16, bytes: &[u8]) -> Option<Result<Self, String>> {
                match kind {
                    $($kind => Some(decode(bytes).map(Self::$name)),)*
                    _ => None,
                }
            }
        }
    };
}

bodies! {
    // The store's own log.

    /// A zone was created, with a log of its own.
    1 ZoneCreated { zone_id: ZoneId, log_id: LogId }
    /// A schema version was published. `sha` is of the source, `converted` of its other form.
    2 SchemaPublished {
        version: SchemaName,
        syntax: Syntax,
        sha: Sha256,
        converted: Sha256,
        cedar: CedarVersion,
    }
    /// A schema version's status changed.
    3 SchemaStatusChanged { version: SchemaName, status: SchemaStatus }
    /// A zone was erased. The entry keeps its id and its log's id, length, last hash and the root of its tree.
    4 ZoneErased { zone_id: ZoneId, log_id: LogId, length: u64, last: EntryHash, root: NodeHash }
    /// A backup of the store became a store of its own, and the zone's log got another id there.
    5 ZoneForked { zone_id: ZoneId, from: LogId, to: LogId }
    /// The checkpoints of zones that have changed since the last seal, or of some of them: the entries of one write have
    /// all of them. The last entry of the write has the seal.
    6 ZonesSealed { zones: Vec<SealedZone>, seal: Option<SealRoot> }
    /// A signed checkpoint of a log of the store, with the cosignatures of witnesses, was kept.
    7 CheckpointKept { log_id: LogId, size: u64, note: String }

    // A zone's log.

    /// The first entry of a zone's log, with the zone's id.
    16 ZoneOpened { zone_id: ZoneId }
    /// A policy was created, as a copy of another one or not.
    17 PolicyCreated { policy_id: PolicyId, name: String, description: Option<String>, origin: Option<Origin> }
    /// A policy's name or description changed. The entry has both.
    18 PolicyUpdated { policy_id: PolicyId, name: String, description: Option<String> }
    /// A policy was archived.
    19 PolicyArchived { policy_id: PolicyId }
    /// A version of a policy was created. `sha` is of its text, `json_sha` of its JSON, `warnings` of Cedar's warnings.
    20 PolicyVersionCreated {
        policy_id: PolicyId,
        version_id: PolicyVersionId,
        version: u32,
        schema: SchemaRef,
        syntax: Syntax,
        sha: Sha256,
        json_sha: Sha256,
        statements: u32,
        warnings: Option<Sha256>,
        cedar: CedarVersion,
    }
    /// A version of a policy was archived.
    21 PolicyVersionArchived { policy_id: PolicyId, version_id: PolicyVersionId, version: u32 }
    /// A policy set was created.
    22 PolicySetCreated { policy_set_id: PolicySetId, name: String, target_type: TargetType }
    /// A policy set's name changed.
    23 PolicySetUpdated { policy_set_id: PolicySetId, name: String }
    /// A policy set was archived.
    24 PolicySetArchived { policy_set_id: PolicySetId }
    /// A version of a policy set was created.
    25 PolicySetVersionCreated {
        policy_set_id: PolicySetId,
        version_id: PolicySetVersionId,
        version: u32,
        schema: SchemaRef,
        manifest_sha: Sha256,
        entries: u32,
        cedar: CedarVersion,
    }
    /// A version of a policy set was archived.
    26 PolicySetVersionArchived { policy_set_id: PolicySetId, version_id: PolicySetVersionId, version: u32 }
    /// A policy set version was bound to a target, and replaced the version bound before, if any.
    27 Bound {
        target: Target,
        mode: BindingMode,
        bound: BoundVersion,
        replaced: Option<BoundVersion>,
    }
    /// The version bound to a target was unbound.
    28 Unbound { target: Target, mode: BindingMode, replaced: BoundVersion }

    // Of either log.

    /// A call with an idempotency key changed nothing. It takes the key.
    29 Unchanged {}

    // A zone's log.

    /// The zone was suspended or resumed.
    30 ZoneSuspended { suspended: bool }
    /// The zone's default schema was set or removed.
    31 DefaultSchemaChanged { schema: Option<SchemaRef> }
    /// A policy set version was attested. `sha` is the SHA-256 of the attestation's bytes, `previous` that of the set's
    /// previous attestation.
    32 Attested {
        policy_set_id: PolicySetId,
        version_id: PolicySetVersionId,
        version: u32,
        sha: Sha256,
        previous: Option<Sha256>,
    }

    // Of either log.

    /// A backup became a store of its own: the first entry under the log's new id. It names the old id, and the length,
    /// last hash and root of the tree under it.
    33 LogForked { from: LogId, length: u64, last: EntryHash, root: NodeHash }

    // A zone's log.

    /// A test suite was kept with a policy set version: its newest from here on. `sha` is of the suite's bytes.
    34 TestsKept {
        policy_set_id: PolicySetId,
        version_id: PolicySetVersionId,
        version: u32,
        sha: Sha256,
        cases: u32,
    }
    /// The zone began or ceased to demand that a version's tests pass before it is put in force.
    35 TestsRequired { required: bool }
}

impl Body {
    /// The id of the policy, policy set or version that the entry created.
    pub fn created_id(&self) -> Option<&str> {
        match self {
            Self::PolicyCreated(body) => Some(body.policy_id.as_str()),
            Self::PolicyVersionCreated(body) => Some(body.version_id.as_str()),
            Self::PolicySetCreated(body) => Some(body.policy_set_id.as_str()),
            Self::PolicySetVersionCreated(body) => Some(body.version_id.as_str()),
            _ => None,
        }
    }

    /// The text and JSON of the policy version that the entry created.
    pub fn forms(&self) -> Option<ContentId> {
        if let Self::PolicyVersionCreated(body) = self { Some(body.forms()) } else { None }
    }

    /// Whether the entry binds or unbinds a policy set version.
    pub fn is_binding(&self) -> bool {
        matches!(self, Self::Bound(_) | Self::Unbound(_))
    }

    /// Whether the entry binds or unbinds this target in this mode.
    pub fn is_binding_of(&self, target: &Target, mode: BindingMode) -> bool {
        match self {
            Self::Bound(body) => body.target == *target && body.mode == mode,
            Self::Unbound(body) => body.target == *target && body.mode == mode,
            _ => false,
        }
    }

    /// The feature bit that a build must know to read a file with the entry.
    pub fn feature(&self) -> Option<u64> {
        matches!(self, Self::TestsKept(_) | Self::TestsRequired(_)).then_some(FEATURE_TESTS)
    }

    /// The log id that no zone has after the entry: that of an erased zone, or that from before a fork.
    pub fn ended_log(&self) -> Option<LogId> {
        match self {
            Self::ZoneErased(body) => Some(body.log_id),
            Self::ZoneForked(body) => Some(body.from),
            _ => None,
        }
    }

    /// All content that the entry names.
    pub fn content(&self) -> Vec<ContentId> {
        match self {
            Self::SchemaPublished(body) => vec![
                ContentId::one(ContentKind::of_schema(body.syntax), body.sha),
                ContentId::one(ContentKind::of_schema(body.syntax.other()), body.converted),
            ],
            Self::PolicyVersionCreated(body) => {
                let warnings = body.warnings.map(|sha| ContentId::one(ContentKind::Warnings, sha));
                [Some(body.forms()), warnings].into_iter().flatten().collect()
            }
            Self::PolicySetVersionCreated(body) => vec![body.manifest()],
            Self::Attested(body) => vec![ContentId::one(ContentKind::Attestation, body.sha)],
            Self::TestsKept(body) => vec![ContentId::one(ContentKind::TestSuite, body.sha)],
            _ => Vec::new(),
        }
    }
}

impl PolicyVersionCreated {
    /// The content with the version's text and JSON.
    pub fn forms(&self) -> ContentId {
        ContentId::forms(self.sha, self.json_sha)
    }
}

impl PolicySetVersionCreated {
    /// The content with the version's manifest.
    pub fn manifest(&self) -> ContentId {
        ContentId::one(ContentKind::Manifest, self.manifest_sha)
    }
}
