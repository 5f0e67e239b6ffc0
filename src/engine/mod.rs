//! What all handles of one open store share: its file, its caches, its clock.

pub(crate) mod compiler;
pub(crate) mod recent;
pub(crate) mod validation;
pub(crate) mod versions;

use crate::engine::compiler::Compiler;
use crate::engine::recent::Recent;
use crate::engine::versions::VersionCache;
use crate::storage::{Author, Imported, Storage};
use crate::types::actor::Actor;
use crate::types::environment::Environment;

/// What all handles of one open store share.
#[derive(Debug)]
pub(crate) struct Engine {
    pub storage: Storage,
    pub compiler: Compiler,
    pub recent: Recent,
    pub versions: VersionCache,
    pub environment: Environment,
    /// How far a log may be ahead of the clock, in microseconds.
    pub clock_tolerance: i64,
}

impl Engine {
    /// Who writes, and when: now.
    pub(crate) fn author(&self, actor: &Actor, imported: Option<Imported>) -> Author {
        Author { actor: actor.clone(), clock: self.environment.now(), imported, tolerance: self.clock_tolerance }
    }
}
