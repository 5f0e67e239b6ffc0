//! What applying a prepared bundle would do, as values: against what was in force when it was prepared.

use std::collections::BTreeSet;

use crate::bundle_plan::{BundlePlan, Step};
use crate::id::{PolicyId, PolicySetId};
use crate::model::ManifestEntry;

/// What applying a bundle would do, against what was in force when it was prepared. The write checks anew: if something
/// else is in force by then, it does what is right then.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BundleChanges {
    /// Whether all of it is in force already, under the same schema version: then nothing is written.
    pub in_force: bool,
    /// The policy set that gets a version; none if one is created.
    pub policy_set_id: Option<PolicySetId>,
    /// The names of the policies that are created.
    pub created: Vec<String>,
    /// The policies that get a new version.
    pub updated: Vec<PolicyId>,
    /// Versions that exist and are not in force: they are pinned.
    pub pinned: Vec<ManifestEntry>,
    /// Entries in force whose policies the bundle leaves out.
    pub unpinned: Vec<ManifestEntry>,
    /// Entries in force that stay.
    pub unchanged: Vec<ManifestEntry>,
}

impl BundleChanges {
    pub(crate) fn of(plan: &BundlePlan) -> Self {
        let (set, base, steps) = match plan {
            BundlePlan::InForce(binding, base) => (Some(binding.policy_set_id.clone()), base, None),
            BundlePlan::Steps { set, base, steps, .. } => (set.clone(), base, Some(steps)),
        };
        let mut changes = Self {
            in_force: steps.is_none(),
            policy_set_id: set,
            created: Vec::new(),
            updated: Vec::new(),
            pinned: Vec::new(),
            unpinned: Vec::new(),
            unchanged: Vec::new(),
        };
        let Some(steps) = steps else {
            changes.unchanged.clone_from(base);
            return changes;
        };
        let mut named = BTreeSet::new();
        for step in steps {
            match step {
                Step::Keep(entry) => {
                    named.insert(&entry.policy_id);
                    let kind = if base.contains(entry) { &mut changes.unchanged } else { &mut changes.pinned };
                    kind.push(entry.clone());
                }
                Step::Edit(policy_id, _) => {
                    named.insert(policy_id);
                    changes.updated.push(policy_id.clone());
                }
                Step::Create(new, _) => changes.created.push(new.name.clone()),
            }
        }
        changes.unpinned.extend(base.iter().filter(|entry| !named.contains(&entry.policy_id)).cloned());
        changes
    }
}
