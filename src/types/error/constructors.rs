//! Constructors of frequent errors. They cut long inputs short.

use std::fmt;

#[cfg(feature = "bundle")]
use super::Error;
use super::cause::{NamedCause, describe_io};
use super::cut;
use super::{ErrorDetail, Resource};
use crate::types::id::LogId;

impl ErrorDetail {
    pub(crate) fn invalid(what: &'static str, input: &str, reason: &'static str) -> Self {
        Self::InvalidInput { what, input: cut(input), reason }
    }

    pub(crate) fn cursor(cursor: &str, reason: &'static str) -> Self {
        Self::InvalidCursor { cursor: cut(cursor), reason }
    }

    pub(crate) fn not_found(what: Resource, id: &str) -> Self {
        Self::NotFound { what, id: cut(id), actual: None }
    }

    pub(crate) fn corrupt(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self::Corrupt { place: place.to_string(), problem: problem.to_string() }
    }

    pub(crate) fn replicated(log_id: LogId, position: u64, problem: &str) -> Self {
        Self::Replicated { log_id, position, problem: problem.to_owned() }
    }

    pub(crate) fn source_failed(
        log_id: LogId,
        position: u64,
        source: Box<dyn std::error::Error + Send + Sync>,
    ) -> Self {
        Self::ReplicaSource { log_id, position, source }
    }

    /// `action` failed with an error of the operating system.
    pub(crate) fn io(action: impl Into<String>, error: std::io::Error) -> Self {
        let cause = describe_io(&error);
        Self::Storage { action: action.into(), cause, source: Box::new(NamedCause::new(error)) }
    }

    /// `action` failed with `cause`.
    pub(crate) fn failed(action: impl Into<String>, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        Self::Storage { action: action.into(), source: Box::new(NamedCause::new(cause.clone())), cause }
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
