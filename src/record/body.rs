//! The bodies of log entries: one struct for each kind of change, with the kind's number. Numbers are never reused.
//!
//! A body has all fields that later reads need: one entry gives a name, a status or a binding without earlier entries.
//! Does not know rules between entries, such as free ids or allowed bindings.

use wincode::{SchemaRead, SchemaWrite};

use super::BoundVersion;
use super::codec::{decode, encode};
use super::ids::HoldsIds;
use super::object::ObjectKind;
use crate::types::hash::{Address, EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::schema::{CedarVersion, SchemaRef, SchemaStatus};
use crate::types::syntax::Syntax;
use crate::types::target::{BindingMode, Target, TargetType};

/// Declares the bodies and their kind numbers.
macro_rules! bodies {
    ($($(#[$doc:meta])* $kind:literal $name:ident { $($field:ident: $type:ty),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Eq, SchemaRead, SchemaWrite)]
            #[cfg_attr(test, derive(bincode::Encode, bincode::Decode))]
            pub(crate) struct $name { $(pub $field: $type),* }

            impl From<$name> for Body {
                fn from(body: $name) -> Self {
                    Self::$name(body)
                }
            }
        )*

        /// The body of a log entry.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(crate) enum Body {
            $($(#[$doc])* $name($name)),*
        }

        impl Body {
            /// All kind numbers, ascending.
            pub(crate) const KINDS: &[u16] = &[$($kind),*];

            /// The highest kind number of this build.
            pub(crate) const NEWEST: u16 = match Self::KINDS {
                [.., newest] => *newest,
                [] => 0,
            };

            /// The kind's number on disk.
            pub(crate) fn kind(&self) -> u16 {
                match self { $(Self::$name(_) => $kind),* }
            }

            /// The body's canonical bytes.
            pub(crate) fn encode(&self) -> Result<Vec<u8>, String> {
                match self { $(Self::$name(body) => encode(body)),* }
            }

            /// The bytes that bincode writes. They must be equal.
            #[cfg(test)]
            pub(crate) fn bincode_bytes(&self) -> Vec<u8> {
                match self { $(Self::$name(body) => bincode::encode_to_vec(body, bincode::config::standard()).unwrap()),* }
            }

            /// The body of kind `kind` in `bytes`; `None` if this build does not know the kind.
            pub(crate) fn decode(kind: u16, bytes: &[u8]) -> Option<Result<Self, String>> {
                match kind {
                    $($kind => Some(decode::<$name>(bytes).and_then(|body| {
                        $(body.$field.check_ids().map_err(|error| error.to_string())?;)*
                        Ok(Self::$name(body))
                    })),)*
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
    /// A schema version was published.
    2 SchemaPublished {
        version: SchemaName,
        syntax: Syntax,
        sha: Sha256,
        source: Address,
        converted: Address,
        cedar: CedarVersion,
    }
    /// A schema version's status changed.
    3 SchemaStatusChanged { version: SchemaName, status: SchemaStatus }
    /// A zone was erased. The entry keeps its id and its log's id, length and last hash.
    4 ZoneErased { zone_id: ZoneId, log_id: LogId, length: u64, last: EntryHash }

    // A zone's log.

    /// The first entry of a zone's log, with the zone's id.
    16 ZoneOpened { zone_id: ZoneId }
    /// A policy was created.
    17 PolicyCreated { policy_id: PolicyId, name: String, description: Option<String> }
    /// A policy's name or description changed. The entry has both.
    18 PolicyUpdated { policy_id: PolicyId, name: String, description: Option<String> }
    /// A policy was archived.
    19 PolicyArchived { policy_id: PolicyId }
    /// A version of a policy was created.
    20 PolicyVersionCreated {
        policy_id: PolicyId,
        version_id: PolicyVersionId,
        version: u32,
        schema: SchemaRef,
        syntax: Syntax,
        sha: Sha256,
        text: Address,
        json: Address,
        statements: u32,
        warnings: Option<Address>,
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
        manifest: Address,
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
        attestation: Address,
        sha: Sha256,
        previous: Option<Sha256>,
    }
}

/// A piece of content that an entry names: its kind, its address, and its SHA-256 if the entry has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Content {
    pub kind: ObjectKind,
    pub address: Address,
    pub sha: Option<Sha256>,
}

impl Body {
    /// The id of the policy, policy set or version that the entry created.
    pub(crate) fn created_id(&self) -> Option<&str> {
        match self {
            Self::PolicyCreated(body) => Some(body.policy_id.as_str()),
            Self::PolicyVersionCreated(body) => Some(body.version_id.as_str()),
            Self::PolicySetCreated(body) => Some(body.policy_set_id.as_str()),
            Self::PolicySetVersionCreated(body) => Some(body.version_id.as_str()),
            _ => None,
        }
    }

    /// All content that the entry names.
    pub(crate) fn content(&self) -> Vec<Content> {
        let content = |kind, address, sha| Content { kind, address, sha };
        match self {
            Self::SchemaPublished(body) => vec![
                content(ObjectKind::of_schema(body.syntax), body.source, Some(body.sha)),
                content(ObjectKind::of_schema(body.syntax.other()), body.converted, None),
            ],
            Self::PolicyVersionCreated(body) => [
                Some(content(ObjectKind::PolicyText, body.text, Some(body.sha))),
                Some(content(ObjectKind::PolicyJson, body.json, None)),
                body.warnings.map(|address| content(ObjectKind::Warnings, address, None)),
            ]
            .into_iter()
            .flatten()
            .collect(),
            Self::PolicySetVersionCreated(body) => {
                vec![content(ObjectKind::Manifest, body.manifest, Some(body.manifest_sha))]
            }
            Self::Attested(body) => vec![content(ObjectKind::Attestation, body.attestation, Some(body.sha))],
            _ => Vec::new(),
        }
    }
}
