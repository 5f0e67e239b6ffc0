//! Deciding: an immutable snapshot of one policy set version, and the answers that it gives.

use std::fmt;
use std::sync::{Arc, Weak};

use cedar_policy::{Decision, Entities, Request};
use quick_cache::sync::Cache;

use crate::binding::{self, At, Binding};
use crate::cedar::{self, Evaluation};
use crate::compile::Compiled;
use crate::error::Result;
use crate::id::LogId;
use crate::model::{BindingMode, Target};
use crate::receipt::{RECEIPT_FORM, Receipt, StatementRef, mismatch};
use crate::store::Inner;
use crate::version::Found;
use crate::zone::{self, ZoneRef};

/// What was in force for a target at one moment, compiled: it decides, and it never changes.
///
/// Taking one costs little, so that a service can take one for each request and always decide by what is in force.
/// One that is kept goes on deciding as it did, whatever happens to the store.
#[derive(Clone)]
pub struct Authorizer {
    compiled: Arc<Compiled>,
    binding: Option<Arc<Binding>>,
    deny_on_forbid_error: bool,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("zone", &self.compiled.zone.id)
            .field("policy_set_version", &self.compiled.version.version_id)
            .finish_non_exhaustive()
    }
}

impl Authorizer {
    fn new(compiled: Arc<Compiled>, binding: Option<Arc<Binding>>) -> Self {
        Self { compiled, binding, deny_on_forbid_error: false }
    }

    #[cfg(test)]
    pub(crate) fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    /// For what is or was bound.
    pub(crate) fn bound(store: &Inner, zone: &ZoneRef, target: Target, mode: BindingMode, at: At) -> Result<Self> {
        let commits = if at == At::Now { store.storage.commits()? } else { None };
        let key = (zone.log_id, mode, target);
        if let Some(found) = commits.and_then(|commits| store.recent.get(&key, commits)) {
            return Ok(found);
        }
        let authorizer = store.storage.read(|view| {
            zone::check(view, zone)?;
            let binding = binding::bound(view, zone, &key.2, mode, at)?;
            let found = Found::named(view, zone, binding.policy_set_version_id.as_str())?;
            Ok(Self::new(store.compiler.set(view, zone, &found)?, Some(Arc::new(binding))))
        })?;
        if let Some(commits) = commits {
            store.recent.keep(key, commits, &authorizer);
        }
        Ok(authorizer)
    }

    /// For a version, in force or not.
    pub(crate) fn of_version(store: &Inner, zone: &ZoneRef, id: &str) -> Result<Self> {
        store.storage.read(|view| {
            zone::check(view, zone)?;
            let found = Found::by_id(view, zone, id)?;
            Ok(Self::new(store.compiler.set(view, zone, &found)?, None))
        })
    }

    /// For what a receipt names, if all of it is as the receipt says.
    pub(crate) fn of_receipt(store: &Inner, receipt: &Receipt) -> Result<Self> {
        receipt.check_form()?;
        store.storage.read(|view| {
            let zone = zone::find(view, receipt.zone_id.as_str())?;
            if zone.log_id != receipt.log_id {
                return Err(mismatch("log_id", receipt.log_id, zone.log_id));
            }
            let found = Found::by_id(view, &zone, receipt.policy_set_version_id.as_str())?;
            let compiled = store.compiler.set(view, &zone, &found)?;
            if let Some(binding) = &receipt.binding {
                let length = view.head(zone.log)?.length;
                if binding.position >= length {
                    return Err(mismatch("binding", binding.position, format!("a log of {length} entries")));
                }
                let at = At::Position(binding.position);
                let stored = binding::find(view, &zone, &binding.target, binding.mode, at)?;
                if stored.as_ref() != Some(binding) {
                    let stored = stored.map(|stored| format!("{stored:?}")).unwrap_or_default();
                    return Err(mismatch("binding", format!("{binding:?}"), stored));
                }
            }
            let authorizer = Self {
                compiled,
                binding: receipt.binding.clone().map(Arc::new),
                deny_on_forbid_error: receipt.deny_on_forbid_error,
            };
            authorizer.check(receipt)?;
            Ok(authorizer)
        })
    }

    fn check(&self, receipt: &Receipt) -> Result<()> {
        let Compiled { version, schema_sha, entry_hash, .. } = &*self.compiled;
        for (field, said, stored) in [
            ("policy_set_id", receipt.policy_set_id.to_string(), version.policy_set_id.to_string()),
            ("policy_set_version", receipt.policy_set_version.to_string(), version.version.to_string()),
            ("policy_set_version_entry", receipt.policy_set_version_entry.to_string(), entry_hash.to_string()),
            ("manifest_sha", receipt.manifest_sha.to_string(), version.manifest_sha.to_string()),
            ("schema_version", receipt.schema_version.to_string(), version.schema.version.to_string()),
            ("schema_sha", receipt.schema_sha.to_string(), schema_sha.to_string()),
        ] {
            if said != stored {
                return Err(mismatch(field, said, stored));
            }
        }
        if let Some(binding) = &receipt.binding
            && binding.policy_set_version_id != version.version_id
        {
            return Err(mismatch("binding", &binding.policy_set_version_id, &version.version_id));
        }
        Ok(())
    }

    /// Denies whenever a `forbid` fails to evaluate. Cedar by itself skips a statement that fails, and so may allow
    /// what that `forbid` was written to stop.
    pub fn deny_on_forbid_error(mut self) -> Self {
        self.deny_on_forbid_error = true;
        self
    }

    /// What is in force, since when and by whom; none if this is a version that was asked for by its id.
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_deref()
    }

    /// Entities from JSON, checked against the schema that is evaluated with.
    pub fn entities(&self, json: &str) -> Result<Entities> {
        self.compiled.schema.entities(json)
    }

    /// Entities from JSON as they are, for those that the schema does not describe in full. Prefer
    /// [`entities`](Self::entities): nothing is checked here, and a statement that misses an attribute fails to evaluate.
    ///
    /// Without the schema, JSON means less. A reference to an entity must be written as `{"__entity": {"type": …, "id":
    /// …}}`; the short form `{"type": …, "id": …}` would be a record, so it is refused in attributes and tags. An
    /// extension value must be written as `{"__extn": {"fn": …, "arg": …}}`: a string stays a string, and a `forbid` that
    /// compares it does not apply. The schema's actions are added.
    pub fn entities_as_given(&self, json: &str) -> Result<Entities> {
        self.compiled.schema.entities_as_given(json)
    }

    /// A request, checked against the schema that is evaluated with. Principal, action and resource are entity uids
    /// as Cedar writes them, such as `User::"alice"`; the context is a JSON object.
    pub fn request(&self, principal: &str, action: &str, resource: &str, context: &str) -> Result<Request> {
        self.compiled.schema.request(principal, action, resource, context)
    }

    /// Decides, as Cedar does.
    pub fn is_authorized(&self, request: &Request, entities: &Entities) -> Result<Answer> {
        let Evaluation { decision, determining, errors } = self.compiled.set.evaluate(request, entities)?;
        let determining =
            determining.into_iter().filter_map(|(member, number)| self.statement(member, number)).collect();
        let errors: Vec<StatementError> = errors
            .into_iter()
            .filter_map(|error| {
                let statement = self.statement(error.member, error.statement)?;
                Some(StatementError { statement, forbid: error.forbid, message: error.message })
            })
            .collect();
        let denied_by_error =
            self.deny_on_forbid_error && decision == Decision::Allow && errors.iter().any(|error| error.forbid);
        Ok(if denied_by_error {
            let forbids = errors.iter().filter(|error| error.forbid).map(|error| error.statement.clone()).collect();
            Answer { authorizer: self.clone(), decision: Decision::Deny, determining: forbids, errors, denied_by_error }
        } else {
            Answer { authorizer: self.clone(), decision, determining, errors, denied_by_error }
        })
    }

    /// The statement that an evaluation numbers: it numbers the very members that were compiled.
    fn statement(&self, member: usize, statement: usize) -> Option<StatementRef> {
        let (policy_id, policy_version_id) = self.compiled.members.get(member)?;
        let statement = u32::try_from(statement).ok()?;
        Some(StatementRef { policy_id: policy_id.clone(), policy_version_id: policy_version_id.clone(), statement })
    }
}

/// A decision, with what determined it.
#[derive(Clone, Debug)]
pub struct Answer {
    authorizer: Authorizer,
    decision: Decision,
    determining: Vec<StatementRef>,
    errors: Vec<StatementError>,
    denied_by_error: bool,
}

/// A statement that failed to evaluate.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StatementError {
    /// Which one.
    pub statement: StatementRef,
    /// Whether it is a `forbid`.
    pub forbid: bool,
    /// What Cedar says.
    pub message: String,
}

impl Answer {
    /// Allow or deny.
    pub fn decision(&self) -> Decision {
        self.decision
    }

    /// Whether it is denied only because a `forbid` failed to evaluate.
    pub fn denied_by_error(&self) -> bool {
        self.denied_by_error
    }

    /// The statements that determined the decision, sorted: the `permit`s that allowed, or the `forbid`s that denied.
    /// None if nothing applied, and so it was denied; and for [`Answer::denied_by_error`] the `forbid`s that failed.
    pub fn determining(&self) -> &[StatementRef] {
        &self.determining
    }

    /// The statements that failed to evaluate, sorted.
    pub fn errors(&self) -> &[StatementError] {
        &self.errors
    }

    /// Whether the decision is the one that a receipt states, for the same reasons: what a replay is for.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict), naming the first field that differs. Which Cedar decided may differ.
    pub fn agrees_with(&self, receipt: &Receipt) -> Result<()> {
        self.authorizer.check(receipt)?;
        let own = self.receipt();
        let told = |statements: &[StatementRef]| statements.iter().map(StatementRef::to_string).collect::<Vec<_>>();
        for (field, said, now) in [
            ("decision", format!("{:?}", receipt.decision), format!("{:?}", own.decision)),
            ("determining", told(&receipt.determining).join(", "), told(&own.determining).join(", ")),
            ("failed", told(&receipt.failed).join(", "), told(&own.failed).join(", ")),
            ("binding", format!("{:?}", receipt.binding), format!("{:?}", own.binding)),
            ("deny_on_forbid_error", receipt.deny_on_forbid_error.to_string(), own.deny_on_forbid_error.to_string()),
        ] {
            if said != now {
                return Err(mismatch(field, said, now));
            }
        }
        Ok(())
    }

    /// What the decision rested on, to be kept beside it.
    pub fn receipt(&self) -> Receipt {
        let Compiled { zone, version, entry_hash, schema_sha, .. } = &*self.authorizer.compiled;
        Receipt {
            v: RECEIPT_FORM,
            zone_id: zone.id.clone(),
            log_id: zone.log_id,
            binding: self.authorizer.binding.as_deref().cloned(),
            policy_set_id: version.policy_set_id.clone(),
            policy_set_version_id: version.version_id.clone(),
            policy_set_version: version.version,
            policy_set_version_entry: *entry_hash,
            manifest_sha: version.manifest_sha,
            schema_version: version.schema.version.clone(),
            schema_sha: *schema_sha,
            decision: self.decision,
            determining: self.determining.clone(),
            failed: self.errors.iter().map(|error| error.statement.clone()).collect(),
            deny_on_forbid_error: self.authorizer.deny_on_forbid_error,
            cedar_version: cedar::version(),
        }
    }
}

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

    fn get(&self, key: &(LogId, BindingMode, Target), commits: u64) -> Option<Authorizer> {
        let taken = self.0.get(key).filter(|taken| taken.commits == commits)?;
        Some(Authorizer::new(taken.compiled.upgrade()?, Some(taken.binding)))
    }

    fn keep(&self, key: (LogId, BindingMode, Target), commits: u64, authorizer: &Authorizer) {
        if let Some(binding) = &authorizer.binding {
            let (binding, compiled) = (binding.clone(), Arc::downgrade(&authorizer.compiled));
            self.0.insert(key, Taken { commits, binding, compiled });
        }
    }
}
