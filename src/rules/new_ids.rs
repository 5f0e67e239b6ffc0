//! Ids for the resources that a bundle or a plan creates, drawn before they are written: an attestation covers them, and so does the
//! order of the policies that a test suite is run with.

use super::steps::Step;
use crate::engine::Engine;
use crate::resource::zone::ZoneReader;
use crate::types::time::Timestamp;

/// Ids for all resources that a bundle or a plan may create: the set (an attestation covers it), and a policy and a version for each step.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    #[cfg(all(feature = "attestation", feature = "bundle"))]
    pub(crate) set: String,
    pub(crate) steps: Vec<(String, String)>,
}

impl Ids {
    pub(crate) fn draw(engine: &Engine, zone: ZoneReader<'_>, now: Timestamp, steps: usize) -> Self {
        // The positions in the log are unknown here. Every draw is different, so position 0 is safe.
        let id = || engine.environment.uuid(now, zone.log_id, 0);
        // New policies have the order of the steps: tests name statements by their place.
        let mut policies: Vec<_> = (0..steps).map(|_| id()).collect();
        policies.sort();
        Self {
            #[cfg(all(feature = "attestation", feature = "bundle"))]
            set: id(),
            steps: policies.into_iter().map(|policy| (policy, id())).collect(),
        }
    }

    pub(crate) fn give(&self, steps: &mut [Step]) {
        for (step, (policy_id, version_id)) in steps.iter_mut().zip(&self.steps) {
            match step {
                Step::Keep(_) => {}
                Step::Edit(_, version) => version.id = Some(version_id.clone()),
                Step::Create(new, version) => {
                    // A plan may have ids that its author chose.
                    new.id.get_or_insert_with(|| policy_id.clone());
                    version.id = Some(version_id.clone());
                }
            }
        }
    }
}
