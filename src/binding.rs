//! Bindings: which policy set version is in force for a target, now and at any earlier time.

use serde::{Deserialize, Serialize};

use crate::error::{ErrorDetail, Result};
use crate::id::{PolicySetId, PolicySetVersionId, ZoneId};
use crate::model::{BindingMode, Target};
use crate::policy_set;
use crate::record::{Body, BoundVersion, PolicySetVersionCreated};
use crate::storage::key::Tag;
use crate::storage::{BindingRow, PolicySetRow, View, astray};
use crate::time::Timestamp;
use crate::zone::ZoneRef;

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
    pub by: String,
    /// The position of the binding in the zone's log.
    pub position: u64,
}

/// A point in a zone's history.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// As it is now.
    Now,
    /// Once the entry at this position of the zone's log, and all others of the same write, had been written.
    Position(u64),
    /// As it was at this time.
    Time(Timestamp),
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> Self {
        Self::Time(time)
    }
}

/// How many entries of the zone's log count at `at`. A write counts whole, or not at all.
fn length_at(view: &View<'_>, zone: &ZoneRef, at: At) -> Result<u64> {
    let length = match at {
        At::Now => return Ok(u64::MAX),
        At::Time(time) => view.length_at(zone.log, time)?,
        At::Position(position) if position < view.head(zone.log)?.length => position + 1,
        At::Position(position) => {
            return Err(ErrorDetail::invalid("position", &position.to_string(), "the log is not that long").into());
        }
    };
    match length.checked_sub(1) {
        Some(last) => Ok(view.entry(zone.log, last)?.envelope.group.end()),
        None => Ok(0),
    }
}

/// What is bound to `target` at `at`, if anything is.
pub(crate) fn find(
    view: &View<'_>,
    zone: &ZoneRef,
    target: &Target,
    mode: BindingMode,
    at: At,
) -> Result<Option<Binding>> {
    target.check()?;
    let Some(last) = length_at(view, zone, at)?.checked_sub(1) else { return Ok(None) };
    find_up_to(view, zone, target, mode, last)
}

/// What is bound to `target` once the entry at `last` was written, if anything is.
pub(crate) fn find_up_to(
    view: &View<'_>,
    zone: &ZoneRef,
    target: &Target,
    mode: BindingMode,
    last: u64,
) -> Result<Option<Binding>> {
    let Some((position, BindingRow { bound, .. })) = view.binding_row(zone.log, mode, target, last)? else {
        return Ok(None);
    };
    let entry = view.entry(zone.log, position)?;
    match &entry.body {
        Body::Bound(body) if bound && body.target == *target && body.mode == mode => {
            let BoundVersion { policy_set_id, version_id, version } = body.bound.clone();
            Ok(Some(Binding {
                zone_id: zone.id.clone(),
                target: target.clone(),
                mode,
                policy_set_id,
                policy_set_version_id: version_id,
                version,
                since: entry.envelope.created_at,
                by: entry.envelope.actor.id().to_owned(),
                position,
            }))
        }
        Body::Unbound(body) if !bound && body.target == *target && body.mode == mode => Ok(None),
        _ => Err(astray(Tag::Binding, zone.id.as_str())),
    }
}

/// What is bound to `target` at `at`; nothing is an error.
pub(crate) fn bound(view: &View<'_>, zone: &ZoneRef, target: &Target, mode: BindingMode, at: At) -> Result<Binding> {
    find(view, zone, target, mode, at)?.ok_or_else(|| not_bound(zone, target))
}

/// The error where nothing is bound.
pub(crate) fn not_bound(zone: &ZoneRef, target: &Target) -> crate::error::Error {
    ErrorDetail::NotBound { zone_id: zone.id.to_string(), target: target.to_string() }.into()
}

/// Whether a policy set version is in force, from its set's row.
pub(crate) fn is_active(
    view: &View<'_>,
    zone: &ZoneRef,
    version: &PolicySetVersionCreated,
    set: &PolicySetRow,
) -> Result<bool> {
    let Some(position) = set.active else { return Ok(false) };
    let binding = policy_set::binding(view, zone, version.policy_set_id.as_str(), position, BindingMode::Active)?;
    Ok(binding.bound.version_id == version.version_id)
}
