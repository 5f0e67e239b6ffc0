#![doc = include_str!("../README.md")]

#[macro_use]
mod types;

#[cfg(feature = "signatures")]
pub mod attestation;
#[cfg(feature = "signatures")]
pub mod evidence;
#[cfg(feature = "cedar")]
pub mod inputs;
pub mod log;
#[cfg(feature = "signatures")]
pub mod note;
pub mod proof;
pub mod receipt;
#[doc(hidden)]
pub mod record;

pub use types::actor::{Actor, OwnerType};
pub use types::checkpoint::Checkpoint;
pub use types::error::{Error, Result};
pub use types::error_kind::ErrorKind;
pub use types::hash::{EntryHash, RootHash, Sha256};
pub use types::id::{
    IdempotencyKey, LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId,
};
pub use types::limits;
pub use types::manifest_entry::ManifestEntry;
pub use types::origin::Origin;
pub use types::rationale::Rationale;
pub use types::schema::{CedarVersion, SchemaStatus};
pub use types::syntax::Syntax;
pub use types::target::{BindingMode, Target, TargetType};
pub use types::time::Timestamp;

/// Parts that the crate `policy-store` shares. They may change in any release.
#[doc(hidden)]
pub mod internal {
    pub use crate::types::{
        actor, checkpoint, error, hash, id, json, limits, manifest_entry, origin, rationale, schema, syntax, target,
        time,
    };
}
