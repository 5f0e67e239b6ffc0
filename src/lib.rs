#![doc = include_str!("../README.md")]

#[macro_use]
mod types;

#[cfg(feature = "bundle")]
mod bundle;
mod cedar;
mod change;
mod decide;
mod engine;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod list;
mod plan;
mod preflight;
mod read;
mod record;
mod resource;
mod rules;
mod storage;
mod store;
mod suite;
mod write;

#[cfg(feature = "attestation")]
pub use policy_store_verify::{attestation, evidence, note};
pub use policy_store_verify::{inputs, log, proof, receipt};

#[cfg(feature = "bundle")]
pub use bundle::{Bundle, BundleGuardrail, BundleKey, BundlePolicy};
pub use cedar::{ConditionKind, ContextInput, ExplainedCondition, ExplainedTerm, UidInput};
pub use cedar_policy;
pub use change::difference::{ComparedVersion, PolicySetDifference};
pub use change::policy::{ChangedVersion, PolicyChange};
pub use change::statement::{ChangedStatement, StatementChange};
pub use decide::answer::{Answer, StatementError};
pub use decide::authorizer::Authorizer;
pub use decide::difference::Difference;
pub use decide::explanation::{ExplainedStatement, Explanation, StatementRole};
#[cfg(feature = "attestation")]
pub use decide::live::LiveAuthorizer;
pub use decide::receipt::{EntitiesInput, GuardrailReceipt, Layer, LogEnd, Receipt, StatementRef};
pub use decide::record::DecisionRecord;
pub use decide::record::log::DecisionLog;
pub use decide::replay::ReplayOptions;
pub use decide::replay::left_out::LeftOut;
pub use decide::replay::report::{LeftOutLine, ReplayReport, StatementFlips};
pub use decide::statement::Statement;
pub use engine::Verification;
pub use list::changes::ChangeGroup;
pub use list::filter::{BindingFilter, HistoryFilter, PolicyFilter, PolicySetFilter, SchemaFilter};
pub use list::items::Items;
pub use list::order::{Order, Sort};
pub use list::page::{Page, PageRequest};
pub use plan::desired::{DesiredPolicy, DesiredPolicySet};
pub use plan::value::{
    PlanFinding, PlannedPolicy, PlannedPolicySet, PlannedSchema, PlannedStep, PlannedTests, PolicySetPlan,
};
pub use preflight::{Candidate, PolicySetVersionCheck, PolicyVersionCheck, Preflight, ZonePreflight};
pub use read::as_of::ZoneAsOf;
pub use read::blame::{Blame, SinceVersion};
pub use read::changes::Changes;
pub use read::moment::{AsOf, Committed, Held, InWrite, Latest, Moment};
pub use read::zone::{Zone, ZoneSnapshot};
pub use record::ContentAddress;
pub use resource::binding::{At, BindOutcome, Binding, BindingEnd, BindingRecord};
pub use resource::history::{BoundTo, Change, ChangeKind, HistoryEntry, TimelineEntry};
pub use resource::policy::{NewPolicy, Policy, PolicyUpdate};
pub use resource::policy_set::{NewPolicySet, PolicySet, PolicySetUpdate};
pub use resource::policy_set_version::{NewPolicySetVersion, Pin, PolicySetManifest, PolicySetVersion};
pub use resource::policy_version::{NewPolicyVersion, PolicyVersion, PolicyVersionInput, PreparedPolicyVersion};
pub use resource::schema::{NewSchema, PreparedSchema, SchemaInput, SchemaVersion, ZoneSchema};
pub use resource::zone::ZoneInfo;
#[cfg(feature = "attestation")]
pub use rules::attest::{AttestedPolicySetVersion, NewAttestation};
#[cfg(all(feature = "attestation", feature = "bundle"))]
pub use rules::attested_bundle::AttestedBundle;
#[cfg(feature = "bundle")]
pub use rules::bundle_changes::BundleChanges;
#[cfg(feature = "bundle")]
pub use rules::bundle_plan::PreparedBundle;
pub use rules::manifest::{PolicySetVersionInput, PreparedPolicySetVersion};
pub use rules::precondition::Precondition;
pub use storage::{
    CommitStats, Finding, LogPart, LogRange, Place, ReplicaSource, Report, Space, TableRows, TableSpace, VerifiedLog,
};
pub use store::PolicyStore;
pub use store::backup::{Backup, Restore};
pub use store::builder::Builder;
pub use store::copy::{CopiedZone, CopiedZones};
pub use store::erase::ErasedZone;
pub use store::proofs::StoreSeal;
pub use store::replica::{Applied, Replica, ZoneChoice};
pub use store::snapshot::StoreSnapshot;
pub use store::stats::{Compacted, Stats};
pub use store::watched::Watched;
pub use suite::TestSuite;
pub use suite::case::TestCase;
pub use suite::report::{TestFailure, TestOutcome, TestProblem, TestReport};
pub use types::actor::{Actor, OwnerType};
pub use types::cache_stats::CacheStats;
pub use types::checkpoint::Checkpoint;
pub use types::concurrency::Concurrency;
pub use types::error::{Diagnostic, Error, ErrorDetail, ErrorKind, Resource, Result, SourcePlace};
pub use types::hash::{EntryHash, RootHash, Sha256};
pub use types::id::{
    IdempotencyKey, LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId,
};
pub use types::limits;
pub use types::manifest_entry::ManifestEntry;
pub use types::origin::Origin;
pub use types::progress::{Progress, Work};
pub use types::rationale::Rationale;
pub use types::schema::{CedarVersion, SchemaStatus};
pub use types::syntax::{Include, Syntax};
pub use types::target::{BindingMode, Target, TargetType};
pub use types::time::Timestamp;
pub use write::WriteTransaction;
pub use write::zone_transaction::ZoneTransaction;
pub use write::zone_transaction::plans::AppliedPlan;
