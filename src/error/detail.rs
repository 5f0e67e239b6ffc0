//! Every error that there is, and its message. Of which kind one is, is said elsewhere.

use std::fmt;

use super::diagnostic::listed;
use super::{Diagnostic, Error, Resource};
use crate::hash::Sha256;
use crate::id::{RequestId, ZoneId};
use crate::model::SchemaStatus;
use crate::time::Timestamp;

/// What was wrong with which input.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum ErrorDetail {
    /// An id, name, time, cursor or other small input is not of the right form.
    #[error("invalid {what} `{input}`: {reason}")]
    InvalidInput {
        /// What the input is for.
        what: &'static str,
        /// The input, cut short if long.
        input: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A cursor that this list did not give out: forged, cut short, or of another list, order or store.
    #[error("invalid cursor `{cursor}`: {reason}")]
    InvalidCursor {
        /// The cursor, cut short if long.
        cursor: String,
        /// Why it is refused.
        reason: &'static str,
    },
    /// Not exactly one of two forms was given.
    #[error("exactly one of `{first}` and `{second}` must be given, not {given}")]
    ExactlyOne {
        /// The one form.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// `"both"` or `"neither"`.
        given: &'static str,
    },
    /// Cedar text that does not parse.
    #[error("the {what} does not parse: {}", listed(.diagnostics))]
    Syntax {
        /// What was parsed.
        what: &'static str,
        /// Every finding.
        diagnostics: Vec<Diagnostic>,
    },
    /// JSON that is not what Cedar's JSON forms require.
    #[error("the {what} is not valid: {message}")]
    Json {
        /// What was read.
        what: &'static str,
        /// What is wrong, and where.
        message: String,
    },
    /// Brackets, chains or expressions nest more deeply than can be handled on every thread.
    #[error("the {what} nests deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// What was scanned.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// The byte at which the limit is passed, counted from 0; 0 where it is not known.
        offset: usize,
    },
    /// The policy holds a template. Only static statements can be stored.
    #[error("statement `{id}` is a template, and templates cannot be stored")]
    Template {
        /// The template's id in the input, or `policy` and its number.
        id: String,
    },
    /// The policy set in JSON holds template links.
    #[error("`templateLinks` holds {count} links, and links cannot be stored")]
    TemplateLinks {
        /// How many.
        count: usize,
    },
    /// The policy holds no statement.
    #[error("the policy holds no statement")]
    EmptyPolicy,
    /// A statement's key in `staticPolicies` contradicts its own `@id` annotation.
    #[error("statement `{key}` has an `@id` of its own: `{annotation}`")]
    ConflictingId {
        /// The key in `staticPolicies`.
        key: String,
        /// The statement's annotation.
        annotation: String,
    },
    /// Cedar cannot convert the source to its other form and back without a change.
    #[error("the {what} cannot be converted faithfully: {reason}")]
    Unfaithful {
        /// What was converted.
        what: &'static str,
        /// What came out instead.
        reason: String,
    },
    /// The policy does not validate, in strict mode, against the schema.
    #[error("{policy} does not validate against schema `{schema}`: {}", listed(.diagnostics))]
    PolicyValidation {
        /// The policy version, or `the policy` where it is new.
        policy: String,
        /// The schema version's name.
        schema: String,
        /// Every finding.
        diagnostics: Vec<Diagnostic>,
    },
    /// Entities, a request or a context that do not fit the schema or are not well formed.
    #[error("the {what} is not valid: {message}")]
    Request {
        /// Which part: `entities`, `principal`, `action`, `resource`, `context` or `request`.
        what: &'static str,
        /// What Cedar says.
        message: String,
    },
    /// A manifest names a policy twice.
    #[error("the manifest names policy `{policy_id}` more than once")]
    DuplicatePolicy {
        /// The policy.
        policy_id: String,
    },
    /// A manifest names a policy version of another policy.
    #[error("policy version `{policy_version_id}` is not one of policy `{policy_id}`")]
    ForeignVersion {
        /// The policy.
        policy_id: String,
        /// The version.
        policy_version_id: String,
    },
    /// A manifest entry carries a `sha` that is not its policy version's.
    #[error("policy version `{policy_version_id}` has sha `{actual}`, not `{given}`")]
    WrongSha {
        /// The version.
        policy_version_id: String,
        /// What was given.
        given: Sha256,
        /// What it is.
        actual: Sha256,
    },
    /// Bytes that are no policy bundle, or one that says what it must not.
    #[error("the policy bundle is not valid{}: {reason}", at(.member))]
    Bundle {
        /// The member of the archive that it is about, cut short if long; none where it is about the archive.
        member: Option<String>,
        /// What is wrong.
        reason: String,
    },
    /// A member of a policy bundle is over its limit.
    #[error("`{member}` of the policy bundle has {actual} bytes, over the limit of {limit}")]
    BundleMemberTooLarge {
        /// The member of the archive, cut short if long.
        member: String,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// How many bytes it has.
        actual: usize,
    },
    /// A policy of a bundle is refused when the bundle is applied: kind and code are those of the cause.
    #[error("`{member}` of the policy bundle: {cause}")]
    InBundle {
        /// The policy's file.
        member: String,
        /// Why it is refused.
        cause: Error,
    },
    /// There is no such thing, here or in this zone.
    #[error("{what} `{id}` does not exist")]
    NotFound {
        /// What was looked for.
        what: Resource,
        /// The id as given, cut short if long.
        id: String,
    },
    /// The id is taken.
    #[error("{what} `{id}` exists already")]
    AlreadyExists {
        /// What was to be created.
        what: Resource,
        /// The id.
        id: String,
    },
    /// What is bound cannot be archived.
    #[error("{what} `{id}` is in force: unbind it before it is archived")]
    InForce {
        /// What was to be archived.
        what: Resource,
        /// Its id.
        id: String,
    },
    /// A schema's status cannot change so: active and deprecated change into each other, and deprecated to archived.
    #[error("schema `{version}` is {from} and cannot become {to}")]
    SchemaTransition {
        /// The schema version.
        version: String,
        /// Its status.
        from: SchemaStatus,
        /// The status that was asked for.
        to: SchemaStatus,
    },
    /// A policy version was prepared in another store, where the schema's name stands for another schema.
    #[error("the policy version was prepared with another schema `{schema}` than this store's")]
    PreparedElsewhere {
        /// The schema version.
        schema: String,
    },
    /// The policy set is for another target.
    #[error("policy set `{policy_set_id}` is for {expected}, not for {target}")]
    WrongTarget {
        /// The policy set.
        policy_set_id: String,
        /// What it is for.
        expected: String,
        /// What it was to be bound to.
        target: String,
    },
    /// The store that is copied into has a schema version of that name with another form or source.
    #[error("schema `{version}` is another one in the store that is copied into")]
    SchemaDiffers {
        /// The schema version's name.
        version: String,
    },
    /// Only a platform actor may change what a platform actor made.
    #[error("{what} `{id}` is owned by the platform: a customer cannot change it")]
    PlatformOwned {
        /// What was to be changed.
        what: Resource,
        /// Its id.
        id: String,
    },
    /// A request id was used before for something else: another call, input, demand or actor.
    #[error("request id `{request_id}` was used before for something else")]
    RequestConflict {
        /// The request id.
        request_id: RequestId,
    },
    /// A demand of the caller does not hold.
    #[error("{what} is `{actual}`, and was demanded to be `{demanded}`")]
    PreconditionFailed {
        /// What was demanded.
        what: String,
        /// What it was demanded to be.
        demanded: String,
        /// What it is.
        actual: String,
    },
    /// The zone is suspended: nothing is written there until it is resumed.
    #[error("zone `{zone_id}` is suspended")]
    Suspended {
        /// The zone.
        zone_id: String,
    },
    /// It is archived, and archived things do not change and are not newly used.
    #[error("{what} `{id}` is archived")]
    Archived {
        /// What is archived.
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
    /// Over a limit.
    #[error("{what} has {actual}, over the limit of {limit}")]
    TooLarge {
        /// What is too large, and its unit.
        what: &'static str,
        /// The limit, see [`limits`](crate::limits).
        limit: usize,
        /// What was given; at least one over the limit where it was not counted to the end.
        actual: usize,
    },
    /// What is stored is damaged.
    #[error("the store is damaged at {place}: {problem}")]
    Corrupt {
        /// Where.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// The file is not one of this crate's.
    #[error("`{path}` is not a policy store: {reason}")]
    NotAStore {
        /// The file.
        path: String,
        /// How it was noticed.
        reason: String,
    },
    /// The file, or a part of it, was written by a newer version of this crate.
    #[error("written by a newer version of this crate: {what} is {found}, and this build knows up to {known}")]
    NewerFormat {
        /// What is newer.
        what: &'static str,
        /// The number found.
        found: u64,
        /// The highest known number.
        known: u64,
    },
    /// The file is open in another handle, in this process or another.
    #[error("`{path}` is open already")]
    AlreadyOpen {
        /// The file.
        path: String,
    },
    /// The clock is far behind the log: one of the two was wrong.
    #[error("the last entry of {} is of {last}, too far ahead of the clock at {clock}", log_of(.zone_id))]
    ClockBehind {
        /// The zone whose log it is; none where it is the store's own.
        zone_id: Option<ZoneId>,
        /// The last entry's time.
        last: Timestamp,
        /// The clock.
        clock: Timestamp,
    },
    /// Earlier history is imported in its order, and not from the future.
    #[error("cannot import what happened at {at}{}: {reason}", into_zone(.zone_id))]
    ImportedOutOfOrder {
        /// The zone that has later history; none where it is not about one, but about the future.
        zone_id: Option<ZoneId>,
        /// When it happened, as given.
        at: Timestamp,
        /// The rule that it breaks, with the time that it is measured by.
        reason: String,
    },
    /// The write may or may not be durable. Call `recover`, then look.
    #[error("the write failed while it was made durable; it may or may not have happened")]
    OutcomeUnknown {
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An earlier failure made the handle unusable until `recover` is called.
    #[error("an earlier failure made the store unusable: call `recover`")]
    RecoveryNeeded,
    /// A write, or `recover`, was started inside the closure of a write of the same store.
    #[error("a write of this store is under way on this thread")]
    NestedWrite,
    /// The operating system or the storage engine refused.
    #[error("cannot {action}")]
    Storage {
        /// What was tried, with the file where there is one.
        action: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Cedar failed on this input in a way that it should not; the input is refused.
    #[error("cedar failed on the {what}: {message}")]
    CedarFailed {
        /// What was handed to it.
        what: &'static str,
        /// What it said.
        message: String,
    },
    /// A pinned policy's text is not accepted by this build's Cedar any more, so the set cannot decide: no statement
    /// is ever skipped.
    #[error("policy set version `{policy_set_version_id}` cannot be compiled because of `{policy_version_id}`")]
    CannotCompile {
        /// The set version.
        policy_set_version_id: String,
        /// The policy version that is not accepted.
        policy_version_id: String,
        /// Why not.
        source: Error,
    },
    /// The signer of an attestation failed.
    #[error("the signer with key `{key_id}` failed")]
    Signer {
        /// The key.
        key_id: String,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A receipt does not agree with this store: it is of another store, or one of the two was changed.
    #[error("the receipt's {field} is `{receipt}`, and the store's `{stored}`")]
    ReceiptMismatch {
        /// The field of the receipt.
        field: &'static str,
        /// What the receipt says.
        receipt: String,
        /// What the store says.
        stored: String,
    },
}

impl ErrorDetail {
    pub(crate) fn invalid(what: &'static str, input: &str, reason: &'static str) -> Self {
        Self::InvalidInput { what, input: cut(input), reason }
    }

    pub(crate) fn cursor(cursor: &str, reason: &'static str) -> Self {
        Self::InvalidCursor { cursor: cut(cursor), reason }
    }

    pub(crate) fn not_found(what: Resource, id: &str) -> Self {
        Self::NotFound { what, id: cut(id) }
    }

    pub(crate) fn corrupt(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::Corrupt { place: place.to_string(), problem: problem.to_string() }
    }

    #[cfg(feature = "bundle")]
    pub(crate) fn bundle(member: Option<&str>, reason: impl fmt::Display) -> Error {
        Self::Bundle { member: member.map(cut), reason: reason.to_string() }.into()
    }

    #[cfg(feature = "bundle")]
    pub(crate) fn member_too_large(member: &str, limit: usize, actual: usize) -> Error {
        Self::BundleMemberTooLarge { member: cut(member), limit, actual }.into()
    }
}

/// Where in a policy bundle.
fn at(member: &Option<String>) -> String {
    member.as_ref().map(|member| format!(" at `{member}`")).unwrap_or_default()
}

/// Whose log.
fn log_of(zone_id: &Option<ZoneId>) -> String {
    zone_id.as_ref().map_or_else(|| "the store's log".to_owned(), |id| format!("the log of zone `{id}`"))
}

/// Into which zone.
fn into_zone(zone_id: &Option<ZoneId>) -> String {
    zone_id.as_ref().map(|id| format!(" into zone `{id}`")).unwrap_or_default()
}

/// The first characters of an input, so that an error does not carry megabytes.
pub(crate) fn cut(input: &str) -> String {
    match input.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", input.get(..end).unwrap_or_default()),
        None => input.to_owned(),
    }
}
