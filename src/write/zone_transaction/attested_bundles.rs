//! Applies policy bundles with an attestation of the new policy set version. The signer has run before the write.

use super::ZoneTransaction;
use super::bindings::has_bound;
use crate::engine::validation::Validation;
use crate::record::fingerprint::Fingerprint;
use crate::resource::binding::BindOutcome;
use crate::rules::attested_bundle::{AttestedBundle, AttestedSteps};
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::rules::bundle_tests;
use crate::types::error::{ErrorDetail, Result};
use crate::types::target::{BindingMode, Target};

/// Attested policy bundles.
impl ZoneTransaction<'_, '_> {
    /// [Applies](Self::apply_bundle) a policy bundle and adds the attestation of the new policy set version: both or
    /// neither. A bundle that is already in force makes no version and changes nothing.
    ///
    /// The fingerprint of the call leaves out the attestation. Under an idempotency key that was used
    /// [before](crate::Zone::entry_for_key), [`apply_bundle`](Self::apply_bundle) therefore returns the first result
    /// too, without a new signature.
    ///
    /// # Errors
    ///
    /// Those of [`apply_bundle`](Self::apply_bundle); [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if
    /// the bundle would no longer make the attested version, because of a write after the signing: prepare again;
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
        let tests = self.read(|reader| bundle_tests::demanded(reader, &target))?;
        if let Some(tests) = &tests {
            self.read(|reader| tests.check(reader, &self.engine.compiler, (&schema, None), &steps))?;
        }
        // The set if it is new, its version, the attestation, the tests, and the binding.
        self.room_for_steps(&steps, 3 + usize::from(set.is_none()) + usize::from(tests.is_some()))?;
        let version = self.add_bundle_version(set, Some(new_set), schema, steps, &target)?;
        self.add_attestation(version.id.as_str(), &attested.attester, &attested.attestation)?;
        self.take_tests(&version, tests.as_ref())?;
        self.bind(&version.id, target)
    }
}
