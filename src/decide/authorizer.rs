//! Authorizers: the compiled policy set version of one target and the guardrail of its zone, at one moment.

use std::fmt;
use std::sync::Arc;

use cedar_policy::{Entities, Request};

use super::guardrail::check_guardrail;
use super::receipt::{GuardrailReceipt, LogEnd, Receipt, check_form, mismatch};
use crate::cedar::{ContextInput, UidInput};
use crate::engine::Engine;
use crate::engine::compiler::{BoundRules, BoundSet, Compiled, Compiler};
use crate::engine::validation::{Validated, Validation};
use crate::resource::binding::{At, Binding};
use crate::resource::version::VersionRecord;
use crate::resource::zone::{
    ZoneReader, {self},
};
use crate::types::error::{Error, Result};
use crate::types::hash::EntryHash;
use crate::types::target::{BindingMode, Target};

/// The compiled rules of one target at one moment. It is immutable and decides requests.
///
/// It is cheap to create, so a service can create one for each request and always decide by the version in force. A
/// kept authorizer goes on deciding by the same rules, whatever happens to the store.
///
/// ```
/// # fn main() -> policy_store::Result<()> {
/// use policy_store::cedar_policy::{Decision, Entities};
/// use policy_store::{
///     Actor, NewPolicy, NewPolicySet, NewPolicySetVersion, NewPolicyVersion, NewSchema, PolicyStore, Target,
/// };
/// let store = PolicyStore::builder().in_memory()?;
/// store.write(&Actor::customer("ann")?, |w| {
///     let schema = "entity User; action view appliesTo { principal: User, resource: User };";
///     w.publish_schema(NewSchema::cedar("1", schema))?;
///     let mut zone = w.create_zone("acme")?;
///     let policy = zone.create_policy(NewPolicy::named("self"))?;
///     let text = "permit (principal, action, resource) when { principal == resource };";
///     let version = zone.create_policy_version(&policy.id, NewPolicyVersion::cedar("1", text))?;
///     let set = zone.create_policy_set(NewPolicySet::named("production"))?;
///     let live = zone.create_policy_set_version(&set.id, NewPolicySetVersion::new("1").pin(&version))?;
///     zone.activate(&live.id)
/// })?;
///
/// let authorizer = store.zone("acme")?.authorizer(Target::Zone)?;
/// let request = authorizer.request(("User", "ann"), r#"Action::"view""#, ("User", "ann"), "{}")?;
/// let answer = authorizer.is_authorized(&request, &Entities::empty())?;
/// assert_eq!(answer.decision(), Decision::Allow);
/// assert_eq!(answer.determining().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Authorizer {
    compiled: Arc<Compiled>,
    /// The binding, and the hash of its entry.
    binding: Option<(Arc<Binding>, EntryHash)>,
    guardrail: Option<BoundSet>,
    /// The end of the zone's log when the rules were read.
    end: LogEnd,
    deny_on_forbid_error: bool,
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer")
            .field("zone", &self.compiled.zone_id)
            .field("policy_set_version", &self.compiled.version.version_id)
            .finish_non_exhaustive()
    }
}

impl Authorizer {
    pub(crate) fn of_bound(rules: BoundRules) -> Self {
        let BoundRules { bound, guardrail, end } = rules;
        let binding = Some((bound.binding, bound.binding_entry));
        Self { compiled: bound.compiled, binding, guardrail, end, deny_on_forbid_error: false }
    }

    /// The hash of the entry that made the binding.
    pub(crate) fn binding_entry(&self) -> Option<EntryHash> {
        self.binding.as_ref().map(|(_, entry)| *entry)
    }

    /// The end of the zone's log when the rules were read.
    #[must_use]
    pub fn log_end(&self) -> LogEnd {
        self.end
    }

    pub(crate) fn compiled(&self) -> &Arc<Compiled> {
        &self.compiled
    }

    pub(crate) fn guardrail_layer(&self) -> Option<&BoundSet> {
        self.guardrail.as_ref()
    }

    /// Whether its rules are evaluated with the schema version that a receipt names.
    pub(super) fn has_schema_of(&self, receipt: &Receipt) -> bool {
        self.compiled.version.schema.sha == receipt.schema_sha
    }

    /// Whether the rules of both are of one zone's log.
    pub(super) fn is_of_the_log_of(&self, other: &Self) -> bool {
        self.compiled.log_id == other.compiled.log_id
    }

    /// An estimate of the bytes of its compiled sets.
    pub(super) fn weight(&self) -> usize {
        self.compiled.set.weight() + self.guardrail.as_ref().map_or(0, |guardrail| guardrail.compiled.set.weight())
    }

    pub(crate) fn denies_on_forbid_error(&self) -> bool {
        self.deny_on_forbid_error
    }

    /// The version bound to a target at `at`, and the zone's guardrail at `at`.
    pub(crate) fn find_bound(
        zone: ZoneReader<'_>,
        compiler: &Compiler,
        target: &Target,
        mode: BindingMode,
        at: At,
    ) -> Result<BoundRules> {
        let bound = BoundSet::new(zone, compiler, zone.bound(target, mode, at)?)?;
        Ok(BoundRules { bound, guardrail: guardrail_at(zone, compiler, at)?, end: zone.log_end(at)? })
    }

    /// The authorizer of a version, in force or not, with the current guardrail.
    pub(crate) fn of_version(zone: ZoneReader<'_>, compiler: &Compiler, id: &str) -> Result<Self> {
        Self::of_compiled(zone, compiler, compiler.set(zone, &VersionRecord::by_id(zone, id)?)?)
    }

    /// The authorizer of a compiled set, with the current guardrail.
    pub(crate) fn of_compiled(zone: ZoneReader<'_>, compiler: &Compiler, compiled: Arc<Compiled>) -> Result<Self> {
        let known = Validated::default();
        let schema = (compiled.version.schema.sha, compiled.schema.clone());
        let validation = Validation::ahead(compiler, &known).with_schema(Some(schema));
        check_guardrail(zone, &validation, &compiled.version.schema)?;
        let (guardrail, end) = (guardrail_at(zone, compiler, At::Now)?, zone.log_end(At::Now)?);
        Ok(Self { compiled, binding: None, guardrail, end, deny_on_forbid_error: false })
    }

    /// The authorizer that a receipt names, after comparing the stored rules with the receipt.
    pub(crate) fn of_receipt(store: &Engine, receipt: &Receipt) -> Result<Self> {
        check_form(receipt)?;
        store.storage.read(|snapshot| {
            let place = zone::find(snapshot, receipt.zone_id.as_str())?;
            let zone = ZoneReader::new(snapshot, &place);
            // Of another store, or of the original of this one after the fork.
            let other = || mismatch("log_id", receipt.log_id, zone.log_id);
            let end = zone.length_under(zone.log, receipt.log_id)?.ok_or_else(other)?;
            let found = VersionRecord::by_id(zone, receipt.policy_set_version_id.as_str())?;
            let compiled = store.compiler.set(zone, &found)?;
            let bindings = [
                ("binding", receipt.binding.as_ref()),
                ("guardrail", receipt.guardrail.as_ref().map(|guardrail| &guardrail.binding)),
            ];
            // Both bindings must have been in force at the end of the log; a receipt without it says when the later was made.
            let log_end = receipt.log_end.map(|end| check_end(zone, end)).transpose()?;
            let made = bindings.iter().filter_map(|(_, binding)| binding.map(|binding| binding.position)).max();
            let latest = log_end.map(|end| end.size.saturating_sub(1)).or(made);
            if latest.is_some_and(|latest| latest >= end) {
                return Err(other());
            }
            for (field, binding) in bindings {
                if let (Some(binding), Some(latest)) = (binding, latest) {
                    check_bound(zone, field, binding, latest)?;
                }
            }
            if let (Some(end), None) = (log_end, &receipt.guardrail)
                && let Some(binding) = zone.guardrail(At::Position(end.size.saturating_sub(1)))?
            {
                return Err(mismatch("guardrail", "none", &binding.policy_set_version_id));
            }
            let guardrail = match &receipt.guardrail {
                Some(GuardrailReceipt { binding, .. }) if binding.mode != BindingMode::Guardrail => {
                    return Err(mismatch("guardrail", binding.mode.as_str(), BindingMode::Guardrail.as_str()));
                }
                Some(GuardrailReceipt { binding, .. }) => Some(BoundSet::new(zone, &store.compiler, binding.clone())?),
                None => None,
            };
            let binding = receipt.binding.as_ref().map(|binding| {
                let entry = zone.entry(zone.log, binding.position)?.hash;
                Ok::<_, Error>((Arc::new(binding.clone()), entry))
            });
            let end = match (log_end, latest) {
                (Some(end), _) => end,
                (None, Some(latest)) => zone.log_end(At::Position(latest))?,
                (None, None) => zone.log_end(At::Now)?,
            };
            let deny_on_forbid_error = receipt.deny_on_forbid_error;
            let authorizer = Self { compiled, binding: binding.transpose()?, guardrail, end, deny_on_forbid_error };
            authorizer.check(receipt)?;
            Ok(authorizer)
        })
    }

    pub(crate) fn check(&self, receipt: &Receipt) -> Result<()> {
        let Compiled { version, entry_hash, .. } = &*self.compiled;
        for (field, said, stored) in [
            ("policy_set_id", receipt.policy_set_id.to_string(), version.policy_set_id.to_string()),
            ("policy_set_version", receipt.policy_set_version.to_string(), version.version.to_string()),
            ("policy_set_version_entry", receipt.policy_set_version_entry.to_string(), entry_hash.to_string()),
            ("manifest_sha", receipt.manifest_sha.to_string(), version.manifest_sha.to_string()),
            ("schema_version", receipt.schema_version.to_string(), version.schema.version.to_string()),
            ("schema_sha", receipt.schema_sha.to_string(), version.schema.sha.to_string()),
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
        if let (Some(said), Some((_, stored))) = (receipt.binding_entry, &self.binding)
            && said != *stored
        {
            return Err(mismatch("binding_entry", said, stored));
        }
        let mut own = self.guardrail_receipt();
        if let (Some(own), Some(GuardrailReceipt { binding_entry: None, .. })) = (&mut own, &receipt.guardrail) {
            own.binding_entry = None;
        }
        if receipt.guardrail != own {
            let debug = |guardrail: &Option<GuardrailReceipt>| format!("{guardrail:?}");
            return Err(mismatch("guardrail", debug(&receipt.guardrail), debug(&own)));
        }
        Ok(())
    }

    pub(crate) fn guardrail_receipt(&self) -> Option<GuardrailReceipt> {
        let BoundSet { compiled, binding, binding_entry } = self.guardrail.as_ref()?;
        Some(GuardrailReceipt {
            binding: Binding::clone(binding),
            binding_entry: Some(*binding_entry),
            policy_set_version_entry: compiled.entry_hash,
            manifest_sha: compiled.version.manifest_sha,
            schema_version: compiled.version.schema.version.clone(),
            schema_sha: compiled.version.schema.sha,
        })
    }

    /// Denies whenever a `forbid` fails to evaluate. Cedar skips a failing statement, and may therefore allow a request
    /// that the `forbid` would have denied.
    #[must_use]
    pub fn deny_on_forbid_error(mut self) -> Self {
        self.deny_on_forbid_error = true;
        self
    }

    /// The binding that the authorizer decides by; none if it was created for a version by its id.
    #[must_use]
    pub fn binding(&self) -> Option<&Binding> {
        self.binding.as_ref().map(|(binding, _)| &**binding)
    }

    /// The binding of the zone's guardrail that takes part in the decisions; none if the zone had no guardrail.
    #[must_use]
    pub fn guardrail(&self) -> Option<&Binding> {
        self.guardrail.as_ref().map(|guardrail| &*guardrail.binding)
    }

    /// Entities from JSON, checked against the schema of the evaluation.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with the entity and attribute, if they do not match the schema, or if an
    /// action differs from the schema's; [`TooLarge`](crate::ErrorKind::TooLarge) over a limit.
    pub fn entities(&self, json: &str) -> Result<Entities> {
        self.compiled.schema.entities(json)
    }

    /// Entities from JSON without validation, for entities that the schema does not fully describe. Prefer
    /// [`entities`](Self::entities): a statement that needs a missing attribute fails to evaluate.
    ///
    /// Where the schema describes a value, it determines how the value is read. Where the schema has an entity,
    /// `{"type": …, "id": …}` is a reference; where it has a record, the same JSON is a record; where it has an
    /// extension type, a string is a value of that type. Entities that match the schema are therefore the same as with
    /// [`entities`](Self::entities).
    ///
    /// Elsewhere, write a reference as `{"__entity": {"type": …, "id": …}}` and an extension value as `{"__extn":
    /// {"fn": …, "arg": …}}`; a string stays a string. The schema's actions are added.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with the entity and attribute: for an ambiguous object of two strings
    /// `type` and `id` where the schema has neither an entity nor a record; for a string that is not a value of the
    /// schema's extension type; for an action that differs from the schema's.
    pub fn entities_as_given(&self, json: &str) -> Result<Entities> {
        self.compiled.schema.entities_as_given(json)
    }

    /// A request, checked against the schema of the evaluation. Principal, action and resource are entity uids: as
    /// Cedar text (`User::"alice"`), as type and id, or as Cedar's `EntityUid` (see [`UidInput`]). The context is a
    /// JSON object, as text or as a value.
    ///
    /// Give ids from outside as type and id: in text, quotes and control characters must be escaped.
    ///
    /// ```
    /// # use policy_store::{Authorizer, Result, cedar_policy::Request};
    /// fn request(authorizer: &Authorizer, user: &str, file: &str) -> Result<Request> {
    ///     authorizer.request(("User", user), r#"Action::"read""#, ("File", file), "{}")
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) with the part that is not a uid or does not match the schema.
    pub fn request<'a>(
        &self,
        principal: impl Into<UidInput<'a>>,
        action: impl Into<UidInput<'a>>,
        resource: impl Into<UidInput<'a>>,
        context: impl Into<ContextInput<'a>>,
    ) -> Result<Request> {
        self.compiled.schema.request(principal, action, resource, context)
    }
}

/// The zone's guardrail at `at`, compiled; none if the zone had none.
fn guardrail_at(zone: ZoneReader<'_>, compiler: &Compiler, at: At) -> Result<Option<BoundSet>> {
    let binding = zone.guardrail(at)?;
    binding.map(|binding| BoundSet::new(zone, compiler, binding)).transpose()
}

/// Refuses a receipt's end of the log that the log does not have.
fn check_end(zone: ZoneReader<'_>, end: LogEnd) -> Result<LogEnd> {
    let length = zone.head(zone.log)?.length;
    let Some(last) = end.size.checked_sub(1).filter(|_| end.size <= length) else {
        return Err(mismatch("log_end", end.size, format!("a size from 1 to {length}")));
    };
    let stored = zone.entry(zone.log, last)?.hash;
    if stored == end.last { Ok(end) } else { Err(mismatch("log_end", end.last, stored)) }
}

/// Refuses a receipt's binding that was not in force after the entry at `position`.
fn check_bound(zone: ZoneReader<'_>, field: &'static str, binding: &Binding, position: u64) -> Result<()> {
    let length = zone.head(zone.log)?.length;
    if position >= length {
        return Err(mismatch(field, position, format!("a position below {length}")));
    }
    let stored = zone.binding(&binding.target, binding.mode, At::Position(position))?;
    if stored.as_ref() != Some(binding) {
        let stored = stored.map(|stored| format!("{stored:?}")).unwrap_or_default();
        return Err(mismatch(field, format!("{binding:?}"), stored));
    }
    Ok(())
}
