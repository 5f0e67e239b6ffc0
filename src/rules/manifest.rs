//! Plans a new policy set version: its schema, and its manifest after the checks of all pins.
//!
//! It can be planned ahead of the write. The write plans it again and reuses the validations.

use super::ownership::check_changeable;
use crate::engine::validation::{Validated, Validation};
use crate::record::{Manifest, PolicyVersionCreated};
use crate::resource::policy_set::PolicySet;
use crate::resource::policy_set_version::{NewPolicySetVersion, Pin};
use crate::resource::schema;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result, at_most};
use crate::types::limits;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;

/// A policy set version whose policies were validated against its schema version ahead of its write, by
/// [`Zone::prepare_policy_set_version`](crate::Zone::prepare_policy_set_version).
#[must_use]
#[derive(Clone, Debug)]
pub struct PreparedPolicySetVersion {
    pub(crate) new: NewPolicySetVersion,
    pub(crate) validated: Validated,
}

/// The input of [`create_policy_set_version`](crate::ZoneTransaction::create_policy_set_version): new, or prepared.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum PolicySetVersionInput {
    /// Policies of another schema version are validated in the write.
    New(NewPolicySetVersion),
    /// Validated before the write.
    Prepared(PreparedPolicySetVersion),
}

impl PolicySetVersionInput {
    pub(crate) fn into_parts(self) -> PreparedPolicySetVersion {
        match self {
            Self::New(new) => PreparedPolicySetVersion { new, validated: Validated::default() },
            Self::Prepared(prepared) => prepared,
        }
    }
}

impl From<NewPolicySetVersion> for PolicySetVersionInput {
    fn from(new: NewPolicySetVersion) -> Self {
        Self::New(new)
    }
}

impl From<PreparedPolicySetVersion> for PolicySetVersionInput {
    fn from(prepared: PreparedPolicySetVersion) -> Self {
        Self::Prepared(prepared)
    }
}

/// The policy set, if `actor` may add a version to it.
pub(crate) fn set_to_change(zone: ZoneReader<'_>, actor: &Actor, id: &str) -> Result<PolicySet> {
    let set = zone.policy_set(id)?;
    check_changeable(actor, Resource::PolicySet, set.id.as_str(), set.owner_type, set.archived_at.is_some())?;
    Ok(set)
}

/// A policy set version that passed all checks.
pub(crate) struct Planned {
    pub schema: SchemaRef,
    pub manifest: Manifest,
}

impl Planned {
    /// Checks a manifest and its pins.
    pub(crate) fn new(zone: ZoneReader<'_>, validation: &Validation<'_>, new: &NewPolicySetVersion) -> Result<Self> {
        at_most("entries of the manifest", new.pins.len(), limits::MANIFEST_ENTRIES)?;
        let schema = schema::usable(&zone, &new.schema_version)?;
        let pinned = new.pins.iter().map(|pin| pinned(zone, pin)).collect::<Result<Vec<_>>>()?;
        validation.check(&zone, pinned.iter().map(|(_, version)| version), &schema)?;
        let entries = pinned.into_iter().map(|(entry, _)| entry).collect();
        Ok(Self { schema, manifest: Manifest::new(entries)? })
    }
}

/// The manifest entry of a pin, after all checks.
pub(crate) fn entry(
    zone: ZoneReader<'_>,
    validation: &Validation<'_>,
    schema: &SchemaRef,
    pin: &Pin,
) -> Result<ManifestEntry> {
    let (entry, version) = pinned(zone, pin)?;
    validation.check(&zone, [&version], schema)?;
    Ok(entry)
}

/// The manifest entry of a pin and the pinned version, after all checks but the validation.
fn pinned(zone: ZoneReader<'_>, pin: &Pin) -> Result<(ManifestEntry, PolicyVersionCreated)> {
    let policy = zone.policy_row(&pin.policy_id)?;
    let found = VersionRecord::<PolicyVersionCreated>::by_id(zone, &pin.policy_version_id)?;
    let body = found.body()?;
    if body.policy_id != pin.policy_id.as_str() {
        let (policy_id, policy_version_id) = (pin.policy_id.clone(), pin.policy_version_id.clone());
        return Err(ErrorDetail::ForeignVersion { policy_id, policy_version_id }.into());
    }
    if let Some(given) = pin.sha.filter(|given| *given != body.sha) {
        let policy_version_id = pin.policy_version_id.clone();
        return Err(ErrorDetail::WrongSha { policy_version_id, given, actual: body.sha }.into());
    }
    for (archived, what, id) in [
        (policy.archived, Resource::Policy, &pin.policy_id),
        (found.row.archived, Resource::PolicyVersion, &pin.policy_version_id),
    ] {
        if archived.is_some() {
            return Err(ErrorDetail::Archived { what, id: id.clone() }.into());
        }
    }
    let (policy_id, policy_version_id) = (body.policy_id.clone(), body.version_id.clone());
    Ok((ManifestEntry { policy_id, policy_version_id, sha: body.sha }, body.clone()))
}
