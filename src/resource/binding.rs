//! Bindings: the policy set version bound to a target, now and at an earlier point. Does not write bindings.

use policy_store_verify::log::BoundTo;
pub use policy_store_verify::receipt::Binding;
use policy_store_verify::receipt::LogEnd;
use serde::Serialize;

use crate::record::{Body, LogEntry, PolicySetVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{PolicySetRow, wrong_row};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::EntryHash;
use crate::types::id::{PolicySetVersionId, ZoneId};
use crate::types::rationale::Rationale;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// The result of a call that binds.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindOutcome {
    /// The binding after the call.
    pub binding: Binding,
    /// The version that the call replaced. None if nothing was bound, or if nothing changed.
    pub replaced: Option<BoundTo>,
    /// Whether the call changed the binding: false if the version was already bound.
    pub changed: bool,
}

/// A binding in a zone's history, with the version that it replaced and its end.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingRecord {
    /// The binding.
    #[serde(flatten)]
    pub binding: Binding,
    /// The version bound before; none if nothing was bound.
    pub replaced: Option<BoundTo>,
    /// The end of the binding; none if it still lasts.
    pub ended: Option<BindingEnd>,
}

/// The end of a binding: another version was bound in its place, or it was unbound.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingEnd {
    /// The time of the end.
    pub at: Timestamp,
    /// The author of the end.
    pub by: Actor,
    /// Why its write was made, if that was stated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
    /// The position of the ending entry in the zone's log.
    pub position: u64,
}

/// A point in a zone's history.
///
/// A write is atomic, so a point between the entries of one write is after all of them. The time just before a
/// [binding](Binding::since) may be in the same write as the binding, and then gives that binding. [`At::Before`] gives
/// the state before the write.
///
/// ```
/// # use policy_store::{At, Binding, Result, Target, Zone};
/// /// The version that was in force before this binding.
/// fn before(zone: &Zone, binding: &Binding) -> Result<Binding> {
///     zone.in_force_at(Target::Zone, At::Before(binding.position))
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The current state.
    Now,
    /// After the entry at this position of the zone's log, and after all other entries of the same write.
    Position(u64),
    /// Before the entry at this position of the zone's log, and before all other entries of the same write.
    Before(u64),
    /// The state at this time.
    Time(Timestamp),
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl ZoneReader<'_> {
    /// The length of the zone's log at `at`, extended to the end of a write.
    pub(super) fn length_at_point(self, at: At) -> Result<u64> {
        let length = match at {
            At::Now => return Ok(u64::MAX),
            At::Time(time) => self.length_at(self.log, time)?,
            At::Position(position) | At::Before(position) if position >= self.head(self.log)?.length => {
                return Err(ErrorDetail::invalid(
                    "position",
                    &position.to_string(),
                    "must be less than the length of the log",
                )
                .into());
            }
            At::Before(position) => return Ok(self.group(self.log, &*self.entry(self.log, position)?).start),
            At::Position(position) => position + 1,
        };
        self.whole_writes(self.log, length)
    }

    /// The end of the zone's log at `at`.
    pub(crate) fn log_end(self, at: At) -> Result<LogEnd> {
        let head = self.head(self.log)?;
        let size = self.length_at_point(at)?.min(head.length);
        let last = match size.checked_sub(1) {
            // As of an earlier length, the head has no last hash.
            Some(last) if size < head.length || head.last == EntryHash::NONE => self.entry(self.log, last)?.hash,
            _ => head.last,
        };
        Ok(LogEnd { size, last })
    }

    /// The binding of `target` in a mode at `at`, if any.
    pub(crate) fn binding(self, target: &Target, mode: BindingMode, at: At) -> Result<Option<Binding>> {
        target.check()?;
        let Some(last) = self.length_at_point(at)?.checked_sub(1) else { return Ok(None) };
        self.binding_up_to(target, mode, last)
    }

    /// The binding of the zone's guardrail at `at`, if any.
    pub(crate) fn guardrail(self, at: At) -> Result<Option<Binding>> {
        self.binding(&Target::Zone, BindingMode::Guardrail, at)
    }

    /// The binding of `target` in a mode after the entry at `last`, if any.
    pub(crate) fn binding_up_to(self, target: &Target, mode: BindingMode, last: u64) -> Result<Option<Binding>> {
        match self.binding_row(self.log, mode, target, last)? {
            None => Ok(None),
            Some((position, row)) if row.bound => self.binding_made_at(target, mode, position).map(Some),
            Some((position, _)) => match &self.entry(self.log, position)?.body {
                Body::Unbound(body) if body.target == *target && body.mode == mode => Ok(None),
                _ => Err(wrong_row(RowKind::Binding, self.id.as_str())),
            },
        }
    }

    /// The binding that the entry at `position` made.
    fn binding_made_at(self, target: &Target, mode: BindingMode, position: u64) -> Result<Binding> {
        let entry = self.entry(self.log, position)?;
        match &entry.body {
            Body::Bound(body) if body.target == *target && body.mode == mode => self.binding_of(&entry),
            _ => Err(wrong_row(RowKind::Binding, self.id.as_str())),
        }
    }

    /// The binding that an entry made.
    pub(crate) fn binding_of(self, entry: &LogEntry) -> Result<Binding> {
        let rationale = self.rationale(self.log, entry)?;
        let binding = Binding::of_entry(self.id, entry, rationale);
        binding.ok_or_else(|| wrong_row(RowKind::Binding, self.id.as_str()))
    }

    /// The newest binding of a target with a version other than `current`.
    fn last_other_binding(
        self,
        target: &Target,
        mode: BindingMode,
        current: Option<&PolicySetVersionId>,
    ) -> Result<Option<Binding>> {
        let mut next = self.binding_row(self.log, mode, target, u64::MAX)?;
        while let Some((position, row)) = next {
            if row.bound {
                let binding = self.binding_made_at(target, mode, position)?;
                if Some(&binding.policy_set_version_id) != current {
                    return Ok(Some(binding));
                }
            }
            let Some(previous) = row.previous else { break };
            next = self.binding_row(self.log, mode, target, previous)?;
        }
        Ok(None)
    }

    /// The binding of the version that a rollback of a target would bind again: the newest one of another version than that in
    /// force. None is an error.
    pub(crate) fn previous_binding(self, target: &Target) -> Result<Binding> {
        let current = self.binding(target, BindingMode::Active, At::Now)?.map(|binding| binding.policy_set_version_id);
        let before = self.last_other_binding(target, BindingMode::Active, current.as_ref())?;
        before.ok_or_else(|| {
            ErrorDetail::NoEarlierBinding { zone_id: self.id.to_string(), target: target.to_string() }.into()
        })
    }

    /// The result of a binding call, read from the zone as the call left it.
    pub(crate) fn bind_outcome(self, target: &Target, mode: BindingMode, changed: bool) -> Result<BindOutcome> {
        let binding = self.bound(target, mode, At::Now)?;
        let replaced = if changed { self.binding_record(binding.position)?.replaced } else { None };
        Ok(BindOutcome { binding, replaced, changed })
    }

    /// The binding that the entry at `position` made, and how it ended.
    pub(crate) fn binding_record(self, position: u64) -> Result<BindingRecord> {
        let entry = self.entry(self.log, position)?;
        let Body::Bound(body) = &entry.body else { return Err(wrong_row(RowKind::BindingOrder, self.id.as_str())) };
        let end = self.binding_row_after(self.log, body.mode, &body.target, position)?;
        let ended = end.map(|(position, _)| {
            let entry = self.entry(self.log, position)?;
            let (at, by) = (entry.envelope.created_at, entry.envelope.actor.clone());
            let rationale = self.rationale(self.log, &entry)?;
            Ok::<_, crate::types::error::Error>(BindingEnd { at, by, rationale, position })
        });
        Ok(BindingRecord {
            binding: self.binding_of(&entry)?,
            replaced: body.replaced.clone().map(BoundTo::from),
            ended: ended.transpose()?,
        })
    }

    /// The binding of `target` in a mode at `at`. No binding is an error.
    pub(crate) fn bound(self, target: &Target, mode: BindingMode, at: At) -> Result<Binding> {
        self.binding(target, mode, at)?.ok_or_else(|| not_bound(self.id, target))
    }

    /// Whether a policy set version is in force, by the row of its set.
    pub(crate) fn is_active(self, version: &PolicySetVersionCreated, set: &PolicySetRow) -> Result<bool> {
        let Some(position) = set.active else { return Ok(false) };
        let binding = self.binding_of_set(version.policy_set_id.as_str(), position, BindingMode::Active)?;
        Ok(binding.bound.version_id == version.version_id)
    }
}

/// The error for a target without a binding.
pub(crate) fn not_bound(zone: &ZoneId, target: &Target) -> crate::types::error::Error {
    ErrorDetail::NotBound { zone_id: zone.to_string(), target: target.to_string() }.into()
}
