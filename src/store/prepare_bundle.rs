//! Preparing a policy bundle ahead of its write.

use crate::engine::validation::Validation;
use crate::read::zone::Zone;
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::target::Target;

/// Policy bundles.
impl Zone {
    /// Parses and validates what is new in a bundle ahead of its write, on any thread and without holding up writes: as
    /// `actor`, who then applies it with [`ZoneTransaction::apply_bundle`](crate::ZoneTransaction::apply_bundle). If something else is
    /// in force by then, or it is applied by another actor or for another target, the write does what is still to be done.
    ///
    /// A request that was answered before need not be prepared again: see [`answered`](Self::answered). And what is demanded
    /// can be [checked](Self::check) before.
    ///
    /// # Errors
    ///
    /// Those of applying it, but for demands.
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
