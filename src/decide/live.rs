//! An authorizer that takes over newer signed rules while requests run. Does not fetch them, and knows no clock.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use policy_store_verify::evidence::{RulesInForce, VerifiedRules};

use super::authorizer::Authorizer;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;
use crate::types::target::Target;

/// The authorizer by the newest [signed rules](crate::evidence::SignedRules) of one target that it was given. Without a store
/// and without a file; share it between threads.
///
/// A request takes the [current](Self::current) authorizer and decides by it, whatever is reloaded meanwhile.
/// [`reload`](Self::reload) compiles newer rules before any request sees them. It never takes older rules, nor those of another
/// zone, log or target. A fork of the store has other logs, so it needs a `LiveAuthorizer` of its own.
///
/// It does not know when its rules become too old: keep the times of the
/// [cosignatures](crate::note::VerifiedCheckpoint::cosigned) of the rules that you give it. A target without rules in force has no
/// signed rules. To deny all requests everywhere, put a version with an empty manifest in force.
///
/// ```
/// # use policy_store::evidence::SignedRules;
/// # use policy_store::note::Trust;
/// # use policy_store::{LiveAuthorizer, cedar_policy::{Decision, Entities}};
/// /// Called with each file that the store has published.
/// fn published(live: &LiveAuthorizer, file: &str, trust: &Trust) -> Result<bool, Box<dyn std::error::Error>> {
///     Ok(live.reload(&file.parse::<SignedRules>()?.verify(trust)?)?)
/// }
///
/// /// Called by any thread.
/// fn may_view(live: &LiveAuthorizer, user: &str) -> policy_store::Result<bool> {
///     let authorizer = live.current();
///     let request = authorizer.request(("User", user), r#"Action::"view""#, ("User", user), "{}")?;
///     Ok(authorizer.is_authorized(&request, &Entities::empty())?.decision() == Decision::Allow)
/// }
/// ```
pub struct LiveAuthorizer {
    current: RwLock<Arc<Authorizer>>,
    /// The checkpoint of the zone's log that the current rules are of. Its lock makes reloads wait for each other.
    checkpoint: Mutex<Checkpoint>,
    target: Target,
    deny_on_forbid_error: bool,
}

impl fmt::Debug for LiveAuthorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveAuthorizer").field("current", &self.current()).finish_non_exhaustive()
    }
}

impl LiveAuthorizer {
    /// Begins with these rules.
    ///
    /// # Errors
    ///
    /// As [`Authorizer::of_rules`].
    pub fn new(rules: &VerifiedRules) -> Result<Self> {
        Ok(Self {
            current: RwLock::new(Arc::new(Authorizer::of_rules(rules)?)),
            checkpoint: Mutex::new(rules.checkpoint()),
            target: rules.target().clone(),
            deny_on_forbid_error: false,
        })
    }

    /// Denies whenever a `forbid` fails to evaluate: see [`Authorizer::deny_on_forbid_error`].
    #[must_use]
    pub fn deny_on_forbid_error(self) -> Self {
        let strict = Authorizer::clone(&self.current()).deny_on_forbid_error();
        Self { current: RwLock::new(Arc::new(strict)), deny_on_forbid_error: true, ..self }
    }

    /// The authorizer by the newest rules. Take it once for each request: a kept one goes on deciding by its rules.
    #[must_use]
    pub fn current(&self) -> Arc<Authorizer> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes over newer rules. False if these are the rules that it has. Requests that run go on by the rules that they began
    /// with, and none waits: the rules are compiled before they replace the current ones. A version that is still in force is
    /// not compiled again.
    ///
    /// # Errors
    ///
    /// The current rules stay in use after every error. [`Conflict`](crate::ErrorKind::Conflict) with the code `older_rules` for
    /// rules of fewer entries of the log; `other_rules` for those of another zone, log or target; `forked_rules` for those that
    /// contradict the current ones, so that the key of the log has signed two histories. Otherwise as
    /// [`Authorizer::of_rules`].
    pub fn reload(&self, rules: &VerifiedRules) -> Result<bool> {
        let mut checkpoint = self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.current();
        self.check_same(&current, rules)?;
        if !is_newer(&current, *checkpoint, rules)? {
            return Ok(false);
        }
        let mut next = Authorizer::of_rules_after(rules, Some(&current))?;
        if self.deny_on_forbid_error {
            next = next.deny_on_forbid_error();
        }
        let next = Arc::new(next);
        let before = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, next)
        };
        *checkpoint = rules.checkpoint();
        // Without the lock of the requests: dropping a set takes a while.
        drop(before);
        Ok(true)
    }

    /// Refuses rules of another zone, log or target.
    fn check_same(&self, current: &Authorizer, rules: &VerifiedRules) -> Result<()> {
        let own = current.compiled();
        for (field, given, in_use) in [
            ("log", rules.log_id().to_string(), own.log_id.to_string()),
            ("zone", rules.zone_id().to_string(), own.zone_id.to_string()),
            ("target", rules.target().to_string(), self.target.to_string()),
        ] {
            if given != in_use {
                return Err(ErrorDetail::OtherRules { field, given, in_use }.into());
            }
        }
        Ok(())
    }
}

/// Whether rules of the same log are newer than the current ones. Refuses older ones, and those of another history.
fn is_newer(current: &Authorizer, checkpoint: Checkpoint, rules: &VerifiedRules) -> Result<bool> {
    let (given, in_use) = (rules.checkpoint().size, checkpoint.size);
    if given < in_use {
        return Err(ErrorDetail::OlderRules { given, in_use }.into());
    }
    if given == in_use {
        // Everything is derived from the tree, so equal roots have equal rules.
        let (given, in_use) = (rules.checkpoint().root.to_string(), checkpoint.root.to_string());
        return if given == in_use {
            Ok(false)
        } else {
            Err(ErrorDetail::ForkedRules { field: "root", given, in_use }.into())
        };
    }
    let guardrail = current.guardrail_layer().map(|layer| layer.binding_entry);
    let entry = |layer: &RulesInForce| (layer.binding.position, layer.binding_entry);
    let layers = [
        ("binding_entry", current.binding_entry(), Some(entry(rules.rules()))),
        ("guardrail", guardrail, rules.guardrail().map(entry)),
    ];
    for (field, in_use, given) in layers {
        check_binding(field, checkpoint.size, in_use, given)?;
    }
    Ok(true)
}

/// A binding from before the end of the current rules' log was in force there already, or is of another history.
fn check_binding(
    field: &'static str,
    size: u64,
    in_use: Option<EntryHash>,
    given: Option<(u64, EntryHash)>,
) -> Result<()> {
    match given {
        Some((position, entry)) if position < size && in_use != Some(entry) => {
            let in_use = in_use.map_or_else(|| "none".to_owned(), |entry| entry.to_string());
            Err(ErrorDetail::ForkedRules { field, given: entry.to_string(), in_use }.into())
        }
        _ => Ok(()),
    }
}
