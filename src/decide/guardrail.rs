//! A guardrail is evaluated with the schema of each set beside it, so it validates against that schema too.

use crate::engine::validation::Validation;
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::{self, At};
use crate::resource::policy_set_version;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneRef;
use crate::storage::Snapshot;
use crate::types::error::{ErrorDetail, Result};
use crate::types::schema::SchemaRef;

/// Refuses a schema against which the zone's guardrail does not validate, if the zone has one.
pub(crate) fn check_guardrail(
    snapshot: &Snapshot<'_>,
    validation: &Validation<'_>,
    zone: &ZoneRef,
    schema: &SchemaRef,
) -> Result<()> {
    let Some(binding) = binding::guardrail(snapshot, zone, At::Now)? else { return Ok(()) };
    let found =
        VersionRecord::<PolicySetVersionCreated>::named(snapshot, zone, binding.policy_set_version_id.as_str())?;
    let version = found.body()?;
    if version.schema == *schema {
        return Ok(());
    }
    validate(snapshot, validation, zone, version, &policies(snapshot, zone, version)?, schema)
}

/// With another schema than its own, against which it was validated when it was created.
pub(crate) fn validate(
    snapshot: &Snapshot<'_>,
    validation: &Validation<'_>,
    zone: &ZoneRef,
    version: &PolicySetVersionCreated,
    policies: &[PolicyVersionCreated],
    schema: &SchemaRef,
) -> Result<()> {
    validation.check(snapshot, policies, schema).map_err(|cause| {
        if !matches!(cause.detail(), ErrorDetail::PolicyValidation { .. }) {
            return cause;
        }
        let (zone_id, policy_set_version_id) = (zone.id.to_string(), version.version_id.to_string());
        let schema = schema.version.to_string();
        ErrorDetail::GuardrailSchema { zone_id, policy_set_version_id, schema, cause }.into()
    })
}

/// The policy versions that a set version pins.
pub(crate) fn policies(
    snapshot: &Snapshot<'_>,
    zone: &ZoneRef,
    version: &PolicySetVersionCreated,
) -> Result<Vec<PolicyVersionCreated>> {
    let manifest = policy_set_version::manifest(snapshot, version)?;
    let pinned = manifest.into_entries().into_iter().map(|entry| {
        let found = VersionRecord::<PolicyVersionCreated>::named(snapshot, zone, entry.policy_version_id.as_str())?;
        policy_set_version::check_pinned(version, &entry, Some(found.body()?)).cloned()
    });
    pinned.collect()
}
