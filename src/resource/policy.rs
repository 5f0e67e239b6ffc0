//! Policies: the public type, its inputs, and its reads.

use serde::Serialize;

use crate::record::{Body, Envelope, PolicyCreated, PolicyVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{Latest, PolicyRow, key, wrong_row};
use crate::types::actor::{Actor, OwnerType, as_id, as_id_or_none};
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::{PolicyId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::origin::Origin;
use crate::types::time::Timestamp;

/// A policy: a named sequence of policy versions.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Policy {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its id, unique in the zone.
    pub id: PolicyId,
    /// Its owner: the kind of actor that created it.
    pub owner_type: OwnerType,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: Option<String>,
    /// The policy that it was copied from, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The actor that created it.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// The last change of its name or description.
    pub updated_at: Timestamp,
    /// The author of that change; none if it never changed.
    #[serde(serialize_with = "as_id_or_none")]
    pub updated_by: Option<Actor>,
    /// The time of its archiving.
    pub archived_at: Option<Timestamp>,
    /// The actor that archived it.
    #[serde(serialize_with = "as_id_or_none")]
    pub archived_by: Option<Actor>,
    /// The number of its newest version.
    pub latest_version: Option<u32>,
    /// The id of its newest version.
    pub latest_version_id: Option<PolicyVersionId>,
    /// The schema version of its newest version.
    pub latest_schema_version: Option<SchemaName>,
    /// Its revision: the position, in the zone's log, of the last entry that changed it.
    pub revision: u64,
}

/// A policy to create.
///
/// ```
/// use policy_store::NewPolicy;
/// let new = NewPolicy::named("staff").id("p-1").description("Rules for all employees");
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewPolicy {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) origin: Option<Origin>,
}

impl NewPolicy {
    /// A policy with this name: 1 to 256 bytes of UTF-8 without control characters.
    pub fn named(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), description: None, origin: None }
    }

    /// Uses this id instead of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the description: up to 4,096 bytes of UTF-8 without control characters.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// States the policy that it is copied from. If the original is in the same zone, it must exist.
    ///
    /// ```
    /// # use policy_store::{NewPolicy, Origin, Policy, Result, Zone};
    /// /// A copy of a version of a policy of this zone.
    /// fn copy_of(zone: &Zone, original: Policy, version: u32) -> Result<NewPolicy> {
    ///     let origin = Origin::new(original.zone_id, zone.info()?.log_id, original.id).version(version);
    ///     Ok(NewPolicy::named(original.name).copied_from(origin))
    /// }
    /// ```
    pub fn copied_from(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }
}

/// A change of a policy's name, description, or both.
///
/// ```
/// use policy_store::PolicyUpdate;
/// let update = PolicyUpdate::new().name("employees").no_description();
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct PolicyUpdate {
    pub(crate) name: Option<String>,
    /// `None` leaves the description unchanged; `Some(None)` removes it.
    pub(crate) description: Option<Option<String>>,
}

impl PolicyUpdate {
    /// An update without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the description.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(Some(description.into()));
        self
    }

    /// Removes the description.
    pub fn no_description(mut self) -> Self {
        self.description = Some(None);
        self
    }
}

impl Policy {
    /// A policy as the entry with this envelope created it.
    pub(crate) fn created(zone: &ZoneId, envelope: &Envelope, body: PolicyCreated) -> Self {
        let PolicyCreated { policy_id, name, description, origin } = body;
        Self {
            zone_id: zone.clone(),
            id: policy_id,
            owner_type: envelope.actor.owner_type(),
            name,
            description,
            origin,
            created_at: envelope.created_at,
            created_by: envelope.actor.clone(),
            updated_at: envelope.created_at,
            updated_by: None,
            archived_at: None,
            archived_by: None,
            latest_version: None,
            latest_version_id: None,
            latest_schema_version: None,
            revision: envelope.position,
        }
    }
}

impl ZoneReader<'_> {
    /// Looks up a policy's row.
    pub(crate) fn policy_row(self, id: &str) -> Result<PolicyRow> {
        let row = self.row(&key::by_id(self.log, RowKind::Policy, id))?;
        row.ok_or_else(|| self.not_found(Resource::Policy, id))
    }

    /// The owner, name and description of a policy, from the entries that its row points to.
    pub(crate) fn policy_description(self, id: &str, row: &PolicyRow) -> Result<(OwnerType, String, Option<String>)> {
        let created = self.entry(self.log, row.created)?;
        let owner = created.envelope.actor.owner_type();
        let now = row.updated.map(|position| self.entry(self.log, position)).transpose()?;
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

    /// Checks that an origin in this zone exists.
    pub(crate) fn check_origin(self, origin: Option<&Origin>) -> Result<()> {
        let Some(origin) = origin.filter(|origin| origin.log_id == self.log_id) else { return Ok(()) };
        if origin.zone_id != *self.id {
            let rule = "the log belongs to another zone";
            return Err(ErrorDetail::invalid("origin", origin.zone_id.as_str(), rule).into());
        }
        let latest = self.policy_row(origin.policy_id.as_str())?.latest.map_or(0, |latest| latest.version);
        match origin.version {
            Some(version) if !(1..=latest).contains(&version) => {
                Err(ErrorDetail::invalid("origin", &version.to_string(), "the policy has no such version").into())
            }
            _ => Ok(()),
        }
    }

    /// Reads a policy.
    pub(crate) fn policy(self, id: &str) -> Result<Policy> {
        let row = self.policy_row(id)?;
        let (owner_type, name, description) = self.policy_description(id, &row)?;
        let created = self.entry(self.log, row.created)?;
        let Body::PolicyCreated(body) = &created.body else { return Err(wrong_row(RowKind::Policy, id)) };
        let updated = row.updated.map(|position| self.entry(self.log, position)).transpose()?;
        let archived =
            self.archiving(row.archived, |body| matches!(body, Body::PolicyArchived(body) if body.policy_id == id))?;
        let latest = row.latest.map(|latest| self.latest_policy_version(id, latest)).transpose()?;
        Ok(Policy {
            updated_at: updated.as_deref().unwrap_or(&created).envelope.created_at,
            updated_by: updated.map(|entry| entry.envelope.actor.clone()),
            archived_at: archived.as_ref().map(|(at, _)| *at),
            archived_by: archived.map(|(_, by)| by),
            latest_version: latest.as_ref().map(|version| version.version),
            latest_version_id: latest.as_ref().map(|version| version.version_id.clone()),
            latest_schema_version: latest.map(|version| version.schema.version),
            revision: row.revision,
            owner_type,
            ..Policy::created(self.id, &created.envelope, PolicyCreated { name, description, ..body.clone() })
        })
    }

    fn latest_policy_version(self, id: &str, latest: Latest) -> Result<PolicyVersionCreated> {
        match &self.entry(self.log, latest.created)?.body {
            Body::PolicyVersionCreated(body) if body.policy_id == id && body.version == latest.version => {
                Ok(body.clone())
            }
            _ => Err(wrong_row(RowKind::Policy, id)),
        }
    }
}
