//! The expected content of an attestation. The hashes are computed here, so a caller cannot compare an attestation with
//! the hash in the same attestation by mistake.

use super::error::VerificationError;
use super::header::Header;
use super::statement::Statement;
use crate::record::Manifest;
use crate::types::hash::Sha256;
use crate::types::id::LogId;
use crate::types::manifest_entry::ManifestEntry;

/// The expected content of an attestation. The verifier compares every field.
///
/// The [module](super) has an example.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The zone.
    pub zone_id: &'a str,
    /// The zone's log, from the store's `ZoneInfo`.
    pub log_id: LogId,
    /// The policy set.
    pub policy_set_id: &'a str,
    /// The number of the policy set version.
    pub policy_set_version: u32,
    /// The version's manifest.
    pub manifest: ExpectedManifest<'a>,
    /// The version's schema.
    pub schema: ExpectedSchema<'a>,
}

/// The expected manifest.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExpectedManifest<'a> {
    /// The manifest's entries, in any order.
    Entries(&'a [ManifestEntry]),
    /// The manifest's canonical JSON (RFC 8785), with entries sorted by policy id.
    Canonical(&'a str),
}

/// The expected schema.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExpectedSchema<'a> {
    /// The published source.
    Source(&'a str),
    /// The SHA-256 of the published source. Compute it from the source, and never take it from the attestation.
    Sha(Sha256),
}

impl Expected<'_> {
    /// Compares all fields with a signed header and statement.
    pub(super) fn check(&self, header: &Header, statement: &Statement) -> Result<(), VerificationError> {
        use VerificationError as Error;
        let Self { zone_id, log_id, policy_set_id, policy_set_version, manifest, schema } = *self;
        if statement.zone_id != zone_id {
            let (expected, found) = (zone_id.to_owned(), statement.zone_id.to_string());
            return Err(Error::Zone { expected, found });
        }
        if header.log_id != log_id {
            return Err(Error::Log { expected: log_id, found: header.log_id });
        }
        if statement.policy_set_id != policy_set_id {
            let (expected, found) = (policy_set_id.to_owned(), statement.policy_set_id.to_string());
            return Err(Error::PolicySet { expected, found });
        }
        if statement.policy_set_version != policy_set_version {
            let (expected, found) = (policy_set_version, statement.policy_set_version);
            return Err(Error::PolicySetVersion { expected, found });
        }
        let (expected, found) = (manifest.sha()?, statement.manifest_sha);
        if expected != found {
            return Err(Error::Manifest { expected, found });
        }
        let (expected, found) = (schema.sha(), header.schema_sha);
        if expected != found {
            return Err(Error::Schema { expected, found });
        }
        Ok(())
    }
}

impl ExpectedManifest<'_> {
    fn sha(self) -> Result<Sha256, VerificationError> {
        let manifest = match self {
            Self::Entries(entries) => Manifest::new(entries.to_vec()).map_err(|error| error.to_string()),
            Self::Canonical(text) => Manifest::parse(text),
        };
        Ok(manifest.map_err(|problem| VerificationError::ExpectedManifest { problem })?.sha())
    }
}

impl ExpectedSchema<'_> {
    fn sha(self) -> Sha256 {
        match self {
            Self::Source(source) => Sha256::of(source.as_bytes()),
            Self::Sha(sha) => sha,
        }
    }
}
