//! The guardrail of a zone: `forbid` statements of the platform that are evaluated in every decision of the zone.
//!
//! It is bound like any policy set version. The rules that are special to it are here: it only forbids, and it
//! validates against every schema that it is evaluated with.

use std::collections::BTreeMap;

use crate::decide::guardrail::{policies, validate};
use crate::engine::validation::Validation;
use crate::list::scan::in_order;
use crate::record::PolicySetVersionCreated;
use crate::resource::binding::At;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::storage::Direction;
use crate::storage::key::RowKind;
use crate::types::actor::{Actor, OwnerType};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{SchemaName, ZoneId};
use crate::types::schema::SchemaRef;
use crate::types::target::BindingMode;

/// Refuses a customer, if the zone has a guardrail.
pub(crate) fn check_actor(zone: ZoneReader<'_>, actor: &Actor, action: &'static str) -> Result<()> {
    if actor.owner_type() != OwnerType::Platform && zone.guardrail(At::Now)?.is_some() {
        let action = format!("{action} zone `{}`, which has a guardrail", zone.id);
        return Err(ErrorDetail::GuardrailReserved { action }.into());
    }
    Ok(())
}

/// Refuses a customer who binds or unbinds a guardrail.
pub(crate) fn check_binder(zone: &ZoneId, actor: &Actor) -> Result<()> {
    if actor.owner_type() != OwnerType::Platform {
        let action = format!("bind or unbind the guardrail of zone `{}`", zone);
        return Err(ErrorDetail::GuardrailReserved { action }.into());
    }
    Ok(())
}

/// Refuses a version as the zone's guardrail if it has a `permit`, or does not validate against a schema that it would
/// be evaluated with.
pub(crate) fn check_version(
    zone: ZoneReader<'_>,
    validation: &Validation<'_>,
    version: &PolicySetVersionCreated,
) -> Result<()> {
    let policies = policies(zone, version)?;
    for policy in &policies {
        if let Some(statement) = validation.compiler().policy(&zone, policy)?.first_permit() {
            return Err(ErrorDetail::GuardrailPermits {
                policy_set_version_id: version.version_id.to_string(),
                policy_version_id: policy.version_id.to_string(),
                statement,
            }
            .into());
        }
    }
    for schema in bound_schemas(zone)?.values().filter(|schema| **schema != version.schema) {
        validate(zone, validation, version, &policies, schema)?;
    }
    Ok(())
}

/// The schemas of all versions in force or under observation in the zone.
fn bound_schemas(zone: ZoneReader<'_>) -> Result<BTreeMap<SchemaName, SchemaRef>> {
    let order = (zone.log, RowKind::PolicySetOrder);
    let mut schemas = BTreeMap::new();
    for (_, id) in in_order(&zone, order, None, Direction::Ascending, usize::MAX, |_, _| Ok(true))? {
        let row = zone.policy_set_row(&id)?;
        for mode in [BindingMode::Active, BindingMode::Shadow] {
            let Some(position) = row.binding(mode) else { continue };
            let bound = zone.binding_of_set(&id, position, mode)?.bound;
            let found = VersionRecord::<PolicySetVersionCreated>::by_number(zone, &id, bound.version)?;
            let schema = &found.body()?.schema;
            schemas.entry(schema.version.clone()).or_insert_with(|| schema.clone());
        }
    }
    Ok(schemas)
}
