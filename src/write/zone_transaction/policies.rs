//! Writing policies and their versions.

use super::{ZoneTransaction, created};
use crate::cedar;
use crate::record::fingerprint::Fingerprint;
use crate::record::{
    Object, ObjectKind, PolicyArchived, PolicyCreated, PolicyUpdated, PolicyVersionArchived, PolicyVersionCreated,
};
use crate::resource::policy::{self, NewPolicy, Policy, PolicyUpdate};
use crate::resource::policy_version::{self, PolicyVersion, PolicyVersionInput, PreparedPolicyVersion, warnings};
use crate::resource::schema;
use crate::resource::version::{VersionRecord, next_version};
use crate::rules::ownership::check_owner;
use crate::storage::key::RowKind;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicyVersionId, check_text};
use crate::types::limits;
use crate::types::syntax::Include;

/// Policies.
impl ZoneTransaction<'_, '_> {
    /// Creates a policy.
    pub fn create_policy(&mut self, new: NewPolicy) -> Result<Policy> {
        let fingerprint = Fingerprint::of("create_policy").option(new.id.as_deref()).text(&new.name);
        let fingerprint = fingerprint.option(new.description.as_deref());
        self.once(
            fingerprint,
            |zone| {
                check_text("name", &new.name, limits::NAME_BYTES)?;
                check_description(new.description.as_deref())?;
                let policy_id = PolicyId::new(zone.free_id(RowKind::Policy, Resource::Policy, new.id)?)?;
                let body = PolicyCreated { policy_id: policy_id.clone(), name: new.name, description: new.description };
                zone.writer.append(zone.zone.log, body)?;
                zone.policy(policy_id)
            },
            |snapshot, zone, entry| policy::load(snapshot, zone, created(entry)?),
        )
    }

    /// Changes a policy's name, its description, or both. What it has already changes nothing.
    pub fn update_policy(&mut self, id: impl AsRef<str>, update: PolicyUpdate) -> Result<Policy> {
        let id = id.as_ref();
        let fingerprint = Fingerprint::of("update_policy").text(id).option(update.name.as_deref());
        let fingerprint = match &update.description {
            None => fingerprint.number(0),
            Some(description) => fingerprint.number(1).option(description.as_deref()),
        };
        self.once(fingerprint, |zone| zone.update(id, update), |snapshot, zone, _| policy::load(snapshot, zone, id))
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
        let body = PolicyUpdated { policy_id: before.id.clone(), name, description };
        self.writer.append(self.zone.log, body)?;
        self.policy(before.id)
    }

    /// Archives a policy for good: it takes no updates and no new versions, and its versions cannot be newly pinned.
    /// Archiving it again changes nothing.
    pub fn archive_policy(&mut self, id: impl AsRef<str>) -> Result<Policy> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy").text(id),
            |zone| {
                let before = zone.policy(id)?;
                check_owner(zone.writer.actor(), Resource::Policy, before.id.as_str(), before.owner_type)?;
                if before.archived_at.is_some() {
                    return Ok(before);
                }
                zone.writer.append(zone.zone.log, PolicyArchived { policy_id: before.id })?;
                zone.policy(id)
            },
            |snapshot, zone, _| policy::load(snapshot, zone, id),
        )
    }

    /// Creates the next version of a policy, from a new one or a prepared one.
    pub fn create_policy_version(
        &mut self,
        policy_id: impl AsRef<str>,
        input: impl Into<PolicyVersionInput>,
    ) -> Result<PolicyVersion> {
        let (policy_id, input) = (policy_id.as_ref(), input.into());
        self.once(
            input.fingerprint(policy_id),
            |zone| zone.add_policy_version(policy_id, input),
            |snapshot, zone, entry| {
                policy_version::load(
                    snapshot,
                    zone,
                    &VersionRecord::by_id(snapshot, zone, created(entry)?)?,
                    Include::Both,
                )
            },
        )
    }

    fn add_policy_version(&mut self, policy_id: &str, input: PolicyVersionInput) -> Result<PolicyVersion> {
        let policy = self.policy(policy_id)?;
        self.may_change(Resource::Policy, policy.id.as_str(), policy.owner_type, policy.archived_at.is_some())?;
        let PreparedPolicyVersion { id, schema, syntax, content, .. } = self.validated(input)?;
        let version_id = PolicyVersionId::new(self.free_id(RowKind::PolicyVersionId, Resource::PolicyVersion, id)?)?;
        let version = next_version(policy.latest_version)?;
        let warnings = warnings(&content)?
            .map(|json| self.writer.put_object(Object::new(ObjectKind::Warnings, &json)))
            .transpose()?;
        let body = PolicyVersionCreated {
            policy_id: policy.id,
            version_id: version_id.clone(),
            version,
            schema,
            syntax,
            sha: Sha256::of(content.text.as_bytes()),
            text: self.writer.put_object(Object::new(ObjectKind::PolicyText, &content.text))?,
            json: self.writer.put_object(Object::new(ObjectKind::PolicyJson, &content.json))?,
            statements: content.statements,
            warnings,
            cedar: cedar::version(),
        };
        self.writer.append(self.zone.log, body)?;
        self.policy_version(version_id, Include::Both)
    }

    /// Archives a policy version for good: it stays readable, what pins it goes on working, and new manifests cannot
    /// pin it. Archiving it again changes nothing.
    pub fn archive_policy_version(&mut self, id: impl AsRef<str>) -> Result<PolicyVersion> {
        let id = id.as_ref();
        self.once(
            Fingerprint::of("archive_policy_version").text(id),
            |zone| {
                let before = zone.policy_version(id, Include::Neither)?;
                check_owner(zone.writer.actor(), Resource::PolicyVersion, before.id.as_str(), before.owner_type)?;
                if before.archived_at.is_none() {
                    let (policy_id, version_id, version) = (before.policy_id, before.id, before.version);
                    zone.writer.append(zone.zone.log, PolicyVersionArchived { policy_id, version_id, version })?;
                }
                zone.policy_version(id, Include::Both)
            },
            |snapshot, zone, _| {
                policy_version::load(snapshot, zone, &VersionRecord::by_id(snapshot, zone, id)?, Include::Both)
            },
        )
    }

    /// The policy version parsed and validated, with the schema that its name stands for now.
    pub(super) fn validated(&self, input: PolicyVersionInput) -> Result<PreparedPolicyVersion> {
        let schema_of = |version: &str| self.writer.read(|snapshot| schema::usable(snapshot, version));
        match input {
            PolicyVersionInput::New(new) => {
                let schema = schema_of(&new.schema_version)?;
                let parsed = self.writer.read(|snapshot| self.store.compiler.schema(snapshot, &schema))?;
                PreparedPolicyVersion::new(new, schema, &parsed)
            }
            PolicyVersionInput::Prepared(prepared) => {
                let schema = schema_of(prepared.schema.version.as_str())?;
                if schema != prepared.schema {
                    return Err(ErrorDetail::PreparedElsewhere { schema: schema.version.to_string() }.into());
                }
                Ok(prepared)
            }
        }
    }
}

fn check_description(description: Option<&str>) -> Result<()> {
    description
        .filter(|text| !text.is_empty())
        .map_or(Ok(()), |text| check_text("description", text, limits::DESCRIPTION_BYTES))
}
