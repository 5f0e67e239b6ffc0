//! The state that all handles of one open store share: storage, caches, clock. Does not know which versions are active.

#[macro_use]
mod cache;
pub(crate) mod compiler;
pub(crate) mod recent;
pub(crate) mod validation;
pub(crate) mod versions;

use std::sync::Arc;

use crate::engine::compiler::Compiler;
use crate::engine::recent::Recent;
use crate::engine::versions::VersionCache;
use crate::storage::{Author, Imported, Storage};
use crate::types::actor::Actor;
use crate::types::environment::Environment;

/// The state that all handles of one open store share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub storage: Storage,
    pub compiler: Arc<Compiler>,
    pub recent: Arc<Recent>,
    pub versions: Arc<VersionCache>,
    pub environment: Environment,
    /// The number of microseconds by which a log may be ahead of the clock.
    pub clock_tolerance: i64,
}

impl Engine {
    /// The author of a write at the present time.
    pub(crate) fn author(&self, actor: &Actor, imported: Option<Imported>) -> Author {
        let (actor, clock, tolerance) = (actor.clone(), self.environment.now(), self.clock_tolerance);
        Author { actor, clock, imported, tolerance, rationale: None }
    }
}
