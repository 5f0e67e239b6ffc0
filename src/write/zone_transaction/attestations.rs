//! Writes attestations of new and existing policy set versions. The signer has run before the write.

use super::ZoneTransaction;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Attested, Content, ContentKind};
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::version::VersionRecord;
use crate::rules::attest::{self, AttestedPolicySetVersion, NewAttestation};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result};
use policy_store_verify::attestation::{Attestation, Status};

/// Attestations.
impl ZoneTransaction<'_, '_> {
    /// Creates a policy set version together with the attestation that was signed ahead of the write: both or neither.
    ///
    /// The fingerprint of the call leaves out the attestation and its key. Under an idempotency key that was used
    /// [before](crate::Zone::entry_for_key), [`create_policy_set_version`](Self::create_policy_set_version) therefore
    /// returns the first result too, without a new signature, even after a key rotation. That result has the
    /// attestations of the first call.
    ///
    /// # Errors
    ///
    /// Those of [`create_policy_set_version`](Self::create_policy_set_version);
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if another version or attestation of the set was
    /// written after the signing: prepare again; [`Invalid`](crate::ErrorKind::Invalid) if another actor attested it.
    pub fn create_attested_version(&mut self, prepared: AttestedPolicySetVersion) -> Result<PolicySetVersion> {
        let AttestedPolicySetVersion { policy_set_id, new, validated, attester, attestation } = prepared;
        self.once(
            new.fingerprint(policy_set_id.as_str()),
            |zone| {
                zone.writer().room_for(2)?;
                zone.check_attester(&attester)?;
                let set = zone.policy_set(&policy_set_id)?;
                let planned = zone.planned(&new, &validated)?;
                let subject = zone.read(|reader| attest::next(reader, policy_set_id.as_str(), &planned))?;
                attest::check(&attestation, &subject, Status::Created)?;
                zone.may_change(Resource::PolicySet, set.id.as_str(), set.owner_type, set.archived_at.is_some())?;
                let version = zone.add_policy_set_version(set, new.id, planned)?;
                zone.add_attestation(version.id.as_str(), &attester, &attestation)
            },
            |reader, entry| reader.policy_set_version(&VersionRecord::by_id(reader, super::created(entry)?)?),
        )
    }

    /// Adds an attestation to an existing policy set version: one that was created without, or again after a key
    /// rotation. Earlier attestations stay. An archived version can be attested, since its content does not change.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if another attestation of the set was written after
    /// the signing: prepare again; [`Invalid`](crate::ErrorKind::Invalid) if another actor attested it;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) if a customer attests a version of a platform actor;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if the version has [the maximum number of
    /// attestations](crate::limits::VERSION_ATTESTATIONS); otherwise as any call: see [`ZoneTransaction`](Self#errors).
    pub fn attest(&mut self, prepared: NewAttestation) -> Result<PolicySetVersion> {
        let NewAttestation { policy_set_version_id, attester, attestation } = prepared;
        let id = policy_set_version_id.as_str();
        self.once(
            Fingerprint::of("attest").text(id).text(&attestation.statement().key_id),
            |zone| zone.add_attestation(id, &attester, &attestation),
            |reader, _| reader.policy_set_version(&VersionRecord::by_id(reader, id)?),
        )
    }

    /// The actor who attested is the one who writes: of the same kind, too.
    pub(super) fn check_attester(&self, attester: &Actor) -> Result<()> {
        if attester != self.actor() {
            return Err(ErrorDetail::invalid("attester", attester.id(), "must be the actor of the write").into());
        }
        Ok(())
    }

    pub(super) fn add_attestation(
        &mut self,
        id: &str,
        attester: &Actor,
        attestation: &Attestation,
    ) -> Result<PolicySetVersion> {
        self.check_attester(attester)?;
        let found = self.read(|reader| VersionRecord::by_id(reader, id))?;
        let (subject, status) = self.read(|reader| attest::of_version(reader, self.actor(), &found))?;
        attest::check(attestation, &subject, status)?;
        let body = found.body()?;
        let log = self.place.log;
        self.writer().next(log)?;
        let entry = Attested {
            policy_set_id: body.policy_set_id.clone(),
            version_id: body.version_id.clone(),
            version: body.version,
            sha: self.put_content(&Content::one(ContentKind::Attestation, attestation.as_str()).pack())?,
            previous: subject.previous_sha,
        };
        self.append(entry)?;
        self.policy_set_version(id)
    }
}
