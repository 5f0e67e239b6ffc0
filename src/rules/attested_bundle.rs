//! Having the policy set version attested that a policy bundle makes. An attestation covers the ids in the manifest, so the
//! ids of new policies and versions are drawn here, ahead of the write.
//!
//! The write plans the bundle again, and checks that the same comes out. Does not know how a bundle is planned.

use super::attest;
use super::bundle_plan::{PreparedBundle, Step};
use super::manifest::Planned;
use crate::attestation::{Attestation, Status, Subject};
use crate::engine::Engine;
use crate::record::Manifest;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::{PolicyId, PolicySetId, PolicyVersionId};
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;
use crate::types::time::Timestamp;

/// A policy bundle to apply with an attestation of the policy set version that it makes: see
/// [`Zone::prepare_attested_bundle`].
#[derive(Clone, Debug)]
pub struct AttestedBundle {
    pub(crate) prepared: PreparedBundle,
    /// None if all of the bundle was in force: it made no version.
    pub(crate) version: Option<AttestedSteps>,
}

impl AttestedBundle {
    /// The attestation; none if all of the bundle was in force when it was prepared, so that it makes no version.
    pub fn attestation(&self) -> Option<&Attestation> {
        self.version.as_ref().map(|version| &version.attestation)
    }
}

/// The steps of a bundle with the ids that were attested.
#[derive(Clone, Debug)]
pub(crate) struct AttestedSteps {
    pub(crate) ids: Ids,
    pub(crate) attester: Actor,
    pub(crate) attestation: Attestation,
}

/// An id for everything that a bundle may create: the set, and a policy and a version for each step.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    set: String,
    steps: Vec<(String, String)>,
}

impl AttestedSteps {
    /// Gives the steps the ids that were attested, and checks that they come to what was attested. Returns the id of the
    /// set if it is to be created.
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

impl Ids {
    pub(crate) fn draw(engine: &Engine, zone: ZoneReader<'_>, now: Timestamp, steps: usize) -> Self {
        // Their places in the log are not known yet, and no draw repeats another.
        let id = || engine.environment.uuid(now, zone.log_id, 0);
        Self { set: id(), steps: (0..steps).map(|_| (id(), id())).collect() }
    }

    pub(crate) fn give(&self, steps: &mut [Step]) {
        for (step, (policy_id, version_id)) in steps.iter_mut().zip(&self.steps) {
            match step {
                Step::Keep(_) => {}
                Step::Edit(_, version) => version.id = Some(version_id.clone()),
                Step::Create(new, version) => {
                    new.id = Some(policy_id.clone());
                    version.id = Some(version_id.clone());
                }
            }
        }
    }
}

/// What the attestation of the version that the steps make is about, as of now.
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

/// The manifest entry that a step comes to, once it has its ids.
fn entry(step: &Step) -> Result<ManifestEntry> {
    let (policy_id, version) = match step {
        Step::Keep(entry) => return Ok(entry.clone()),
        Step::Edit(policy_id, version) => (policy_id.clone(), version),
        Step::Create(new, version) => (PolicyId::new(new.id.as_deref().unwrap_or_default())?, version),
    };
    let policy_version_id = PolicyVersionId::new(version.id.as_deref().unwrap_or_default())?;
    Ok(ManifestEntry { policy_id, policy_version_id, sha: version.sha() })
}
