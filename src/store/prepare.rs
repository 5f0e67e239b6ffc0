//! Preparing writes: what is parsed and validated ahead, outside the write lock.

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

/// Reading for a preparation.
impl Zone {
    /// Reads with room on the stack for Cedar.
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
    /// Parses and validates a version ahead of [`bind_guardrail`](crate::ZoneTransaction::bind_guardrail), on any thread,
    /// while writes go on. The write checks the version again and reuses what was parsed and validated here.
    ///
    /// # Errors
    ///
    /// Those of binding it, but for the actor's.
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
            zone.check_open()?;
            let known = Validated::default();
            let validation = Validation::ahead(&store.compiler, &known);
            Planned::new(zone, &validation, &new)?;
            Ok(validation.known())
        })?;
        Ok(PreparedPolicySetVersion { new, validated })
    }
}
