//! Policy versions: the public type, its inputs, and its reads.

use std::sync::Arc;

use serde::Serialize;

use super::version::VersionRecord;
use crate::cedar::{ParsedPolicy, ParsedSchema, PolicyContent, prepare_policy};
use crate::record::fingerprint::{self, Fingerprint};
use crate::record::{Body, Content, ContentId, ContentKind, Envelope, PackedContent, PolicyVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::types::actor::{Actor, OwnerType, as_id, as_id_or_none};
use crate::types::error::{Diagnostic, ErrorDetail, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::id::{PolicyId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::limits;
use crate::types::schema::{CedarVersion, SchemaRef};
use crate::types::syntax::{Include, Syntax, of_either, raw_json};
use crate::types::time::Timestamp;

/// One immutable version of a policy.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyVersion {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy.
    pub policy_id: PolicyId,
    /// Its id, unique in the zone.
    pub id: PolicyVersionId,
    /// Its number: 1, 2, 3… for each policy.
    pub version: u32,
    /// Its owner: the kind of actor that created it.
    pub owner_type: OwnerType,
    /// The schema version that it was validated against.
    pub schema_version: SchemaName,
    /// The SHA-256 of the UTF-8 bytes of its Cedar text.
    pub sha: Sha256,
    /// The syntax of its source.
    pub syntax: Syntax,
    /// The number of its statements.
    pub statements: u32,
    /// Cedar's warnings from its validation.
    pub warnings: Vec<Diagnostic>,
    /// The version of Cedar that validated it.
    pub cedar_version: CedarVersion,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The actor that created it.
    #[serde(serialize_with = "as_id")]
    pub created_by: Actor,
    /// The time of its archiving.
    pub archived_at: Option<Timestamp>,
    /// The actor that archived it.
    #[serde(serialize_with = "as_id_or_none")]
    pub archived_by: Option<Actor>,
    /// Its Cedar text, if included.
    pub cedar_raw: Option<Arc<str>>,
    /// Its JSON representation, if included: a policy set with the statements in source order.
    #[serde(serialize_with = "raw_json")]
    pub cedar_json: Option<Arc<str>>,
}

impl PolicyVersion {
    /// A policy version as the entry with this envelope created it, without its representations.
    pub(crate) fn created(
        zone: &ZoneId,
        envelope: &Envelope,
        body: &PolicyVersionCreated,
        warnings: Vec<Diagnostic>,
    ) -> Self {
        Self {
            zone_id: zone.clone(),
            policy_id: body.policy_id.clone(),
            id: body.version_id.clone(),
            version: body.version,
            owner_type: envelope.actor.owner_type(),
            schema_version: body.schema.version.clone(),
            sha: body.sha,
            syntax: body.syntax,
            statements: body.statements,
            warnings,
            cedar_version: body.cedar.clone(),
            created_at: envelope.created_at,
            created_by: envelope.actor.clone(),
            archived_at: None,
            archived_by: None,
            cedar_raw: None,
            cedar_json: None,
        }
    }

    /// An estimate of its size in memory, in bytes.
    pub(crate) fn weight(&self) -> usize {
        let texts = [&self.cedar_raw, &self.cedar_json].into_iter().flatten().map(|text| text.len());
        let warnings = self.warnings.iter().map(|warning| size_of::<Diagnostic>() + warning.message.len());
        // An upper bound for the strings of its ids, Cedar version and actors.
        const STRINGS: usize = 512;
        size_of::<Self>() + STRINGS + texts.sum::<usize>() + warnings.sum::<usize>()
    }
}

/// A policy version to create.
///
/// ```
/// use policy_store::NewPolicyVersion;
/// let new = NewPolicyVersion::cedar("2026-02-24", "permit (principal, action, resource);").id("v-1");
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewPolicyVersion {
    pub(crate) id: Option<String>,
    pub(crate) schema_version: String,
    pub(crate) syntax: Syntax,
    pub(crate) source: String,
}

impl NewPolicyVersion {
    /// A version with this Cedar text, for a schema version. The text is kept verbatim.
    pub fn cedar(schema_version: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: None, schema_version: schema_version.into(), syntax: Syntax::Cedar, source: text.into() }
    }

    /// A version with this Cedar JSON, for a schema version: a policy set, or a single policy, which counts as a set of
    /// one.
    pub fn json(schema_version: impl Into<String>, json: impl Into<String>) -> Self {
        Self { id: None, schema_version: schema_version.into(), syntax: Syntax::Json, source: json.into() }
    }

    /// A version from whichever syntax a client sent.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) if both or neither are given.
    pub fn either(
        schema_version: impl Into<String>,
        cedar_raw: Option<String>,
        cedar_json: Option<String>,
    ) -> Result<Self> {
        let (syntax, source) = of_either(("cedar_raw", cedar_raw), ("cedar_json", cedar_json))?;
        Ok(Self { id: None, schema_version: schema_version.into(), syntax, source })
    }

    /// Uses this id instead of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// A policy version that was parsed and validated ahead of its write, by
/// [`PolicyStore::prepare_policy_version`](crate::PolicyStore::prepare_policy_version).
///
/// ```
/// # use policy_store::{Actor, NewPolicyVersion, PolicyStore, PolicyVersion, Result};
/// fn publish(store: &PolicyStore, actor: &Actor, text: &str) -> Result<PolicyVersion> {
///     let prepared = store.prepare_policy_version(NewPolicyVersion::cedar("2026-02-24", text))?;
///     store.write(actor, |w| w.zone("acme")?.create_policy_version("staff", prepared))
/// }
/// ```
#[must_use]
#[derive(Clone)]
pub struct PreparedPolicyVersion {
    pub(crate) id: Option<String>,
    pub(crate) schema: SchemaRef,
    pub(crate) syntax: Syntax,
    /// The BLAKE3 of the source, for fingerprints.
    pub(crate) source: [u8; 32],
    pub(crate) content: Arc<PolicyContent>,
    /// The content as it is stored.
    pub(crate) packed: Arc<PackedContent>,
}

impl std::fmt::Debug for PreparedPolicyVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let statements = self.content.statements;
        write!(f, "PreparedPolicyVersion({statements} statements for schema {}, {})", self.schema.version, self.sha())
    }
}

impl PreparedPolicyVersion {
    /// Parses and validates. Returns the statements, too.
    pub(crate) fn new(new: NewPolicyVersion, schema: SchemaRef, parsed: &ParsedSchema) -> Result<(Self, ParsedPolicy)> {
        let (content, statements) = prepare_policy(new.syntax, &new.source, parsed, schema.version.as_str())?;
        let packed = Content::forms(&content.text, &content.json).pack();
        let prepared = Self {
            id: new.id,
            schema,
            syntax: new.syntax,
            source: fingerprint::of_source(&new.source),
            content: Arc::new(content),
            packed: Arc::new(packed),
        };
        Ok((prepared, statements))
    }

    /// The SHA-256 of the version's Cedar text.
    #[must_use]
    pub fn sha(&self) -> Sha256 {
        self.packed.id.sha
    }

    /// Cedar's warnings.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.content.warnings
    }
}

/// The input of [`create_policy_version`](crate::ZoneTransaction::create_policy_version): new, or prepared.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum PolicyVersionInput {
    /// Parsed and validated in the write.
    New(NewPolicyVersion),
    /// Parsed and validated before the write.
    Prepared(PreparedPolicyVersion),
}

impl PolicyVersionInput {
    /// The fingerprint of the call, the same for new and prepared input.
    pub(crate) fn fingerprint(&self, policy_id: &str) -> Fingerprint {
        let (id, schema, syntax, source) = match self {
            Self::New(new) => (&new.id, &*new.schema_version, new.syntax, fingerprint::of_source(&new.source)),
            Self::Prepared(prepared) => {
                (&prepared.id, prepared.schema.version.as_str(), prepared.syntax, prepared.source)
            }
        };
        let fingerprint = Fingerprint::of("create_policy_version").text(policy_id).option(id.as_deref()).text(schema);
        fingerprint.syntax(syntax).bytes(&source)
    }
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

impl ZoneReader<'_> {
    /// Reads a policy version. `include` selects the representations.
    pub(crate) fn policy_version(
        self,
        found: &VersionRecord<PolicyVersionCreated>,
        include: Include,
    ) -> Result<PolicyVersion> {
        let body = found.body()?;
        let envelope = &found.entry.envelope;
        let archived = self.archiving(
            found.row.archived,
            |entry| matches!(entry, Body::PolicyVersionArchived(archived) if archived.version_id == body.version_id),
        )?;
        let (cedar_raw, cedar_json) = match (include.cedar(), include.json()) {
            (false, false) => (None, None),
            wanted => self.forms(&body.forms(), found.row.forms, wanted)?,
        };
        let warnings =
            body.warnings.map(|sha| self.content(&ContentId::one(ContentKind::Warnings, sha))).transpose()?;
        let warnings = warnings.map_or(Ok(Vec::new()), |json| {
            serde_json::from_str(&json).map_err(|error| ErrorDetail::corrupt("warnings", error))
        })?;
        Ok(PolicyVersion {
            archived_at: archived.as_ref().map(|(at, _)| *at),
            archived_by: archived.map(|(_, by)| by),
            cedar_raw,
            cedar_json,
            ..PolicyVersion::created(self.id, envelope, body, warnings)
        })
    }
}

/// Cedar's warnings as they are stored: without their counts.
pub(crate) fn kept_warnings(content: &PolicyContent) -> Vec<Diagnostic> {
    content.warnings.iter().map(|warning| Diagnostic { count: 1, ..warning.clone() }).collect()
}

/// The stored JSON of warnings; none without warnings.
pub(crate) fn encode_warnings(warnings: &[Diagnostic]) -> Result<Option<String>> {
    if warnings.is_empty() {
        return Ok(None);
    }
    let json = serde_json::to_string(warnings)
        .map_err(|error| ErrorDetail::CedarFailed { what: "warnings", message: error.to_string() })?;
    at_most("bytes of the warnings", json.len(), limits::CONTENT_BYTES)?;
    Ok(Some(json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_one_representation_is_taken() {
        let either = |raw: Option<&str>, json: Option<&str>| {
            NewPolicyVersion::either("s", raw.map(str::to_owned), json.map(str::to_owned))
        };
        assert_eq!(either(Some("t"), None).unwrap().syntax, Syntax::Cedar);
        assert_eq!(either(None, Some("{}")).unwrap().syntax, Syntax::Json);
        for (raw, json, given) in [(Some("t"), Some("{}"), "both"), (None, None, "neither")] {
            let error = either(raw, json).unwrap_err();
            assert_eq!(error.code(), "exactly_one");
            assert!(error.to_string().ends_with(given));
        }
    }
}
