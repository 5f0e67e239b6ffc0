//! Applying policy bundles with an attestation of the version that they make. The signer has run before.

use super::ZoneTransaction;
use super::bindings::has_bound;
use crate::engine::validation::Validation;
use crate::record::fingerprint::Fingerprint;
use crate::resource::binding::BindOutcome;
use crate::rules::attested_bundle::{AttestedBundle, AttestedSteps};
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::{BindingMode, Target};

/// Attested policy bundles.
impl ZoneTransaction<'_, '_> {
    /// [Applies](Self::apply_bundle) a policy bundle, and adds the attestation of the policy set version that it makes: all or
    /// nothing. A bundle that is in force already makes no version, and changes nothing.
    ///
    /// A request asks for the same with and without an attestation. So one that was answered
    /// [before](crate::Zone::answered) is answered again by [`apply_bundle`](Self::apply_bundle), with nothing signed for it.
    ///
    /// # Errors
    ///
    /// Those of [`apply_bundle`](Self::apply_bundle); [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if it would
    /// not come to what was attested, because something came between: prepare again.
    /// [`Invalid`](crate::ErrorKind::Invalid) if another actor attested it.
    pub fn apply_attested_bundle(&mut self, target: Target, bundle: AttestedBundle) -> Result<BindOutcome> {
        let AttestedBundle { prepared, version } = bundle;
        let fingerprint = Fingerprint::of("apply_bundle").target(&target).bytes(prepared.digest.as_bytes());
        let replayed = target.clone();
        self.once(
            fingerprint,
            |zone| zone.apply_attested(target, &prepared, version),
            |reader, entry| reader.bind_outcome(&replayed, BindingMode::Active, has_bound(entry)),
        )
    }

    fn apply_attested(
        &mut self,
        target: Target,
        prepared: &PreparedBundle,
        attested: Option<AttestedSteps>,
    ) -> Result<BindOutcome> {
        let actor = self.actor();
        let validation = Validation::in_write(&self.engine.compiler, &prepared.validated);
        let plan = self.read(|reader| BundlePlan::new(reader, &validation, actor, &target, prepared))?;
        let (set, schema, mut steps) = match plan {
            BundlePlan::InForce(binding, _) => return Ok(BindOutcome { binding, replaced: None, changed: false }),
            BundlePlan::Steps { set, schema, steps, .. } => (set, schema, steps),
        };
        let Some(attested) = attested else {
            let (expected, actual) = ("in force".to_owned(), "not in force".to_owned());
            return Err(ErrorDetail::PreconditionFailed { what: "policy bundle".to_owned(), expected, actual }.into());
        };
        self.check_attester(&attested.attester)?;
        let new_set = self.read(|reader| attested.check(reader, set.as_ref(), &schema, &mut steps))?;
        // As for any bundle, and the attestation.
        self.room_for_steps(&steps, 3 + usize::from(set.is_none()))?;
        let version = self.take_steps(set, Some(new_set), schema, steps, &target)?;
        self.add_attestation(version.id.as_str(), &attested.attester, &attested.attestation)?;
        self.bind(&version.id, target)
    }
}
