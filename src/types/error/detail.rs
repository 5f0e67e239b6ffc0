//! Every error that there is, and its message. Of which kind one is, is said elsewhere.

use std::fmt;

use super::cause::{Told, words};
use super::diagnostic::listed;
use super::wording::{in_its_place, in_text, is_or_are, sized, statements_as};
use super::{Diagnostic, Error, Resource, SourcePlace};
use crate::types::hash::Sha256;
use crate::types::id::{RequestId, ZoneId};
use crate::types::schema::SchemaStatus;
use crate::types::time::Timestamp;

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
    #[error("the {what} {} not valid: {message}", is_or_are(.what))]
    Json {
        /// What was read.
        what: &'static str,
        /// What is wrong, and where.
        message: String,
    },
    /// Brackets, chains or expressions nest more deeply than can be handled on every thread.
    #[error("too deep: {what}: more than {limit} levels at byte {offset}")]
    TooDeep {
        /// What was scanned.
        what: &'static str,
        /// The limit, see [`limits`](crate::types::limits).
        limit: usize,
        /// The byte at which the limit is passed, counted from 0; 0 where it is not known.
        offset: usize,
    },
    /// A statement's expression nests more deeply than its JSON form may.
    #[error("too deep: statement {statement}{}: {actual} {what}, limit {limit}: {advice}", in_text(.place))]
    ExpressionTooDeep {
        /// The statement, counted from 0.
        statement: u32,
        /// Where it starts in the policy text; none where JSON was given.
        place: Option<SourcePlace>,
        /// What is counted, such as the alternatives of a chain of `||`.
        what: &'static str,
        /// How many there are; at least so many where they were not counted to the end.
        actual: usize,
        /// How many there may be in this place.
        limit: usize,
        /// How it can be written instead.
        advice: &'static str,
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
        /// Every finding, within [a bound](crate::types::limits::FINDINGS).
        diagnostics: Vec<Diagnostic>,
    },
    /// To validate the policy would take too long: the cost is the number of statements times that of the schema's types of
    /// request.
    #[error(
        "too costly: {policy} against schema `{schema}`: {}{request_types} types of request = {}, limit {limit}: {advice}",
        statements_as(*.statements, *.counted), .counted.saturating_mul(*.request_types)
    )]
    ValidationTooCostly {
        /// The policy version, or `the policy` where it is new.
        policy: String,
        /// The schema version's name.
        schema: String,
        /// How many statements.
        statements: usize,
        /// As how many they count: a long one counts [more than once](crate::types::limits::VALIDATION_TOKENS).
        counted: usize,
        /// How many types of request the schema has.
        request_types: usize,
        /// The limit, see [`Builder::validation_limit`](crate::Builder::validation_limit).
        limit: usize,
        /// What to do instead.
        advice: &'static str,
    },
    /// A policy's text is over its limit in the form in which Cedar prints it, which is the text of the version that is
    /// made of its JSON.
    #[error(
        "too large: policy text as Cedar prints it, without blanks and round brackets: {actual} bytes, limit {limit}; most are \
         of statement {statement}{}",
        in_text(.place)
    )]
    PrintedTooLarge {
        /// The statement that has the most bytes, counted from 0.
        statement: u32,
        /// Where it starts in the text that was given; none where JSON was given.
        place: Option<SourcePlace>,
        /// The limit, see [`limits`](crate::types::limits).
        limit: usize,
        /// How many bytes all statements have, without blanks and round brackets outside strings.
        actual: usize,
    },
    /// Entities, a request or a context that do not fit the schema or are not well formed.
    #[error("the {what} {} not valid: {message}", is_or_are(.what))]
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
    #[error("too large: `{member}` of the policy bundle: {actual} bytes, limit {limit}")]
    BundleMemberTooLarge {
        /// The member of the archive, cut short if long.
        member: String,
        /// The limit, see [`limits`](crate::types::limits).
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
    #[error("{what} `{id}` does not exist{}", in_its_place(*.what, *.is))]
    NotFound {
        /// What was looked for.
        what: Resource,
        /// The id as given, cut short if long.
        id: String,
        /// The kind of thing in the zone that has this id, if one has.
        is: Option<Resource>,
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
    /// Only a platform actor may bind or unbind a guardrail, or suspend, erase or copy a zone that has one.
    #[error("only a platform actor may {action}")]
    GuardrailReserved {
        /// What was to be done in which zone.
        action: String,
    },
    /// A guardrail holds `forbid` statements only, so that it can only take away.
    #[error(
        "policy set version `{policy_set_version_id}` cannot be a guardrail: statement {statement} of policy version \
         `{policy_version_id}` is a `permit`, and a guardrail holds `forbid` statements only"
    )]
    GuardrailPermits {
        /// The policy set version.
        policy_set_version_id: String,
        /// The pinned policy version that holds a `permit`.
        policy_version_id: String,
        /// The statement in its text, counted from 0.
        statement: usize,
    },
    /// A guardrail is evaluated with every decision of its zone, so it validates against the schema of each.
    #[error(
        "the guardrail `{policy_set_version_id}` of zone `{zone_id}` does not fit schema `{schema}`, with which it would be \
         evaluated: {cause}"
    )]
    GuardrailSchema {
        /// The zone.
        zone_id: String,
        /// The policy set version that is the guardrail, or was to be.
        policy_set_version_id: String,
        /// The schema version of what is bound, or was to be.
        schema: String,
        /// The findings.
        cause: Error,
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
    /// Nothing else was bound to the target before.
    #[error("nothing to roll back to: no other version was bound to {target} in zone `{zone_id}` before")]
    NoEarlierBinding {
        /// The zone.
        zone_id: String,
        /// The target.
        target: String,
    },
    /// Over a limit.
    #[error("too large: {}, limit {limit}", sized(.what, *.actual))]
    TooLarge {
        /// The unit and the thing, as in `statements of the policy`; a thing alone is counted in bytes.
        what: &'static str,
        /// The limit, see [`limits`](crate::types::limits).
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
    #[error(
        "the last entry of {} is of {last}, too far ahead of the clock at {clock}: set the clock if it is wrong, else wait \
         until {last}, or open the store with a `clock_tolerance` of at least {} seconds",
        log_of(.zone_id),
        seconds_between(.clock, .last)
    )]
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
    #[error("the write may or may not have happened: it failed while it was made durable: {source}")]
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
    /// The store's file was deleted, or another file was put in its place, while the store was open. Nothing was written.
    #[error("cannot write to `{path}`: {problem} while the store was open, so nothing was written")]
    FileReplaced {
        /// The path that the store was opened at.
        path: String,
        /// What happened to the file.
        problem: &'static str,
    },
    /// This handle has found damage, and refuses writes so that none makes it permanent. Reads go on.
    #[error(
        "no write is made because damage was found ({found}): run `verify`, then `rebuild_indexes` if only index rows are \
         damaged, or restore the file from a copy; `recover` allows writes again"
    )]
    WritesStopped {
        /// What was found first.
        found: String,
    },
    /// The operating system or the storage engine refused.
    #[error("cannot {action}: {cause}")]
    Storage {
        /// What was tried, with the file where there is one.
        action: String,
        /// Why it failed, in words.
        cause: String,
        /// The error behind it.
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
        Self::NotFound { what, id: cut(id), is: None }
    }

    pub(crate) fn corrupt(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::Corrupt { place: place.to_string(), problem: problem.to_string() }
    }

    /// What was tried, and why the operating system refused it.
    pub(crate) fn io(action: impl Into<String>, error: std::io::Error) -> Self {
        let cause = words(&error);
        Self::Storage { action: action.into(), cause, source: Box::new(Told::new(error)) }
    }

    /// What was tried, and why it failed.
    pub(crate) fn failed(action: impl Into<String>, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        Self::Storage { action: action.into(), source: Box::new(Told::new(cause.clone())), cause }
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

/// How many seconds a time lies behind another, rounded up.
fn seconds_between(earlier: &Timestamp, later: &Timestamp) -> i64 {
    let micros = later.as_micros().saturating_sub(earlier.as_micros());
    micros.saturating_add(999_999).div_euclid(1_000_000)
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
