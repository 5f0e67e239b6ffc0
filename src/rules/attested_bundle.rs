//! Attestations of the policy set version that a bundle makes. An attestation covers the ids in the manifest, so the
//! ids of new policies and versions are generated here, ahead of the write.
//!
//! The write plans the bundle again and checks that the result is the same. Does not know how a bundle is planned.

use super::attest;
use super::bundle_plan::PreparedBundle;
use super::manifest::Planned;
use super::new_ids::Ids;
use super::steps::Step;
use crate::record::Manifest;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{PolicyId, PolicySetId, PolicyVersionId};
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;
use policy_store_verify::attestation::{Attestation, Status, Subject};

/// A policy bundle to apply, with an attestation of its policy set version: see
/// [`Zone::prepare_attested_bundle`](crate::Zone::prepare_attested_bundle).
#[must_use]
#[derive(Clone, Debug)]
pub struct AttestedBundle {
    pub(crate) prepared: PreparedBundle,
    /// None if the whole bundle was in force: it makes no version.
    pub(crate) version: Option<AttestedSteps>,
}

impl AttestedBundle {
    /// The attestation; none if the whole bundle was in force when it was prepared, and it therefore makes no version.
    #[must_use]
    pub fn attestation(&self) -> Option<&Attestation> {
        self.version.as_ref().map(|version| &version.attestation)
    }
}

/// The attested ids of a bundle's new resources, and the attestation.
#[derive(Clone, Debug)]
pub(crate) struct AttestedSteps {
    pub(crate) ids: Ids,
    pub(crate) attester: Actor,
    pub(crate) attestation: Attestation,
}

impl AttestedSteps {
    /// Gives the steps the attested ids and compares the result with the attestation. Returns the id for a new set.
    pub(crate) fn check(
        &self,
        zone: ZoneReader<'_>,
        set: Option<&PolicySetId>,
        schema: &SchemaRef,
        steps: &mut [Step],
    ) -> Result<String> {
        if steps.len() != self.ids.steps.len() {
            let (expected, actual) = (self.ids.steps.len().to_string(), steps.len().to_string());
            let what = "number of policies of the attestation".to_owned();
            return Err(ErrorDetail::PreconditionFailed { what, expected, actual }.into());
        }
        self.ids.give(steps);
        let subject = subject(zone, set, &self.ids, schema.clone(), steps)?;
        attest::check(&self.attestation, &subject, Status::Created)?;
        Ok(self.ids.set.clone())
    }
}

/// The subject of an attestation of the version that the steps make, by the current state.
pub(crate) fn subject(
    zone: ZoneReader<'_>,
    set: Option<&PolicySetId>,
    ids: &Ids,
    schema: SchemaRef,
    steps: &[Step],
) -> Result<Subject> {
    let planned = Planned { schema, manifest: Manifest::new(steps.iter().map(entry).collect::<Result<_>>()?)? };
    match set {
        Some(set) => attest::next(zone, set.as_str(), &planned),
        None => attest::first(zone, PolicySetId::new(ids.set.as_str())?, &planned),
    }
}

/// The manifest entry of a step with its ids.
fn entry(step: &Step) -> Result<ManifestEntry> {
    let (policy_id, version) = match step {
        Step::Keep(entry) => return Ok(entry.clone()),
        Step::Edit(policy_id, version) => (policy_id.clone(), version),
        Step::Create(new, version) => (PolicyId::new(new.id.as_deref().unwrap_or_default())?, version),
    };
    let policy_version_id = PolicyVersionId::new(version.id.as_deref().unwrap_or_default())?;
    Ok(ManifestEntry { policy_id, policy_version_id, sha: version.sha() })
}
