//! Writing in a zone: policies, policy sets, their versions and bindings, and who may change what.
//!
//! Every call checks all of its rules before it writes anything, so that a refused call leaves no trace.

use crate::binding::{self, At, Binding};
use crate::cedar;
use crate::error::{ErrorDetail, Resource, Result, at_most};
use crate::hash::Sha256;
use crate::id::{OwnerType, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, ZoneId, check_text};
use crate::limits;
use crate::model::{BindingMode, ManifestEntry, SchemaRef, Target, TargetType};
use crate::policy::{
    self, Forms, NewPolicy, Policy, PolicyUpdate, PolicyVersion, PolicyVersionInput, PreparedPolicyVersion,
};
use crate::policy_set::{self, NewPolicySet, NewPolicySetVersion, Pin, PolicySet, PolicySetVersion};
use crate::record::{
    Bound, BoundVersion, Manifest, Object, ObjectKind, PolicyArchived, PolicyCreated, PolicySetArchived,
    PolicySetCreated, PolicySetUpdated, PolicySetVersionArchived, PolicySetVersionCreated, PolicyUpdated,
    PolicyVersionArchived, PolicyVersionCreated, Unbound,
};
use crate::schema;
use crate::storage::key::{self, Tag};
use crate::storage::{Append, View};
use crate::store::Inner;
use crate::version::Found;
use crate::write::check_owner;
use crate::zone::{self, ZoneInfo, ZoneRef};

/// One zone in a write that is under way. Its reads see what the write has done so far.
pub struct ZoneWrite<'w, 'txn> {
    append: &'w mut Append<'txn>,
    store: &'w Inner,
    zone: ZoneRef,
}

impl std::fmt::Debug for ZoneWrite<'_, '_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneWrite").field("zone", &self.zone.id).finish_non_exhaustive()
    }
}

/// Policies.
impl<'w, 'txn> ZoneWrite<'w, 'txn> {
    pub(crate) fn new(append: &'w mut Append<'txn>, store: &'w Inner, zone: ZoneRef) -> Self {
        Self { append, store, zone }
    }

    /// Creates a policy.
    pub fn create_policy(&mut self, new: NewPolicy) -> Result<Policy> {
        check_text("name", &new.name, limits::NAME_BYTES)?;
        check_description(new.description.as_deref())?;
        let policy_id = PolicyId::new(self.free_id(Tag::Policy, Resource::Policy, new.id)?)?;
        let body = PolicyCreated { policy_id: policy_id.clone(), name: new.name, description: new.description };
        self.append.append(self.zone.log, body)?;
        self.policy(policy_id)
    }

    /// Changes a policy's name, its description, or both. What it has already changes nothing.
    pub fn update_policy(&mut self, id: impl AsRef<str>, update: PolicyUpdate) -> Result<Policy> {
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
        self.append.append(self.zone.log, body)?;
        self.policy(before.id)
    }

    /// Archives a policy for good: it takes no updates and no new versions, and its versions cannot be newly pinned.
    /// Archiving it again changes nothing.
    pub fn archive_policy(&mut self, id: impl AsRef<str>) -> Result<Policy> {
        let before = self.policy(id)?;
        check_owner(self.append, Resource::Policy, before.id.as_str(), before.owner_type)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        self.append.append(self.zone.log, PolicyArchived { policy_id: before.id.clone() })?;
        self.policy(before.id)
    }

    /// Creates the next version of a policy, from a new one or a prepared one.
    pub fn create_policy_version(
        &mut self,
        policy_id: impl AsRef<str>,
        input: impl Into<PolicyVersionInput>,
    ) -> Result<PolicyVersion> {
        let policy = self.policy(policy_id)?;
        self.may_change(Resource::Policy, policy.id.as_str(), policy.owner_type, policy.archived_at.is_some())?;
        let PreparedPolicyVersion { id, schema, form, content } = self.validated(input.into())?;
        let version_id = PolicyVersionId::new(self.free_id(Tag::PolicyVersionId, Resource::PolicyVersion, id)?)?;
        let version = next_version(policy.latest_version)?;
        let warnings = if content.warnings.is_empty() {
            None
        } else {
            let json = serde_json::to_string(&content.warnings)
                .map_err(|error| ErrorDetail::CedarFailed { what: "warnings", message: error.to_string() })?;
            Some(self.append.put_object(Object::new(ObjectKind::Warnings, &json))?)
        };
        let body = PolicyVersionCreated {
            policy_id: policy.id,
            version_id: version_id.clone(),
            version,
            schema,
            form,
            sha: Sha256::of(content.text.as_bytes()),
            text: self.append.put_object(Object::new(ObjectKind::PolicyText, &content.text))?,
            json: self.append.put_object(Object::new(ObjectKind::PolicyJson, &content.json))?,
            statements: content.statements,
            warnings,
            cedar: cedar::version(),
        };
        self.append.append(self.zone.log, body)?;
        self.policy_version(version_id, Forms::Both)
    }

    /// Archives a policy version for good: it stays readable, what pins it goes on working, and new manifests cannot
    /// pin it. Archiving it again changes nothing.
    pub fn archive_policy_version(&mut self, id: impl AsRef<str>) -> Result<PolicyVersion> {
        let before = self.policy_version(id, Forms::Both)?;
        check_owner(self.append, Resource::PolicyVersion, before.id.as_str(), before.owner_type)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        let body = PolicyVersionArchived {
            policy_id: before.policy_id,
            version_id: before.id.clone(),
            version: before.version,
        };
        self.append.append(self.zone.log, body)?;
        self.policy_version(before.id, Forms::Both)
    }

    /// The policy version parsed and validated, with the schema that its name stands for now.
    fn validated(&self, input: PolicyVersionInput) -> Result<PreparedPolicyVersion> {
        let schema_of = |version: &str| {
            self.append.view(|view| {
                let found = schema::find(view, version)?;
                found.check_usable()?;
                Ok(found.reference())
            })
        };
        match input {
            PolicyVersionInput::New(new) => {
                let schema = schema_of(&new.schema_version)?;
                let parsed = self.append.view(|view| self.store.compiler.schema(view, &schema))?;
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

/// Policy sets.
impl ZoneWrite<'_, '_> {
    /// Creates a policy set. It is bound to nothing.
    pub fn create_policy_set(&mut self, new: NewPolicySet) -> Result<PolicySet> {
        check_text("name", &new.name, limits::NAME_BYTES)?;
        let policy_set_id = PolicySetId::new(self.free_id(Tag::PolicySet, Resource::PolicySet, new.id)?)?;
        let body =
            PolicySetCreated { policy_set_id: policy_set_id.clone(), name: new.name, target_type: new.target_type };
        self.append.append(self.zone.log, body)?;
        self.policy_set(policy_set_id)
    }

    /// Changes a policy set's name. The name that it has already changes nothing.
    pub fn rename_policy_set(&mut self, id: impl AsRef<str>, name: impl Into<String>) -> Result<PolicySet> {
        let (before, name) = (self.policy_set(id)?, name.into());
        self.may_change(Resource::PolicySet, before.id.as_str(), before.owner_type, before.archived_at.is_some())?;
        check_text("name", &name, limits::NAME_BYTES)?;
        if name == before.name {
            return Ok(before);
        }
        self.append.append(self.zone.log, PolicySetUpdated { policy_set_id: before.id.clone(), name })?;
        self.policy_set(before.id)
    }

    /// Archives a policy set for good. What is bound cannot be archived. Archiving it again changes nothing.
    pub fn archive_policy_set(&mut self, id: impl AsRef<str>) -> Result<PolicySet> {
        let before = self.policy_set(id)?;
        check_owner(self.append, Resource::PolicySet, before.id.as_str(), before.owner_type)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        if before.mode.is_some() {
            return Err(ErrorDetail::InForce { what: Resource::PolicySet, id: before.id.to_string() }.into());
        }
        self.append.append(self.zone.log, PolicySetArchived { policy_set_id: before.id.clone() })?;
        self.policy_set(before.id)
    }

    /// Creates the next version of a policy set: a manifest whose entries all exist, belong to their policies, are
    /// not archived, and validate against its schema version.
    pub fn create_policy_set_version(
        &mut self,
        policy_set_id: impl AsRef<str>,
        new: NewPolicySetVersion,
    ) -> Result<PolicySetVersion> {
        let set = self.policy_set(policy_set_id)?;
        self.may_change(Resource::PolicySet, set.id.as_str(), set.owner_type, set.archived_at.is_some())?;
        at_most("the manifest's entries", new.pins.len(), limits::MANIFEST_ENTRIES)?;
        let (schema, manifest) = self.append.view(|view| {
            let found = schema::find(view, &new.schema_version)?;
            found.check_usable()?;
            let schema = found.reference();
            let entries = new.pins.iter().map(|pin| self.pinned(view, &schema, pin)).collect::<Result<_>>()?;
            Ok((schema, Manifest::new(entries)?))
        })?;
        let id = self.free_id(Tag::PolicySetVersionId, Resource::PolicySetVersion, new.id)?;
        let version = next_version(set.latest_version)?;
        let canonical = manifest.canonical();
        let body = PolicySetVersionCreated {
            policy_set_id: set.id,
            version_id: PolicySetVersionId::new(id)?,
            version,
            schema,
            manifest: self.append.put_object(Object::new(ObjectKind::Manifest, &canonical))?,
            manifest_sha: Manifest::sha(&canonical),
            entries: u32::try_from(manifest.entries().len()).unwrap_or(u32::MAX),
            cedar: cedar::version(),
        };
        let version_id = body.version_id.clone();
        self.append.append(self.zone.log, body)?;
        self.policy_set_version(version_id)
    }

    /// Archives a policy set version for good. What is bound cannot be archived. Archiving it again changes nothing.
    pub fn archive_policy_set_version(&mut self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        let before = self.policy_set_version(id)?;
        check_owner(self.append, Resource::PolicySetVersion, before.id.as_str(), before.owner_type)?;
        if before.archived_at.is_some() {
            return Ok(before);
        }
        if before.active {
            return Err(ErrorDetail::InForce { what: Resource::PolicySetVersion, id: before.id.to_string() }.into());
        }
        let body = PolicySetVersionArchived {
            policy_set_id: before.policy_set_id,
            version_id: before.id.clone(),
            version: before.version,
        };
        self.append.append(self.zone.log, body)?;
        self.policy_set_version(before.id)
    }

    /// The manifest entry for a pin, once it keeps every rule.
    fn pinned(&self, view: &View<'_>, schema: &SchemaRef, pin: &Pin) -> Result<ManifestEntry> {
        let policy = policy::find(view, &self.zone, &pin.policy_id)?;
        let found = Found::<PolicyVersionCreated>::by_id(view, &self.zone, &pin.policy_version_id)?;
        let body = found.body()?;
        if body.policy_id != pin.policy_id.as_str() {
            return Err(ErrorDetail::ForeignVersion {
                policy_id: pin.policy_id.clone(),
                policy_version_id: pin.policy_version_id.clone(),
            }
            .into());
        }
        if let Some(given) = pin.sha.filter(|given| *given != body.sha) {
            let policy_version_id = pin.policy_version_id.clone();
            return Err(ErrorDetail::WrongSha { policy_version_id, given, actual: body.sha }.into());
        }
        for (archived, what, id) in [
            (policy.archived, Resource::Policy, &pin.policy_id),
            (found.row.archived, Resource::PolicyVersion, &pin.policy_version_id),
        ] {
            if archived.is_some() {
                return Err(ErrorDetail::Archived { what, id: id.clone() }.into());
            }
        }
        if body.schema.source != schema.source {
            let parsed = self.store.compiler.schema(view, schema)?;
            let label = format!("policy version `{}`", body.version_id);
            self.store.compiler.policy(view, body.text)?.validate(&parsed, &label, schema.version.as_str())?;
        }
        let (policy_id, policy_version_id) = (body.policy_id.clone(), body.version_id.clone());
        Ok(ManifestEntry { policy_id, policy_version_id, sha: body.sha })
    }
}

/// Bindings.
impl ZoneWrite<'_, '_> {
    /// Puts a policy set version in force for the zone, in the place of what was bound there. An earlier version can
    /// be put in force again: that is a rollback. What is in force already changes nothing.
    pub fn activate(&mut self, policy_set_version_id: impl AsRef<str>) -> Result<Binding> {
        self.bind(policy_set_version_id, Target::Zone)
    }

    /// Puts a policy set version in force for a target, in the place of what was bound there.
    ///
    /// # Errors
    ///
    /// [`Archived`](crate::ErrorKind::Archived) if the version or its set is; [`Conflict`](crate::ErrorKind::Conflict)
    /// if the set is for another kind of target, or for another user.
    pub fn bind(&mut self, policy_set_version_id: impl AsRef<str>, target: Target) -> Result<Binding> {
        target.check()?;
        let version = self.policy_set_version(policy_set_version_id)?;
        let set = self.policy_set(&version.policy_set_id)?;
        for (archived, what, id) in [
            (set.archived_at, Resource::PolicySet, set.id.as_str()),
            (version.archived_at, Resource::PolicySetVersion, version.id.as_str()),
        ] {
            if archived.is_some() {
                return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
            }
        }
        let fits = match (&target, set.target_type, &set.target_id) {
            (Target::Zone, TargetType::Zone, _) | (Target::User(_), TargetType::User, None) => true,
            (Target::User(user), TargetType::User, Some(fixed)) => user == fixed,
            _ => false,
        };
        if !fits {
            let expected = match (set.target_type, set.target_id) {
                (TargetType::User, Some(user)) => Target::User(user).to_string(),
                (TargetType::User, None) => "a user".to_owned(),
                (TargetType::Zone, _) => Target::Zone.to_string(),
            };
            let (policy_set_id, target) = (set.id.to_string(), target.to_string());
            return Err(ErrorDetail::WrongTarget { policy_set_id, expected, target }.into());
        }
        let before = self.binding(&target)?;
        if let Some(same) = before.as_ref().filter(|before| before.policy_set_version_id == version.id) {
            return Ok(same.clone());
        }
        let body = Bound {
            target: target.clone(),
            mode: BindingMode::Active,
            bound: BoundVersion {
                policy_set_id: version.policy_set_id,
                version_id: version.id,
                version: version.version,
            },
            replaced: before.map(bound_version),
        };
        self.append.append(self.zone.log, body)?;
        self.in_force(target)
    }

    /// Unbinds what is in force for a target, and returns what that was. Then nothing is in force there.
    ///
    /// # Errors
    ///
    /// [`NotBound`](crate::ErrorKind::NotBound) if nothing is.
    pub fn unbind(&mut self, target: Target) -> Result<Binding> {
        let before = self.in_force(target.clone())?;
        let replaced = bound_version(before.clone());
        let body = Unbound { target, mode: BindingMode::Active, replaced };
        self.append.append(self.zone.log, body)?;
        Ok(before)
    }

    fn binding(&self, target: &Target) -> Result<Option<Binding>> {
        self.append.view(|view| binding::find(view, &self.zone, target, BindingMode::Active, At::Now))
    }
}

/// Reads, as the write has left the zone so far.
impl ZoneWrite<'_, '_> {
    /// The zone's id.
    pub fn id(&self) -> &ZoneId {
        &self.zone.id
    }

    /// What the store keeps of the zone itself.
    pub fn info(&self) -> Result<ZoneInfo> {
        self.append.view(|view| zone::info(view, self.zone.id.as_str()))
    }

    /// The policy `id`.
    pub fn policy(&self, id: impl AsRef<str>) -> Result<Policy> {
        self.append.view(|view| policy::load(view, &self.zone, id.as_ref()))
    }

    /// The policy version `id`, with the Cedar representations asked for.
    pub fn policy_version(&self, id: impl AsRef<str>, forms: Forms) -> Result<PolicyVersion> {
        self.append
            .view(|view| policy::load_version(view, &self.zone, &Found::by_id(view, &self.zone, id.as_ref())?, forms))
    }

    /// The policy set `id`.
    pub fn policy_set(&self, id: impl AsRef<str>) -> Result<PolicySet> {
        self.append.view(|view| policy_set::load(view, &self.zone, id.as_ref()))
    }

    /// The policy set version `id`.
    pub fn policy_set_version(&self, id: impl AsRef<str>) -> Result<PolicySetVersion> {
        self.append
            .view(|view| policy_set::load_version(view, &self.zone, &Found::by_id(view, &self.zone, id.as_ref())?))
    }

    /// What is in force for `target`.
    pub fn in_force(&self, target: Target) -> Result<Binding> {
        self.append.view(|view| binding::in_force(view, &self.zone, &target, At::Now))
    }
}

/// Rules that several calls share.
impl ZoneWrite<'_, '_> {
    /// The id that a new thing gets: the given one if it is free, or a generated one.
    fn free_id(&mut self, tag: Tag, what: Resource, given: Option<String>) -> Result<String> {
        let (log_id, position, created_at) = self.append.next(self.zone.log)?;
        let Some(id) = given else { return Ok(self.store.sources.uuid(created_at, log_id, position)) };
        if self.append.view(|view| view.has_row(&key::by_id(self.zone.log, tag, &id)))? {
            return Err(ErrorDetail::AlreadyExists { what, id }.into());
        }
        Ok(id)
    }

    /// What is archived does not change either.
    fn may_change(&self, what: Resource, id: &str, owner: OwnerType, archived: bool) -> Result<()> {
        check_owner(self.append, what, id, owner)?;
        if archived {
            return Err(ErrorDetail::Archived { what, id: id.to_owned() }.into());
        }
        Ok(())
    }
}

fn check_description(description: Option<&str>) -> Result<()> {
    description
        .filter(|text| !text.is_empty())
        .map_or(Ok(()), |text| check_text("description", text, limits::DESCRIPTION_BYTES))
}

fn next_version(latest: Option<u32>) -> Result<u32> {
    let next = latest.unwrap_or(0).checked_add(1);
    next.ok_or_else(|| {
        let limit = u32::MAX as usize;
        ErrorDetail::TooLarge { what: "the number of versions", limit, actual: limit }.into()
    })
}

fn bound_version(binding: Binding) -> BoundVersion {
    BoundVersion {
        policy_set_id: binding.policy_set_id,
        version_id: binding.policy_set_version_id,
        version: binding.version,
    }
}
