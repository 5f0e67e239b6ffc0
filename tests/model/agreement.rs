//! Compares the store's answer with the model's and shows the difference. Knows errors, but no operations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use policy_store::{Error, ErrorDetail, ErrorKind};
use serde_json::Value;

use super::state::Expected;

/// Counts successful calls by the name of the call, and refused calls by the code of the error.
pub type Tally = BTreeMap<String, usize>;

/// Counts an error by its code.
pub fn count<T>(tally: &mut Tally, told: &Result<T, impl AsError>) {
    if let Err(error) = told {
        *tally.entry(error.error().code().to_owned()).or_default() += 1;
    }
}

/// An error, or a reference to one.
pub trait AsError {
    fn error(&self) -> &Error;
}

impl AsError for Error {
    fn error(&self) -> &Error {
        self
    }
}

impl AsError for &Error {
    fn error(&self) -> &Error {
        self
    }
}

#[track_caller]
pub fn agree(what: impl Debug, told: Result<&Value, &Error>, expected: Expected) {
    match (told, expected) {
        (Ok(told), Ok(expected)) => {
            assert!(*told == expected, "{what:?}: {}", difference(told, &expected));
        }
        (Err(error), Err(broken)) => {
            let rule = rule(error);
            assert!(broken.contains(&rule), "{what:?}: the store says {rule} ({error}), the model {broken:?}");
            assert_eq!(error.kind(), kind(error.code()), "{error}");
        }
        (Ok(told), Err(broken)) => panic!("{what:?}: the store answers {told}, the model refuses {broken:?}"),
        (Err(error), Ok(expected)) => panic!("{what:?}: the store refuses {error:?}, the model answers {expected}"),
    }
}

/// The place and the values of a difference.
fn difference(told: &Value, expected: &Value) -> String {
    match (told, expected) {
        (Value::Object(told), Value::Object(expected)) => {
            let names: BTreeSet<&String> = told.keys().chain(expected.keys()).collect();
            let value = |member: Option<&Value>| member.cloned().unwrap_or_default();
            let differ = |name: &String| difference(&value(told.get(name)), &value(expected.get(name)));
            let parts = names.into_iter().map(|name| (name, differ(name))).filter(|(_, part)| !part.is_empty());
            parts.map(|(name, part)| format!("`{name}` {part} ")).collect()
        }
        (Value::Array(told), Value::Array(expected)) if told.len() == expected.len() => {
            let parts = told.iter().zip(expected).map(|(told, expected)| difference(told, expected));
            parts.enumerate().filter(|(_, part)| !part.is_empty()).map(|(n, part)| format!("[{n}] {part}")).collect()
        }
        (told, expected) if told == expected => String::new(),
        (told, expected) => format!("is {told} in the store and {expected} in the model; "),
    }
}

/// The rule behind an error: its code, and the kind of resource.
pub fn rule(error: &Error) -> String {
    match error.detail() {
        ErrorDetail::NotFound { what, .. }
        | ErrorDetail::AlreadyExists { what, .. }
        | ErrorDetail::InForce { what, .. }
        | ErrorDetail::PlatformOwned { what, .. }
        | ErrorDetail::Archived { what, .. } => format!("{} {what}", error.code()),
        _ => error.code().to_owned(),
    }
}

/// The kind of an error, by its code.
fn kind(code: &str) -> ErrorKind {
    match code {
        "not_found" | "before_zone" => ErrorKind::NotFound,
        "archived" => ErrorKind::Archived,
        "not_bound" | "no_earlier_binding" => ErrorKind::NotBound,
        "platform_owned" | "guardrail_reserved" | "tests_reserved" => ErrorKind::Forbidden,
        "too_large" | "too_deep" => ErrorKind::TooLarge,
        "clock_behind" | "newer_format" => ErrorKind::Unavailable,
        "already_exists" | "in_force" | "schema_transition" | "prepared_elsewhere" | "wrong_target"
        | "nested_write" | "receipt_mismatch" | "request_conflict" | "suspended" | "guardrail_schema"
        | "tests_missing" | "tests_failed" => ErrorKind::Conflict,
        "precondition_failed" => ErrorKind::PreconditionFailed,
        _ => ErrorKind::Invalid,
    }
}
