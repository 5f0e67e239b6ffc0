//! Preparing a policy bundle ahead of its write.

use crate::engine::validation::Validation;
use crate::read::zone::Zone;
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::target::Target;

/// Policy bundles.
impl Zone {
    /// Parses and validates the new parts of a bundle ahead of its write, on any thread, while writes go on. `actor`
    /// then applies the bundle with [`ZoneTransaction::apply_bundle`](crate::ZoneTransaction::apply_bundle). If another
    /// version is in force by then, or if the actor or target differs, the write does the rest of the work.
    ///
    /// A bundle need not be prepared for a repeated call: check with [`entry_for_key`](Self::entry_for_key) first.
    /// [`check`](Self::check) tests preconditions before.
    ///
    /// # Errors
    ///
    /// Those of [`apply_bundle`](crate::ZoneTransaction::apply_bundle), without preconditions.
    pub fn prepare_bundle(
        &self,
        actor: &Actor,
        target: Target,
        bundle: impl Into<PreparedBundle>,
    ) -> Result<PreparedBundle> {
        let mut prepared = bundle.into();
        let (plan, validated) = self.read_with_room(|zone, store| {
            zone.check_open()?;
            let validation = Validation::ahead(&store.compiler, &prepared.validated);
            let plan = BundlePlan::new(zone, &validation, actor, &target, &prepared)?;
            Ok((plan, validation.known()))
        })?;
        prepared.prepare_with(plan, validated);
        Ok(prepared)
    }
}
