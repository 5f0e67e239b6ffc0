//! Policies: what a store keeps of them, and how they are read.

use serde::Serialize;

use super::not_found::not_found;
use super::version::archiving;
use super::zone::ZoneRef;
use crate::resource::zone::ZoneReader;
use crate::record::{Body, PolicyVersionCreated};
use crate::storage::key::RowKind;
use crate::storage::{Latest, PolicyRow, Snapshot, key, wrong_row};
use crate::types::actor::OwnerType;
use crate::types::error::{Resource, Result};
use crate::types::id::{PolicyId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::time::Timestamp;

/// A policy: a name under which versions of its text are kept.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// The zone that it is in.
    pub zone_id: ZoneId,
    /// Its id, unique in the zone.
    pub id: PolicyId,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When its name or description last changed.
    pub updated_at: Timestamp,
    /// By whom, if they ever changed.
    pub updated_by: Option<String>,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// By whom.
    pub archived_by: Option<String>,
    /// The number of its newest version.
    pub latest_version: Option<u32>,
    /// The id of its newest version.
    pub latest_version_id: Option<PolicyVersionId>,
    /// The schema version that its newest version was validated against.
    pub latest_schema_version: Option<SchemaName>,
    /// The position, in the zone's log, of the last entry that changed anything here.
    pub revision: u64,
}

/// A policy to create.
#[derive(Clone, Debug)]
pub struct NewPolicy {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
}

impl NewPolicy {
    /// A policy called `name`: 1 to 256 bytes of UTF-8 without control characters.
    pub fn named(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), description: None }
    }

    /// With this id, in the place of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// With a description: up to 4,096 bytes of UTF-8 without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

/// A change of a policy's name, its description, or both.
#[derive(Clone, Debug, Default)]
pub struct PolicyUpdate {
    pub(crate) name: Option<String>,
    /// Some if it changes: to a description, or to none.
    pub(crate) description: Option<Option<String>>,
}

impl PolicyUpdate {
    /// A change of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// To this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// To this description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(Some(description.into()));
        self
    }

    /// To no description.
    pub fn no_description(mut self) -> Self {
        self.description = Some(None);
        self
    }
}

/// Looks up a policy's row.
pub(crate) fn find(zone: ZoneReader<'_>, id: &str) -> Result<PolicyRow> {
    let row = zone.row(&key::by_id(zone.log, RowKind::Policy, id))?;
    row.ok_or_else(|| not_found(zone, Resource::Policy, id))
}

/// The owner, name and description of a policy, from the entries that its row leads to.
pub(crate) fn description(zone: ZoneReader<'_>, id: &str, row: &PolicyRow) -> Result<(OwnerType, String, Option<String>)> {
    let created = zone.entry(zone.log, row.created)?;
    let owner = created.envelope.actor.owner_type();
    let now = row.updated.map(|position| zone.entry(zone.log, position)).transpose()?;
    match (&created.body, now.as_deref().map(|entry| &entry.body)) {
        (Body::PolicyCreated(body), None) if body.policy_id == id => {
            Ok((owner, body.name.clone(), body.description.clone()))
        }
        (Body::PolicyCreated(first), Some(Body::PolicyUpdated(body)))
            if first.policy_id == id && body.policy_id == id =>
        {
            Ok((owner, body.name.clone(), body.description.clone()))
        }
        _ => Err(wrong_row(RowKind::Policy, id)),
    }
}

/// Reads a policy.
pub(crate) fn load(zone: ZoneReader<'_>, id: &str) -> Result<Policy> {
    let row = find(zone, id)?;
    let (owner_type, name, description) = description(zone, id, &row)?;
    let created = zone.entry(zone.log, row.created)?;
    let updated = row.updated.map(|position| zone.entry(zone.log, position)).transpose()?;
    let archived = archiving(
        &zone,
        zone,
        row.archived,
        |body| matches!(body, Body::PolicyArchived(body) if body.policy_id == id),
    )?;
    let latest = row.latest.map(|latest| latest_version(zone, id, latest)).transpose()?;
    Ok(Policy {
        zone_id: zone.id.clone(),
        id: PolicyId::new(id)?,
        owner_type,
        name,
        description,
        created_at: created.envelope.created_at,
        created_by: created.envelope.actor.id().to_owned(),
        updated_at: updated.as_deref().unwrap_or(&created).envelope.created_at,
        updated_by: updated.map(|entry| entry.envelope.actor.id().to_owned()),
        archived_at: archived.as_ref().map(|(at, _)| *at),
        archived_by: archived.map(|(_, by)| by),
        latest_version: latest.as_ref().map(|version| version.version),
        latest_version_id: latest.as_ref().map(|version| version.version_id.clone()),
        latest_schema_version: latest.map(|version| version.schema.version),
        revision: row.revision,
    })
}

fn latest_version(zone: ZoneReader<'_>, id: &str, latest: Latest) -> Result<PolicyVersionCreated> {
    match &zone.entry(zone.log, latest.created)?.body {
        Body::PolicyVersionCreated(body) if body.policy_id == id && body.version == latest.version => Ok(body.clone()),
        _ => Err(wrong_row(RowKind::Policy, id)),
    }
}
