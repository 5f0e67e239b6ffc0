//! Policy sets: the public type, its inputs, and its reads.

use serde::Serialize;

use crate::record::{Body, Bound, Envelope};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{PolicySetRow, key, wrong_row};
use crate::types::actor::{Actor, OwnerType, as_id, as_id_or_none};
use crate::types::error::{Resource, Result};
use crate::types::id::{PolicySetId, PolicySetVersionId, ZoneId};
use crate::types::target::{BindingMode, Target, TargetType};
use crate::types::time::Timestamp;

/// A policy set: a named sequence of policy set versions, at most one of them in force.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySet {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its id, unique in the zone.
    pub id: PolicySetId,
    /// Its owner: the kind of actor that created it.
    pub owner_type: OwnerType,
    /// Its name.
    pub name: String,
    /// The type of its target.
    pub target_type: TargetType,
    /// Its target: the zone's id, or the user of its first active binding.
    pub target_id: Option<String>,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The actor that created it.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// The last change of its name.
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
    /// The number of the version bound as the zone's guardrail.
    pub guardrail_version: Option<u32>,
    /// The id of the version bound as the zone's guardrail.
    pub guardrail_version_id: Option<PolicySetVersionId>,
    /// Its strongest binding: active if a version is in force, otherwise guardrail if a version is the zone's
    /// guardrail, otherwise shadow if a version is observed.
    pub mode: Option<BindingMode>,
    /// Its revision: the position, in the zone's log, of the last entry that changed it.
    pub revision: u64,
}

/// A policy set to create.
///
/// ```
/// use policy_store::{NewPolicySet, TargetType};
/// let new = NewPolicySet::named("production").target_type(TargetType::User);
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewPolicySet {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) target_type: TargetType,
}

impl NewPolicySet {
    /// A policy set for the zone with this name: 1 to 256 bytes of UTF-8 without control characters.
    pub fn named(name: impl Into<String>) -> Self {
        Self { id: None, name: name.into(), target_type: TargetType::Zone }
    }

    /// Uses this id instead of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the type of target.
    pub fn target_type(mut self, target_type: TargetType) -> Self {
        self.target_type = target_type;
        self
    }
}

/// A change of a policy set's name.
///
/// ```
/// use policy_store::PolicySetUpdate;
/// let update = PolicySetUpdate::new().name("staging");
/// ```
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct PolicySetUpdate {
    pub(crate) name: Option<String>,
}

impl PolicySetUpdate {
    /// An update without changes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

impl PolicySet {
    /// A policy set as the entry with this envelope created it: without bindings.
    pub(crate) fn created(
        zone: &ZoneId,
        envelope: &Envelope,
        id: PolicySetId,
        name: String,
        target_type: TargetType,
    ) -> Self {
        Self {
            zone_id: zone.clone(),
            id,
            owner_type: envelope.actor.owner_type(),
            name,
            target_type,
            target_id: match target_type {
                TargetType::Zone => Some(zone.to_string()),
                TargetType::User => None,
            },
            created_at: envelope.created_at,
            created_by: envelope.actor.clone(),
            updated_at: envelope.created_at,
            updated_by: None,
            archived_at: None,
            archived_by: None,
            latest_version: None,
            latest_version_id: None,
            active: false,
            active_version: None,
            active_version_id: None,
            shadow_version: None,
            shadow_version_id: None,
            guardrail_version: None,
            guardrail_version_id: None,
            mode: None,
            revision: envelope.position,
        }
    }
}

impl ZoneReader<'_> {
    /// Looks up a policy set's row.
    pub(crate) fn policy_set_row(self, id: &str) -> Result<PolicySetRow> {
        let row = self.row(&key::by_id(self.log, RowKind::PolicySet, id))?;
        row.ok_or_else(|| self.not_found(Resource::PolicySet, id))
    }

    /// The owner, name and target type of a policy set, from the entries that its row points to.
    pub(crate) fn policy_set_description(
        self,
        id: &str,
        row: &PolicySetRow,
    ) -> Result<(OwnerType, String, TargetType)> {
        let created = self.entry(self.log, row.created)?;
        let owner = created.envelope.actor.owner_type();
        let now = row.updated.map(|position| self.entry(self.log, position)).transpose()?;
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
    pub(crate) fn policy_set(self, id: &str) -> Result<PolicySet> {
        let row = self.policy_set_row(id)?;
        let (owner_type, name, target_type) = self.policy_set_description(id, &row)?;
        let created = self.entry(self.log, row.created)?;
        let updated = row.updated.map(|position| self.entry(self.log, position)).transpose()?;
        let archived = self.archiving(
            row.archived,
            |body| matches!(body, Body::PolicySetArchived(body) if body.policy_set_id == id),
        )?;
        let latest = row.latest.map(|latest| {
            let entry = self.entry(self.log, latest.created)?;
            match &entry.body {
                Body::PolicySetVersionCreated(body) if body.policy_set_id == id && body.version == latest.version => {
                    Ok(body.version_id.clone())
                }
                _ => Err(wrong_row(RowKind::PolicySet, id)),
            }
        });
        let bound = |position: Option<u64>, mode| {
            position.map(|at| self.binding_of_set(id, at, mode).map(|body| body.bound)).transpose()
        };
        let active = bound(row.active, BindingMode::Active)?;
        let shadow = bound(row.shadow, BindingMode::Shadow)?;
        let guardrail = bound(row.guardrail, BindingMode::Guardrail)?;
        let by_strength = [BindingMode::Active, BindingMode::Guardrail, BindingMode::Shadow];
        let mode = by_strength.into_iter().find(|mode| row.binding(*mode).is_some());
        let user =
            if target_type == TargetType::User { self.bound_user(id, row.target, BindingMode::Active)? } else { None };
        let set = PolicySet::created(self.id, &created.envelope, PolicySetId::new(id)?, name, target_type);
        Ok(PolicySet {
            owner_type,
            target_id: user.or_else(|| set.target_id.clone()),
            updated_at: updated.as_deref().unwrap_or(&created).envelope.created_at,
            updated_by: updated.map(|entry| entry.envelope.actor.clone()),
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
            ..set
        })
    }

    /// The binding entry that the row of a policy set points to.
    pub(crate) fn binding_of_set(self, id: &str, at: u64, mode: BindingMode) -> Result<Bound> {
        match &self.entry(self.log, at)?.body {
            Body::Bound(body) if body.bound.policy_set_id == id && body.mode == mode => Ok(body.clone()),
            _ => Err(wrong_row(RowKind::PolicySet, id)),
        }
    }

    /// The user of the binding that the row of a policy set points to, if it points to one.
    fn bound_user(self, id: &str, position: Option<u64>, mode: BindingMode) -> Result<Option<String>> {
        let Some(position) = position else { return Ok(None) };
        match self.binding_of_set(id, position, mode)?.target {
            Target::User(user) => Ok(Some(user)),
            Target::Zone => Err(wrong_row(RowKind::PolicySet, id)),
        }
    }

    /// The user of the policy set's shadow binding, if it has one.
    pub(crate) fn observed_user(self, id: &str) -> Result<Option<String>> {
        self.bound_user(id, self.policy_set_row(id)?.shadow, BindingMode::Shadow)
    }
}
