//! Signs attestations of policy set versions ahead of their writes. The signer runs here, outside every lock.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::validation::Validation;
use crate::read::zone::Zone;
use crate::rules::attest::{AttestedPolicySetVersion, NewAttestation, ToSign, next};
use crate::rules::manifest::{Planned, PolicySetVersionInput, PreparedPolicySetVersion, set_to_change};
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use policy_store_verify::attestation::{Attestation, Signer, Status};

/// Attesting.
impl Zone {
    /// Signs an attestation of the next version of a policy set with `signer`, for `actor`. The actor then creates the
    /// version with [`ZoneTransaction::create_attested_version`](crate::ZoneTransaction::create_attested_version). The
    /// signer runs in this call, outside every lock.
    ///
    /// # Errors
    ///
    /// Those of [`ZoneTransaction::create_policy_set_version`](crate::ZoneTransaction::create_policy_set_version), and
    /// those of [`Attestation::sign`].
    pub fn prepare_attested_version(
        &self,
        actor: &Actor,
        policy_set_id: impl AsRef<str>,
        input: impl Into<PolicySetVersionInput>,
        signer: &dyn Signer,
    ) -> Result<AttestedPolicySetVersion> {
        let PreparedPolicySetVersion { new, validated: known } = input.into().into_parts();
        let (subject, validated) = self.read_with_room(|zone, store| {
            // Signs only a version that the write could create, as far as is known now.
            zone.check_open()?;
            set_to_change(zone, actor, policy_set_id.as_ref())?;
            let validation = Validation::ahead(&store.compiler, &known);
            let planned = Planned::new(zone, &validation, &new)?;
            Ok((next(zone, policy_set_id.as_ref(), &planned)?, validation.known()))
        })?;
        let policy_set_id = subject.policy_set_id.clone();
        let attestation = Attestation::sign(&subject, self.now(), actor.id(), Status::Created, signer)?;
        Ok(AttestedPolicySetVersion { policy_set_id, new, validated, attester: actor.clone(), attestation })
    }

    /// Signs an attestation of an existing policy set version with `signer`, for `actor`: of one that was created
    /// without, or again after a key rotation. The actor then adds it with
    /// [`ZoneTransaction::attest`](crate::ZoneTransaction::attest). The signer runs in this call, outside every lock.
    ///
    /// # Errors
    ///
    /// Those of [`ZoneTransaction::attest`](crate::ZoneTransaction::attest), and those of [`Attestation::sign`].
    pub fn prepare_attestation(
        &self,
        actor: &Actor,
        policy_set_version_id: impl AsRef<str>,
        signer: &dyn Signer,
    ) -> Result<NewAttestation> {
        let to_sign = self.read_with_room(|zone, _| {
            zone.check_open()?;
            ToSign::of(zone, actor, policy_set_version_id.as_ref())
        })?;
        to_sign.sign(self.now(), actor, signer)
    }

    /// Signs attestations of several existing policy set versions, for a key rotation. Each attestation follows the one
    /// before it of the same set, so [`ZoneTransaction::attest`](crate::ZoneTransaction::attest) accepts them all in
    /// one write, in this order.
    ///
    /// # Errors
    ///
    /// As [`prepare_attestation`](Self::prepare_attestation); [`Invalid`](crate::ErrorKind::Invalid) for a version that
    /// is named twice.
    pub fn prepare_attestations(
        &self,
        actor: &Actor,
        policy_set_version_ids: impl IntoIterator<Item = impl AsRef<str>>,
        signer: &dyn Signer,
    ) -> Result<Vec<NewAttestation>> {
        let to_sign: Vec<ToSign> = self.read_with_room(|zone, _| {
            zone.check_open()?;
            let mut named = BTreeSet::new();
            let ids = policy_set_version_ids.into_iter();
            ids.map(|id| {
                let to_sign = ToSign::of(zone, actor, id.as_ref())?;
                if !named.insert(to_sign.version_id.clone()) {
                    return Err(ErrorDetail::invalid("policy set version", id.as_ref(), "named twice").into());
                }
                Ok(to_sign)
            })
            .collect()
        })?;
        let mut newest = BTreeMap::new();
        let signed = to_sign.into_iter().map(|mut to_sign| {
            let set = to_sign.subject.policy_set_id.clone();
            if let Some(sha) = newest.get(&set) {
                to_sign.subject.previous_sha = Some(*sha);
            }
            let signed = to_sign.sign(self.now(), actor, signer)?;
            newest.insert(set, signed.attestation.sha());
            Ok(signed)
        });
        signed.collect()
    }
}
