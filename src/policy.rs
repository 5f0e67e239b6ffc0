//! Policies and their versions: what a store keeps of them, and how they are read.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::cedar::{ParsedSchema, PolicyContent, prepare_policy};
use crate::error::{Diagnostic, ErrorDetail, Resource, Result};
use crate::hash::Sha256;
use crate::id::{OwnerType, PolicyId, PolicyVersionId, SchemaName, ZoneId};
use crate::model::{CedarVersion, Form, SchemaRef};
use crate::record::{Body, ObjectKind, PolicyVersionCreated};
use crate::storage::key::{self, Tag};
use crate::storage::{Latest, PolicyRow, View, astray};
use crate::time::Timestamp;
use crate::version::Found;
use crate::zone::ZoneRef;

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

/// One immutable version of a policy.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyVersion {
    /// The zone that it is in.
    pub zone_id: ZoneId,
    /// The policy that it is a version of.
    pub policy_id: PolicyId,
    /// Its id, unique in the zone.
    pub id: PolicyVersionId,
    /// Its number: 1, 2, 3… for each policy.
    pub version: u32,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// The schema version that it was validated against.
    pub schema_version: SchemaName,
    /// The SHA-256 of the UTF-8 bytes of its Cedar text.
    pub sha: Sha256,
    /// The form that it was given in.
    pub form: Form,
    /// How many statements it has.
    pub statements: u32,
    /// What Cedar warned of when it was validated.
    pub warnings: Vec<Diagnostic>,
    /// The Cedar that validated it.
    pub cedar_version: CedarVersion,
    /// When it was created.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was archived.
    pub archived_at: Option<Timestamp>,
    /// By whom.
    pub archived_by: Option<String>,
    /// Its Cedar text, if it was asked for.
    pub cedar_raw: Option<Arc<str>>,
    /// Its JSON form, a policy set with the statements in source order, if it was asked for.
    #[serde(serialize_with = "raw_json")]
    pub cedar_json: Option<Arc<str>>,
}

/// Which Cedar representations a read returns. What is not asked for is not read from disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Forms {
    /// Text and JSON.
    #[default]
    Both,
    /// The text only.
    Cedar,
    /// The JSON only.
    Json,
    /// Neither: metadata only.
    Neither,
}

impl Forms {
    pub(crate) fn cedar(self) -> bool {
        matches!(self, Self::Both | Self::Cedar)
    }

    pub(crate) fn json(self) -> bool {
        matches!(self, Self::Both | Self::Json)
    }
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

/// A policy version to create.
#[derive(Clone, Debug)]
pub struct NewPolicyVersion {
    pub(crate) id: Option<String>,
    pub(crate) schema_version: String,
    pub(crate) form: Form,
    pub(crate) source: String,
}

impl NewPolicyVersion {
    /// From Cedar text, to be validated against a schema version. The text is kept verbatim.
    pub fn cedar(schema_version: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: None, schema_version: schema_version.into(), form: Form::Cedar, source: text.into() }
    }

    /// From a whole Cedar policy set in JSON, to be validated against a schema version.
    pub fn json(schema_version: impl Into<String>, json: impl Into<String>) -> Self {
        Self { id: None, schema_version: schema_version.into(), form: Form::Json, source: json.into() }
    }

    /// From whichever of the two a client sent. Both or neither is an error.
    pub fn either(
        schema_version: impl Into<String>,
        cedar_raw: Option<String>,
        cedar_json: Option<String>,
    ) -> Result<Self> {
        let given = match (cedar_raw, cedar_json) {
            (Some(text), None) => return Ok(Self::cedar(schema_version, text)),
            (None, Some(json)) => return Ok(Self::json(schema_version, json)),
            (Some(_), Some(_)) => "both",
            (None, None) => "neither",
        };
        Err(ErrorDetail::ExactlyOne { first: "cedar_raw", second: "cedar_json", given }.into())
    }

    /// With this id, in the place of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// A policy version that was parsed and validated ahead of its write, by
/// [`PolicyStore::prepare_policy_version`](crate::PolicyStore::prepare_policy_version).
#[derive(Clone, Debug)]
pub struct PreparedPolicyVersion {
    pub(crate) id: Option<String>,
    pub(crate) schema: SchemaRef,
    pub(crate) form: Form,
    pub(crate) content: Arc<PolicyContent>,
}

impl PreparedPolicyVersion {
    /// Parses and validates.
    pub(crate) fn new(new: NewPolicyVersion, schema: SchemaRef, parsed: &ParsedSchema) -> Result<Self> {
        let content = prepare_policy(new.form, &new.source, parsed, schema.version.as_str())?;
        Ok(Self { id: new.id, schema, form: new.form, content: Arc::new(content) })
    }

    /// The SHA-256 that the version will have.
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.content.text.as_bytes())
    }

    /// What Cedar warned of.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.content.warnings
    }
}

/// A policy version on its way into the store: new, or prepared.
#[derive(Clone, Debug)]
pub enum PolicyVersionInput {
    /// To be parsed and validated in the write.
    New(NewPolicyVersion),
    /// Parsed and validated before.
    Prepared(PreparedPolicyVersion),
}

impl From<NewPolicyVersion> for PolicyVersionInput {
    fn from(new: NewPolicyVersion) -> Self {
        Self::New(new)
    }
}

impl From<PreparedPolicyVersion> for PolicyVersionInput {
    fn from(prepared: PreparedPolicyVersion) -> Self {
        Self::Prepared(prepared)
    }
}

/// Looks up a policy's row.
pub(crate) fn find(view: &View<'_>, zone: &ZoneRef, id: &str) -> Result<PolicyRow> {
    let row = view.row(&key::by_id(zone.log, Tag::Policy, id))?;
    row.ok_or_else(|| ErrorDetail::not_found(Resource::Policy, id).into())
}

/// The owner, name and description of a policy, from the entries that its row leads to.
pub(crate) fn description(
    view: &View<'_>,
    zone: &ZoneRef,
    id: &str,
    row: &PolicyRow,
) -> Result<(OwnerType, String, Option<String>)> {
    let created = view.entry(zone.log, row.created)?;
    let owner = created.envelope.actor.owner_type();
    let now = row.updated.map(|position| view.entry(zone.log, position)).transpose()?;
    match (&created.body, now.as_deref().map(|entry| &entry.body)) {
        (Body::PolicyCreated(body), None) if body.policy_id == id => {
            Ok((owner, body.name.clone(), body.description.clone()))
        }
        (Body::PolicyCreated(first), Some(Body::PolicyUpdated(body)))
            if first.policy_id == id && body.policy_id == id =>
        {
            Ok((owner, body.name.clone(), body.description.clone()))
        }
        _ => Err(astray(Tag::Policy, id)),
    }
}

/// Reads a policy.
pub(crate) fn load(view: &View<'_>, zone: &ZoneRef, id: &str) -> Result<Policy> {
    let row = find(view, zone, id)?;
    let (owner_type, name, description) = description(view, zone, id, &row)?;
    let created = view.entry(zone.log, row.created)?;
    let updated = row.updated.map(|position| view.entry(zone.log, position)).transpose()?;
    let archived =
        archiving(view, zone, row.archived, |body| matches!(body, Body::PolicyArchived(body) if body.policy_id == id))?;
    let latest = row.latest.map(|latest| latest_version(view, zone, id, latest)).transpose()?;
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

fn latest_version(view: &View<'_>, zone: &ZoneRef, id: &str, latest: Latest) -> Result<PolicyVersionCreated> {
    match &view.entry(zone.log, latest.created)?.body {
        Body::PolicyVersionCreated(body) if body.policy_id == id && body.version == latest.version => Ok(body.clone()),
        _ => Err(astray(Tag::Policy, id)),
    }
}

/// When and by whom something was archived, if it was; `fits` tells its entry.
pub(crate) fn archiving(
    view: &View<'_>,
    zone: &ZoneRef,
    position: Option<u64>,
    fits: impl FnOnce(&Body) -> bool,
) -> Result<Option<(Timestamp, String)>> {
    let Some(position) = position else { return Ok(None) };
    let entry = view.entry(zone.log, position)?;
    if !fits(&entry.body) {
        return Err(ErrorDetail::corrupt(format_args!("the index of zone `{}`", zone.id), "a row leads astray").into());
    }
    Ok(Some((entry.envelope.created_at, entry.envelope.actor.id().to_owned())))
}

/// Reads the rest of a policy version, with the forms asked for.
pub(crate) fn load_version(
    view: &View<'_>,
    zone: &ZoneRef,
    found: &Found<PolicyVersionCreated>,
    forms: Forms,
) -> Result<PolicyVersion> {
    let body = found.body()?;
    let envelope = &found.entry.envelope;
    let archived = archiving(
        view,
        zone,
        found.row.archived,
        |entry| matches!(entry, Body::PolicyVersionArchived(archived) if archived.version_id == body.version_id),
    )?;
    let read = |kind, address, asked: bool| asked.then(|| view.object(kind, address)).transpose();
    let warnings = body.warnings.map(|address| view.object(ObjectKind::Warnings, address)).transpose()?;
    Ok(PolicyVersion {
        zone_id: zone.id.clone(),
        policy_id: body.policy_id.clone(),
        id: body.version_id.clone(),
        version: body.version,
        owner_type: envelope.actor.owner_type(),
        schema_version: body.schema.version.clone(),
        sha: body.sha,
        form: body.form,
        statements: body.statements,
        warnings: warnings.map_or(Ok(Vec::new()), |json| {
            serde_json::from_str(&json).map_err(|error| ErrorDetail::corrupt("warnings", error))
        })?,
        cedar_version: body.cedar.clone(),
        created_at: envelope.created_at,
        created_by: envelope.actor.id().to_owned(),
        archived_at: archived.as_ref().map(|(at, _)| *at),
        archived_by: archived.map(|(_, by)| by),
        cedar_raw: read(ObjectKind::PolicyText, body.text, forms.cedar())?,
        cedar_json: read(ObjectKind::PolicyJson, body.json, forms.json())?,
    })
}

/// Prints stored JSON as the value that it is, not as a string, and byte for byte.
pub(crate) fn raw_json<S: Serializer>(json: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    let Some(json) = json else { return serializer.serialize_none() };
    let raw: &serde_json::value::RawValue = serde_json::from_str(json).map_err(serde::ser::Error::custom)?;
    raw.serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_representation_is_taken() {
        let either = |raw: Option<&str>, json: Option<&str>| {
            NewPolicyVersion::either("s", raw.map(str::to_owned), json.map(str::to_owned))
        };
        assert_eq!(either(Some("t"), None).unwrap().form, Form::Cedar);
        assert_eq!(either(None, Some("{}")).unwrap().form, Form::Json);
        for (raw, json, given) in [(Some("t"), Some("{}"), "both"), (None, None, "neither")] {
            let error = either(raw, json).unwrap_err();
            assert_eq!(error.code(), "exactly_one");
            assert!(error.to_string().ends_with(given));
        }
    }
}
