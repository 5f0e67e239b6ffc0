//! Applying and resetting policy bundles: the zone's calls that follow from a plan.
//!
//! Everything that one of them could refuse is checked before the first.

use super::ZoneTransaction;
use super::bindings::has_bound;
use crate::bundle::Bundle;
use crate::engine::validation::Validation;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, Manifest};
use crate::resource::binding::{BindOutcome, Binding};
use crate::resource::policy_set::NewPolicySet;
use crate::resource::policy_set_version::PolicySetVersion;
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle, Step};
use crate::rules::manifest::Planned;
use crate::rules::ownership::check_owner;
use crate::types::error::{Resource, Result};
use crate::types::id::PolicySetId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;
use crate::types::target::{BindingMode, Target};

/// The name of a policy set that is created for a bundle.
const SET_NAME: &str = "policy bundle";

/// Policy bundles.
impl ZoneTransaction<'_, '_> {
    /// The policy bundle of what is in force for `target`.
    pub fn bundle(&self, target: Target) -> Result<Bundle> {
        self.read(|reader| reader.bundle(&target))
    }

    /// The policy bundle that a user would edit: of what is in force for the user, or else for the zone.
    pub fn effective_bundle(&self, user: impl Into<String>) -> Result<Bundle> {
        let user = Target::User(user.into());
        self.read(|reader| reader.effective_bundle(&user))
    }

    /// Puts the policies of a bundle in force for a target, and no others. What of it is new is better
    /// [prepared](crate::Zone::prepare_bundle) before, as others wait while it is parsed and validated.
    ///
    /// A policy with a new text gets its next version, under the bundle's schema version; one whose text is that of the
    /// version in force, or of its newest version, keeps that version; one that is not in the bundle is no longer pinned,
    /// and stays as it is. Then the set that is in force gets its next version, which is put in force. If nothing is in
    /// force for the target, a set is created for it. Policies, schema version and texts that are all in force already
    /// change nothing: the same bundle again is as good as once. Names, hashes, the schema's text and the target in the
    /// bundle mean nothing.
    ///
    /// What others rely on is copied, and not edited: a new policy of the same name and description takes the place of a
    /// policy of the platform's that a customer edits, and, in a user's bundle, of every policy that is not in force for
    /// that user, or that is in force for the zone. So the first bundle of a user makes a policy for each that it names.
    /// In a bundle for the zone, every policy of the zone can be named. A policy that was pinned for several users by hand is
    /// any of theirs.
    ///
    /// A bundle may name again what it was made from, as one that lies in a repository does: a policy that was copied since,
    /// or one that was new. So before a policy is copied or created, it is looked for among those in force that the bundle does
    /// not name: by its name and text, or only its text if it is a copy, and that one is kept; then by its name, and that one
    /// is edited.
    ///
    /// What is archived cannot be pinned again, edited, or copied.
    ///
    /// To be sure that it replaces what its author has edited, demand its
    /// [digest](crate::Precondition::bundle_digest).
    ///
    /// # Errors
    ///
    /// What is wrong with a policy is returned with the name of its file.
    pub fn apply_bundle(&mut self, target: Target, bundle: impl Into<PreparedBundle>) -> Result<BindOutcome> {
        let prepared = bundle.into();
        let fingerprint = Fingerprint::of("apply_bundle").target(&target).bytes(prepared.digest.as_bytes());
        let replayed = target.clone();
        self.once(
            fingerprint,
            |zone| zone.apply(target, &prepared),
            |reader, entry| reader.bind_outcome(&replayed, BindingMode::Active, has_bound(entry)),
        )
    }

    fn apply(&mut self, target: Target, prepared: &PreparedBundle) -> Result<BindOutcome> {
        let actor = self.actor();
        let validation = Validation::in_write(&self.engine.compiler, &prepared.validated);
        let plan = self.read(|reader| BundlePlan::new(reader, &validation, actor, &target, prepared))?;
        let (set, schema, steps) = match plan {
            BundlePlan::InForce(binding, _) => return Ok(BindOutcome { binding, replaced: None, changed: false }),
            BundlePlan::Steps { set, schema, steps, .. } => (set, schema, steps),
        };
        // Behind the steps stand the set if it is new, its version, and the binding.
        self.room_for_steps(&steps, 2 + usize::from(set.is_none()))?;
        let version = self.take_steps(set, None, schema, steps, &target)?;
        self.bind(&version.id, target)
    }

    /// Makes the next version of the set, or the first one of a new set, which gets `new_set` for its id.
    pub(super) fn take_steps(
        &mut self,
        set: Option<PolicySetId>,
        new_set: Option<String>,
        schema: SchemaRef,
        steps: Vec<Step>,
        target: &Target,
    ) -> Result<PolicySetVersion> {
        let mut entries = Vec::with_capacity(steps.len());
        for step in steps {
            let (policy_id, version) = match step {
                Step::Keep(entry) => {
                    entries.push(entry);
                    continue;
                }
                Step::Edit(policy_id, version) => (policy_id, version),
                Step::Create(new, version) => (self.create_policy(new)?.id, version),
            };
            let version = self.create_policy_version(&policy_id, version)?;
            entries.push(ManifestEntry { policy_id, policy_version_id: version.id, sha: version.sha });
        }
        let set = match set {
            Some(set) => self.policy_set(set)?,
            None => {
                let new = NewPolicySet::named(SET_NAME).target_type(target.target_type());
                self.create_policy_set(NewPolicySet { id: new_set, ..new })?
            }
        };
        let planned = Planned { schema, manifest: Manifest::new(entries)? };
        self.add_policy_set_version(set, None, planned)
    }

    pub(super) fn room_for_steps(&mut self, steps: &[Step], behind: usize) -> Result<()> {
        let entries = steps.iter().map(|step| match step {
            Step::Keep(_) => 0,
            Step::Edit(..) => 1,
            Step::Create(..) => 2,
        });
        self.writer().room_for(entries.sum::<usize>() + behind)?;
        let log = self.place.log;
        self.writer().next(log).map(drop)
    }

    /// Takes back the bundle of a user: unbinds what is in force for the user, and archives its set, so that the user's
    /// bundle is the [zone's](crate::Zone::effective_bundle) again. The policies stay as they are. Returns what was in force;
    /// nothing changes if nothing was.
    pub fn reset_bundle(&mut self, user: impl Into<String>) -> Result<Option<Binding>> {
        let target = Target::User(user.into());
        let replayed = target.clone();
        self.once(
            Fingerprint::of("reset_bundle").target(&target),
            |zone| zone.reset(target),
            |reader, entry| match entry.body {
                Body::Unbound(_) => {
                    let before = entry.envelope.position.saturating_sub(1);
                    reader.binding_up_to(&replayed, BindingMode::Active, before)
                }
                _ => Ok(None),
            },
        )
    }

    fn reset(&mut self, target: Target) -> Result<Option<Binding>> {
        let Some(before) = self.binding(&target, BindingMode::Active)? else { return Ok(None) };
        let set = self.policy_set(&before.policy_set_id)?;
        check_owner(self.actor(), Resource::PolicySet, set.id.as_str(), set.owner_type)?;
        // What is observed cannot be archived either.
        let observed = self.binding(&target, BindingMode::Shadow)?;
        let observed = observed.is_some_and(|observed| observed.policy_set_id == set.id);
        self.writer().room_for(2 + usize::from(observed))?;
        self.unbind(target.clone())?;
        if observed {
            self.unbind_shadow(target)?;
        }
        self.archive_policy_set(&set.id)?;
        Ok(Some(before))
    }
}
