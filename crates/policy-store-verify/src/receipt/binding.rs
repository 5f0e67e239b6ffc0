//! A binding: the version in force, since when, by whom and why.

use serde::{Deserialize, Serialize};

use crate::record::{Body, LogEntry};
use crate::types::actor::Actor;
use crate::types::id::{PolicySetId, PolicySetVersionId, ZoneId};
use crate::types::rationale::Rationale;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// A binding: the policy set version bound to a target, the mode, the time and the author.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The zone.
    pub zone_id: ZoneId,
    /// The target.
    pub target: Target,
    /// The mode: how the version takes part in decisions.
    pub mode: BindingMode,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version of the policy set.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub version: u32,
    /// The time of the binding.
    pub since: Timestamp,
    /// The author of the binding.
    pub by: Actor,
    /// Why its write was made, if that was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<Rationale>,
    /// The position of the binding in the zone's log.
    pub position: u64,
}

impl Binding {
    /// The binding that an entry of the zone made, if it made one. `rationale` is that of the entry's write.
    #[doc(hidden)]
    #[must_use]
    pub fn of_entry(zone_id: &ZoneId, entry: &LogEntry, rationale: Option<Rationale>) -> Option<Self> {
        let Body::Bound(body) = &entry.body else { return None };
        Some(Self {
            zone_id: zone_id.clone(),
            target: body.target.clone(),
            mode: body.mode,
            policy_set_id: body.bound.policy_set_id.clone(),
            policy_set_version_id: body.bound.version_id.clone(),
            version: body.bound.version,
            since: entry.envelope.created_at,
            by: entry.envelope.actor.clone(),
            rationale,
            position: entry.envelope.position,
        })
    }
}
