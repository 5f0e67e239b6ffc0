//! Writing attestations, of new policy set versions and of those that are there. The signer has run before.

use super::ZoneTransaction;
use crate::attestation::{Attestation, Status};
use crate::record::fingerprint::Fingerprint;
use crate::record::{Attested, Object, ObjectKind};
use crate::resource::policy_set_version::PolicySetVersion;
use crate::resource::version::VersionRecord;
use crate::rules::attest::{self, AttestedPolicySetVersion, NewAttestation};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result};

/// Attestations.
impl ZoneTransaction<'_, '_> {
    /// Creates a policy set version that was attested ahead, with its attestation: both or neither.
    ///
    /// A request asks for the same with and without an attestation, and by whichever key. So one that was answered
    /// [before](crate::Zone::answered) is answered again by
    /// [`create_policy_set_version`](Self::create_policy_set_version), with nothing signed for it, also after a key rotation;
    /// and it is as attested as it was at first.
    ///
    /// # Errors
    ///
    /// Those of [`create_policy_set_version`](Self::create_policy_set_version);
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it would not be what was attested, because another
    /// version or attestation of the set came between: prepare again. [`Invalid`](crate::ErrorKind::Invalid) if another
    /// actor attested it.
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

    /// Adds an attestation to a policy set version: to one that was created without, or again after a key was rotated. The
    /// earlier ones stay. Archived versions can be attested too: nothing of them changes.
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if another attestation of the set came between: prepare
    /// again. [`Invalid`](crate::ErrorKind::Invalid) if another actor attested it;
    /// [`Forbidden`](crate::ErrorKind::Forbidden) if a customer attests a version that a platform actor made;
    /// [`TooLarge`](crate::ErrorKind::TooLarge) if it has [as many](crate::limits::VERSION_ATTESTATIONS) as it can get.
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
            attestation: self.put_object(Object::new(ObjectKind::Attestation, attestation.as_str()))?,
            sha: attestation.sha(),
            previous: subject.previous_sha,
        };
        self.append(entry)?;
        self.policy_set_version(id)
    }
}
