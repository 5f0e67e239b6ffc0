//! Every error with its message. Does not assign kinds or codes.

use super::diagnostic::listed;
use super::wording::{
    against_kept, at, in_text, into_zone, log_of, no_tests, seconds_between, sized, statements_as, wrong_kind,
};
use super::{Diagnostic, Error, Resource, SourcePlace};
use crate::types::hash::Sha256;
use crate::types::id::{IdempotencyKey, LogId, ZoneId};
use crate::types::progress::Work;
use crate::types::schema::SchemaStatus;
use crate::types::time::Timestamp;

/// The error with its input.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ErrorDetail {
    /// An id, name, time or other small input breaks a rule.
    #[error("invalid {what} `{input}`: {reason}")]
    InvalidInput {
        /// The name of the input, such as `policy id`.
        what: &'static str,
        /// The input, cut short if long.
        input: String,
        /// The rule.
        reason: &'static str,
    },
    /// The list did not issue the cursor: it is forged, cut short, or of a different list, order, filter or store.
    #[error("invalid cursor `{cursor}`: {reason}")]
    InvalidCursor {
        /// The cursor, cut short if long.
        cursor: String,
        /// The rule.
        reason: &'static str,
    },
    /// A position to follow a log from is inside a write: its entries are given together.
    #[error("position {position} is inside the group of one write: expected {start} or {end}")]
    InsideGroup {
        /// The position.
        position: u64,
        /// The position of the first entry of the write.
        start: u64,
        /// The position after its last entry.
        end: u64,
    },
    /// Both or neither of two alternatives were given.
    #[error("expected exactly one of `{first}` and `{second}`, found {given}")]
    ExactlyOne {
        /// One alternative.
        first: &'static str,
        /// The other alternative.
        second: &'static str,
        /// `"both"` or `"neither"`.
        given: &'static str,
    },
    /// Cedar text that does not parse.
    #[error("{what} does not parse: {}", listed(.diagnostics))]
    Syntax {
        /// The name of the input, such as `policy text`.
        what: &'static str,
        /// All findings.
        diagnostics: Vec<Diagnostic>,
    },
    /// JSON that does not have the required structure.
    #[error("invalid {what}: {message}")]
    Json {
        /// The name of the input, such as `policy JSON`.
        what: &'static str,
        /// The problem and its place.
        message: String,
    },
    /// Nesting is deeper than a thread with a small stack can process.
    #[error("too deep: {what}: more than {limit} levels at byte {offset}")]
    TooDeep {
        /// The name of the input.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The byte that exceeds the limit, counted from 0; 0 if unknown.
        offset: usize,
    },
    /// An expression of a statement nests deeper than its JSON may.
    #[error("too deep: statement {statement}{}: {actual} {what}, limit {limit}: {advice}", in_text(.place))]
    ExpressionTooDeep {
        /// The statement, counted from 0.
        statement: u32,
        /// Its start in the policy text; none for JSON.
        place: Option<SourcePlace>,
        /// The counted operands, such as the alternatives of a chain of `||`.
        what: &'static str,
        /// Their number; a lower bound if counting stopped early.
        actual: usize,
        /// The highest permitted number at this place.
        limit: usize,
        /// Another way to write it.
        advice: &'static str,
    },
    /// The policy contains a template. Only static statements can be stored.
    #[error("statement `{id}` is a template: only static statements can be stored")]
    Template {
        /// The template's id in the input, or `policy` with its number.
        id: String,
    },
    /// The policy set in JSON contains template links.
    #[error("`templateLinks` has {count} links: expected none")]
    TemplateLinks {
        /// The number of links.
        count: usize,
    },
    /// The policy has no statements.
    #[error("policy has no statements: expected at least one")]
    EmptyPolicy,
    /// A statement's key in `staticPolicies` differs from its `@id` annotation.
    #[error("`@id` annotation of statement `{key}` is `{annotation}`, expected `{key}`")]
    ConflictingId {
        /// The key in `staticPolicies`.
        key: String,
        /// The statement's annotation.
        annotation: String,
    },
    /// Cedar cannot convert the source to its other syntax and back without a change.
    #[error("cannot convert the {what} without a change: {reason}")]
    Unfaithful {
        /// The name of the source.
        what: &'static str,
        /// The change.
        reason: String,
    },
    /// The policy does not validate against the schema in strict mode.
    #[error("{policy} does not validate against schema `{schema}`: {}", listed(.diagnostics))]
    PolicyValidation {
        /// The policy version, or `policy` for a new one.
        policy: String,
        /// The schema version's name.
        schema: String,
        /// The findings, [limited in number](crate::limits::FINDINGS).
        diagnostics: Vec<Diagnostic>,
    },
    /// Validation would take too long. The cost is the number of statements times the number of the schema's request types.
    #[error(
        "too costly: {policy} against schema `{schema}`: {}{request_types} request types = {}, limit {limit}: {advice}",
        statements_as(*.statements, *.counted), .counted.saturating_mul(*.request_types)
    )]
    ValidationTooCostly {
        /// The policy version, or `policy` for a new one.
        policy: String,
        /// The schema version's name.
        schema: String,
        /// The number of statements.
        statements: usize,
        /// The number they count as: a long statement counts [more than once](crate::limits::VALIDATION_TOKENS).
        counted: usize,
        /// The number of the schema's request types.
        request_types: usize,
        /// The limit, see [`Builder::validation_limit`](crate::Builder::validation_limit).
        limit: usize,
        /// A way to lower the cost.
        advice: &'static str,
    },
    /// The text that Cedar prints for the policy is over its limit. A version created from JSON has that text.
    #[error(
        "too large: policy text as printed by Cedar, without whitespace and parentheses: {actual} bytes, limit {limit}; \
         largest: statement {statement}{}",
        in_text(.place)
    )]
    PrintedTooLarge {
        /// The largest statement, counted from 0.
        statement: u32,
        /// Its start in the given text; none for JSON.
        place: Option<SourcePlace>,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The bytes of all statements, without whitespace and parentheses outside strings.
        actual: usize,
    },
    /// Entities, a request or a context are malformed or do not match the schema.
    #[error("invalid {what}: {message}")]
    Request {
        /// The part: `entities`, `principal`, `action`, `resource`, `context` or `request`.
        what: &'static str,
        /// Cedar's message.
        message: String,
    },
    /// A manifest names a policy twice.
    #[error("manifest names policy `{policy_id}` more than once")]
    DuplicatePolicy {
        /// The policy.
        policy_id: String,
    },
    /// A manifest names a policy version of a different policy.
    #[error("policy version `{policy_version_id}` does not belong to policy `{policy_id}`")]
    ForeignVersion {
        /// The policy.
        policy_id: String,
        /// The version.
        policy_version_id: String,
    },
    /// The `sha` of a manifest entry is not the one of its policy version.
    #[error("wrong sha of policy version `{policy_version_id}`: `{given}`, expected `{actual}`")]
    WrongSha {
        /// The version.
        policy_version_id: String,
        /// The `sha` in the input.
        given: Sha256,
        /// The `sha` of the policy version.
        actual: Sha256,
    },
    /// The bytes are not a valid policy bundle.
    #[error("invalid policy bundle{}: {reason}", at(.member))]
    Bundle {
        /// The invalid member, cut short if long; none if the archive itself is invalid.
        member: Option<String>,
        /// The rule or the problem.
        reason: String,
    },
    /// A member of a policy bundle is over its limit.
    #[error("too large: `{member}` of the policy bundle: {actual} bytes, limit {limit}")]
    BundleMemberTooLarge {
        /// The member of the archive, cut short if long.
        member: String,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// Its bytes.
        actual: usize,
    },
    /// Applying a bundle fails at one of its policies. Kind and code are those of the cause.
    #[error("`{member}` of the policy bundle: {cause}")]
    InBundle {
        /// The policy's file.
        member: String,
        /// The cause.
        cause: Error,
    },
    /// A plan fails at one of its policies. Kind and code are those of the cause.
    #[error("policy `{policy}` of the plan: {cause}")]
    InPlan {
        /// The policy's name.
        policy: String,
        /// The cause.
        cause: Error,
    },
    /// A plan has findings that are errors: its policies do not validate.
    #[error(
        "plan cannot be applied: policy `{policy}`: {message}; {more} more findings: correct the policies and plan again"
    )]
    PlanFindings {
        /// The policy of the first finding.
        policy: String,
        /// The first finding.
        message: String,
        /// The number of other findings.
        more: usize,
    },
    /// The store has changed since the plan was made: the same content would need other steps now.
    #[error("plan is outdated: {field} is `{now}`, planned with `{planned}`: plan again")]
    PlanOutdated {
        /// The first part of the plan that differs.
        field: String,
        /// Its value in the plan.
        planned: String,
        /// Its value in a plan of now.
        now: String,
    },
    /// Several policies or policy sets have the name.
    #[error("{what} name `{name}` is ambiguous: give one of the ids {}", .ids.join(", "))]
    AmbiguousName {
        /// The kind of the resource.
        what: Resource,
        /// The name.
        name: String,
        /// The ids of the resources with this name, limited in number.
        ids: Vec<String>,
    },
    /// A schema version of this name is published with another source.
    #[error(
        "schema `{version}` is published with another source (SHA-256 {published}, given {given}): choose another name"
    )]
    SchemaTaken {
        /// The schema version's name.
        version: String,
        /// The SHA-256 of the published source.
        published: Sha256,
        /// The SHA-256 of the given source.
        given: Sha256,
    },
    /// The store or the zone has nothing with this id.
    #[error("{what} `{id}` does not exist{}", wrong_kind(*.what, *.actual))]
    NotFound {
        /// The expected kind.
        what: Resource,
        /// The id in the input, cut short if long.
        id: String,
        /// The kind that the id has in the zone, if any.
        actual: Option<Resource>,
    },
    /// The zone did not exist at that point.
    #[error("zone `{zone_id}` did not exist then: it was created at {created_at}")]
    BeforeZone {
        /// The zone.
        zone_id: String,
        /// The time of its first entry.
        created_at: Timestamp,
    },
    /// The id is already used.
    #[error("{what} `{id}` already exists")]
    AlreadyExists {
        /// The kind to create.
        what: Resource,
        /// The id.
        id: String,
    },
    /// A resource in force cannot be archived.
    #[error("{what} `{id}` is in force: unbind it before archiving it")]
    InForce {
        /// The kind to archive.
        what: Resource,
        /// Its id.
        id: String,
    },
    /// The status change is not allowed: active and deprecated change into each other, deprecated into archived.
    #[error("status of schema `{version}` cannot change from {from} to {to}")]
    SchemaTransition {
        /// The schema version.
        version: String,
        /// The current status.
        from: SchemaStatus,
        /// The requested status.
        to: SchemaStatus,
    },
    /// A policy version was prepared with a different store, and the schema of this name differs there.
    #[error("schema `{schema}` of this store differs from the one that the policy version was prepared with")]
    PreparedElsewhere {
        /// The schema version.
        schema: String,
    },
    /// The policy set has a different target.
    #[error("wrong target of policy set `{policy_set_id}`: {target}, expected {expected}")]
    WrongTarget {
        /// The policy set.
        policy_set_id: String,
        /// Its target.
        expected: String,
        /// The target in the input.
        target: String,
    },
    /// The destination store of a copy has a schema version of this name with a different syntax or source.
    #[error("schema `{version}` differs in the destination store")]
    SchemaDiffers {
        /// The schema version's name.
        version: String,
    },
    /// Only a platform actor may change a resource of the platform.
    #[error("{what} `{id}` is owned by the platform: only a platform actor may change it")]
    PlatformOwned {
        /// The kind of the resource.
        what: Resource,
        /// Its id.
        id: String,
    },
    /// Only a platform actor may bind or unbind a guardrail, or suspend, erase or copy a zone that has one.
    #[error("only a platform actor may {action}")]
    GuardrailReserved {
        /// The refused action with its zone.
        action: String,
    },
    /// A guardrail has `forbid` statements only, so that it can never allow anything.
    #[error(
        "policy set version `{policy_set_version_id}` cannot be a guardrail: statement {statement} of policy version \
         `{policy_version_id}` is a `permit`, expected only `forbid` statements"
    )]
    GuardrailPermits {
        /// The policy set version.
        policy_set_version_id: String,
        /// The pinned policy version with a `permit`.
        policy_version_id: String,
        /// The statement in the text, counted from 0.
        statement: usize,
    },
    /// Every decision of a zone evaluates its guardrail, so the guardrail must validate against the schema of each binding.
    #[error(
        "guardrail `{policy_set_version_id}` of zone `{zone_id}` does not validate against schema `{schema}`: {cause}"
    )]
    GuardrailSchema {
        /// The zone.
        zone_id: String,
        /// The policy set version of the current or new guardrail.
        policy_set_version_id: String,
        /// The schema version of the current or new binding.
        schema: String,
        /// The findings.
        cause: Error,
    },
    /// The zone demands tests, and the policy set version has none.
    #[error("zone `{zone_id}` demands tests: {}", no_tests(.policy_set_version_id))]
    TestsMissing {
        /// The zone.
        zone_id: String,
        /// The version to bind; of a policy bundle or a plan, the version in force, whose suite the new version would get. None
        /// if nothing is in force.
        policy_set_version_id: Option<String>,
    },
    /// The zone demands tests, and those of the policy set version do not pass.
    #[error(
        "tests of policy set version `{policy_set_version_id}` do not pass, as zone `{zone_id}` demands: {failed} of {cases} \
         failed: {first}"
    )]
    TestsFailed {
        /// The zone.
        zone_id: String,
        /// The version to bind; of a policy bundle, the version in force, whose suite was run; of a new version of a plan,
        /// `planned`.
        policy_set_version_id: String,
        /// The number of cases that failed.
        failed: usize,
        /// The number of cases.
        cases: usize,
        /// The first case that failed, and why.
        first: String,
    },
    /// Only a platform actor may lift a demand for tests that a platform actor has made.
    #[error("zone `{zone_id}` demands tests for the platform: only a platform actor may lift it")]
    TestsReserved {
        /// The zone.
        zone_id: String,
    },
    /// The idempotency key was already used for a different request: another call, input, precondition or actor.
    #[error("idempotency key `{idempotency_key}` was already used for a different request")]
    IdempotencyConflict {
        /// The idempotency key.
        idempotency_key: IdempotencyKey,
    },
    /// A precondition of the caller does not hold.
    #[error("precondition failed: {what} is `{actual}`, expected `{expected}`")]
    PreconditionFailed {
        /// The compared value, such as ``revision of policy `p` ``.
        what: String,
        /// The expected value.
        expected: String,
        /// The current value.
        actual: String,
    },
    /// The zone is suspended: it refuses writes until it is resumed.
    #[error("zone `{zone_id}` is suspended")]
    Suspended {
        /// The zone.
        zone_id: String,
    },
    /// The resource is archived: it cannot change, and nothing new can use it.
    #[error("{what} `{id}` is archived")]
    Archived {
        /// The kind of the resource.
        what: Resource,
        /// Its id.
        id: String,
    },
    /// Nothing is in force for the target.
    #[error("nothing is bound to {target} in zone `{zone_id}`")]
    NotBound {
        /// The zone.
        zone_id: String,
        /// The target.
        target: String,
    },
    /// The target has no earlier binding of a different version.
    #[error("cannot roll back: no other version was bound to {target} in zone `{zone_id}` before")]
    NoEarlierBinding {
        /// The zone.
        zone_id: String,
        /// The target.
        target: String,
    },
    /// The input is over a limit.
    #[error("too large: {}, limit {limit}", sized(.what, *.actual))]
    TooLarge {
        /// The unit and the input, as in `statements of the policy`; an input alone is counted in bytes.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The size of the input; a lower bound if counting stopped early.
        actual: usize,
    },
    /// The stored data is damaged.
    #[error("store is damaged at {place}: {problem}")]
    Corrupt {
        /// The place of the damage.
        place: String,
        /// The problem.
        problem: String,
    },
    /// A log of the store does not contain a checkpoint, or has not reached a position, that was kept: the store was put back
    /// to an older state, or its history was rewritten.
    #[error("store is not later than a state that was kept: {}", against_kept(.log_id, *.kept, *.size))]
    OlderState {
        /// The log of the checkpoint.
        log_id: LogId,
        /// The size of the checkpoint, or the position.
        kept: u64,
        /// The log's size in the store; none if the store does not have the log.
        size: Option<u64>,
    },
    /// The file is not a policy store.
    #[error("`{path}` is not a policy store: {reason}")]
    NotAStore {
        /// The file.
        path: String,
        /// The missing or wrong property.
        reason: String,
    },
    /// A newer version of this crate wrote the input or a part of it.
    #[error("written by a newer version of this crate: {what} is {found}, supported up to {known}")]
    NewerFormat {
        /// The name of the number, such as `format version`.
        what: &'static str,
        /// The number in the input.
        found: u64,
        /// The highest supported number.
        known: u64,
    },
    /// The file is open in another handle, in this process or another.
    #[error("`{path}` is already open")]
    AlreadyOpen {
        /// The file.
        path: String,
    },
    /// The clock is too far behind the log: one of the two is wrong.
    #[error(
        "clock is at {clock}, behind the last entry of {} at {last}: correct the clock, wait until {last}, or open the \
         store with a `clock_tolerance` of at least {} seconds",
        log_of(.zone_id),
        seconds_between(.clock, .last)
    )]
    ClockBehind {
        /// The zone of the log; none for the store's log.
        zone_id: Option<ZoneId>,
        /// The last entry's time.
        last: Timestamp,
        /// The clock's time.
        clock: Timestamp,
    },
    /// Imported history must be in order and not from the future.
    #[error("cannot import entries of {at}{}: {reason}", into_zone(.zone_id))]
    ImportedOutOfOrder {
        /// The zone with later history; none for a time in the future.
        zone_id: Option<ZoneId>,
        /// The time in the input.
        at: Timestamp,
        /// The rule with the time that it compares to.
        reason: String,
    },
    /// The write may or may not be durable. Call `recover`, then read.
    #[error("outcome of the write is unknown: making it durable failed: {source}")]
    OutcomeUnknown {
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier failure made the handle unusable until a call of `recover`.
    #[error("store is unusable after an earlier failure: call `recover`")]
    RecoveryNeeded,
    /// A snapshot was taken before the store was recovered.
    #[error("snapshot is closed: the store was recovered since; take a new one")]
    SnapshotClosed,
    /// A write or `recover` was called inside the closure of a write of the same store.
    #[error("nested write: this thread is already writing to this store")]
    NestedWrite,
    /// The store's file was deleted or replaced while the store was open. Nothing was written.
    #[error("`{path}` is not the file of the open store any more: {problem}; nothing was written")]
    FileReplaced {
        /// The path of the store.
        path: String,
        /// The change of the file.
        problem: &'static str,
    },
    /// This handle found damage and refuses writes, so that none makes the damage permanent. Reads continue.
    #[error(
        "writes are stopped after damage was found ({found}): run `verify`, then `rebuild_indexes` if only index rows are \
         damaged, or restore the file from a copy; `recover` allows writes again"
    )]
    WritesStopped {
        /// The first damage.
        found: String,
    },
    /// There is a file where a new one is to be made.
    #[error("`{path}` already exists: a backup never replaces a file")]
    FileExists {
        /// The file.
        path: String,
    },
    /// The file is a backup. Two stores must not go on from it under one name.
    #[error(
        "{place} is a backup: open it for reading only, or say with `restore` whether it goes on in place of the original \
         store (`Restore::Resume`, if that one is gone for good) or as another store (`Restore::Fork`)"
    )]
    IsBackup {
        /// The backup.
        place: String,
    },
    /// The file is no backup, or was restored already.
    #[error("{place} is not a backup, or was restored already: open it without `restore`")]
    NotABackup {
        /// The store.
        place: String,
    },
    /// The file cannot be compacted while a snapshot is held or a long read is under way, in this process or another one.
    #[error(
        "cannot compact the store while a snapshot is held or a long read is under way, in this process or another"
    )]
    SnapshotHeld,
    /// The handle was opened for reading only.
    #[error("cannot write to {place}: it was opened for reading only")]
    ReadOnly {
        /// The store.
        place: String,
    },
    /// The store is a replica: only the store that it follows is written to.
    #[error("cannot write to {place}: it is a replica, which follows another store")]
    IsReplica {
        /// The replica.
        place: String,
    },
    /// The file is a store of its own, and follows no other.
    #[error("{place} is not a replica: it is a store that was written to")]
    NotAReplica {
        /// The store.
        place: String,
    },
    /// The zone exists, and this replica does not follow it.
    #[error("zone `{zone_id}` is not held: this replica follows other zones")]
    ZoneNotHeld {
        /// The zone.
        zone_id: String,
    },
    /// A replica was given an earlier state than its own.
    #[error("log {log_id} has {held} entries here, and only {given} in the given checkpoint")]
    ReplicaRollback {
        /// The log.
        log_id: LogId,
        /// Its size in the replica.
        held: u64,
        /// Its size in the checkpoint.
        given: u64,
    },
    /// A replica was given a checkpoint of another history than its own.
    #[error("checkpoint of log {log_id} with {size} entries is of another history than the replica")]
    ReplicaFork {
        /// The log of the checkpoint.
        log_id: LogId,
        /// Its size in the checkpoint.
        size: u64,
    },
    /// A replica was given entries or content that do not belong to the log, or not at this place.
    #[error("cannot replicate entry {position} of log {log_id}: {problem}")]
    Replicated {
        /// The log.
        log_id: LogId,
        /// The position of the entry; the size of the checkpoint if all entries together do not fit it.
        position: u64,
        /// The problem.
        problem: String,
    },
    /// The source of a replica failed.
    #[error("cannot read entry {position} of log {log_id}")]
    ReplicaSource {
        /// The log.
        log_id: LogId,
        /// The position of the entry.
        position: u64,
        /// The source's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The replica follows chosen zones only, so it cannot become a store.
    #[error("{place} cannot become a store: it does not hold zone `{zone_id}`")]
    PartialReplica {
        /// The replica.
        place: String,
        /// A zone that it does not hold.
        zone_id: String,
    },
    /// The file cannot be read before it was opened for writing once.
    #[error("cannot open {place} for reading only: {reason}: open it for writing once")]
    NeedsWriter {
        /// The store.
        place: String,
        /// The reason.
        reason: &'static str,
    },
    /// The observer of long work stopped it. Nothing was changed.
    #[error("{work} was stopped by its observer")]
    Stopped {
        /// The work.
        work: Work,
    },
    /// The operating system or the storage engine failed.
    #[error("cannot {action}: {cause}")]
    Storage {
        /// The failed action, with the file if there is one.
        action: String,
        /// The cause in words.
        cause: String,
        /// The underlying error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Cedar failed unexpectedly on this input; the input is refused.
    #[error("cedar failed on the {what}: {message}")]
    CedarFailed {
        /// The name of the input.
        what: &'static str,
        /// Cedar's message.
        message: String,
    },
    /// Cedar no longer accepts the text of a pinned policy version. The set version cannot decide, as no statement is ever
    /// skipped.
    #[error(
        "cannot compile policy set version `{policy_set_version_id}`: cedar refuses policy version `{policy_version_id}`"
    )]
    CannotCompile {
        /// The policy set version.
        policy_set_version_id: String,
        /// The refused policy version.
        policy_version_id: String,
        /// The cause.
        source: Error,
    },
    /// Cedar no longer accepts the text of a policy version, so its statements are not known. Read it with the version of Cedar
    /// that validated it.
    #[error("cedar refuses policy version `{policy_version_id}`: its statements are not known")]
    CannotParse {
        /// The refused policy version.
        policy_version_id: String,
        /// The cause.
        source: Error,
    },
    /// The signer of an attestation failed.
    #[error("signer with key `{key_id}` failed")]
    Signer {
        /// The key.
        key_id: String,
        /// The signer's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No signed checkpoint covers the end of the log at a decision: sign one, and keep it.
    #[error("no signed checkpoint of the log of zone `{zone_id}` with {size} or more entries is kept")]
    NoCheckpoint {
        /// The zone.
        zone_id: String,
        /// The number of entries at the decision.
        size: u64,
    },
    /// A signed checkpoint of the caller does not match this store: it is of another log, or of another history of this one.
    #[error("checkpoint does not match the store: {field} is `{given}`, expected `{stored}`")]
    CheckpointMismatch {
        /// The part of the checkpoint that differs.
        field: &'static str,
        /// Its value in the checkpoint.
        given: String,
        /// Its value in the store.
        stored: String,
    },
    /// The signed rules are older than those that the authorizer has. It goes on with its own.
    #[error("signed rules are of {given} entries of the log, older than those in use, which are of {in_use}")]
    OlderRules {
        /// The number of entries that the given rules are of.
        given: u64,
        /// The number of entries that the rules in use are of.
        in_use: u64,
    },
    /// The signed rules are of another zone, log or target than those that the authorizer has.
    #[error("signed rules are of another {field}: {given}, expected {in_use}")]
    OtherRules {
        /// The part that differs: `zone`, `log` or `target`.
        field: &'static str,
        /// Its value in the given rules.
        given: String,
        /// Its value in the rules in use.
        in_use: String,
    },
    /// The signed rules and those that the authorizer has contradict each other: the log's key has signed two histories.
    #[error("signed rules contradict those in use: {field} is `{given}`, expected `{in_use}`")]
    ForkedRules {
        /// The field that differs.
        field: &'static str,
        /// Its value in the given rules.
        given: String,
        /// Its value in the rules in use.
        in_use: String,
    },
    /// A receipt does not match this store: it is from a different store, or one of the two was changed.
    #[error("receipt does not match the store: {field} is `{receipt}`, expected `{stored}`")]
    ReceiptMismatch {
        /// The field of the receipt.
        field: &'static str,
        /// The value in the receipt.
        receipt: String,
        /// The value in the store.
        stored: String,
    },
}
