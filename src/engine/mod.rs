//! The state that all handles of one open store share: storage, caches, clock. Does not know which versions are active.

#[macro_use]
mod cache;
pub(crate) mod compiler;
pub(crate) mod recent;
pub(crate) mod validation;
pub(crate) mod versions;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::engine::compiler::Compiler;
use crate::engine::recent::Recent;
use crate::engine::versions::VersionCache;
use crate::storage::{Author, Imported, Report, Storage};
use crate::types::actor::Actor;
use crate::types::environment::Environment;
use crate::types::time::Timestamp;

/// The last verification through a handle.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// When it ended.
    pub at: Timestamp,
    /// Whether it was of the whole store, or of what was added since checkpoints.
    pub whole: bool,
    /// The entries that it walked.
    pub entries: u64,
    /// Its findings.
    pub findings: u64,
}

/// The state that all handles of one open store share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub storage: Storage,
    pub compiler: Arc<Compiler>,
    pub recent: Arc<Recent>,
    pub versions: Arc<VersionCache>,
    pub environment: Environment,
    /// The last verification through this handle.
    pub verified: Mutex<Option<Verification>>,
    /// The number of microseconds by which a log may be ahead of the clock.
    pub clock_tolerance: i64,
}

impl Engine {
    /// Notes a verification that has ended.
    pub(crate) fn verified(&self, whole: bool, report: &Report) {
        let (findings, entries) = (report.findings.len() as u64, report.entries);
        let verification = Verification { at: self.environment.now(), whole, entries, findings };
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Some(verification);
    }

    pub(crate) fn last_verification(&self) -> Option<Verification> {
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The author of a write at the present time.
    pub(crate) fn author(&self, actor: &Actor, imported: Option<Imported>) -> Author {
        let (actor, clock, tolerance) = (actor.clone(), self.environment.now(), self.clock_tolerance);
        Author { actor, clock, imported, tolerance, rationale: None }
    }
}
