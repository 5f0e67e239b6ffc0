//! What an attestation is expected to be about. Hashes are computed here from the contents, so that nobody can compare
//! an attestation with the hash that it brought along.

use super::error::VerificationError;
use super::header::Header;
use super::statement::Statement;
use crate::record::Manifest;
use crate::types::hash::Sha256;
use crate::types::id::LogId;
use crate::types::manifest_entry::ManifestEntry;

/// What an attestation is expected to be about. Every field is compared; there is no default that checks less.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The zone.
    pub zone_id: &'a str,
    /// The zone's log ([`ZoneInfo`](crate::ZoneInfo)).
    pub log_id: LogId,
    /// The policy set.
    pub policy_set_id: &'a str,
    /// The number of the version of it.
    pub policy_set_version: u32,
    /// The version's manifest.
    pub manifest: ExpectedManifest<'a>,
    /// The schema that the version is evaluated with.
    pub schema: ExpectedSchema<'a>,
}

/// A manifest to compare with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExpectedManifest<'a> {
    /// Its entries, in any order.
    Entries(&'a [ManifestEntry]),
    /// Its canonical JSON (RFC 8785), whose entries are sorted by policy id.
    Canonical(&'a str),
}

/// A schema to compare with.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum ExpectedSchema<'a> {
    /// The bytes that were published.
    Source(&'a str),
    /// Their SHA-256, computed from the bytes by who asks.
    Sha(Sha256),
}

impl Expected<'_> {
    /// Compares with what was signed.
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
        let canonical = match self {
            Self::Entries(entries) => Manifest::new(entries.to_vec()).map_err(|error| error.to_string()),
            Self::Canonical(text) => Manifest::parse(text),
        };
        let canonical = canonical.map_err(|problem| VerificationError::ExpectedManifest { problem })?.canonical();
        Ok(Manifest::sha(&canonical))
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
