//! Attestations of policy set versions: reads the subject to sign ahead of the write, so that the signer runs outside
//! every lock.
//!
//! The write checks that the subject is still the same. Does not know the encoding or verification of attestations.

use std::fmt;

use super::manifest::Planned;
use super::ownership::check_owner;
use crate::engine::validation::Validated;
use crate::record::{Attested, Body, PolicySetVersionCreated};
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
use policy_store_verify::attestation::{Attestation, Signer, Status, Subject};

/// A policy set version to create, with its attestation: see
/// [`Zone::prepare_attested_version`](crate::Zone::prepare_attested_version).
///
/// ```
/// # use policy_store::{Actor, NewPolicySetVersion, PolicySetVersion, PolicyStore, Result, attestation::Signer};
/// fn publish(
///     store: &PolicyStore,
///     ann: &Actor,
///     new: NewPolicySetVersion,
///     signer: &dyn Signer,
/// ) -> Result<PolicySetVersion> {
///     let attested = store.zone("acme")?.prepare_attested_version(ann, "production", new, signer)?;
///     store.write(ann, |w| w.zone("acme")?.create_attested_version(attested))
/// }
/// ```
#[must_use]
#[derive(Clone)]
pub struct AttestedPolicySetVersion {
    pub(crate) policy_set_id: PolicySetId,
    pub(crate) new: NewPolicySetVersion,
    pub(crate) validated: Validated,
    pub(crate) attester: Actor,
    pub(crate) attestation: Attestation,
}

/// An attestation to add to an existing policy set version: see
/// [`Zone::prepare_attestation`](crate::Zone::prepare_attestation).
#[must_use]
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
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }
}

impl NewAttestation {
    /// The attestation.
    #[must_use]
    pub fn attestation(&self) -> &Attestation {
        &self.attestation
    }
}

/// The subject of an attestation of an existing policy set version, before it is signed.
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

/// The subject of an attestation of a set's next version, by the current state.
pub(crate) fn next(zone: ZoneReader<'_>, policy_set_id: &str, planned: &Planned) -> Result<Subject> {
    let set = zone.policy_set_row(policy_set_id)?;
    let version = next_version(set.latest.map(|latest| latest.version))?;
    let (manifest_sha, schema) = (planned.manifest.sha(), planned.schema.version.as_str());
    subject(zone, policy_set_id, version, manifest_sha, schema)
}

/// The subject of an attestation of the first version of a set that does not exist yet.
#[cfg(feature = "bundle")]
pub(crate) fn first(zone: ZoneReader<'_>, policy_set_id: PolicySetId, planned: &Planned) -> Result<Subject> {
    Ok(Subject {
        zone_id: zone.id.clone(),
        log_id: zone.log_id,
        policy_set_id,
        policy_set_version: 1,
        manifest_sha: planned.manifest.sha(),
        schema_sha: schema::find(&zone, planned.schema.version.as_str())?.published.sha,
        previous_sha: None,
    })
}

/// The subject of an attestation of an existing version, by the current state. An attestation changes the version, as
/// archiving does, so the owner of the version decides, not the owner of the set.
pub(crate) fn of_version(
    zone: ZoneReader<'_>,
    actor: &Actor,
    found: &VersionRecord<PolicySetVersionCreated>,
) -> Result<(Subject, Status)> {
    let (body, owner) = (found.body()?, found.entry.envelope.actor.owner_type());
    check_owner(actor, Resource::PolicySetVersion, body.version_id.as_str(), owner)?;
    let existing = zone.attested_at(body)?.len();
    at_most("attestations of the policy set version", existing + 1, limits::VERSION_ATTESTATIONS)?;
    // The first attestation of a version attests its creation.
    let status = if existing == 0 { Status::Created } else { Status::ReSigned };
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

/// The SHA-256 of a policy set's newest attestation.
fn newest(zone: ZoneReader<'_>, policy_set_id: &str) -> Result<Option<Sha256>> {
    let Some(position) = zone.policy_set_row(policy_set_id)?.attested else { return Ok(None) };
    match &zone.entry(zone.log, position)?.body {
        Body::Attested(Attested { policy_set_id: of, sha, .. }) if *of == policy_set_id => Ok(Some(*sha)),
        _ => Err(wrong_row(RowKind::PolicySet, policy_set_id)),
    }
}

/// Refuses an attestation whose subject differs from the current one: the set has changed since the signing, or it was
/// signed for another store.
pub(crate) fn check(attestation: &Attestation, now: &Subject, status: Status) -> Result<()> {
    let (header, statement) = (attestation.header(), attestation.statement());
    let none = || "none".to_owned();
    let or_none = |sha: Option<Sha256>| sha.map_or_else(none, |sha| sha.to_string());
    for (what, signed, now) in [
        ("zone", statement.zone_id.to_string(), now.zone_id.to_string()),
        ("log", header.log_id.to_string(), now.log_id.to_string()),
        ("policy set", statement.policy_set_id.to_string(), now.policy_set_id.to_string()),
        ("policy set version", statement.policy_set_version.to_string(), now.policy_set_version.to_string()),
        ("manifest", statement.manifest_sha.to_string(), now.manifest_sha.to_string()),
        ("schema", header.schema_sha.to_string(), now.schema_sha.to_string()),
        ("previous attestation", or_none(header.previous_sha), or_none(now.previous_sha)),
        ("status", format!("{:?}", statement.status), format!("{status:?}")),
    ] {
        if signed != now {
            let what = format!("{what} of the attestation");
            return Err(ErrorDetail::PreconditionFailed { what, expected: signed, actual: now }.into());
        }
    }
    Ok(())
}
