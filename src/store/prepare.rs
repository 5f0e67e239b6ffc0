//! Prepares policy set versions and guardrails ahead of their writes, outside the write lock.

use crate::cedar::with_room;
use crate::engine::Engine;
use crate::engine::validation::{Validated, Validation};
use crate::read::zone::Zone;
use crate::record::PolicySetVersionCreated;
use crate::resource::policy_set_version::NewPolicySetVersion;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::rules::guardrail;
use crate::rules::manifest::{Planned, PreparedPolicySetVersion};
use crate::types::error::Result;
#[cfg(feature = "attestation")]
use crate::types::time::Timestamp;

/// Reads for preparations.
impl Zone {
    /// Reads on a stack with enough space for Cedar.
    pub(crate) fn read_with_room<T>(&self, f: impl FnOnce(ZoneReader<'_>, &Engine) -> Result<T>) -> Result<T> {
        with_room(|| self.read(|zone| f(zone, &self.engine)))
    }

    #[cfg(feature = "attestation")]
    pub(super) fn now(&self) -> Timestamp {
        self.engine.environment.now()
    }
}

/// Guardrails.
impl Zone {
    /// Parses and validates a version ahead of [`bind_guardrail`](crate::ZoneTransaction::bind_guardrail), on any
    /// thread, while writes go on. The write checks the version again and reuses the parsed and validated policies.
    ///
    /// # Errors
    ///
    /// Those of [`bind_guardrail`](crate::ZoneTransaction::bind_guardrail), without the check of the actor.
    pub fn prepare_guardrail(&self, policy_set_version_id: impl AsRef<str>) -> Result<()> {
        let compiler = &self.engine.compiler;
        self.read(|zone| {
            let found = VersionRecord::<PolicySetVersionCreated>::by_id(zone, policy_set_version_id.as_ref())?;
            compiler.set(zone, &found)?;
            let known = Validated::default();
            guardrail::check_version(zone, &Validation::ahead(compiler, &known), found.body()?)
        })
    }
}

/// Policy set versions.
impl Zone {
    /// Checks a manifest and validates its policy versions against its schema version, ahead of the write, on any
    /// thread, while writes go on. The write repeats the checks whose result may have changed, and validates only the
    /// rest.
    ///
    /// A version need not be prepared for a repeated call: check with [`entry_for_key`](Self::entry_for_key) first.
    ///
    /// ```
    /// # use policy_store::{Actor, NewPolicySetVersion, PolicySetVersion, PolicyStore, PolicyVersion, Result};
    /// fn create(store: &PolicyStore, actor: &Actor, policy: &PolicyVersion) -> Result<PolicySetVersion> {
    ///     let new = NewPolicySetVersion::new("2026-02-24").pin(policy);
    ///     let prepared = store.zone("acme")?.prepare_policy_set_version(new)?;
    ///     store.write(actor, |w| w.zone("acme")?.create_policy_set_version("production", prepared))
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`create_policy_set_version`](crate::ZoneTransaction::create_policy_set_version) about the manifest and
    /// its schema version. The [limit](crate::Builder::validation_limit) applies to each policy, not to their sum.
    pub fn prepare_policy_set_version(&self, new: NewPolicySetVersion) -> Result<PreparedPolicySetVersion> {
        let validated = self.read_with_room(|zone, store| {
            zone.check_open()?;
            let known = Validated::default();
            let validation = Validation::ahead(&store.compiler, &known);
            Planned::new(zone, &validation, &new)?;
            Ok(validation.known())
        })?;
        Ok(PreparedPolicySetVersion { new, validated })
    }
}
