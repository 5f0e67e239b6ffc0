//! Applies and resets policy bundles: carries out a plan with other calls of the zone.
//!
//! All checks of these calls run before the first one writes.

use super::ZoneTransaction;
use super::bindings::has_bound;
use crate::cedar::with_room;
use crate::engine::validation::Validation;
use crate::record::fingerprint::Fingerprint;
use crate::record::{Body, Manifest};
use crate::resource::binding::{BindOutcome, Binding};
use crate::resource::policy_set::NewPolicySet;
use crate::resource::policy_set_version::PolicySetVersion;
use crate::rules::bundle_plan::{BundlePlan, PreparedBundle};
use crate::rules::bundle_tests;
use crate::rules::manifest::Planned;
use crate::rules::ownership::check_owner;
use crate::rules::step_tests::StepTests;
use crate::rules::steps::Step;
use crate::types::error::{Resource, Result};
use crate::types::id::PolicySetId;
use crate::types::schema::SchemaRef;
use crate::types::target::{BindingMode, Target};

/// The name of a policy set that is created for a bundle.
const SET_NAME: &str = "policy bundle";

/// Policy bundles.
impl ZoneTransaction<'_, '_> {
    /// Puts exactly the policies of a bundle in force for a target. Other writes wait while new texts are parsed and
    /// validated: [prepare](crate::Zone::prepare_bundle) the bundle to avoid that.
    ///
    /// - A policy with a new text gets its next version, under the bundle's schema version.
    /// - A policy with the text of the version in force, or of its newest version, keeps that version.
    /// - A policy that the bundle leaves out is no longer pinned, and is otherwise unchanged.
    /// - The policy set in force gets a new version, and this version is put in force. If nothing is in force for the
    ///   target, a policy set is created for it.
    ///
    /// Does nothing if policies, texts and schema version are already in force, so a bundle can be applied twice. The
    /// names, hashes, schema text and target in the bundle are ignored.
    ///
    /// A policy that others depend on is copied, not edited: a new policy with the same name and description takes its
    /// place. That applies to platform policies that a customer edits. In a user's bundle it also applies to every
    /// policy that is not in force for that user, or that is in force for the zone. The first bundle of a user
    /// therefore creates one policy for each that it names. A bundle for the zone can name every policy of the zone. A
    /// policy that was pinned for several users by hand counts as each one's own.
    ///
    /// A bundle may have been exported before a policy was copied or created, for example when it is kept in a
    /// repository. Before a policy is copied or created, the call therefore looks among the policies in force that the
    /// bundle does not name. An earlier copy of the policy, by its [origin](crate::Policy::origin), takes the place of a
    /// new copy. A policy with the name of a new one, if it is not a copy itself, takes the place of the new one. It is
    /// kept if it has the text, and edited otherwise.
    ///
    /// An archived policy cannot be pinned again, edited or copied.
    ///
    /// To replace only the state that the author has edited, add the precondition
    /// [`bundle_digest`](crate::Precondition::bundle_digest).
    ///
    /// # Errors
    ///
    /// As [`create_policy_version`](Self::create_policy_version),
    /// [`create_policy_set_version`](Self::create_policy_set_version) and [`bind`](Self::bind). An error about one
    /// policy names its file.
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
        let plan = with_room(|| self.read(|reader| BundlePlan::new(reader, &validation, actor, &target, prepared)))?;
        let (set, schema, mut steps) = match plan {
            BundlePlan::InForce(binding, _) => return Ok(BindOutcome { binding, replaced: None, changed: false }),
            BundlePlan::Steps { set, schema, steps, .. } => (set, schema, steps),
        };
        let tests = self.read(|reader| bundle_tests::demanded(reader, &target))?;
        if let Some(tests) = &tests {
            self.give_ids(&mut steps)?;
            self.read(|reader| tests.check(reader, &self.engine.compiler, (&schema, None), &steps))?;
        }
        // After the steps come the set if it is new, its version, its tests, and the binding.
        self.room_for_steps(&steps, 2 + usize::from(set.is_none()) + usize::from(tests.is_some()))?;
        let version = self.add_bundle_version(set, None, schema, steps, &target)?;
        self.take_tests(&version, tests.as_ref())?;
        self.bind(&version.id, target)
    }

    /// Keeps the tests that a bundle takes over with its version.
    pub(super) fn take_tests(&mut self, version: &PolicySetVersion, tests: Option<&StepTests>) -> Result<()> {
        tests.map_or(Ok(()), |tests| self.keep_tests(&version.id, &tests.suite).map(drop))
    }

    /// Carries the steps out and creates the next version of the set, or the first version of a new set with the id
    /// `new_set`.
    pub(super) fn add_bundle_version(
        &mut self,
        set: Option<PolicySetId>,
        new_set: Option<String>,
        schema: SchemaRef,
        steps: Vec<Step>,
        target: &Target,
    ) -> Result<PolicySetVersion> {
        let entries = self.take_steps(steps)?;
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

    /// Refuses steps for which the write has no room, together with `others` entries of the zone.
    pub(super) fn room_for_steps(&mut self, steps: &[Step], others: usize) -> Result<()> {
        self.room_for_entries(steps.iter().map(Step::entries).sum::<usize>() + others)
    }

    /// Resets the bundle of a user: unbinds the version in force for the user and archives its set, so that the user's
    /// [effective bundle](crate::Zone::effective_bundle) is the zone's again. The policies are unchanged. Returns the
    /// binding that ended; does nothing if nothing was in force.
    ///
    /// # Errors
    ///
    /// As [`unbind`](Self::unbind) and [`archive_policy_set`](Self::archive_policy_set), without
    /// [`NotBound`](crate::ErrorKind::NotBound).
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
        // A set with a shadow binding cannot be archived either.
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
