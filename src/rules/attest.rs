//! Having policy set versions attested: what the signer is shown, read before the write, so that it runs outside every lock.
//!
//! The write checks that all of it still holds. What an attestation is, and how one is verified, is known in
//! `attestation`.

use std::fmt;

use super::manifest::Planned;
use super::ownership::check_owner;
use crate::attestation::{Attestation, Signer, Status, Subject};
use crate::engine::validation::Validated;
use crate::record::{Attested, Body, Manifest, PolicySetVersionCreated};
use crate::resource::policy_set_version::NewPolicySetVersion;
use crate::resource::schema;
use crate::resource::version::{VersionRecord, next_version};
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::wrong_row;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result, at_most};
use crate::types::hash::Sha256;
use crate::types::id::{PolicySetId, PolicySetVersionId};
use crate::types::limits;
use crate::types::time::Timestamp;

/// A policy set version to create that was attested ahead of its creation: see [`Zone::prepare_attested_version`].
#[derive(Clone)]
pub struct AttestedPolicySetVersion {
    pub(crate) policy_set_id: PolicySetId,
    pub(crate) new: NewPolicySetVersion,
    pub(crate) validated: Validated,
    pub(crate) attester: Actor,
    pub(crate) attestation: Attestation,
}

/// An attestation of a policy set version that is there, still to be written: see [`Zone::prepare_attestation`].
#[derive(Clone)]
pub struct NewAttestation {
    pub(crate) policy_set_version_id: PolicySetVersionId,
    pub(crate) attester: Actor,
    pub(crate) attestation: Attestation,
}

impl fmt::Debug for AttestedPolicySetVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (pins, version) = (self.new.pins.len(), self.attestation.statement().policy_set_version);
        write!(f, "AttestedPolicySetVersion(version {version} of {} with {pins} pins)", self.policy_set_id)
    }
}

impl fmt::Debug for NewAttestation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewAttestation({} by {})", self.policy_set_version_id, self.attestation.statement().key_id)
    }
}

impl AttestedPolicySetVersion {
    /// The attestation.
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }
}

impl NewAttestation {
    /// The attestation.
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }
}

/// An attestation of a policy set version that is there, before it is signed.
pub(crate) struct ToSign {
    pub version_id: PolicySetVersionId,
    pub subject: Subject,
    status: Status,
}

impl ToSign {
    pub(crate) fn of(zone: ZoneReader<'_>, actor: &Actor, id: &str) -> Result<Self> {
        let found = VersionRecord::by_id(zone, id)?;
        let (subject, status) = of_version(zone, actor, &found)?;
        Ok(Self { version_id: found.body()?.version_id.clone(), subject, status })
    }

    pub(crate) fn sign(self, now: Timestamp, actor: &Actor, signer: &dyn Signer) -> Result<NewAttestation> {
        let attestation = Attestation::sign(&self.subject, now, actor.id(), self.status, signer)?;
        let (policy_set_version_id, attester) = (self.version_id, actor.clone());
        Ok(NewAttestation { policy_set_version_id, attester, attestation })
    }
}

/// What an attestation of a set's next version is about, as of now.
pub(crate) fn next(zone: ZoneReader<'_>, policy_set_id: &str, planned: &Planned) -> Result<Subject> {
    let set = zone.policy_set_row(policy_set_id)?;
    let version = next_version(set.latest.map(|latest| latest.version))?;
    let (manifest_sha, schema) = (Manifest::sha(&planned.manifest.canonical()), planned.schema.version.as_str());
    subject(zone, policy_set_id, version, manifest_sha, schema)
}

/// The same of the first version of a set that is still to be created.
#[cfg(feature = "bundle")]
pub(crate) fn first(zone: ZoneReader<'_>, policy_set_id: PolicySetId, planned: &Planned) -> Result<Subject> {
    Ok(Subject {
        zone_id: zone.id.clone(),
        log_id: zone.log_id,
        policy_set_id,
        policy_set_version: 1,
        manifest_sha: Manifest::sha(&planned.manifest.canonical()),
        schema_sha: schema::find(&zone, planned.schema.version.as_str())?.published.sha,
        previous_sha: None,
    })
}

/// What an attestation that `actor` adds to a version is about, as of now. To attest a version is to change it, as to archive
/// it is: so its owner decides, not that of its set.
pub(crate) fn of_version(
    zone: ZoneReader<'_>,
    actor: &Actor,
    found: &VersionRecord<PolicySetVersionCreated>,
) -> Result<(Subject, Status)> {
    let (body, owner) = (found.body()?, found.entry.envelope.actor.owner_type());
    check_owner(actor, Resource::PolicySetVersion, body.version_id.as_str(), owner)?;
    let there = zone.attested_at(body)?.len();
    at_most("attestations of the policy set version", there + 1, limits::VERSION_ATTESTATIONS)?;
    // The first attestation of a version is that of its creation.
    let status = if there == 0 { Status::Created } else { Status::ReSigned };
    let (set, schema) = (body.policy_set_id.as_str(), body.schema.version.as_str());
    Ok((subject(zone, set, body.version, body.manifest_sha, schema)?, status))
}

fn subject(
    zone: ZoneReader<'_>,
    policy_set_id: &str,
    policy_set_version: u32,
    manifest_sha: Sha256,
    schema_version: &str,
) -> Result<Subject> {
    Ok(Subject {
        zone_id: zone.id.clone(),
        log_id: zone.log_id,
        policy_set_id: PolicySetId::new(policy_set_id)?,
        policy_set_version,
        manifest_sha,
        schema_sha: schema::find(&zone, schema_version)?.published.sha,
        previous_sha: newest(zone, policy_set_id)?,
    })
}

/// The hash of a policy set's newest attestation.
fn newest(zone: ZoneReader<'_>, policy_set_id: &str) -> Result<Option<Sha256>> {
    let Some(position) = zone.policy_set_row(policy_set_id)?.attested else { return Ok(None) };
    match &zone.entry(zone.log, position)?.body {
        Body::Attested(Attested { policy_set_id: of, sha, .. }) if *of == policy_set_id => Ok(Some(*sha)),
        _ => Err(wrong_row(RowKind::PolicySet, policy_set_id)),
    }
}

/// Refuses an attestation of something else than what is now: it was signed before something changed, or elsewhere.
pub(crate) fn check(attestation: &Attestation, now: &Subject, status: Status) -> Result<()> {
    let (header, statement) = (attestation.header(), attestation.statement());
    let none = || "none".to_owned();
    let told = |sha: Option<Sha256>| sha.map_or_else(none, |sha| sha.to_string());
    for (what, signed, now) in [
        ("zone", statement.zone_id.to_string(), now.zone_id.to_string()),
        ("log", header.log_id.to_string(), now.log_id.to_string()),
        ("policy set", statement.policy_set_id.to_string(), now.policy_set_id.to_string()),
        ("policy set version", statement.policy_set_version.to_string(), now.policy_set_version.to_string()),
        ("manifest", statement.manifest_sha.to_string(), now.manifest_sha.to_string()),
        ("schema", header.schema_sha.to_string(), now.schema_sha.to_string()),
        ("previous attestation", told(header.previous_sha), told(now.previous_sha)),
        ("status", format!("{:?}", statement.status), format!("{status:?}")),
    ] {
        if signed != now {
            let what = format!("{what} of the attestation");
            return Err(ErrorDetail::PreconditionFailed { what, expected: signed, actual: now }.into());
        }
    }
    Ok(())
}
