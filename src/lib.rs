#![doc = include_str!("../README.md")]

#[macro_use]
mod words;

mod absent;
mod answer;
mod asked;
#[cfg(feature = "attestation")]
mod attest;
#[cfg(feature = "attestation")]
pub mod attestation;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod attested_bundle;
mod authorizer;
mod binding;
#[cfg(feature = "bundle")]
mod bundle;
#[cfg(feature = "bundle")]
mod bundle_changes;
#[cfg(feature = "bundle")]
mod bundle_match;
#[cfg(feature = "bundle")]
mod bundle_plan;
#[cfg(feature = "bundle")]
mod bundled;
mod cedar;
mod compile;
mod copy;
mod cursor;
mod demand;
mod difference;
mod engine;
mod erase;
mod error;
mod filter;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guardrail;
mod hash;
mod history;
mod id;
mod items;
pub mod limits;
mod list;
mod listing;
mod model;
mod order;
mod ownership;
mod policy;
mod policy_set;
mod policy_set_version;
mod policy_version;
mod preflight;
mod receipt;
mod recent;
mod record;
mod schema;
mod sources;
mod statement;
mod storage;
mod store;
mod time;
mod validated;
mod version;
mod version_cache;
mod whole;
mod write;
mod zone;
mod zone_read;
mod zone_write;

pub use answer::{Answer, StatementError};
#[cfg(feature = "attestation")]
pub use attest::{AttestedPolicySetVersion, NewAttestation};
#[cfg(all(feature = "attestation", feature = "bundle"))]
pub use attested_bundle::AttestedBundle;
pub use authorizer::Authorizer;
pub use binding::{At, BindOutcome, Binding, BindingEnd, BindingRecord};
#[cfg(feature = "bundle")]
pub use bundle::{Bundle, BundleGuardrail, BundleKey, BundlePolicy};
#[cfg(feature = "bundle")]
pub use bundle_changes::BundleChanges;
#[cfg(feature = "bundle")]
pub use bundle_plan::PreparedBundle;
pub use cedar::{ContextInput, UidInput};
pub use cedar_policy;
pub use copy::{CopiedZone, CopiedZones};
pub use demand::Demand;
pub use difference::Difference;
pub use erase::ErasedZone;
pub use error::{Diagnostic, Error, ErrorDetail, ErrorKind, Resource, Result, SourcePlace};
pub use filter::{BindingFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
pub use hash::{Address, EntryHash, Sha256};
pub use history::{BoundTo, Change, HistoryEntry};
pub use id::{
    Actor, LogId, OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, RequestId, SchemaName, ZoneId,
};
pub use items::Items;
pub use list::{List, Page};
pub use model::{BindingMode, CedarVersion, Form, Forms, ManifestEntry, SchemaStatus, Target, TargetType};
pub use order::{Order, Sort};
pub use policy::{NewPolicy, Policy, PolicyUpdate};
pub use policy_set::{NewPolicySet, PolicySet, PolicySetUpdate};
pub use policy_set_version::{NewPolicySetVersion, Pin, PolicySetManifest, PolicySetVersion};
pub use policy_version::{NewPolicyVersion, PolicyVersion, PolicyVersionInput, PreparedPolicyVersion};
pub use preflight::{Candidate, PolicySetVersionCheck, PolicyVersionCheck, Preflight, ZonePreflight};
pub use receipt::{GuardrailReceipt, Layer, Receipt, StatementRef};
pub use schema::{NewSchema, PreparedSchema, SchemaInput, SchemaVersion, ZoneSchema};
pub use statement::Statement;
pub use storage::{Finding, Place, Report};
pub use store::{Builder, PolicyStore};
pub use time::Timestamp;
pub use write::Write;
pub use zone::ZoneInfo;
pub use zone_read::Zone;
pub use zone_write::{PolicySetVersionInput, PreparedPolicySetVersion, ZoneWrite};
