//! Policy set versions: the public type, its inputs, and its reads. Does not check whether a version may be pinned.

use std::sync::Arc;

use serde::Serialize;

use super::policy_version::PolicyVersion;
use super::version::VersionRecord;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, ContentId, ContentKind, Envelope, Manifest, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{Direction, PositionRow, Snapshot, key, wrong_row};
use crate::types::actor::{Actor, OwnerType, as_id, as_id_or_none};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::id::{PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::limits;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::CedarVersion;
use crate::types::time::Timestamp;

/// One immutable version of a policy set: a manifest of policy versions, and a schema version.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySetVersion {
    /// Its zone.
    pub zone_id: ZoneId,
    /// Its policy set.
    pub policy_set_id: PolicySetId,
    /// Its id, unique in the zone.
    pub id: PolicySetVersionId,
    /// Its number: 1, 2, 3… for each policy set.
    pub version: u32,
    /// Its owner: the kind of actor that created it.
    pub owner_type: OwnerType,
    /// The schema version that its policies are evaluated with.
    pub schema_version: SchemaName,
    /// Its manifest.
    pub manifest: PolicySetManifest,
    /// The SHA-256 of the manifest's canonical JSON (RFC 8785).
    pub manifest_sha: Sha256,
    /// The version of Cedar in the store that created it.
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
    /// Whether it is in force.
    pub active: bool,
    /// The SHA-256 of its newest [test suite](crate::Zone::test_suite); none without one.
    pub tests_sha: Option<Sha256>,
    /// Its attestations, oldest first: each a JWS in flattened JSON serialization.
    pub attestations: Vec<Arc<str>>,
}

impl PolicySetVersion {
    /// A policy set version as the entry with this envelope created it: not in force, without attestations.
    pub(crate) fn created(
        zone: &ZoneId,
        envelope: &Envelope,
        body: &PolicySetVersionCreated,
        manifest: Manifest,
    ) -> Self {
        Self {
            zone_id: zone.clone(),
            policy_set_id: body.policy_set_id.clone(),
            id: body.version_id.clone(),
            version: body.version,
            owner_type: envelope.actor.owner_type(),
            schema_version: body.schema.version.clone(),
            manifest: PolicySetManifest { entries: manifest.into_entries() },
            manifest_sha: body.manifest_sha,
            cedar_version: body.cedar.clone(),
            created_at: envelope.created_at,
            created_by: envelope.actor.clone(),
            archived_at: None,
            archived_by: None,
            active: false,
            tests_sha: None,
            attestations: Vec::new(),
        }
    }
}

/// A manifest: the policy versions that a policy set version pins.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicySetManifest {
    /// One entry for each policy, sorted by policy id.
    pub entries: Vec<ManifestEntry>,
}

/// A manifest entry to create. The store fills in the SHA-256, and compares it if it is given.
///
/// ```
/// use policy_store::{NewPolicySetVersion, Pin};
/// let pin = Pin { policy_id: "p-1".into(), policy_version_id: "v-1".into(), sha: None };
/// let new = NewPolicySetVersion::from_pins("2026-02-24", [pin]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pin {
    /// The policy.
    pub policy_id: String,
    /// The version of the policy.
    pub policy_version_id: String,
    /// The expected SHA-256 of its Cedar text, if it is to be compared.
    pub sha: Option<Sha256>,
}

/// A policy set version to create.
///
/// ```
/// # use policy_store::{NewPolicySetVersion, PolicySetVersion, PolicyVersion};
/// /// The next version of a set: the same pins, but for one policy.
/// fn next(current: &PolicySetVersion, edited: &PolicyVersion) -> NewPolicySetVersion {
///     NewPolicySetVersion::from(current).pin(edited)
/// }
/// ```
#[must_use]
#[derive(Clone, Debug)]
pub struct NewPolicySetVersion {
    pub(crate) id: Option<String>,
    pub(crate) schema_version: String,
    pub(crate) pins: Vec<Pin>,
}

impl NewPolicySetVersion {
    /// An empty manifest for a schema version. An empty manifest denies every request.
    pub fn new(schema_version: impl Into<String>) -> Self {
        Self { id: None, schema_version: schema_version.into(), pins: Vec::new() }
    }

    /// A manifest with these entries, in any order. The call that creates it refuses a policy that occurs twice.
    pub fn from_pins(schema_version: impl Into<String>, pins: impl IntoIterator<Item = Pin>) -> Self {
        Self { id: None, schema_version: schema_version.into(), pins: pins.into_iter().collect() }
    }

    /// Pins a policy version, in place of an earlier pin of the same policy.
    pub fn pin(self, version: &PolicyVersion) -> Self {
        let mut this = self.unpin(&version.policy_id);
        this.pins.push(Pin {
            policy_id: version.policy_id.to_string(),
            policy_version_id: version.id.to_string(),
            sha: Some(version.sha),
        });
        this
    }

    /// Removes the pin of a policy.
    pub fn unpin(mut self, policy_id: impl AsRef<str>) -> Self {
        self.pins.retain(|pin| pin.policy_id != policy_id.as_ref());
        self
    }

    /// Sets the schema version. Every pinned version must validate against it.
    pub fn schema_version(mut self, schema_version: impl Into<String>) -> Self {
        self.schema_version = schema_version.into();
        self
    }

    /// Uses this id instead of a generated one.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

impl NewPolicySetVersion {
    /// The fingerprint of the call that creates this version.
    pub(crate) fn fingerprint(&self, policy_set_id: &str) -> Fingerprint {
        let fingerprint = Fingerprint::of("create_policy_set_version").text(policy_set_id).option(self.id.as_deref());
        // The number of pins separates them from a precondition that follows.
        let fingerprint =
            fingerprint.text(&self.schema_version).number(u64::try_from(self.pins.len()).unwrap_or(u64::MAX));
        self.pins.iter().fold(fingerprint, |fingerprint, pin| {
            let sha = pin.sha.map(|sha| sha.to_string());
            fingerprint.text(&pin.policy_id).text(&pin.policy_version_id).option(sha.as_deref())
        })
    }
}

impl From<&PolicySetVersion> for NewPolicySetVersion {
    /// The same manifest and schema version: the start of the next version.
    fn from(version: &PolicySetVersion) -> Self {
        Self::from_pins(version.schema_version.as_str(), version.manifest.entries.iter().map(Pin::from))
    }
}

impl From<&ManifestEntry> for Pin {
    /// A pin of the same version, with its SHA-256.
    fn from(entry: &ManifestEntry) -> Self {
        let (policy_id, policy_version_id) = (entry.policy_id.to_string(), entry.policy_version_id.to_string());
        Self { policy_id, policy_version_id, sha: Some(entry.sha) }
    }
}

/// The manifest of a policy set version.
pub(crate) fn manifest(snapshot: &Snapshot<'_>, body: &PolicySetVersionCreated) -> Result<Manifest> {
    let text = snapshot.content(&body.manifest())?;
    Manifest::read(&text)
        .map_err(|problem| ErrorDetail::corrupt(format_args!("manifest {}", body.manifest_sha), problem).into())
}

/// Checks a pinned version against the manifest entry of `set`.
pub(crate) fn check_pinned<'a>(
    set: &PolicySetVersionCreated,
    entry: &ManifestEntry,
    pinned: Option<&'a PolicyVersionCreated>,
) -> Result<&'a PolicyVersionCreated> {
    let pinned = pinned.filter(|body| body.policy_id == entry.policy_id && body.sha == entry.sha);
    pinned.ok_or_else(|| {
        let place = format_args!("manifest of `{}`", set.version_id);
        ErrorDetail::corrupt(
            place,
            format_args!("entry of `{}` does not match the policy version", entry.policy_version_id),
        )
        .into()
    })
}

impl ZoneReader<'_> {
    /// The policy versions that a manifest pins, each with the position of its entry, oldest first.
    pub(crate) fn pinned_versions(self, manifest: &Manifest) -> Result<Vec<(u64, PolicyVersionId)>> {
        let mut pinned = manifest
            .entries()
            .iter()
            .map(|entry| {
                let id = &entry.policy_version_id;
                let row: Option<PositionRow> =
                    self.row(&key::by_id(self.log, RowKind::PolicyVersionId, id.as_str()))?;
                let row = row.ok_or_else(|| ErrorDetail::corrupt(format_args!("index row of `{id}`"), "missing"))?;
                Ok((row.created, id.clone()))
            })
            .collect::<Result<Vec<_>>>()?;
        pinned.sort();
        Ok(pinned)
    }

    /// Reads a policy set version.
    pub(crate) fn policy_set_version(self, found: &VersionRecord<PolicySetVersionCreated>) -> Result<PolicySetVersion> {
        let body = found.body()?;
        let envelope = &found.entry.envelope;
        let archived = self.archiving(
            found.row.archived,
            |entry| matches!(entry, Body::PolicySetVersionArchived(archived) if archived.version_id == body.version_id),
        )?;
        let set = self.policy_set_row(body.policy_set_id.as_str())?;
        Ok(PolicySetVersion {
            archived_at: archived.as_ref().map(|(at, _)| *at),
            archived_by: archived.map(|(_, by)| by),
            active: self.is_active(body, &set)?,
            tests_sha: self.tests_sha(body)?,
            attestations: if set.attested.is_some() { self.attestations(body)? } else { Vec::new() },
            ..PolicySetVersion::created(self.id, envelope, body, manifest(&self, body)?)
        })
    }

    /// The positions of a version's attestations, oldest first.
    pub(crate) fn attested_at(self, body: &PolicySetVersionCreated) -> Result<Vec<u64>> {
        let mut positions = Vec::new();
        let range = key::attestations(self.log, body.policy_set_id.as_str(), body.version);
        self.rows(&range, Direction::Ascending, &mut |_, row: PositionRow| {
            positions.push(row.created);
            Ok(positions.len() <= limits::VERSION_ATTESTATIONS)
        })?;
        if positions.len() > limits::VERSION_ATTESTATIONS {
            let place = format_args!("policy set version `{}`", body.version_id);
            return Err(ErrorDetail::corrupt(place, "more attestations than the limit").into());
        }
        Ok(positions)
    }

    /// The attestations of a version, oldest first.
    fn attestations(self, body: &PolicySetVersionCreated) -> Result<Vec<Arc<str>>> {
        let positions = self.attested_at(body)?.into_iter();
        let texts = positions.map(|position| match &self.entry(self.log, position)?.body {
            Body::Attested(attested) if attested.version_id == body.version_id => {
                self.content(&ContentId::one(ContentKind::Attestation, attested.sha))
            }
            _ => Err(wrong_row(RowKind::Attestation, body.version_id.as_str())),
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Attested, Content};
    use crate::resource::zone;
    use crate::{Actor, ErrorKind, NewPolicySet, NewSchema, PolicyStore};

    /// No write produces this, but a file can contain it.
    #[test]
    fn more_attestations_than_a_version_can_get_are_damage_and_are_not_read() {
        let (store, actor) = (PolicyStore::builder().in_memory().unwrap(), Actor::customer("ann").unwrap());
        let version = store.write(&actor, |w| {
            w.publish_schema(NewSchema::cedar("v", "entity U;"))?;
            let mut zone = w.create_zone("a")?;
            let set = zone.create_policy_set(NewPolicySet::named("s"))?;
            zone.create_policy_set_version(set.id, NewPolicySetVersion::new("v"))
        });
        let version = version.unwrap();
        let mut previous = None;
        let mut attest = |count: usize| {
            let author = || store.engine.author(&actor, None);
            let written = store.engine.storage.write(author, |writer| {
                let zone = writer.read(|snapshot| zone::find(snapshot, "a"))?;
                for _ in 0..count {
                    let attested = Attested {
                        policy_set_id: version.policy_set_id.clone(),
                        version_id: version.id.clone(),
                        version: 1,
                        sha: writer.put_content(&Content::one(ContentKind::Attestation, "{}").pack())?.sha,
                        previous: previous.replace(Sha256::of(b"{}")),
                    };
                    writer.append(zone.log, attested)?;
                }
                Ok(())
            });
            written.unwrap();
            store.zone("a").unwrap().policy_set_version(&version.id)
        };
        assert_eq!(attest(limits::VERSION_ATTESTATIONS).unwrap().attestations.len(), limits::VERSION_ATTESTATIONS);
        assert_eq!(attest(1).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
