//! Parts of messages: sizes with their units, verbs, places, and what stands where something else was looked for.

use super::{Resource, SourcePlace};

/// `statements of the policy` and 1001 as `the policy: 1001 statements`.
pub(super) fn sized(what: &str, actual: usize) -> String {
    let (unit, thing) = what.split_once(" of ").unwrap_or(("bytes", what));
    format!("{thing}: {actual} {unit}")
}

/// The verb of an input.
pub(super) fn is_or_are(what: &str) -> &'static str {
    if what.ends_with('s') { "are" } else { "is" }
}

/// Where in a text that was given.
pub(super) fn in_text(place: &Option<SourcePlace>) -> String {
    place.map(|place| format!(" at {}:{}", place.line, place.column)).unwrap_or_default()
}

/// The first factors of the cost of validating.
pub(super) fn statements_as(statements: usize, counted: usize) -> String {
    match (statements, counted > statements) {
        (1, false) => "1 statement × ".to_owned(),
        (_, false) => format!("{statements} statements × "),
        (1, true) => format!("1 statement, for its length counted as {counted}, × "),
        (_, true) => format!("{statements} statements, for their length counted as {counted}, × "),
    }
}

/// The thing that has the id in the place of the one that was looked for, and which id is asked for.
pub(super) fn in_its_place(what: Resource, is: Option<Resource>) -> String {
    let expected = match what {
        Resource::PolicyVersion => "the id of a policy's version",
        Resource::PolicySetVersion => "the id of a policy set's version",
        Resource::Policy => "a policy's id",
        Resource::PolicySet => "a policy set's id",
        Resource::Zone | Resource::Log | Resource::Schema => "another id",
    };
    is.map(|is| format!(": it is the id of a {is}, expected {expected}")).unwrap_or_default()
}
