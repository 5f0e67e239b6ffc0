//! The cache of recently requested authorizers. An entry is valid until the next commit.

use std::fmt;
use std::sync::{Arc, Weak};

use policy_store_verify::receipt::LogEnd;
use quick_cache::sync::Cache;

use super::compiler::{BoundRules, BoundSet, Compiled};
use crate::resource::binding::Binding;
use crate::types::hash::EntryHash;
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
    end: LogEnd,
}

#[derive(Clone)]
struct Kept {
    binding: Arc<Binding>,
    binding_entry: EntryHash,
    compiled: Weak<Compiled>,
}

impl Kept {
    fn new(bound: &BoundSet) -> Self {
        let (binding, binding_entry) = (bound.binding.clone(), bound.binding_entry);
        Self { binding, binding_entry, compiled: Arc::downgrade(&bound.compiled) }
    }

    fn upgrade(self) -> Option<BoundSet> {
        let (binding, binding_entry) = (self.binding, self.binding_entry);
        Some(BoundSet { compiled: self.compiled.upgrade()?, binding, binding_entry })
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

    /// The rules of a target, if the entry is of this count of commits.
    pub(crate) fn get(&self, key: &(LogId, BindingMode, Target), commits: u64) -> Option<BoundRules> {
        let Taken { bound, guardrail, end, .. } = self.0.get(key).filter(|taken| taken.commits == commits)?;
        let guardrail = match guardrail {
            Some(guardrail) => Some(guardrail.upgrade()?),
            None => None,
        };
        Some(BoundRules { bound: bound.upgrade()?, guardrail, end })
    }

    pub(crate) fn keep(&self, key: (LogId, BindingMode, Target), commits: u64, rules: &BoundRules) {
        let BoundRules { bound, guardrail, end } = rules;
        let (bound, guardrail) = (Kept::new(bound), guardrail.as_ref().map(Kept::new));
        self.0.insert(key, Taken { commits, bound, guardrail, end: *end });
    }
}
