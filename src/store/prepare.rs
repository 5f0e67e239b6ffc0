//! Preparing writes: what is parsed and validated ahead, outside the write lock.

use super::zone_handle::Zone;
use crate::storage::snapshot;
use crate::engine::validation::{Validated, Validation};
use crate::resource::policy_set_version::NewPolicySetVersion;
use crate::resource::zone;
use crate::rules::manifest::{Planned, PreparedPolicySetVersion};
use crate::types::error::Result;

/// Policy set versions.
impl Zone {
    /// Checks a manifest and validates what it pins against its schema version, ahead of its write, on any thread and without
    /// holding up writes. The write checks again what may have changed, and validates only what was not validated here.
    ///
    /// A request that was answered before need not be prepared again: see [`answered`](Self::answered).
    ///
    /// # Errors
    ///
    /// Those of [`create_policy_set_version`](crate::ZoneTransaction::create_policy_set_version) that are about the manifest and its
    /// schema version; each policy may cost [as much](crate::Builder::validation_limit) as a new one.
    pub fn prepare_policy_set_version(&self, new: NewPolicySetVersion) -> Result<PreparedPolicySetVersion> {
        let validated = self.read_with_room(|zone, store| {
            zone::check_open(snapshot, zone)?;
            let known = Validated::default();
            let validation = Validation::ahead(&store.compiler, &known);
            Planned::new(zone, &validation, &new)?;
            Ok(validation.known())
        })?;
        Ok(PreparedPolicySetVersion { new, validated })
    }
}
