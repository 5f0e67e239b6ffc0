//! Schema versions: the public types, their inputs, and their reads.

use std::sync::Arc;

use serde::Serialize;

use crate::cedar::{ParsedSchema, prepare_schema};
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, ContentId, ContentKind, SchemaPublished};
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{SchemaRow, Snapshot, key};
use crate::types::actor::{Actor, OwnerType, as_id, as_id_or_none};
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::SchemaName;
use crate::types::schema::{CedarVersion, SchemaRef, SchemaStatus};
use crate::types::syntax::{Include, Syntax, of_either, raw_json};
use crate::types::time::Timestamp;

/// A schema version: a Cedar schema, published once under a name for all zones.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaVersion {
    /// Its name, such as `2026-02-24`.
    pub version: SchemaName,
    /// Its status.
    pub status: SchemaStatus,
    /// The syntax of its source.
    pub syntax: Syntax,
    /// The SHA-256 of its source bytes.
    pub sha: Sha256,
    /// Its owner: the kind of actor that published it. Only platform actors change the status of a platform's schema
    /// version.
    pub owner_type: OwnerType,
    /// The version of Cedar that converted it into the other syntax.
    pub cedar_version: CedarVersion,
    /// The time of its publication.
    pub created_at: Timestamp,
    /// The actor that published it.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// The last change of its status.
    pub updated_at: Timestamp,
    /// The author of that change; none if it never changed.
    #[serde(serialize_with = "as_id_or_none")]
    pub updated_by: Option<Actor>,
    /// The time of its deprecation; none if it was never deprecated or is active again.
    pub deprecated_at: Option<Timestamp>,
    /// The time of its archiving.
    pub archived_at: Option<Timestamp>,
    /// The schema in Cedar syntax, if included.
    pub cedar_schema: Option<Arc<str>>,
    /// The schema in JSON, if included.
    #[serde(serialize_with = "raw_json")]
    pub cedar_schema_json: Option<Arc<str>>,
}

/// A schema version as a zone sees it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ZoneSchema {
    /// The schema version.
    #[serde(flatten)]
    pub schema: SchemaVersion,
    /// Whether it is the zone's default schema: a hint for policy authors, without effect on decisions.
    pub is_default: bool,
}

/// A schema version to publish.
///
/// ```
/// use policy_store::NewSchema;
/// let new = NewSchema::cedar("2026-02-24", "entity User;");
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewSchema {
    pub(crate) version: String,
    pub(crate) syntax: Syntax,
    pub(crate) source: String,
}

impl NewSchema {
    /// A schema in Cedar syntax, with the name `version`.
    pub fn cedar(version: impl Into<String>, source: impl Into<String>) -> Self {
        Self { version: version.into(), syntax: Syntax::Cedar, source: source.into() }
    }

    /// A schema in JSON, with the name `version`.
    pub fn json(version: impl Into<String>, source: impl Into<String>) -> Self {
        Self { version: version.into(), syntax: Syntax::Json, source: source.into() }
    }

    /// A schema from whichever syntax a client sent.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if both or neither are given.
    pub fn either(
        version: impl Into<String>,
        cedar_schema: Option<String>,
        cedar_schema_json: Option<String>,
    ) -> Result<Self> {
        let (syntax, source) = of_either(("cedar_schema", cedar_schema), ("cedar_schema_json", cedar_schema_json))?;
        Ok(Self { version: version.into(), syntax, source })
    }
}

impl NewSchema {
    /// Parses the schema and converts it into the other syntax.
    pub(crate) fn convert(&self) -> Result<(ParsedSchema, String)> {
        prepare_schema(self.syntax, &self.source)
    }
}

/// A schema that was parsed, converted and checked ahead of its write, by
/// [`PolicyStore::prepare_schema`](crate::PolicyStore::prepare_schema).
#[must_use]
#[derive(Clone, Debug)]
pub struct PreparedSchema {
    pub(crate) new: NewSchema,
    /// The schema in the other syntax.
    pub(crate) converted: Arc<str>,
}

impl PreparedSchema {
    /// Parses and converts.
    pub(crate) fn new(new: NewSchema) -> Result<Self> {
        SchemaName::new(&new.version)?;
        let converted = new.convert()?.1.into();
        Ok(Self { new, converted })
    }

    /// The SHA-256 of the schema's source bytes.
    #[must_use]
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.new.source.as_bytes())
    }

    /// The schema in Cedar syntax, as it will be stored.
    #[must_use]
    pub fn cedar_schema(&self) -> &str {
        self.in_syntax(Syntax::Cedar)
    }

    /// The schema in JSON, as it will be stored.
    #[must_use]
    pub fn cedar_schema_json(&self) -> &str {
        self.in_syntax(Syntax::Json)
    }

    fn in_syntax(&self, syntax: Syntax) -> &str {
        if syntax == self.new.syntax { &self.new.source } else { &self.converted }
    }
}

/// The input of [`publish_schema`](crate::WriteTransaction::publish_schema): new, or prepared.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum SchemaInput {
    /// Parsed and converted in the write.
    New(NewSchema),
    /// Parsed and converted before the write.
    Prepared(PreparedSchema),
}

impl SchemaInput {
    /// The new schema, prepared or not.
    pub(crate) fn given(&self) -> &NewSchema {
        match self {
            Self::New(new) => new,
            Self::Prepared(prepared) => &prepared.new,
        }
    }

    /// The fingerprint of the call, the same for new and prepared input.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let NewSchema { version, syntax, source } = self.given();
        Fingerprint::of("publish_schema").text(version).syntax(*syntax).text(source)
    }

    /// The prepared schema; prepares a new one.
    pub(crate) fn prepared(self) -> Result<PreparedSchema> {
        match self {
            Self::New(new) => PreparedSchema::new(new),
            Self::Prepared(prepared) => Ok(prepared),
        }
    }
}

impl From<NewSchema> for SchemaInput {
    fn from(new: NewSchema) -> Self {
        Self::New(new)
    }
}

impl From<PreparedSchema> for SchemaInput {
    fn from(prepared: PreparedSchema) -> Self {
        Self::Prepared(prepared)
    }
}

/// Checks the name of a new schema version: well-formed, and not taken.
pub(crate) fn free_name(snapshot: &Snapshot<'_>, version: &str) -> Result<SchemaName> {
    let name = SchemaName::new(version)?;
    if snapshot.witnessed::<SchemaRow>(&key::by_id(STORE_LOG, RowKind::Schema, name.as_str()))?.is_some() {
        return Err(ErrorDetail::AlreadyExists { what: Resource::Schema, id: name.to_string() }.into());
    }
    Ok(name)
}

/// A schema version without its sources.
pub(crate) struct SchemaRecord {
    pub row: SchemaRow,
    pub owner: OwnerType,
    pub status: SchemaStatus,
    pub published: SchemaPublished,
}

impl SchemaRecord {
    /// The reference that versions store.
    pub(crate) fn reference(&self) -> SchemaRef {
        let SchemaPublished { version, syntax, sha, .. } = self.published.clone();
        SchemaRef { version, syntax, sha }
    }

    /// Refuses an archived schema version: nothing new may use it.
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.status == SchemaStatus::Archived {
            let id = self.published.version.to_string();
            return Err(ErrorDetail::Archived { what: Resource::Schema, id }.into());
        }
        Ok(())
    }
}

/// Looks up a schema version by its name.
pub(crate) fn find(snapshot: &Snapshot<'_>, version: &str) -> Result<SchemaRecord> {
    let row_key = key::by_id(STORE_LOG, RowKind::Schema, version);
    let row: SchemaRow =
        snapshot.witnessed(&row_key)?.ok_or_else(|| ErrorDetail::not_found(Resource::Schema, version))?;
    let created = snapshot.entry(STORE_LOG, row.created)?;
    let published = match &created.body {
        Body::SchemaPublished(body) if body.version == version => body.clone(),
        _ => return Err(crate::storage::wrong_row(RowKind::Schema, version)),
    };
    let status = match row.changed {
        None => SchemaStatus::Active,
        Some(position) => match &snapshot.entry(STORE_LOG, position)?.body {
            Body::SchemaStatusChanged(body) if body.version == version => body.status,
            _ => return Err(crate::storage::wrong_row(RowKind::Schema, version)),
        },
    };
    Ok(SchemaRecord { row, owner: created.envelope.actor.owner_type(), status, published })
}

/// The reference of the schema version with this name, if new policies may use it.
pub(crate) fn usable(snapshot: &Snapshot<'_>, version: &str) -> Result<SchemaRef> {
    let found = find(snapshot, version)?;
    found.check_usable()?;
    Ok(found.reference())
}

/// Reads a schema version. `include` selects the representations.
pub(crate) fn load(snapshot: &Snapshot<'_>, version: &str, include: Include) -> Result<SchemaVersion> {
    let SchemaRecord { row, owner, status, published } = find(snapshot, version)?;
    let time = |position| -> Result<Timestamp> { Ok(snapshot.entry(STORE_LOG, position)?.envelope.created_at) };
    let created = snapshot.entry(STORE_LOG, row.created)?;
    let changed = row.changed.map(|position| snapshot.entry(STORE_LOG, position)).transpose()?;
    let SchemaPublished { version, syntax, sha, converted, cedar } = published;
    let read = |form: Syntax, wanted: bool| {
        let sha = if form == syntax { sha } else { converted };
        wanted.then(|| snapshot.content(&ContentId::one(ContentKind::of_schema(form), sha))).transpose()
    };
    Ok(SchemaVersion {
        version,
        status,
        syntax,
        sha,
        owner_type: owner,
        cedar_version: cedar,
        created_at: created.envelope.created_at,
        created_by: created.envelope.actor.clone(),
        updated_at: changed.as_deref().unwrap_or(&created).envelope.created_at,
        updated_by: changed.map(|entry| entry.envelope.actor.clone()),
        deprecated_at: row.deprecated.map(time).transpose()?,
        archived_at: row.changed.filter(|_| status == SchemaStatus::Archived).map(time).transpose()?,
        cedar_schema: read(Syntax::Cedar, include.cedar())?,
        cedar_schema_json: read(Syntax::Json, include.json())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, PolicyStore};

    /// A prepared schema that cannot be parsed is accepted, so the write parses nothing while other writes wait.
    #[test]
    fn a_prepared_schema_is_not_parsed_again() {
        let store = PolicyStore::builder().in_memory().unwrap();
        let prepared = PreparedSchema { new: NewSchema::cedar("s", "no schema"), converted: "no JSON".into() };
        let publish = |input: SchemaInput| {
            store.write(&Actor::customer("ann")?, |w| w.publish_schema(input)).map(|schema| schema.cedar_schema_json)
        };
        assert_eq!(publish(NewSchema::cedar("s", "no schema").into()).unwrap_err().code(), "syntax");
        assert_eq!(publish(prepared.into()).unwrap().as_deref(), Some("no JSON"));
    }
}
