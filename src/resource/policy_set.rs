//! Policy sets: what a store keeps of them, and how they are read.

use serde::Serialize;

use super::not_found::not_found;
use super::version::archiving;
use super::zone::ZoneRef;
use crate::resource::zone::ZoneReader;
use crate::record::{Body, Bound};
use crate::storage::key::RowKind;
use crate::storage::{PolicySetRow, Snapshot, key, wrong_row};
use crate::types::actor::OwnerType;
use crate::types::error::{Resource, Result};
use crate::types::id::{PolicySetId, PolicySetVersionId, ZoneId};
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

/// A policy set: a name under which manifests of policy versions are kept, and of which one may be in force.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySet {
    /// The zone that it is in.
    pub zone_id: ZoneId,
    /// Its id, unique in the zone.
    pub id: PolicySetId,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// Its name.
    pub name: String,
    /// What kind of target it is for.
    pub target_type: TargetType,
    /// Its target: the zone's id, or the user that it was first activated for.
    pub target_id: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its name last changed.
    pub updated_at: Timestamp,
    /// By whom, if it ever changed.
    pub updated_by: Option<String>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// By whom.
    pub archived_by: Option<String>,
    /// The number of its newest version.
    pub latest_version: Option<u32>,
    /// The id of its newest version.
    pub latest_version_id: Option<PolicySetVersionId>,
    /// Whether a version of it is in force.
    pub active: bool,
    /// The number of the version in force.
    pub active_version: Option<u32>,
    /// The id of the version in force.
    pub active_version_id: Option<PolicySetVersionId>,
    /// The number of the version under observation.
    pub shadow_version: Option<u32>,
    /// The id of the version under observation.
    pub shadow_version_id: Option<PolicySetVersionId>,
    /// The number of the version that is the zone's guardrail.
    pub guardrail_version: Option<u32>,
    /// The id of the version that is the zone's guardrail.
    pub guardrail_version_id: Option<PolicySetVersionId>,
    /// How it is bound: active if a version of it is in force, otherwise guardrail if one is the zone's, otherwise shadow
    /// if one is observed.
    pub mode: Option<BindingMode>,
    /// The position, in the zone's log, of the last entry that changed anything here.
    pub revision: u64,
}

/// A policy set to create.
#[derive(Clone, Debug)]
pub struct NewPolicySet {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) target_type: TargetType,
}

impl NewPolicySet {
    /// A set for the zone, called `name`: 1 to 256 bytes of UTF-8 without control characters.
    pub fn named(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), target_type: TargetType::Zone }
    }

    /// With this id, in the place of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// For this kind of target.
    pub fn target_type(mut self, target_type: TargetType) -> Self {
        self.target_type = target_type;
        self
    }
}

/// A change of a policy set's name.
#[derive(Clone, Debug, Default)]
pub struct PolicySetUpdate {
    pub(crate) name: Option<String>,
}

impl PolicySetUpdate {
    /// A change of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// To this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// Looks up a policy set's row.
pub(crate) fn find(zone: ZoneReader<'_>, id: &str) -> Result<PolicySetRow> {
    let row = zone.row(&key::by_id(zone.log, RowKind::PolicySet, id))?;
    row.ok_or_else(|| not_found(zone, Resource::PolicySet, id))
}

/// The owner, name and kind of target of a policy set, from the entries that its row leads to.
pub(crate) fn description(zone: ZoneReader<'_>, id: &str, row: &PolicySetRow) -> Result<(OwnerType, String, TargetType)> {
    let created = zone.entry(zone.log, row.created)?;
    let owner = created.envelope.actor.owner_type();
    let now = row.updated.map(|position| zone.entry(zone.log, position)).transpose()?;
    match (&created.body, now.as_deref().map(|entry| &entry.body)) {
        (Body::PolicySetCreated(body), None) if body.policy_set_id == id => {
            Ok((owner, body.name.clone(), body.target_type))
        }
        (Body::PolicySetCreated(first), Some(Body::PolicySetUpdated(body)))
            if first.policy_set_id == id && body.policy_set_id == id =>
        {
            Ok((owner, body.name.clone(), first.target_type))
        }
        _ => Err(wrong_row(RowKind::PolicySet, id)),
    }
}

/// Reads a policy set.
pub(crate) fn load(zone: ZoneReader<'_>, id: &str) -> Result<PolicySet> {
    let row = find(zone, id)?;
    let (owner_type, name, target_type) = description(zone, id, &row)?;
    let created = zone.entry(zone.log, row.created)?;
    let updated = row.updated.map(|position| zone.entry(zone.log, position)).transpose()?;
    let archived = archiving(
        &zone,
        zone,
        row.archived,
        |body| matches!(body, Body::PolicySetArchived(body) if body.policy_set_id == id),
    )?;
    let latest = row.latest.map(|latest| {
        let entry = zone.entry(zone.log, latest.created)?;
        match &entry.body {
            Body::PolicySetVersionCreated(body) if body.policy_set_id == id && body.version == latest.version => {
                Ok(body.version_id.clone())
            }
            _ => Err(wrong_row(RowKind::PolicySet, id)),
        }
    });
    let bound = |position: Option<u64>, mode| {
        position.map(|at| binding(zone, id, at, mode).map(|body| body.bound)).transpose()
    };
    let active = bound(row.active, BindingMode::Active)?;
    let shadow = bound(row.shadow, BindingMode::Shadow)?;
    let guardrail = bound(row.guardrail, BindingMode::Guardrail)?;
    let by_strength = [BindingMode::Active, BindingMode::Guardrail, BindingMode::Shadow];
    let mode = by_strength.into_iter().find(|mode| row.binding(*mode).is_some());
    Ok(PolicySet {
        zone_id: zone.id.clone(),
        id: PolicySetId::new(id)?,
        owner_type,
        name,
        target_type,
        target_id: match target_type {
            TargetType::Zone => Some(zone.id.to_string()),
            TargetType::User => bound_user(zone, id, row.target, BindingMode::Active)?,
        },
        created_at: created.envelope.created_at,
        created_by: created.envelope.actor.id().to_owned(),
        updated_at: updated.as_deref().unwrap_or(&created).envelope.created_at,
        updated_by: updated.map(|entry| entry.envelope.actor.id().to_owned()),
        archived_at: archived.as_ref().map(|(at, _)| *at),
        archived_by: archived.map(|(_, by)| by),
        latest_version: row.latest.map(|latest| latest.version),
        latest_version_id: latest.transpose()?,
        active: active.is_some(),
        active_version: active.as_ref().map(|bound| bound.version),
        mode,
        active_version_id: active.map(|bound| bound.version_id),
        shadow_version: shadow.as_ref().map(|bound| bound.version),
        shadow_version_id: shadow.map(|bound| bound.version_id),
        guardrail_version: guardrail.as_ref().map(|bound| bound.version),
        guardrail_version_id: guardrail.map(|bound| bound.version_id),
        revision: row.revision,
    })
}

/// The binding of a policy set that its row leads to.
pub(crate) fn binding(zone: ZoneReader<'_>, id: &str, at: u64, mode: BindingMode) -> Result<Bound> {
    match &zone.entry(zone.log, at)?.body {
        Body::Bound(body) if body.bound.policy_set_id == id && body.mode == mode => Ok(body.clone()),
        _ => Err(wrong_row(RowKind::PolicySet, id)),
    }
}

/// The user that a set is bound to by the binding at a position: that it is observed by, or that fixed its target.
fn bound_user(zone: ZoneReader<'_>, id: &str, position: Option<u64>, mode: BindingMode) -> Result<Option<String>> {
    let Some(position) = position else { return Ok(None) };
    match binding(zone, id, position, mode)?.target {
        Target::User(user) => Ok(Some(user)),
        Target::Zone => Err(wrong_row(RowKind::PolicySet, id)),
    }
}

/// The user that a set is observed for, if it is.
pub(crate) fn observed_user(zone: ZoneReader<'_>, id: &str) -> Result<Option<String>> {
    bound_user(zone, id, find(zone, id)?.shadow, BindingMode::Shadow)
}
