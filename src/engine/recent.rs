//! The cache of recently requested authorizers. An entry is valid until the next commit.

use std::fmt;
use std::sync::{Arc, Weak};

use quick_cache::sync::Cache;

use super::compiler::{BoundSet, Compiled};
use crate::resource::binding::Binding;
use crate::types::id::LogId;
use crate::types::target::{BindingMode, Target};

/// The capacity: authorizers of this many targets.
const RECENT: usize = 4_096;

/// The recently requested authorizers, each valid until the next commit.
///
/// An entry has a weak reference to its compiled set. Only the compiler's cache and the authorizers in use keep the
/// set.
pub(crate) struct Recent(Cache<(LogId, BindingMode, Target), Taken>);

/// An authorizer, and the store's count of commits at its creation.
#[derive(Clone)]
struct Taken {
    commits: u64,
    bound: Kept,
    guardrail: Option<Kept>,
}

#[derive(Clone)]
struct Kept {
    binding: Arc<Binding>,
    compiled: Weak<Compiled>,
}

impl Kept {
    fn new(bound: &BoundSet) -> Self {
        Self { binding: bound.binding.clone(), compiled: Arc::downgrade(&bound.compiled) }
    }

    fn upgrade(self) -> Option<BoundSet> {
        Some(BoundSet { compiled: self.compiled.upgrade()?, binding: self.binding })
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recent({})", self.0.len())
    }
}

impl Recent {
    pub(crate) fn new() -> Self {
        Self(Cache::new(RECENT))
    }

    /// Removes everything. After an erasure, an entry may name a version that is gone.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// The version bound to a target and the zone's guardrail, if the entry is of this count of commits.
    pub(crate) fn get(&self, key: &(LogId, BindingMode, Target), commits: u64) -> Option<(BoundSet, Option<BoundSet>)> {
        let Taken { bound, guardrail, .. } = self.0.get(key).filter(|taken| taken.commits == commits)?;
        let guardrail = match guardrail {
            Some(guardrail) => Some(guardrail.upgrade()?),
            None => None,
        };
        Some((bound.upgrade()?, guardrail))
    }

    pub(crate) fn keep(
        &self,
        key: (LogId, BindingMode, Target),
        commits: u64,
        bound: &BoundSet,
        guardrail: Option<&BoundSet>,
    ) {
        let (bound, guardrail) = (Kept::new(bound), guardrail.map(Kept::new));
        self.0.insert(key, Taken { commits, bound, guardrail });
    }
}
