//! Writes policy sets and their versions. Does not bind them.

use super::{ZoneTransaction, created};
use crate::cedar;
use crate::engine::validation::{Validated, Validation};
use crate::record::fingerprint::Fingerprint;
use crate::record::{
    Content, ContentKind, Envelope, PolicySetArchived, PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived,
    PolicySetVersionCreated,
};
use crate::resource::policy_set::{NewPolicySet, PolicySet, PolicySetUpdate};
use crate::resource::policy_set_version::{NewPolicySetVersion, PolicySetVersion};
use crate::resource::version::{VersionRecord, next_version};
use crate::rules::manifest::{Planned, PolicySetVersionInput, PreparedPolicySetVersion, set_to_change};
use crate::rules::ownership::check_owner;
use crate::storage::key::RowKind;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::{PolicySetId, PolicySetVersionId, check_text};
use crate::types::limits;

/// Policy sets.
impl ZoneTransaction<'_, '_> {
    /// Creates a policy set. It has no versions and no binding.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn create_policy_set(&mut self, new: NewPolicySet) -> Result<PolicySet> {
        let fingerprint = Fingerprint::of("create_policy_set").option(new.id.as_deref()).text(&new.name);
        self.once(
            fingerprint.target_type(new.target_type),
            |zone| {
                check_text("name", &new.name, limits::NAME_BYTES)?;
                let policy_set_id = PolicySetId::new(zone.free_id(RowKind::PolicySet, Resource::PolicySet, new.id)?)?;
                let (id, name, target_type) = (policy_set_id.clone(), new.name, new.target_type);
                let entry = zone.append(PolicySetCreated { policy_set_id, name: name.clone(), target_type })?;
                Ok(PolicySet::created(zone.id(), &entry.envelope, id, name, target_type))
            },
            |reader, entry| reader.policy_set(created(entry)?),
        )
    }

    /// Changes a policy set's name. Does nothing if the name is unchanged.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn update_policy_set(&mut self, id: impl AsRef<str>, update: PolicySetUpdate) -> Result<PolicySet> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("update_policy_set").text(id).option(update.name.as_deref()),
            |zone| {
                let before = zone.policy_set_to_change(id)?;
                let name = update.name.unwrap_or_else(|| before.name.clone());
                check_text("name", &name, limits::NAME_BYTES)?;
                if name == before.name {
                    return Ok(before);
                }
                let entry = zone.append(PolicySetUpdated { policy_set_id: before.id.clone(), name: name.clone() })?;
                let Envelope { created_at, actor, position, .. } = entry.envelope.clone();
                let (updated_at, updated_by) = (created_at, Some(actor));
                Ok(PolicySet { name, updated_at, updated_by, revision: position, ..before })
            },
            |reader, _| reader.policy_set(id),
        )
    }

    /// Archives a policy set for good. Does nothing if the set is already archived.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if a version of the set is bound; otherwise as any call: see
    /// [`ZoneTransaction`](Self#errors).
    pub fn archive_policy_set(&mut self, id: impl AsRef<str>) -> Result<PolicySet> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy_set").text(id),
            |zone| {
                let before = zone.policy_set(id)?;
                check_owner(zone.actor(), Resource::PolicySet, before.id.as_str(), before.owner_type)?;
                if before.archived_at.is_some() {
                    return Ok(before);
                }
                if before.mode.is_some() {
                    return Err(ErrorDetail::InForce { what: Resource::PolicySet, id: before.id.to_string() }.into());
                }
                let entry = zone.append(PolicySetArchived { policy_set_id: before.id.clone() })?;
                let Envelope { created_at, actor, position, .. } = entry.envelope.clone();
                let (archived_at, archived_by) = (Some(created_at), Some(actor));
                Ok(PolicySet { archived_at, archived_by, revision: position, ..before })
            },
            |reader, _| reader.policy_set(id),
        )
    }

    /// Creates the next version of a policy set. Every pinned version must exist, belong to its policy, not be
    /// archived, and validate against the schema version of the manifest. If pinned versions have another schema
    /// version, [prepare](crate::Zone::prepare_policy_set_version) the call: other writes wait while they are
    /// validated.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if a pin breaks one of these rules;
    /// [`Archived`](crate::ErrorKind::Archived) for an archived set, schema version, policy or policy version;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) with the code `validation_too_costly` if the validation in the write is
    /// over [the limit](crate::Builder::validation_limit); otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn create_policy_set_version(
        &mut self,
        policy_set_id: impl AsRef<str>,
        input: impl Into<PolicySetVersionInput>,
    ) -> Result<PolicySetVersion> {
        let (policy_set_id, input) = (policy_set_id.as_ref(), input.into());
        let PreparedPolicySetVersion { new, validated } = input.into_parts();
        self.once(
            new.fingerprint(policy_set_id),
            |zone| {
                let set = zone.policy_set_to_change(policy_set_id)?;
                let planned = zone.planned(&new, &validated)?;
                zone.add_policy_set_version(set, new.id, planned)
            },
            |reader, entry| reader.policy_set_version(&VersionRecord::by_id(reader, created(entry)?)?),
        )
    }

    /// The policy set, if the actor of the write may add a version to it.
    pub(super) fn policy_set_to_change(&self, id: &str) -> Result<PolicySet> {
        self.read(|reader| set_to_change(reader, self.actor(), id))
    }

    pub(super) fn planned(&self, new: &NewPolicySetVersion, known: &Validated) -> Result<Planned> {
        let validation = Validation::in_write(&self.engine.compiler, known);
        self.read(|reader| Planned::new(reader, &validation, new))
    }

    pub(super) fn add_policy_set_version(
        &mut self,
        set: PolicySet,
        id: Option<String>,
        Planned { schema, manifest }: Planned,
    ) -> Result<PolicySetVersion> {
        let id = self.free_id(RowKind::PolicySetVersionId, Resource::PolicySetVersion, id)?;
        let version = next_version(set.latest_version)?;
        let canonical = manifest.canonical();
        let body = PolicySetVersionCreated {
            policy_set_id: set.id,
            version_id: PolicySetVersionId::new(id)?,
            version,
            schema,
            manifest_sha: self.put_content(&Content::one(ContentKind::Manifest, &canonical).pack())?,
            entries: u32::try_from(manifest.entries().len()).unwrap_or(u32::MAX),
            cedar: cedar::version(),
        };
        let entry = self.append(body.clone())?;
        Ok(PolicySetVersion::created(self.id(), &entry.envelope, &body, manifest))
    }

    /// Archives a policy set version for good. Does nothing if the version is already archived.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the version is bound; otherwise as any call: see
    /// [`ZoneTransaction`](Self#errors).
    pub fn archive_policy_set_version(&mut self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy_set_version").text(id),
            |zone| zone.retire_policy_set_version(id),
            |reader, _| reader.policy_set_version(&VersionRecord::by_id(reader, id)?),
        )
    }

    fn retire_policy_set_version(&mut self, id: &str) -> Result<PolicySetVersion> {
        let before = self.policy_set_version(id)?;
        check_owner(self.actor(), Resource::PolicySetVersion, before.id.as_str(), before.owner_type)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        let set = self.policy_set(&before.policy_set_id)?;
        let also_bound = [&set.shadow_version_id, &set.guardrail_version_id];
        if before.active || also_bound.into_iter().any(|bound| bound.as_ref() == Some(&before.id)) {
            return Err(ErrorDetail::InForce { what: Resource::PolicySetVersion, id: before.id.to_string() }.into());
        }
        let body = PolicySetVersionArchived {
            policy_set_id: before.policy_set_id.clone(),
            version_id: before.id.clone(),
            version: before.version,
        };
        let Envelope { created_at, actor, .. } = self.append(body)?.envelope.clone();
        Ok(PolicySetVersion { archived_at: Some(created_at), archived_by: Some(actor), ..before })
    }
}
