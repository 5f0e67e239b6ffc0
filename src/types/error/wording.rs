//! Parts of messages: sizes with their units, places, kinds and times.

use super::{Resource, SourcePlace};
pub(super) use policy_store_verify::internal::error::sized;

use crate::types::id::{LogId, ZoneId};
use crate::types::time::Timestamp;

/// The place in a given text.
pub(super) fn in_text(place: &Option<SourcePlace>) -> String {
    place.map(|place| format!(" at {}:{}", place.line, place.column)).unwrap_or_default()
}

/// The first factors of the cost of validating.
pub(super) fn statements_as(statements: usize, counted: usize) -> String {
    match (statements, counted > statements) {
        (1, false) => "1 statement × ".to_owned(),
        (_, false) => format!("{statements} statements × "),
        (1, true) => format!("1 statement counted as {counted} for its length × "),
        (_, true) => format!("{statements} statements counted as {counted} for their length × "),
    }
}

/// The kind that an id has in place of the expected one.
pub(super) fn wrong_kind(expected: Resource, actual: Option<Resource>) -> String {
    actual.map(|actual| format!(": it is a {actual} id, expected a {expected} id")).unwrap_or_default()
}

/// The place in a policy bundle.
pub(super) fn at(member: &Option<String>) -> String {
    member.as_ref().map(|member| format!(" at `{member}`")).unwrap_or_default()
}

/// The log of a zone, or the store's.
pub(super) fn log_of(zone_id: &Option<ZoneId>) -> String {
    zone_id.as_ref().map_or_else(|| "the store's log".to_owned(), |id| format!("the log of zone `{id}`"))
}

/// The seconds from one time to a later one, rounded up.
pub(super) fn seconds_between(earlier: &Timestamp, later: &Timestamp) -> i64 {
    let micros = later.as_micros().saturating_sub(earlier.as_micros());
    micros.saturating_add(999_999).div_euclid(1_000_000)
}

/// The zone of an import.
pub(super) fn into_zone(zone_id: &Option<ZoneId>) -> String {
    zone_id.as_ref().map(|id| format!(" into zone `{id}`")).unwrap_or_default()
}

/// The version without a test suite.
pub(super) fn no_tests(policy_set_version_id: &Option<String>) -> String {
    match policy_set_version_id {
        Some(id) => format!("policy set version `{id}` has none: keep a test suite with it first"),
        None => {
            "no version is in force whose tests a new one would take over: bind one with a test suite first".to_owned()
        }
    }
}

/// A log against a checkpoint of `kept` entries.
pub(super) fn against_kept(log_id: &LogId, kept: u64, size: Option<u64>) -> String {
    match size {
        None => format!("log {log_id} is missing, expected {kept} entries"),
        Some(size) if size < kept => format!("log {log_id} has {size} entries, expected at least {kept}"),
        Some(_) => format!("the first {kept} entries of log {log_id} have a different root"),
    }
}
