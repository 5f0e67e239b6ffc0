//! Preparing writes: what is parsed and validated ahead, outside the write lock.

use crate::bundle_plan::BundlePlan;
use crate::bundle_plan::PreparedBundle;
use crate::policy_set_version::NewPolicySetVersion;
use crate::types::actor::Actor;
use crate::types::error::Result;
use crate::types::target::Target;
use crate::validated::Validated;
use crate::validated::Validation;
use crate::zone;
use crate::zone_read::Zone;
use crate::zone_write::Planned;
use crate::zone_write::PreparedPolicySetVersion;

/// Policy set versions.
impl Zone {
    /// Checks a manifest and validates what it pins against its schema version, ahead of its write, on any thread and without
    /// holding up writes. The write checks again what may have changed, and validates only what was not validated here.
    ///
    /// A request that was answered before need not be prepared again: see [`answered`](Self::answered).
    ///
    /// # Errors
    ///
    /// Those of [`create_policy_set_version`](crate::ZoneWrite::create_policy_set_version) that are about the manifest and its
    /// schema version; each policy may cost [as much](crate::Builder::validation_limit) as a new one.
    pub fn prepare_policy_set_version(&self, new: NewPolicySetVersion) -> Result<PreparedPolicySetVersion> {
        let validated = self.read_with_room(|view, store, zone| {
            zone::check_open(view, zone)?;
            let known = Validated::default();
            let validation = Validation::ahead(&store.compiler, &known);
            Planned::new(view, &validation, zone, &new)?;
            Ok(validation.known())
        })?;
        Ok(PreparedPolicySetVersion { new, validated })
    }
}

/// Policy bundles.
#[cfg(feature = "bundle")]
impl Zone {
    /// Parses and validates what is new in a bundle ahead of its write, on any thread and without holding up writes: as
    /// `actor`, who then applies it with [`ZoneWrite::apply_bundle`](crate::ZoneWrite::apply_bundle). If something else is
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
        let (plan, validated) = self.read_with_room(|view, store, zone| {
            zone::check_open(view, zone)?;
            let validation = Validation::ahead(&store.compiler, &prepared.validated);
            let plan = BundlePlan::new(view, &validation, zone, actor, &target, &prepared)?;
            Ok((plan, validation.known()))
        })?;
        prepared.prepare_with(plan, validated);
        Ok(prepared)
    }
}
