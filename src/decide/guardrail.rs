//! Checks that a guardrail validates against the schema of each policy set version that it is evaluated with.

use crate::engine::validation::Validation;
use crate::record::{PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::binding::At;
use crate::resource::policy_set_version;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorDetail, Result};
use crate::types::schema::SchemaRef;

/// Refuses a schema that the zone's guardrail does not validate against, if the zone has a guardrail.
pub(crate) fn check_guardrail(zone: ZoneReader<'_>, validation: &Validation<'_>, schema: &SchemaRef) -> Result<()> {
    let Some(binding) = zone.guardrail(At::Now)? else { return Ok(()) };
    let found = VersionRecord::<PolicySetVersionCreated>::named(zone, binding.policy_set_version_id.as_str())?;
    let version = found.body()?;
    if version.schema == *schema {
        return Ok(());
    }
    validate(zone, validation, version, &policies(zone, version)?, schema)
}

/// Validates a guardrail against a schema other than its own. Its own was checked when it was created.
pub(crate) fn validate(
    zone: ZoneReader<'_>,
    validation: &Validation<'_>,
    version: &PolicySetVersionCreated,
    policies: &[PolicyVersionCreated],
    schema: &SchemaRef,
) -> Result<()> {
    validation.check(&zone, policies, schema).map_err(|cause| {
        if !matches!(cause.detail(), ErrorDetail::PolicyValidation { .. }) {
            return cause;
        }
        let (zone_id, policy_set_version_id) = (zone.id.to_string(), version.version_id.to_string());
        let schema = schema.version.to_string();
        ErrorDetail::GuardrailSchema { zone_id, policy_set_version_id, schema, cause }.into()
    })
}

/// The policy versions that a policy set version pins.
pub(crate) fn policies(zone: ZoneReader<'_>, version: &PolicySetVersionCreated) -> Result<Vec<PolicyVersionCreated>> {
    let manifest = policy_set_version::manifest(&zone, version)?;
    let pinned = manifest.into_entries().into_iter().map(|entry| {
        let found = VersionRecord::<PolicyVersionCreated>::named(zone, entry.policy_version_id.as_str())?;
        policy_set_version::check_pinned(version, &entry, Some(found.body()?)).cloned()
    });
    pinned.collect()
}
