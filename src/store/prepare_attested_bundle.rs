//! Signs the attestation of the policy set version that a bundle makes. The signer runs here, outside every lock.

use crate::engine::validation::Validation;
use crate::read::zone::Zone;
use crate::rules::attested_bundle::{self, AttestedBundle, AttestedSteps};
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::rules::new_ids::Ids;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::target::Target;
use policy_store_verify::attestation::{Attestation, Signer, Status};

/// Policy bundles.
impl Zone {
    /// [Prepares](Self::prepare_bundle) a bundle for `actor`, and signs an attestation of its policy set version with
    /// `signer`. The actor then applies it with
    /// [`ZoneTransaction::apply_attested_bundle`](crate::ZoneTransaction::apply_attested_bundle). The signer runs in
    /// this call, outside every lock.
    ///
    /// # Errors
    ///
    /// Those of [`prepare_bundle`](Self::prepare_bundle), and those of [`Attestation::sign`].
    pub fn prepare_attested_bundle(
        &self,
        actor: &Actor,
        target: Target,
        bundle: impl Into<PreparedBundle>,
        signer: &dyn Signer,
    ) -> Result<AttestedBundle> {
        let prepared = self.prepare_bundle(actor, target.clone(), bundle)?;
        let subject = self.read_with_room(|zone, store| {
            zone.check_open()?;
            let validation = Validation::ahead(&store.compiler, &prepared.validated);
            let plan = BundlePlan::new(zone, &validation, actor, &target, &prepared)?;
            let BundlePlan::Steps { set, schema, mut steps, .. } = plan else { return Ok(None) };
            let ids = Ids::draw(store, zone, self.now(), steps.len());
            ids.give(&mut steps);
            let subject = attested_bundle::subject(zone, set.as_ref(), &ids, schema, &steps)?;
            Ok(Some((ids, subject)))
        })?;
        let Some((ids, subject)) = subject else { return Ok(AttestedBundle { prepared, version: None }) };
        let attestation = Attestation::sign(&subject, self.now(), actor.id(), Status::Created, signer)?;
        Ok(AttestedBundle { prepared, version: Some(AttestedSteps { ids, attester: actor.clone(), attestation }) })
    }
}
