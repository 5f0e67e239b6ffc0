//! Bindings: which policy set version is in force for a target, now and at any earlier time.

use serde::{Deserialize, Serialize};

use super::history::BoundTo;
use crate::record::{Body, Bound, BoundVersion, Envelope, PolicySetVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{PolicySetRow, wrong_row};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{PolicySetId, PolicySetVersionId, ZoneId};
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// What is bound to a target: which version, since when, and by whom.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The zone.
    pub zone_id: ZoneId,
    /// What it is bound to.
    pub target: Target,
    /// How it takes part in decisions.
    pub mode: BindingMode,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version of it.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub version: u32,
    /// Since when.
    pub since: Timestamp,
    /// Who bound it.
    pub by: Actor,
    /// The position of the binding in the zone's log.
    pub position: u64,
}

/// What a call that binds has come to.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindOutcome {
    /// What is bound now.
    pub binding: Binding,
    /// The version that the call replaced; none if nothing was bound there, or nothing changed.
    pub replaced: Option<BoundTo>,
    /// Whether the call bound anything: false if the version was bound there already.
    pub changed: bool,
}

/// One binding of a zone's history: what was bound, what it replaced, and how long it lasted.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingRecord {
    /// What was bound, since when and by whom.
    #[serde(flatten)]
    pub binding: Binding,
    /// The version that was bound there until then; none if nothing was.
    pub replaced: Option<BoundTo>,
    /// How the binding ended; none if it still lasts.
    pub ended: Option<BindingEnd>,
}

/// The end of a binding: another version was bound in its place, or nothing.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BindingEnd {
    /// When it ended.
    pub at: Timestamp,
    /// Who ended it.
    pub by: Actor,
    /// The position, in the zone's log, of the entry that ended it.
    pub position: u64,
}

/// A point in a zone's history.
///
/// A write counts whole, since no reader ever saw a part of it. So a point between the entries of one write is after all of
/// them: the time just before a [binding](Binding::since) may be in the same write as the binding, and
/// answers with it. [`At::Before`] answers with what the write replaced.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// As it is now.
    Now,
    /// Once the entry at this position of the zone's log, and all others of the same write, had been written.
    Position(u64),
    /// Before the entry at this position of the zone's log, and all others of the same write, were written.
    Before(u64),
    /// As it was at this time.
    Time(Timestamp),
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

impl ZoneReader<'_> {
    /// How many entries of the zone's log count at `at`. A write counts whole, or not at all.
    fn length_at_point(self, at: At) -> Result<u64> {
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
        match length.checked_sub(1) {
            Some(last) => Ok(self.group(self.log, &*self.entry(self.log, last)?).end()),
            None => Ok(0),
        }
    }

    /// What is bound to `target` at `at`, if anything is.
    pub(crate) fn binding(self, target: &Target, mode: BindingMode, at: At) -> Result<Option<Binding>> {
        target.check()?;
        let Some(last) = self.length_at_point(at)?.checked_sub(1) else { return Ok(None) };
        self.binding_up_to(target, mode, last)
    }

    /// What is bound as the zone's guardrail at `at`, if anything is.
    pub(crate) fn guardrail(self, at: At) -> Result<Option<Binding>> {
        self.binding(&Target::Zone, BindingMode::Guardrail, at)
    }

    /// What is bound to `target` once the entry at `last` was written, if anything is.
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
            Body::Bound(body) if body.target == *target && body.mode == mode => {
                Ok(binding_of(self.id, &entry.envelope, body))
            }
            _ => Err(wrong_row(RowKind::Binding, self.id.as_str())),
        }
    }

    /// The newest binding of a target that is of another version than `current`.
    pub(crate) fn last_other_binding(
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

    /// What the entry of a call that binds tells of it, from the zone as the call has left it.
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
            Ok::<_, crate::types::error::Error>(BindingEnd { at, by, position })
        });
        Ok(BindingRecord {
            binding: binding_of(self.id, &entry.envelope, body),
            replaced: body.replaced.clone().map(BoundTo::from),
            ended: ended.transpose()?,
        })
    }

    /// What is bound to `target` at `at`; nothing is an error.
    pub(crate) fn bound(self, target: &Target, mode: BindingMode, at: At) -> Result<Binding> {
        self.binding(target, mode, at)?.ok_or_else(|| not_bound(self.id, target))
    }

    /// Whether a policy set version is in force, from its set's row.
    pub(crate) fn is_active(self, version: &PolicySetVersionCreated, set: &PolicySetRow) -> Result<bool> {
        let Some(position) = set.active else { return Ok(false) };
        let binding = self.binding_of_set(version.policy_set_id.as_str(), position, BindingMode::Active)?;
        Ok(binding.bound.version_id == version.version_id)
    }
}

/// The binding that the entry with this envelope makes.
pub(crate) fn binding_of(zone: &ZoneId, envelope: &Envelope, body: &Bound) -> Binding {
    let BoundVersion { policy_set_id, version_id, version } = body.bound.clone();
    Binding {
        zone_id: zone.clone(),
        target: body.target.clone(),
        mode: body.mode,
        policy_set_id,
        policy_set_version_id: version_id,
        version,
        since: envelope.created_at,
        by: envelope.actor.clone(),
        position: envelope.position,
    }
}

/// The error where nothing is bound.
pub(crate) fn not_bound(zone: &ZoneId, target: &Target) -> crate::types::error::Error {
    ErrorDetail::NotBound { zone_id: zone.to_string(), target: target.to_string() }.into()
}
