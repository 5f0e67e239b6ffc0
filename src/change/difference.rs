//! The difference between two policy set versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::policy::{ChangedVersion, PolicyChange};
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::contents::Contents;
use crate::resource::policy_set_version::check_pinned;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::error::Result;
use crate::types::id::{PolicyId, PolicySetId, PolicySetVersionId, SchemaName};
use crate::types::manifest_entry::ManifestEntry;

/// A policy set version on one side of a difference.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedVersion {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// Its number.
    pub version: u32,
    /// The schema version.
    pub schema_version: SchemaName,
}

/// The difference between two policy set versions of a zone, which may be of different sets.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySetDifference {
    /// The older version.
    pub from: ComparedVersion,
    /// The newer version.
    pub to: ComparedVersion,
    /// The policies that they pin differently, sorted by name, then by id.
    pub policies: Vec<PolicyChange>,
}

impl PolicySetDifference {
    /// Whether both have the same schema version and the same pins.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.policies.is_empty() && self.from.schema_version == self.to.schema_version
    }
}

impl ComparedVersion {
    pub(crate) fn of(version: &PolicySetVersionCreated) -> Self {
        Self {
            policy_set_id: version.policy_set_id.clone(),
            policy_set_version_id: version.version_id.clone(),
            version: version.version,
            schema_version: version.schema.version.clone(),
        }
    }
}

/// A pinned version with its text.
pub(crate) type Side = (ChangedVersion, Arc<str>);

/// The pinned version of an entry, with its text.
pub(crate) fn pinned(zone: ZoneReader<'_>, contents: &Contents, entry: &ManifestEntry) -> Result<Side> {
    let found = VersionRecord::<PolicyVersionCreated>::named(zone, entry.policy_version_id.as_str())?;
    let body = check_pinned(&contents.version, entry, Some(found.body()?))?;
    let policy_version_id = Some(entry.policy_version_id.clone());
    let version = ChangedVersion { version: body.version, policy_version_id, sha: body.sha };
    Ok((version, zone.content(&body.forms())?))
}

impl ZoneReader<'_> {
    /// The difference between two policy set versions.
    pub(crate) fn difference(self, from: &str, to: &str) -> Result<PolicySetDifference> {
        let contents = |id| Contents::new(self, &VersionRecord::by_id(self, id)?);
        let (from, to) = (contents(from)?, contents(to)?);
        let mut pairs: BTreeMap<&PolicyId, (Option<&ManifestEntry>, Option<&ManifestEntry>)> = BTreeMap::new();
        for entry in &from.entries {
            pairs.entry(&entry.policy_id).or_default().0 = Some(entry);
        }
        for entry in &to.entries {
            pairs.entry(&entry.policy_id).or_default().1 = Some(entry);
        }
        let mut policies = Vec::new();
        for (id, (before, after)) in pairs.into_iter().filter(|(_, (before, after))| before != after) {
            let before = before.map(|entry| pinned(self, &from, entry)).transpose()?;
            let after = after.map(|entry| pinned(self, &to, entry)).transpose()?;
            let name = self.policy(id.as_str())?.name;
            policies.push(PolicyChange::new(Some(id.clone()), name, before, after)?);
        }
        policies.sort_by(PolicyChange::by_name);
        let (from, to) = (ComparedVersion::of(&from.version), ComparedVersion::of(&to.version));
        Ok(PolicySetDifference { from, to, policies })
    }
}
