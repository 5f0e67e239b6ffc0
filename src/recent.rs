//! The authorizers that were taken lately, kept while nothing is committed.

use std::fmt;
use std::sync::{Arc, Weak};

use quick_cache::sync::Cache;

use crate::authorizer::Authorizer;
use crate::binding::Binding;
use crate::compile::Compiled;
use crate::guardrail::Guardrail;
use crate::id::LogId;
use crate::model::{BindingMode, Target};

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
    binding: Arc<Binding>,
    compiled: Weak<Compiled>,
    guardrail: Option<(Arc<Binding>, Weak<Compiled>)>,
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

    pub(crate) fn get(&self, key: &(LogId, BindingMode, Target), commits: u64) -> Option<Authorizer> {
        let taken = self.0.get(key).filter(|taken| taken.commits == commits)?;
        let guardrail = match taken.guardrail {
            Some((binding, compiled)) => Some(Guardrail { compiled: compiled.upgrade()?, binding }),
            None => None,
        };
        Some(Authorizer::new(taken.compiled.upgrade()?, Some(taken.binding), guardrail))
    }

    pub(crate) fn keep(&self, key: (LogId, BindingMode, Target), commits: u64, authorizer: &Authorizer) {
        let Some(binding) = authorizer.shared_binding().cloned() else { return };
        let compiled = Arc::downgrade(authorizer.compiled());
        let guardrail = authorizer.guardrail_layer();
        let guardrail = guardrail.map(|layer| (layer.binding.clone(), Arc::downgrade(&layer.compiled)));
        self.0.insert(key, Taken { commits, binding, compiled, guardrail });
    }
}
