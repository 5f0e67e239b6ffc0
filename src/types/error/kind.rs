//! The kinds of errors, and the kind and code of each error.

use super::ErrorDetail;

/// The kind of an error, which tells the caller's next step. A frontend can choose its status from it.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The input breaks a rule: correct it. The same input is always refused.
    Invalid,
    /// The named resource does not exist, or belongs to a different zone: name another one.
    NotFound,
    /// The input contradicts stored data, such as an id that is already used: read, then decide.
    Conflict,
    /// A precondition of the caller, such as a revision, no longer holds: read again, then repeat.
    PreconditionFailed,
    /// The actor may not do this: use a different actor.
    Forbidden,
    /// The named resource is archived for good: use another one.
    Archived,
    /// Nothing is in force for the target: bind a policy set version first.
    NotBound,
    /// The input is over a limit (see [`limits`](crate::limits)): make it smaller.
    TooLarge,
    /// The stored data is damaged: stop writing, run `verify`, restore from a copy.
    Corrupt,
    /// A write failed while it was made durable, and may or may not have happened: call `recover`, then read.
    OutcomeUnknown,
    /// The store cannot answer now (disk, lock, clock, memory). Nothing was changed: repair the cause, then repeat.
    Unavailable,
    /// The caller's observer stopped the work. Nothing was changed: repeat the call if the work is wanted.
    Stopped,
}

text_enum!(ErrorKind, "error kind", {
    Invalid => "invalid",
    NotFound => "not_found",
    Conflict => "conflict",
    PreconditionFailed => "precondition_failed",
    Forbidden => "forbidden",
    Archived => "archived",
    NotBound => "not_bound",
    TooLarge => "too_large",
    Corrupt => "corrupt",
    OutcomeUnknown => "outcome_unknown",
    Unavailable => "unavailable",
    Stopped => "stopped",
});

impl ErrorDetail {
    /// The kind and the code of each error.
    pub(super) fn class(&self) -> (ErrorKind, &'static str) {
        use ErrorKind as Kind;
        match self {
            Self::InvalidInput { .. } => (Kind::Invalid, "invalid_input"),
            Self::InvalidCursor { .. } => (Kind::Invalid, "invalid_cursor"),
            Self::ExactlyOne { .. } => (Kind::Invalid, "exactly_one"),
            Self::Syntax { .. } => (Kind::Invalid, "syntax"),
            Self::Json { .. } => (Kind::Invalid, "json"),
            Self::TooDeep { .. } | Self::ExpressionTooDeep { .. } => (Kind::TooLarge, "too_deep"),
            Self::Template { .. } => (Kind::Invalid, "template"),
            Self::TemplateLinks { .. } => (Kind::Invalid, "template_links"),
            Self::EmptyPolicy => (Kind::Invalid, "empty_policy"),
            Self::ConflictingId { .. } => (Kind::Invalid, "conflicting_id"),
            Self::Unfaithful { .. } => (Kind::Invalid, "unfaithful"),
            Self::PolicyValidation { .. } => (Kind::Invalid, "policy_validation"),
            Self::ValidationTooCostly { .. } => (Kind::TooLarge, "validation_too_costly"),
            Self::PrintedTooLarge { .. } => (Kind::TooLarge, "too_large"),
            Self::Request { .. } => (Kind::Invalid, "request"),
            Self::DuplicatePolicy { .. } => (Kind::Invalid, "duplicate_policy"),
            Self::ForeignVersion { .. } => (Kind::Invalid, "foreign_version"),
            Self::WrongSha { .. } => (Kind::Invalid, "wrong_sha"),
            Self::Bundle { .. } => (Kind::Invalid, "bundle_invalid"),
            Self::BundleMemberTooLarge { .. } => (Kind::TooLarge, "too_large"),
            Self::InBundle { cause, .. } => cause.0.class(),
            Self::NotFound { .. } => (Kind::NotFound, "not_found"),
            Self::BeforeZone { .. } => (Kind::NotFound, "before_zone"),
            Self::AlreadyExists { .. } => (Kind::Conflict, "already_exists"),
            Self::InForce { .. } => (Kind::Conflict, "in_force"),
            Self::SchemaTransition { .. } => (Kind::Conflict, "schema_transition"),
            Self::SchemaDiffers { .. } => (Kind::Conflict, "schema_differs"),
            Self::PreparedElsewhere { .. } => (Kind::Conflict, "prepared_elsewhere"),
            Self::WrongTarget { .. } => (Kind::Conflict, "wrong_target"),
            Self::IdempotencyConflict { .. } => (Kind::Conflict, "request_conflict"),
            Self::PreconditionFailed { .. } => (Kind::PreconditionFailed, "precondition_failed"),
            Self::Suspended { .. } => (Kind::Conflict, "suspended"),
            Self::PlatformOwned { .. } => (Kind::Forbidden, "platform_owned"),
            Self::GuardrailReserved { .. } => (Kind::Forbidden, "guardrail_reserved"),
            Self::GuardrailPermits { .. } => (Kind::Invalid, "guardrail_permits"),
            Self::GuardrailSchema { .. } => (Kind::Conflict, "guardrail_schema"),
            Self::Archived { .. } => (Kind::Archived, "archived"),
            Self::NotBound { .. } => (Kind::NotBound, "not_bound"),
            Self::NoEarlierBinding { .. } => (Kind::NotBound, "no_earlier_binding"),
            Self::TooLarge { .. } => (Kind::TooLarge, "too_large"),
            Self::Corrupt { .. } => (Kind::Corrupt, "corrupt"),
            Self::OlderState { .. } => (Kind::Corrupt, "older_state"),
            Self::NotAStore { .. } => (Kind::Invalid, "not_a_store"),
            Self::NewerFormat { .. } => (Kind::Unavailable, "newer_format"),
            Self::AlreadyOpen { .. } => (Kind::Unavailable, "already_open"),
            Self::ClockBehind { .. } => (Kind::Unavailable, "clock_behind"),
            Self::ImportedOutOfOrder { .. } => (Kind::Invalid, "imported_out_of_order"),
            Self::OutcomeUnknown { .. } => (Kind::OutcomeUnknown, "outcome_unknown"),
            Self::RecoveryNeeded => (Kind::Unavailable, "recovery_needed"),
            Self::SnapshotClosed => (Kind::Unavailable, "snapshot_closed"),
            Self::NestedWrite => (Kind::Conflict, "nested_write"),
            Self::FileReplaced { .. } => (Kind::Unavailable, "file_replaced"),
            Self::WritesStopped { .. } => (Kind::Corrupt, "writes_stopped"),
            Self::FileExists { .. } => (Kind::Conflict, "file_exists"),
            Self::IsBackup { .. } => (Kind::Conflict, "is_backup"),
            Self::NotABackup { .. } => (Kind::Conflict, "not_a_backup"),
            Self::SnapshotHeld => (Kind::Unavailable, "snapshot_held"),
            Self::ReadOnly { .. } => (Kind::Unavailable, "read_only"),
            Self::NeedsWriter { .. } => (Kind::Unavailable, "needs_writer"),
            Self::Stopped { .. } => (Kind::Stopped, "stopped"),
            Self::Storage { .. } => (Kind::Unavailable, "storage"),
            Self::CedarFailed { .. } => (Kind::Invalid, "cedar_failed"),
            Self::CannotCompile { .. } => (Kind::Unavailable, "cannot_compile"),
            Self::Signer { .. } => (Kind::Unavailable, "signer"),
            Self::ReceiptMismatch { .. } => (Kind::Conflict, "receipt_mismatch"),
        }
    }
}
