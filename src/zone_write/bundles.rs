//! Applying a policy bundle: which of its policies are new, changed or as they were, and the calls that follow from it.
//!
//! It is made of several of the zone's calls. Everything that one of them could refuse is checked before the first.

use super::planned::Planned;
use super::policies::warnings;
use super::{ZoneWrite, next_version};
use crate::asked::Asked;
use crate::binding::{self, At, Binding};
use crate::bundle::{Bundle, BundleKey, BundlePolicy, policy_file};
use crate::bundled;
use crate::error::{Error, ErrorDetail, Resource, Result};
use crate::hash::Sha256;
use crate::id::{PolicyId, PolicySetId, PolicyVersionId};
use crate::model::{BindingMode, Target};
use crate::policy::{NewPolicy, Policy};
use crate::policy_set::NewPolicySet;
use crate::policy_set_version::{NewPolicySetVersion, Pin, PolicySetVersion};
use crate::policy_version::{Forms, NewPolicyVersion, PolicyVersionInput, PreparedPolicyVersion};
use crate::write::check_owner;

/// The name of a policy set that is created for a bundle.
const SET_NAME: &str = "policy bundle";

/// What becomes of one policy of a bundle.
enum Step {
    /// A version that exists is pinned.
    Keep(Pin),
    /// A policy that exists gets its next version.
    Change(PolicyId, PreparedPolicyVersion),
    /// A policy is created, with its first version.
    Create(NewPolicy, PreparedPolicyVersion),
}

/// For whom a bundle is applied: which policies are their own, and which the zone's.
struct Editor {
    target: Target,
    /// What is in force for the target.
    own: Option<PolicySetVersion>,
    /// What is in force for the zone, if the target is a user.
    zone: Option<PolicySetVersion>,
}

impl Editor {
    /// Whoever edits what is in force for the zone may name every policy of it.
    fn is_own(&self, id: &PolicyId) -> bool {
        self.target == Target::Zone || pins(self.own.as_ref(), id)
    }

    fn is_the_zones(&self, id: &PolicyId) -> bool {
        pins(self.zone.as_ref(), id)
    }
}

fn pins(version: Option<&PolicySetVersion>, id: &PolicyId) -> bool {
    version.is_some_and(|version| version.manifest.entries.iter().any(|entry| entry.policy_id == *id))
}

/// Policy bundles.
impl ZoneWrite<'_, '_> {
    /// The policy bundle of what is in force for `target`.
    pub fn bundle(&self, target: Target) -> Result<Bundle> {
        self.append.view(|view| bundled::in_force(view, &self.zone, &target))
    }

    /// The policy bundle that a user would edit: of what is in force for the user, or else for the zone.
    pub fn effective_bundle(&self, user: impl Into<String>) -> Result<Bundle> {
        let user = Target::User(user.into());
        self.append.view(|view| bundled::effective(view, &self.zone, &user))
    }

    /// Puts the policies of a bundle in force for a target, and no others.
    ///
    /// A policy with a new text gets its next version, under the bundle's schema version; one whose text is that of the
    /// version in force, or of its newest version, keeps that version; one that is not in the bundle is no longer pinned,
    /// and stays as it is. Then the set that is in force gets its next version, which is put in force. If nothing is in
    /// force for the target, a set is created for it. Policies, schema version and texts that are all in force already
    /// change nothing. Names, hashes, the schema's text and the target in the bundle mean nothing.
    ///
    /// What others rely on is forked, and not edited: a new policy of the same name and description takes the place of a
    /// policy of the platform's that a customer edits, of one that is in force for the zone and that a user edits, and, in
    /// the first bundle of a user, of every policy of the zone's. A user's bundle names only policies of its own and those
    /// in force for the zone; to it, others do not exist.
    ///
    /// `expected` is the [digest](Bundle::digest) of the bundle that the author has edited, which is
    /// [what is in force](crate::Zone::bundle) or, for a user for whom nothing is, [the zone's](crate::Zone::effective_bundle).
    ///
    /// # Errors
    ///
    /// [`PreconditionFailed`](crate::ErrorKind::PreconditionFailed) if the digest is another one. What is wrong with a policy
    /// is returned with the name of its file.
    pub fn apply_bundle(&mut self, target: Target, bundle: &Bundle, expected: Option<Sha256>) -> Result<Binding> {
        let asked = Asked::to("apply_bundle").target(&target).bytes(bundle.digest().as_bytes());
        let asked = asked.option(expected.map(|digest| digest.to_string()).as_deref());
        let replayed = target.clone();
        self.once(
            asked,
            |zone| zone.apply(target, bundle, expected),
            |view, zone, _| binding::bound(view, zone, &replayed, BindingMode::Active, At::Now),
        )
    }

    fn apply(&mut self, target: Target, bundle: &Bundle, expected: Option<Sha256>) -> Result<Binding> {
        let start = self.append.view(|view| bundled::start(view, &self.zone, &target))?;
        if let Some(expected) = expected {
            self.check_digest(&target, start.as_ref(), expected)?;
        }
        let base = start.as_ref().map(|start| self.policy_set_version(&start.policy_set_version_id)).transpose()?;
        let own = start.filter(|start| start.target == target);
        if let (Some(own), Some(base)) = (&own, &base)
            && is_in_force(bundle, base)
        {
            return Ok(own.clone());
        }
        let editor = Editor {
            target: target.clone(),
            own: base.filter(|_| own.is_some()),
            zone: self.in_force_for_zone(&target)?,
        };
        let set = own.map(|own| self.set_to_change(own.policy_set_id)).transpose()?;
        let schema = bundle.schema_version().as_str();
        let steps = bundle.policies().iter().map(|policy| {
            let in_bundle = |cause: Error| ErrorDetail::InBundle { member: policy_file(policy.key.as_str()), cause };
            self.step(policy, schema, &editor).map_err(|cause| Error::from(in_bundle(cause)))
        });
        let steps = steps.collect::<Result<Vec<Step>>>()?;
        self.check_steps(schema, &steps, set.is_none())?;

        let mut pins = Vec::with_capacity(steps.len());
        for step in steps {
            let (policy_id, prepared) = match step {
                Step::Keep(pin) => {
                    pins.push(pin);
                    continue;
                }
                Step::Change(policy_id, prepared) => (policy_id, prepared),
                Step::Create(new, prepared) => (self.create_policy(new)?.id, prepared),
            };
            let version = self.create_policy_version(&policy_id, prepared)?;
            pins.push(pin(&policy_id, &version.id, version.sha));
        }
        let set = match set {
            Some(set) => set,
            None => self.create_policy_set(NewPolicySet::named(SET_NAME).target_type(target.target_type()))?.id,
        };
        let version = self.create_policy_set_version(&set, NewPolicySetVersion::from_pins(schema, pins))?;
        self.bind(&version.id, target)
    }

    fn check_digest(&self, target: &Target, start: Option<&Binding>, expected: Sha256) -> Result<()> {
        let actual = start.map(|start| self.append.view(|view| bundled::of(view, &self.zone, start))).transpose()?;
        let actual = actual.map(|bundle| bundle.digest());
        if actual == Some(expected) {
            return Ok(());
        }
        let actual = actual.map_or_else(|| "none".to_owned(), |digest| digest.to_string());
        let what = format!("the digest of the policy bundle for {target}");
        Err(ErrorDetail::PreconditionFailed { what, demanded: expected.to_string(), actual }.into())
    }

    /// The version in force for the zone, beside which a user's bundle is.
    fn in_force_for_zone(&self, target: &Target) -> Result<Option<PolicySetVersion>> {
        if *target == Target::Zone {
            return Ok(None);
        }
        let binding = self.binding(&Target::Zone, BindingMode::Active)?;
        binding.map(|binding| self.policy_set_version(&binding.policy_set_version_id)).transpose()
    }

    /// The set that is in force, if it can get a version.
    fn set_to_change(&self, id: PolicySetId) -> Result<PolicySetId> {
        let set = self.policy_set(&id)?;
        self.may_change(Resource::PolicySet, id.as_str(), set.owner_type, set.archived_at.is_some())?;
        next_version(set.latest_version).map(|_| id)
    }

    /// What becomes of a policy, once every rule for it was checked.
    fn step(&self, policy: &BundlePolicy, schema: &str, editor: &Editor) -> Result<Step> {
        let prepare = || {
            let new = NewPolicyVersion::cedar(schema, policy.cedar_raw.as_str());
            let prepared = self.validated(PolicyVersionInput::New(new))?;
            warnings(&prepared.content).map(|_| prepared)
        };
        match &policy.key {
            BundleKey::NewPolicy(name) => Ok(Step::Create(NewPolicy::named(name), prepare()?)),
            BundleKey::PublicId(id) => {
                let before = self.policy(id)?;
                let is_own = editor.is_own(id);
                if !is_own && !editor.is_the_zones(id) {
                    return Err(ErrorDetail::not_found(Resource::Policy, id.as_str()).into());
                }
                if is_own && let Some(pin) = self.kept(&before, policy.sha(), editor.own.as_ref())? {
                    return Ok(Step::Keep(pin));
                }
                let is_platforms =
                    check_owner(self.append.actor(), Resource::Policy, id.as_str(), before.owner_type).is_err();
                if is_platforms || editor.is_the_zones(id) {
                    let fork = NewPolicy { id: None, name: before.name, description: before.description };
                    return Ok(Step::Create(fork, prepare()?));
                }
                self.may_change(Resource::Policy, id.as_str(), before.owner_type, before.archived_at.is_some())?;
                next_version(before.latest_version)?;
                Ok(Step::Change(before.id, prepare()?))
            }
        }
    }

    /// A version of the policy that has this text already and can be pinned: the one in force, or the newest.
    fn kept(&self, policy: &Policy, sha: Sha256, base: Option<&PolicySetVersion>) -> Result<Option<Pin>> {
        let mut entries = base.into_iter().flat_map(|base| &base.manifest.entries);
        let pinned = entries.find(|entry| entry.policy_id == policy.id).map(|entry| &entry.policy_version_id);
        for id in pinned.into_iter().chain(&policy.latest_version_id) {
            let version = self.policy_version(id, Forms::Neither)?;
            if version.sha == sha && version.archived_at.is_none() {
                return Ok(Some(pin(&policy.id, id, sha)));
            }
        }
        Ok(None)
    }

    /// The rules for the manifest, as far as its entries exist; what is created was validated. And room for all entries.
    fn check_steps(&mut self, schema: &str, steps: &[Step], new_set: bool) -> Result<()> {
        let kept = steps.iter().filter_map(|step| if let Step::Keep(pin) = step { Some(pin.clone()) } else { None });
        let kept = NewPolicySetVersion::from_pins(schema, kept);
        self.append.view(|view| Planned::new(view, &self.store.compiler, &self.zone, &kept))?;
        let entries = steps.iter().map(|step| match step {
            Step::Keep(_) => 0,
            Step::Change(..) => 1,
            Step::Create(..) => 2,
        });
        // Behind them stand the set if it is new, its version, and the binding.
        self.append.room_for(entries.sum::<usize>() + usize::from(new_set) + 2)?;
        self.append.next(self.zone.log).map(drop)
    }
}

/// Whether the version holds what the bundle says: the same policies, texts and schema version.
fn is_in_force(bundle: &Bundle, version: &PolicySetVersion) -> bool {
    let (policies, entries) = (bundle.policies(), &version.manifest.entries);
    // Both are sorted by policy id.
    let same = |(policy, entry): (&BundlePolicy, &crate::model::ManifestEntry)| {
        matches!(&policy.key, BundleKey::PublicId(id) if *id == entry.policy_id) && policy.sha() == entry.sha
    };
    *bundle.schema_version() == version.schema_version
        && policies.len() == entries.len()
        && policies.iter().zip(entries).all(same)
}

fn pin(policy_id: &PolicyId, policy_version_id: &PolicyVersionId, sha: Sha256) -> Pin {
    Pin { policy_id: policy_id.to_string(), policy_version_id: policy_version_id.to_string(), sha: Some(sha) }
}
