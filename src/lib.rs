#![doc = include_str!("../README.md")]

#[macro_use]
mod types;

#[cfg(feature = "attestation")]
mod attest;
#[cfg(feature = "attestation")]
pub mod attestation;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod attested_bundle;
mod builder;
#[cfg(feature = "bundle")]
mod bundle;
#[cfg(feature = "bundle")]
mod bundle_changes;
#[cfg(feature = "bundle")]
mod bundle_match;
#[cfg(feature = "bundle")]
mod bundle_plan;
mod cedar;
mod copy;
mod decide;
mod demand;
mod engine;
mod erase;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guardrail;
mod list;
mod ownership;
mod preflight;
mod prepare;
#[cfg(feature = "attestation")]
mod prepare_attested;
#[cfg(all(feature = "attestation", feature = "bundle"))]
mod prepare_attested_bundle;
#[cfg(feature = "bundle")]
mod prepare_bundle;
mod record;
mod resource;
mod storage;
mod store;
mod whole;
mod write;
mod zone_read;
mod zone_write;

#[cfg(feature = "attestation")]
pub use attest::{AttestedPolicySetVersion, NewAttestation};
#[cfg(all(feature = "attestation", feature = "bundle"))]
pub use attested_bundle::AttestedBundle;
pub use builder::Builder;
#[cfg(feature = "bundle")]
pub use bundle::{Bundle, BundleGuardrail, BundleKey, BundlePolicy};
#[cfg(feature = "bundle")]
pub use bundle_changes::BundleChanges;
#[cfg(feature = "bundle")]
pub use bundle_plan::PreparedBundle;
pub use cedar::{ContextInput, UidInput};
pub use cedar_policy;
pub use copy::{CopiedZone, CopiedZones};
pub use decide::answer::{Answer, StatementError};
pub use decide::authorizer::Authorizer;
pub use decide::difference::Difference;
pub use decide::receipt::{GuardrailReceipt, Layer, Receipt, StatementRef};
pub use decide::statement::Statement;
pub use demand::Demand;
pub use erase::ErasedZone;
pub use list::filter::{BindingFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
pub use list::items::Items;
pub use list::order::{Order, Sort};
pub use list::page::{List, Page};
pub use preflight::{Candidate, PolicySetVersionCheck, PolicyVersionCheck, Preflight, ZonePreflight};
pub use resource::binding::{At, BindOutcome, Binding, BindingEnd, BindingRecord};
pub use resource::history::{BoundTo, Change, HistoryEntry};
pub use resource::policy::{NewPolicy, Policy, PolicyUpdate};
pub use resource::policy_set::{NewPolicySet, PolicySet, PolicySetUpdate};
pub use resource::policy_set_version::{NewPolicySetVersion, Pin, PolicySetManifest, PolicySetVersion};
pub use resource::policy_version::{NewPolicyVersion, PolicyVersion, PolicyVersionInput, PreparedPolicyVersion};
pub use resource::schema::{NewSchema, PreparedSchema, SchemaInput, SchemaVersion, ZoneSchema};
pub use resource::zone::ZoneInfo;
pub use storage::{Finding, Place, Report};
pub use store::PolicyStore;
pub use types::actor::{Actor, OwnerType};
pub use types::error::{Diagnostic, Error, ErrorDetail, ErrorKind, Resource, Result, SourcePlace};
pub use types::hash::{Address, EntryHash, Sha256};
pub use types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, RequestId, SchemaName, ZoneId};
pub use types::limits;
pub use types::manifest_entry::ManifestEntry;
pub use types::schema::{CedarVersion, SchemaStatus};
pub use types::syntax::{Form, Forms};
pub use types::target::{BindingMode, Target, TargetType};
pub use types::time::Timestamp;
pub use write::Write;
pub use zone_read::Zone;
pub use zone_write::{PolicySetVersionInput, PreparedPolicySetVersion, ZoneWrite};
