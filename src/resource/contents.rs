//! The content of a policy set version: its entry and its pins.

use super::binding::Binding;
use super::policy_set_version;
use super::version::VersionRecord;
use super::zone::ZoneReader;
use crate::record::PolicySetVersionCreated;
use crate::types::error::Result;
use crate::types::id::PolicyId;
use crate::types::manifest_entry::ManifestEntry;

/// A policy set version with its pins.
pub(crate) struct Contents {
    pub version: PolicySetVersionCreated,
    /// Sorted by policy id.
    pub entries: Vec<ManifestEntry>,
}

impl Contents {
    pub(crate) fn new(zone: ZoneReader<'_>, found: &VersionRecord<PolicySetVersionCreated>) -> Result<Self> {
        let version = found.body()?.clone();
        let entries = policy_set_version::manifest(&zone, &version)?.into_entries();
        Ok(Self { version, entries })
    }

    /// The content of the version that a binding names.
    pub(crate) fn of(zone: ZoneReader<'_>, binding: &Binding) -> Result<Self> {
        Self::new(zone, &VersionRecord::named(zone, binding.policy_set_version_id.as_str())?)
    }

    /// The entry of a policy, if the version pins it.
    pub(crate) fn pins(&self, id: &PolicyId) -> Option<&ManifestEntry> {
        self.entries.binary_search_by(|entry| entry.policy_id.cmp(id)).ok().and_then(|at| self.entries.get(at))
    }
}
