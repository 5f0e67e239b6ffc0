//! Blame: for each statement of a policy set version, the version of its policy that brought it, and the binding since which
//! it is in force.
//!
//! Walks back through the versions of each policy and through the bindings of the target, until every statement has been
//! absent once. Statements are compared by content.

use std::sync::Arc;

use policy_store_verify::receipt::{Layer, StatementRef};
use serde::Serialize;

use super::moment::Moment;
use super::pinned_statements::{Known, PinnedStatements};
use super::zone::Zone;
use crate::cedar::{StatementText, with_room};
use crate::decide::statement::Statement;
use crate::record::{LogEntry, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::{At, Binding};
use crate::resource::contents::Contents;
use crate::resource::version::{VersionRecord, Versioned};
use crate::resource::zone::ZoneReader;
use crate::storage::wrong_row;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::id::PolicyVersionId;
use crate::types::rationale::Rationale;
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

/// One statement of a policy set version, with its history: see [`Zone::blame`].
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Blame {
    /// The statement. Its layer tells whether the policy set version is blamed as the zone's guardrail.
    pub statement: Statement,
    /// The name of its policy.
    pub policy_name: String,
    /// The version of the policy that brought it: all versions from there to the pinned one have it.
    pub since_version: SinceVersion,
    /// The binding since which it is in force: it and all later ones of the target pin a version of the policy that has the
    /// statement, and the target was not unbound between them. None if the policy set version is not in force.
    pub in_force_since: Option<Binding>,
}

/// The policy version that brought a statement: by whom, when and why.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SinceVersion {
    /// The version.
    pub policy_version_id: PolicyVersionId,
    /// Its number.
    pub version: u32,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The actor that created it.
    pub created_by: Actor,
    /// Why its write was made, if that was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
}

/// Blame.
impl<M: Moment> Zone<M> {
    /// Each statement in force for `target`, in the order of the manifest and of the texts: which version of the policy
    /// brought it, by whom, when and why, and the binding since which it is in force.
    ///
    /// Statements are the same if Cedar reads the same from them, annotations included: layout, comments and place do not
    /// matter. If a text has a statement twice, the second one is as old as the versions that have it twice.
    ///
    /// Parses the text of each earlier version, and of each version pinned earlier, back to the point where no statement
    /// is left. On the caller's thread, with results of at most a few MiB in memory besides the answer.
    ///
    /// ```
    /// # use policy_store::{Result, Target, Zone};
    /// /// A line for each statement in force.
    /// fn lines(zone: &Zone) -> Result<Vec<String>> {
    ///     let line = |blame: policy_store::Blame| {
    ///         let since = blame.since_version;
    ///         let id = blame.statement.id().unwrap_or_default();
    ///         format!("{} {id}: version {} by {}", blame.policy_name, since.version, since.created_by.id())
    ///     };
    ///     Ok(zone.blame(Target::Zone)?.into_iter().map(line).collect())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is in force for the target;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) with the code `cannot_parse` if this build's Cedar refuses a text that
    /// an earlier one accepted.
    pub fn blame(&self, target: Target) -> Result<Vec<Blame>> {
        self.read(|zone| {
            let binding = zone.bound(&target, BindingMode::Active, At::Now)?;
            of_contents(zone, &Contents::of(zone, &binding)?, Some(binding))
        })
    }

    /// Each statement of the zone's guardrail, as [`blame`](Self::blame). Empty if the zone has none.
    ///
    /// # Errors
    ///
    /// As [`blame`](Self::blame).
    pub fn blame_guardrail(&self) -> Result<Vec<Blame>> {
        self.read(|zone| match zone.guardrail(At::Now)? {
            Some(binding) => of_contents(zone, &Contents::of(zone, &binding)?, Some(binding)),
            None => Ok(Vec::new()),
        })
    }

    /// Each statement of the policy set version `id`, as [`blame`](Self::blame). If the version is neither in force for its
    /// set's target nor the zone's guardrail, no statement has a binding.
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::ErrorKind::NotFound) for an unknown version; otherwise as [`blame`](Self::blame).
    pub fn blame_of(&self, id: impl AsRef<str>) -> Result<Vec<Blame>> {
        self.read(|zone| {
            let contents = Contents::new(zone, &VersionRecord::by_id(zone, id.as_ref())?)?;
            let binding = binding_of(zone, &contents.version)?;
            of_contents(zone, &contents, binding)
        })
    }
}

/// The binding that has a version in force, or as the guardrail.
fn binding_of(zone: ZoneReader<'_>, version: &PolicySetVersionCreated) -> Result<Option<Binding>> {
    let (set, this) = (zone.policy_set(version.policy_set_id.as_str())?, Some(&version.version_id));
    if set.active_version_id.as_ref() == this {
        let target = match (set.target_type, set.target_id) {
            (TargetType::User, Some(user)) => Target::User(user),
            _ => Target::Zone,
        };
        return zone.binding(&target, BindingMode::Active, At::Now);
    }
    if set.guardrail_version_id.as_ref() == this { zone.guardrail(At::Now) } else { Ok(None) }
}

fn of_contents(zone: ZoneReader<'_>, contents: &Contents, binding: Option<Binding>) -> Result<Vec<Blame>> {
    // Each text is a call of Cedar.
    with_room(|| {
        let pins = contents.entries.iter().map(|entry| PinnedStatements::new(zone, entry));
        let pins = pins.collect::<Result<Vec<_>>>()?;
        let layer = match binding.as_ref().map(|binding| binding.mode) {
            Some(BindingMode::Guardrail) => Layer::Guardrail,
            _ => Layer::Target,
        };
        let mut known = Known::default();
        let bindings = match binding {
            Some(binding) => in_force(zone, &pins, &mut known, binding)?.into_iter().map(Some).collect(),
            None => vec![None; pins.len()],
        };
        let mut blamed = Vec::new();
        for (index, (pin, bindings)) in pins.into_iter().zip(bindings).enumerate() {
            let versions = brought(zone, (index, &pin), &mut known)?;
            blamed.extend(of_policy(zone, layer, pin, &versions, bindings.as_deref())?);
        }
        Ok(blamed)
    })
}

/// The blame of each statement of a pinned version, with the entries that brought them and their bindings.
fn of_policy(
    zone: ZoneReader<'_>,
    layer: Layer,
    pin: PinnedStatements,
    versions: &[Arc<LogEntry>],
    bindings: Option<&[Arc<Binding>]>,
) -> Result<Vec<Blame>> {
    let PinnedStatements { policy_id, policy_version_id, statements, .. } = pin;
    let policy_name = zone.policy(policy_id.as_str())?.name;
    let mut blamed = Vec::with_capacity(statements.len());
    for (index, (StatementText { text, effect, annotations, .. }, entry)) in
        statements.into_iter().zip(versions).enumerate()
    {
        let (policy_id, policy_version_id) = (policy_id.clone(), policy_version_id.clone());
        let statement = u32::try_from(index).unwrap_or(u32::MAX);
        let reference = StatementRef { layer, policy_id, policy_version_id, statement };
        blamed.push(Blame {
            statement: Statement { reference, text, effect, annotations },
            policy_name: policy_name.clone(),
            since_version: since(zone, entry)?,
            in_force_since: bindings.and_then(|bindings| bindings.get(index)).map(|binding| Binding::clone(binding)),
        });
    }
    Ok(blamed)
}

fn since(zone: ZoneReader<'_>, entry: &LogEntry) -> Result<SinceVersion> {
    let body = PolicyVersionCreated::of(&entry.body).ok_or_else(|| wrong_row(PolicyVersionCreated::BY_NUMBER, ""))?;
    Ok(SinceVersion {
        policy_version_id: body.version_id.clone(),
        version: body.version,
        created_at: entry.envelope.created_at,
        created_by: entry.envelope.actor.clone(),
        rationale: zone.rationale(zone.log, entry)?,
    })
}

/// For each statement of a pinned version, the entry of the version that brought it.
fn brought(zone: ZoneReader<'_>, pin: (usize, &PinnedStatements), known: &mut Known) -> Result<Vec<Arc<LogEntry>>> {
    let (policy_id, newest) = (pin.1.policy_id.as_str(), &pin.1.version);
    let mut walk = Walk::new(pin.1.statements.len(), newest.entry.clone());
    for number in (1..newest.body()?.version).rev() {
        if walk.is_over() {
            break;
        }
        let version = VersionRecord::<PolicyVersionCreated>::earlier(zone, policy_id, number)?;
        walk.step(&known.in_version(zone, pin, version.body()?)?, &version.entry);
    }
    Ok(walk.since)
}

/// For each statement of each pin, the binding since which it is in force.
fn in_force(
    zone: ZoneReader<'_>,
    pins: &[PinnedStatements],
    known: &mut Known,
    binding: Binding,
) -> Result<Vec<Vec<Arc<Binding>>>> {
    let mut binding = Arc::new(binding);
    let mut walks: Vec<_> = pins.iter().map(|pin| Walk::new(pin.statements.len(), binding.clone())).collect();
    while !walks.iter().all(Walk::is_over) {
        // The target had another version until then, or none.
        let Some(last) = binding.position.checked_sub(1) else { break };
        let Some(before) = zone.binding_up_to(&binding.target, binding.mode, last)? else { break };
        binding = Arc::new(before);
        let contents = Contents::of(zone, &binding)?;
        for (index, (pin, walk)) in pins.iter().zip(&mut walks).enumerate() {
            if walk.is_over() {
                continue;
            }
            match contents.pins(&pin.policy_id) {
                Some(entry) => walk.step(&known.in_pinned(zone, (index, pin), entry)?, &binding),
                None => walk.end(),
            }
        }
    }
    Ok(walks.into_iter().map(|walk| walk.since).collect())
}

/// A walk back through states that have some of a pin's statements.
struct Walk<T> {
    /// The earliest state that each statement has been in without a gap.
    since: Vec<Arc<T>>,
    /// Whether each statement was in all states so far.
    lasts: Vec<bool>,
    left: usize,
}

impl<T> Walk<T> {
    /// Starts at a state that has all statements.
    fn new(statements: usize, newest: Arc<T>) -> Self {
        Self { since: vec![newest; statements], lasts: vec![true; statements], left: statements }
    }

    fn is_over(&self) -> bool {
        self.left == 0
    }

    fn end(&mut self) {
        self.left = 0;
    }

    /// Goes back by a state, which has these statements.
    fn step(&mut self, has: &[bool], state: &Arc<T>) {
        for ((since, lasts), has) in self.since.iter_mut().zip(&mut self.lasts).zip(has) {
            if *lasts && *has {
                *since = state.clone();
            } else if *lasts {
                *lasts = false;
                self.left -= 1;
            }
        }
    }
}
