//! Writes policies and their versions. Does not parse or validate policy text itself.

use std::sync::Arc;

use super::{ZoneTransaction, created};
use crate::cedar;
use crate::record::fingerprint::Fingerprint;
use crate::record::{
    Content, ContentKind, Envelope, PolicyArchived, PolicyCreated, PolicyUpdated, PolicyVersionArchived,
    PolicyVersionCreated,
};
use crate::resource::policy::{NewPolicy, Policy, PolicyUpdate};
use crate::resource::policy_version::{
    PolicyVersion, PolicyVersionInput, PreparedPolicyVersion, encode_warnings, kept_warnings,
};
use crate::resource::schema;
use crate::resource::version::{VersionRecord, next_version};
use crate::rules::ownership::check_owner;
use crate::storage::key::RowKind;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::id::{PolicyId, PolicyVersionId, check_text};
use crate::types::limits;
use crate::types::syntax::Include;

/// Policies.
impl ZoneTransaction<'_, '_> {
    /// Creates a policy.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn create_policy(&mut self, new: NewPolicy) -> Result<Policy> {
        let fingerprint = Fingerprint::of("create_policy").option(new.id.as_deref()).text(&new.name);
        let fingerprint = fingerprint.option(new.description.as_deref()).origin(new.origin.as_ref());
        self.once(
            fingerprint,
            |zone| {
                check_text("name", &new.name, limits::NAME_BYTES)?;
                check_description(new.description.as_deref())?;
                zone.read(|reader| reader.check_origin(new.origin.as_ref()))?;
                let policy_id = PolicyId::new(zone.free_id(RowKind::Policy, Resource::Policy, new.id)?)?;
                let (name, description, origin) = (new.name, new.description, new.origin);
                let body = PolicyCreated { policy_id, name, description, origin };
                let entry = zone.append(body.clone())?;
                Ok(Policy::created(zone.id(), &entry.envelope, body))
            },
            |reader, entry| reader.policy(created(entry)?),
        )
    }

    /// Changes a policy's name, description, or both. Does nothing if the values are unchanged.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn update_policy(&mut self, id: impl AsRef<str>, update: PolicyUpdate) -> Result<Policy> {
        let id = id.as_ref();
        let fingerprint = Fingerprint::of("update_policy").text(id).option(update.name.as_deref());
        let fingerprint = match &update.description {
            None => fingerprint.number(0),
            Some(description) => fingerprint.number(1).option(description.as_deref()),
        };
        self.once(fingerprint, |zone| zone.update(id, update), |reader, _| reader.policy(id))
    }

    fn update(&mut self, id: &str, update: PolicyUpdate) -> Result<Policy> {
        let before = self.policy(id)?;
        self.may_change(Resource::Policy, before.id.as_str(), before.owner_type, before.archived_at.is_some())?;
        let name = update.name.unwrap_or_else(|| before.name.clone());
        let description = update.description.unwrap_or_else(|| before.description.clone());
        check_text("name", &name, limits::NAME_BYTES)?;
        check_description(description.as_deref())?;
        if name == before.name && description == before.description {
            return Ok(before);
        }
        let body = PolicyUpdated { policy_id: before.id.clone(), name: name.clone(), description: description.clone() };
        let Envelope { created_at, actor, position, .. } = self.append(body)?.envelope.clone();
        let (updated_at, updated_by) = (created_at, Some(actor));
        Ok(Policy { name, description, updated_at, updated_by, revision: position, ..before })
    }

    /// Archives a policy for good: it gets no updates and no new versions, and manifests cannot newly pin its versions.
    /// Does nothing if the policy is already archived.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn archive_policy(&mut self, id: impl AsRef<str>) -> Result<Policy> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy").text(id),
            |zone| {
                let before = zone.policy(id)?;
                check_owner(zone.actor(), Resource::Policy, before.id.as_str(), before.owner_type)?;
                if before.archived_at.is_some() {
                    return Ok(before);
                }
                let entry = zone.append(PolicyArchived { policy_id: before.id.clone() })?;
                let Envelope { created_at, actor, position, .. } = entry.envelope.clone();
                let (archived_at, archived_by) = (Some(created_at), Some(actor));
                Ok(Policy { archived_at, archived_by, revision: position, ..before })
            },
            |reader, _| reader.policy(id),
        )
    }

    /// Creates the next version of a policy, from a new version or a
    /// [prepared](crate::PolicyStore::prepare_policy_version) one. Other writes wait while a new version is parsed and
    /// validated.
    ///
    /// # Errors
    ///
    /// Those of [`prepare_policy_version`](crate::PolicyStore::prepare_policy_version);
    /// [`Conflict`](crate::ErrorKind::Conflict) if the version was prepared with another store's schema of the same
    /// name; otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn create_policy_version(
        &mut self,
        policy_id: impl AsRef<str>,
        input: impl Into<PolicyVersionInput>,
    ) -> Result<PolicyVersion> {
        let (policy_id, input) = (policy_id.as_ref(), input.into());
        self.once(
            input.fingerprint(policy_id),
            |zone| zone.add_policy_version(policy_id, input),
            |reader, entry| reader.policy_version(&VersionRecord::by_id(reader, created(entry)?)?, Include::Both),
        )
    }

    fn add_policy_version(&mut self, policy_id: &str, input: PolicyVersionInput) -> Result<PolicyVersion> {
        let policy = self.policy(policy_id)?;
        self.may_change(Resource::Policy, policy.id.as_str(), policy.owner_type, policy.archived_at.is_some())?;
        let PreparedPolicyVersion { id, schema, syntax, content, packed, .. } = self.validated(input)?;
        let version_id = PolicyVersionId::new(self.free_id(RowKind::PolicyVersionId, Resource::PolicyVersion, id)?)?;
        let version = next_version(policy.latest_version)?;
        let kept = kept_warnings(&content);
        let warnings = encode_warnings(&kept)?
            .map(|json| self.put_content(&Content::one(ContentKind::Warnings, &json).pack()))
            .transpose()?;
        let body = PolicyVersionCreated {
            policy_id: policy.id,
            version_id,
            version,
            schema,
            syntax,
            sha: self.put_content(&packed)?,
            json_sha: packed.id.json_sha(),
            statements: content.statements,
            warnings,
            cedar: cedar::version(),
        };
        let entry = self.append(body.clone())?;
        Ok(PolicyVersion {
            cedar_raw: Some(content.text.clone()),
            cedar_json: Some(content.json.clone()),
            ..PolicyVersion::created(self.id(), &entry.envelope, &body, kept)
        })
    }

    /// Archives a policy version for good: it stays readable, existing pins still decide, and new manifests cannot pin
    /// it. Does nothing if the version is already archived.
    ///
    /// # Errors
    ///
    /// As any call: see [`ZoneTransaction`](Self#errors).
    pub fn archive_policy_version(&mut self, id: impl AsRef<str>) -> Result<PolicyVersion> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy_version").text(id),
            |zone| {
                let mut version = Arc::unwrap_or_clone(zone.policy_version(id, Include::Both)?);
                check_owner(zone.actor(), Resource::PolicyVersion, version.id.as_str(), version.owner_type)?;
                if version.archived_at.is_none() {
                    let (policy_id, version_id) = (version.policy_id.clone(), version.id.clone());
                    let entry =
                        zone.append(PolicyVersionArchived { policy_id, version_id, version: version.version })?;
                    version.archived_at = Some(entry.envelope.created_at);
                    version.archived_by = Some(entry.envelope.actor.clone());
                }
                Ok(version)
            },
            |reader, _| reader.policy_version(&VersionRecord::by_id(reader, id)?, Include::Both),
        )
    }

    /// The policy version, parsed and validated with the schema version that currently has its schema name.
    pub(super) fn validated(&mut self, input: PolicyVersionInput) -> Result<PreparedPolicyVersion> {
        let schema_of = |version: &str| self.read(|reader| schema::usable(&reader, version));
        match input {
            PolicyVersionInput::New(new) => {
                let schema = schema_of(&new.schema_version)?;
                let parsed = self.read(|reader| self.engine.compiler.schema(&reader, &schema))?;
                self.engine.compiler.prepare(new, schema, &parsed)
            }
            PolicyVersionInput::Prepared(prepared) if self.known.schema.as_ref() == Some(&prepared.schema) => {
                Ok(prepared)
            }
            PolicyVersionInput::Prepared(prepared) => {
                let schema = schema_of(prepared.schema.version.as_str())?;
                if schema != prepared.schema {
                    return Err(ErrorDetail::PreparedElsewhere { schema: schema.version.to_string() }.into());
                }
                self.known.schema = Some(schema);
                Ok(prepared)
            }
        }
    }
}

fn check_description(description: Option<&str>) -> Result<()> {
    description
        .filter(|text| !text.is_empty())
        .map_or(Ok(()), |text| Ok(check_text("description", text, limits::DESCRIPTION_BYTES)?))
}
