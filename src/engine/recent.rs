//! The authorizers that were taken lately, kept while nothing is committed.

use std::fmt;
use std::sync::{Arc, Weak};

use quick_cache::sync::Cache;

use super::compiler::{BoundSet, Compiled};
use crate::resource::binding::Binding;
use crate::types::id::LogId;
use crate::types::target::{BindingMode, Target};

/// How many targets' authorizers are remembered.
const RECENT: usize = 4_096;

/// The authorizers that were taken lately, good for as long as nothing was committed since.
///
/// They do not keep a compiled set alive: that is up to the compiler's budget, and to those who use it.
pub(crate) struct Recent(Cache<(LogId, BindingMode, Target), Taken>);

/// An authorizer that was taken when the store had made so many commits.
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

    /// Forgets all: what was in force may name what is no more.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }

    /// The version that was bound to a target, and the guardrail beside it.
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
