//! A policy set version's manifest: its entries, its canonical JSON (RFC 8785), and the SHA-256 of that JSON.
//!
//! Every string in a manifest is hex or of the id alphabet, so no character needs an escape. Members are in the order
//! of their names.

use serde::{Deserialize, Serialize};

use crate::types::error::{Error, Result};
use crate::types::hash::Sha256;
use crate::types::limits;
use crate::types::manifest_entry::ManifestEntry;

/// A manifest: entries sorted by policy id, at most one for each policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
}

impl Manifest {
    /// Sorts the entries. Refuses too many entries and a second entry for a policy.
    pub fn new(mut entries: Vec<ManifestEntry>) -> Result<Self> {
        crate::types::error::at_most("entries of the manifest", entries.len(), limits::MANIFEST_ENTRIES)?;
        entries.sort_by(|a, b| a.policy_id.cmp(&b.policy_id));
        let twice = entries.iter().zip(entries.iter().skip(1)).find(|(a, b)| a.policy_id == b.policy_id);
        if let Some((twice, _)) = twice {
            return Err(Error::DuplicatePolicy { policy_id: twice.policy_id.to_string() });
        }
        Ok(Self { entries })
    }

    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    pub fn into_entries(self) -> Vec<ManifestEntry> {
        self.entries
    }

    /// The canonical JSON.
    pub fn canonical(&self) -> String {
        // Fields are declared in the order of their names, and no string needs an escape: see the module's head.
        let entries: Vec<String> = self
            .entries
            .iter()
            .map(|entry| {
                let ManifestEntry { policy_id, policy_version_id, sha } = entry;
                format!(r#"{{"policy_id":"{policy_id}","policy_version_id":"{policy_version_id}","sha":"{sha}"}}"#)
            })
            .collect();
        format!(r#"{{"entries":[{}]}}"#, entries.join(","))
    }

    /// The SHA-256 of the canonical JSON.
    pub fn sha(&self) -> Sha256 {
        Sha256::of(self.canonical().as_bytes())
    }

    /// Reads a text of [`canonical`](Self::canonical). For content, whose hash is that of the canonical text.
    pub fn read(canonical: &str) -> Result<Self, String> {
        let given: Self = serde_json::from_str(canonical).map_err(|error| error.to_string())?;
        Self::new(given.entries).map_err(|error| error.to_string())
    }

    /// As [`read`](Self::read), and refuses any other text.
    pub fn parse(canonical: &str) -> Result<Self, String> {
        let manifest = Self::read(canonical)?;
        if manifest.canonical() != canonical {
            return Err("manifest is not in canonical form".to_owned());
        }
        Ok(manifest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(policy: &str) -> ManifestEntry {
        ManifestEntry {
            policy_id: policy.parse().unwrap(),
            policy_version_id: format!("{policy}.v1").parse().unwrap(),
            sha: Sha256::of(policy.as_bytes()),
        }
    }

    #[test]
    fn the_canonical_form_is_that_of_rfc_8785_whatever_the_order_given() {
        let manifest = Manifest::new(vec![entry("b"), entry("B"), entry("a:1")]).unwrap();
        let canonical = manifest.canonical();
        let judge = serde_json_canonicalizer::to_string(&manifest).unwrap();
        assert_eq!(canonical, judge);
        assert_eq!(Manifest::parse(&canonical).unwrap(), manifest);
        assert_eq!(Manifest::new(vec![entry("a:1"), entry("b"), entry("B")]).unwrap().canonical(), canonical);
    }

    #[test]
    fn a_policy_is_pinned_once_and_entries_are_limited() {
        let error = Manifest::new(vec![entry("a"), entry("b"), entry("a")]).unwrap_err();
        assert_eq!(error.code(), "duplicate_policy");
        assert!(error.to_string().contains("`a`"));
        let many = (0..=limits::MANIFEST_ENTRIES).map(|n| entry(&format!("p{n}"))).collect();
        assert_eq!(Manifest::new(many).unwrap_err().code(), "too_large");
    }

    #[test]
    fn only_the_canonical_form_is_read() {
        let canonical = Manifest::new(vec![entry("a"), entry("b")]).unwrap().canonical();
        for wrong in [
            canonical.replace(":[", ": ["),
            canonical.replace("\"a\"", "\"c\""),
            canonical.replace("{\"entries\"", "{\"more\":1,\"entries\""),
        ] {
            assert!(Manifest::parse(&wrong).is_err(), "{wrong}");
        }
    }
}
