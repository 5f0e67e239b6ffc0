//! What applying a policy bundle comes to: which of its policies are kept, which are edited, and which are new. It can be
//! planned ahead of the write, which plans it again, with what was parsed and validated at hand.
//!
//! Nothing is written here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::binding::{self, At, Binding};
use crate::bundle::{Bundle, BundleKey, BundlePolicy, policy_file};
use crate::bundled;
use crate::cedar::ParsedSchema;
use crate::compile::Compiler;
use crate::error::{Error, ErrorDetail, Resource, Result};
use crate::hash::Sha256;
use crate::id::{Actor, PolicyId, PolicySetId, PolicyVersionId};
use crate::model::{BindingMode, ManifestEntry, SchemaRef, Target};
use crate::policy::{self, NewPolicy, Policy};
use crate::policy_set;
use crate::policy_set_version::{self, Pin, PolicySetVersion};
use crate::policy_version::{self, Forms, NewPolicyVersion, PreparedPolicyVersion};
use crate::record::PolicySetVersionCreated;
use crate::schema;
use crate::storage::View;
use crate::version::Found;
use crate::write::{check_changeable, check_owner};
use crate::zone::{self, ZoneRef};
use crate::zone_read::Zone;
use crate::zone_write::{next_version, pinned_entry, warnings};

/// A policy bundle on its way into a zone: as it is, or [prepared](Zone::prepare_bundle), so that the write does not parse
/// and validate it.
#[derive(Clone, Debug)]
pub struct PreparedBundle {
    pub(crate) bundle: Bundle,
    /// By the SHA-256 of their texts.
    versions: BTreeMap<Sha256, PreparedPolicyVersion>,
}

impl From<Bundle> for PreparedBundle {
    fn from(bundle: Bundle) -> Self {
        Self { bundle, versions: BTreeMap::new() }
    }
}

impl From<&Bundle> for PreparedBundle {
    fn from(bundle: &Bundle) -> Self {
        bundle.clone().into()
    }
}

impl PreparedBundle {
    /// The bundle.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }
}

/// Policy bundles.
impl Zone {
    /// Parses and validates what is new in a bundle ahead of its write, on any thread and without holding up writes: as
    /// `actor`, who then applies it with [`ZoneWrite::apply_bundle`](crate::ZoneWrite::apply_bundle). If something else is
    /// in force by then, the write does what is still to be done.
    ///
    /// A request that was answered before need not be prepared again: see [`answered`](Self::answered).
    ///
    /// # Errors
    ///
    /// Those of applying it, but for demands.
    pub fn prepare_bundle(
        &self,
        actor: &Actor,
        target: Target,
        bundle: impl Into<PreparedBundle>,
    ) -> Result<PreparedBundle> {
        let mut prepared = bundle.into();
        let plan = self.read_with_room(|view, store, zone| {
            zone::check_open(view, zone)?;
            BundlePlan::new(view, &store.compiler, zone, actor, &target, &prepared)
        })?;
        if let BundlePlan::Steps { steps, .. } = plan {
            let versions = steps.into_iter().filter_map(|step| match step {
                Step::Keep(_) => None,
                Step::Edit(_, version) | Step::Create(_, version) => Some((version.sha(), version)),
            });
            prepared.versions.extend(versions);
        }
        Ok(prepared)
    }
}

/// What applying a bundle comes to.
pub(crate) enum BundlePlan {
    /// Nothing: all of it is in force already.
    InForce(Binding),
    /// A new version of a policy set.
    Steps {
        /// The set; none if one is to be created.
        set: Option<PolicySetId>,
        steps: Vec<Step>,
    },
}

/// What becomes of one policy of a bundle.
pub(crate) enum Step {
    /// A version that exists is pinned.
    Keep(Pin),
    /// A policy that exists gets its next version.
    Edit(PolicyId, PreparedPolicyVersion),
    /// A policy is created, with its first version.
    Create(NewPolicy, PreparedPolicyVersion),
}

impl BundlePlan {
    /// Checks every rule but for demands and for the room that is left in a write.
    pub(crate) fn new(
        view: &View<'_>,
        compiler: &Compiler,
        zone: &ZoneRef,
        actor: &Actor,
        target: &Target,
        prepared: &PreparedBundle,
    ) -> Result<Self> {
        let bundle = &prepared.bundle;
        let own = binding::find(view, zone, target, BindingMode::Active, At::Now)?;
        let base = own.as_ref().map(|own| version_of(view, zone, own)).transpose()?;
        if let (Some(own), Some(base)) = (&own, &base)
            && is_in_force(bundle, base)
        {
            return Ok(Self::InForce(own.clone()));
        }
        let set = own.as_ref().map(|own| set_to_change(view, zone, actor, &own.policy_set_id)).transpose()?;
        let schema = schema::usable(view, bundle.schema_version().as_str())?;
        let parsed = compiler.schema(view, &schema)?;
        let zones = match target {
            Target::Zone => None,
            Target::User(_) => bundled::start(view, zone, &Target::Zone)?,
        };
        let zones = zones.map(|zones| version_of(view, zone, &zones)).transpose()?;
        let spare = spare(view, zone, actor, bundle, base.as_ref())?;
        let versions = &prepared.versions;
        let mut planner = Planner { view, compiler, zone, actor, target, schema, parsed, versions, base, zones, spare };
        let steps = bundle.policies().iter().map(|policy| {
            let in_bundle = |cause: Error| ErrorDetail::InBundle { member: policy_file(policy.key.as_str()), cause };
            planner.step(policy).map_err(|cause| Error::from(in_bundle(cause)))
        });
        let steps = steps.collect::<Result<Vec<Step>>>()?;
        match (own, &planner.base) {
            (Some(own), Some(base)) if are_in_force(&steps, &planner.schema, base) => Ok(Self::InForce(own)),
            _ => Ok(Self::Steps { set, steps }),
        }
    }
}

/// What a bundle's policies are planned with.
struct Planner<'a> {
    view: &'a View<'a>,
    compiler: &'a Compiler,
    zone: &'a ZoneRef,
    actor: &'a Actor,
    target: &'a Target,
    schema: SchemaRef,
    parsed: Arc<ParsedSchema>,
    versions: &'a BTreeMap<Sha256, PreparedPolicyVersion>,
    /// What is in force for the target.
    base: Option<PolicySetVersion>,
    /// What is in force for the zone, if the target is a user.
    zones: Option<PolicySetVersion>,
    spare: Spare,
}

/// Pins in force that the bundle does not name, by the policy's name and the text's hash.
type Spare = BTreeMap<(String, Sha256), Vec<Pin>>;

impl Planner<'_> {
    fn step(&mut self, policy: &BundlePolicy) -> Result<Step> {
        let id = match &policy.key {
            BundleKey::NewPolicy(name) => return self.create(NewPolicy::named(name), policy),
            BundleKey::PublicId(id) => id,
        };
        let before = policy::load(self.view, self.zone, id.as_str())?;
        if before.archived_at.is_some() {
            return Err(ErrorDetail::Archived { what: Resource::Policy, id: id.to_string() }.into());
        }
        let is_own = *self.target == Target::Zone || pinned(self.base.as_ref(), id).is_some();
        if is_own {
            if let Some(pin) = self.kept(&before, policy.sha())? {
                return self.keep(pin);
            }
            let is_platforms = check_owner(self.actor, Resource::Policy, id.as_str(), before.owner_type).is_err();
            if !is_platforms && pinned(self.zones.as_ref(), id).is_none() {
                next_version(before.latest_version)?;
                return Ok(Step::Edit(before.id, self.prepare(policy)?));
            }
        }
        self.create(NewPolicy { id: None, name: before.name, description: before.description }, policy)
    }

    /// A new policy, unless there is one just like it: so that a bundle that is applied again changes nothing.
    fn create(&mut self, new: NewPolicy, policy: &BundlePolicy) -> Result<Step> {
        match self.spare.get_mut(&(new.name.clone(), policy.sha())).and_then(Vec::pop) {
            Some(pin) => self.keep(pin),
            None => Ok(Step::Create(new, self.prepare(policy)?)),
        }
    }

    fn keep(&self, pin: Pin) -> Result<Step> {
        pinned_entry(self.view, self.compiler, self.zone, &self.schema, &pin)?;
        Ok(Step::Keep(pin))
    }

    fn prepare(&self, policy: &BundlePolicy) -> Result<PreparedPolicyVersion> {
        if let Some(prepared) = self.versions.get(&policy.sha()).filter(|prepared| prepared.schema == self.schema) {
            return Ok(prepared.clone());
        }
        let new = NewPolicyVersion::cedar(self.schema.version.as_str(), policy.cedar_raw.as_str());
        let prepared = PreparedPolicyVersion::new(new, self.schema.clone(), &self.parsed)?;
        warnings(&prepared.content).map(|_| prepared)
    }

    /// A version of the policy that has this text already and can be pinned: the one in force, or the newest.
    fn kept(&self, policy: &Policy, sha: Sha256) -> Result<Option<Pin>> {
        let in_force = pinned(self.base.as_ref(), &policy.id).map(|entry| &entry.policy_version_id);
        for id in in_force.into_iter().chain(&policy.latest_version_id) {
            let found = Found::by_id(self.view, self.zone, id.as_str())?;
            let version = policy_version::load(self.view, self.zone, &found, Forms::Neither)?;
            if version.sha == sha && version.archived_at.is_none() {
                return Ok(Some(pin(&policy.id, id, sha)));
            }
        }
        Ok(None)
    }
}

fn version_of(view: &View<'_>, zone: &ZoneRef, binding: &Binding) -> Result<PolicySetVersion> {
    let found = Found::<PolicySetVersionCreated>::by_id(view, zone, binding.policy_set_version_id.as_str())?;
    policy_set_version::load(view, zone, &found)
}

/// The set that is in force, if it can get a version.
fn set_to_change(view: &View<'_>, zone: &ZoneRef, actor: &Actor, id: &PolicySetId) -> Result<PolicySetId> {
    let set = policy_set::load(view, zone, id.as_str())?;
    check_changeable(actor, Resource::PolicySet, id.as_str(), set.owner_type, set.archived_at.is_some())?;
    next_version(set.latest_version).map(|_| set.id)
}

/// What can be pinned again, of what is in force and the bundle does not name. What is the platform's does not stand for a
/// customer's own.
fn spare(
    view: &View<'_>,
    zone: &ZoneRef,
    actor: &Actor,
    bundle: &Bundle,
    base: Option<&PolicySetVersion>,
) -> Result<Spare> {
    let mut spare = Spare::new();
    let named: BTreeSet<&BundleKey> = bundle.policies().iter().map(|policy| &policy.key).collect();
    for entry in base.into_iter().flat_map(|base| &base.manifest.entries) {
        if named.contains(&BundleKey::PublicId(entry.policy_id.clone())) {
            continue;
        }
        let policy = policy::load(view, zone, entry.policy_id.as_str())?;
        let version = Found::by_id(view, zone, entry.policy_version_id.as_str())?;
        let archived = policy.archived_at.is_some()
            || policy_version::load(view, zone, &version, Forms::Neither)?.archived_at.is_some();
        if check_changeable(actor, Resource::Policy, policy.id.as_str(), policy.owner_type, archived).is_ok() {
            let pin = pin(&entry.policy_id, &entry.policy_version_id, entry.sha);
            spare.entry((policy.name, entry.sha)).or_default().push(pin);
        }
    }
    Ok(spare)
}

fn pinned<'a>(version: Option<&'a PolicySetVersion>, id: &PolicyId) -> Option<&'a ManifestEntry> {
    // Sorted by policy id.
    let entries = &version?.manifest.entries;
    entries.binary_search_by(|entry| entry.policy_id.cmp(id)).ok().and_then(|at| entries.get(at))
}

/// Whether the version holds what the bundle says: the same policies, texts and schema version.
fn is_in_force(bundle: &Bundle, version: &PolicySetVersion) -> bool {
    let (policies, entries) = (bundle.policies(), &version.manifest.entries);
    // Both are sorted by policy id.
    let same = |(policy, entry): (&BundlePolicy, &ManifestEntry)| {
        matches!(&policy.key, BundleKey::PublicId(id) if *id == entry.policy_id) && policy.sha() == entry.sha
    };
    *bundle.schema_version() == version.schema_version
        && policies.len() == entries.len()
        && policies.iter().zip(entries).all(same)
}

/// Whether the version holds what would be pinned.
fn are_in_force(steps: &[Step], schema: &SchemaRef, version: &PolicySetVersion) -> bool {
    let entries = &version.manifest.entries;
    let there: BTreeSet<&str> = entries.iter().map(|entry| entry.policy_version_id.as_str()).collect();
    let is_there = |step: &Step| matches!(step, Step::Keep(pin) if there.contains(pin.policy_version_id.as_str()));
    schema.version == version.schema_version && steps.len() == entries.len() && steps.iter().all(is_there)
}

fn pin(policy_id: &PolicyId, policy_version_id: &PolicyVersionId, sha: Sha256) -> Pin {
    Pin { policy_id: policy_id.to_string(), policy_version_id: policy_version_id.to_string(), sha: Some(sha) }
}
