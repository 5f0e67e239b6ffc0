//! Plans how a policy bundle is applied, after the checks of all rules. It can be planned ahead of the write. The write
//! plans it again and reuses the parsed and validated policies.
//!
//! Writes nothing. `bundle_match` matches the policies of the bundle to those of the zone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bundle_changes::BundleChanges;
use super::bundle_match::{Match, Matching};
use super::manifest;
use super::manifest::set_to_change;
use super::ownership::check_changeable;
use super::steps::Step;
use crate::bundle::{Bundle, BundleKey, BundlePolicy};
use crate::cedar::ParsedSchema;
use crate::decide::guardrail::check_guardrail;
use crate::engine::validation::{Validated, Validation};
use crate::resource::binding::{At, Binding};
use crate::resource::contents::Contents;
use crate::resource::policy::NewPolicy;
use crate::resource::policy_set_version::Pin;
use crate::resource::policy_version::PreparedPolicyVersion;
use crate::resource::schema;
use crate::resource::version::next_version;
use crate::resource::zone::ZoneReader;
use crate::types::actor::Actor;
use crate::types::error::{ErrorDetail, Resource, Result};
use crate::types::hash::Sha256;
use crate::types::id::PolicySetId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::origin::Origin;
use crate::types::schema::SchemaRef;
use crate::types::target::{BindingMode, Target};

/// A policy bundle to apply: as it is, or [prepared](crate::Zone::prepare_bundle), so that the write does not parse and
/// validate it.
///
/// ```
/// # use policy_store::{Actor, BindOutcome, Bundle, PolicyStore, Result, Target};
/// fn apply(store: &PolicyStore, actor: &Actor, bundle: &Bundle) -> Result<BindOutcome> {
///     let prepared = store.zone("acme")?.prepare_bundle(actor, Target::Zone, bundle)?;
///     store.write(actor, |w| w.zone("acme")?.apply_bundle(Target::Zone, prepared))
/// }
/// ```
#[must_use]
#[derive(Clone)]
pub struct PreparedBundle {
    bundle: Bundle,
    pub(crate) digest: Sha256,
    /// The hashes of the policies' texts, in the order of the policies.
    shas: Vec<Sha256>,
    /// The prepared versions, by the SHA-256 of their texts.
    versions: BTreeMap<Sha256, PreparedPolicyVersion>,
    /// The validations of kept versions against the bundle's schema.
    pub(crate) validated: Validated,
    /// None until the bundle is prepared.
    changes: Option<BundleChanges>,
}

impl std::fmt::Debug for PreparedBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let policies = self.shas.len();
        write!(f, "PreparedBundle({policies} policies for schema {}, {})", self.bundle.schema_version(), self.digest)
    }
}

impl From<Bundle> for PreparedBundle {
    fn from(bundle: Bundle) -> Self {
        let shas = bundle.policies().iter().map(BundlePolicy::sha).collect();
        let (versions, validated) = (BTreeMap::new(), Validated::default());
        Self { digest: bundle.digest(), shas, versions, validated, changes: None, bundle }
    }
}

impl From<&Bundle> for PreparedBundle {
    fn from(bundle: &Bundle) -> Self {
        bundle.clone().into()
    }
}

impl PreparedBundle {
    /// The bundle.
    #[must_use]
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The changes that it would make, relative to the state when it was prepared; none if it was not prepared.
    #[must_use]
    pub fn changes(&self) -> Option<&BundleChanges> {
        self.changes.as_ref()
    }

    /// Keeps the parsed and validated policies of a plan.
    pub(crate) fn prepare_with(&mut self, plan: BundlePlan, validated: Validated) {
        self.validated = validated;
        self.changes = Some(plan.changes());
        if let BundlePlan::Steps { steps, .. } = plan {
            let versions = steps.into_iter().filter_map(Step::into_version);
            self.versions.extend(versions.map(|version| (version.sha(), version)));
        }
    }
}

/// The plan for applying a bundle.
pub(crate) enum BundlePlan {
    /// Nothing: this binding is in force with these entries already.
    InForce(Binding, Vec<ManifestEntry>),
    /// A new version of a policy set.
    Steps {
        /// The set; none for a new one.
        set: Option<PolicySetId>,
        /// The entries in force.
        base: Vec<ManifestEntry>,
        schema: SchemaRef,
        steps: Vec<Step>,
    },
}

impl BundlePlan {
    /// Checks every rule but preconditions and the entry limit of a write.
    pub(crate) fn new(
        zone: ZoneReader<'_>,
        validation: &Validation<'_>,
        actor: &Actor,
        target: &Target,
        prepared: &PreparedBundle,
    ) -> Result<Self> {
        let bundle = &prepared.bundle;
        let own = in_force(zone, target)?;
        let is_in_force = |base: &Contents, entries: Option<Vec<ManifestEntry>>| {
            *bundle.schema_version() == base.version.schema.version && entries.is_some_and(|it| it == base.entries)
        };
        // By ids the bundle may be in force even if none of its versions can be pinned again.
        if let Some((own, base)) = &own
            && is_in_force(base, named(prepared, base))
        {
            return Ok(Self::InForce(own.clone(), base.entries.clone()));
        }
        let zones = match target {
            Target::Zone => None,
            Target::User(_) => in_force(zone, &Target::Zone)?,
        };
        let (base, zones) = (own.as_ref().map(|(_, base)| base), zones.as_ref().map(|(_, zones)| zones));
        let matching = Matching { zone, actor, target, base, zones };
        let matches = matching.matches(bundle, &prepared.shas)?;
        if let Some((own, base)) = &own
            && is_in_force(base, kept(&matches))
        {
            return Ok(Self::InForce(own.clone(), base.entries.clone()));
        }
        let base = base.map(|base| base.entries.clone()).unwrap_or_default();
        let set = own.map(|(own, _)| {
            let set = set_to_change(zone, actor, own.policy_set_id.as_str())?;
            next_version(set.latest_version).map(|_| set.id)
        });
        let set = set.transpose()?;
        let schema = schema::usable(&zone, bundle.schema_version().as_str())?;
        check_guardrail(zone, validation, &schema)?;
        let parsed = validation.compiler().schema(&zone, &schema)?;
        let planner = Planner { zone, validation, actor, schema, parsed, versions: &prepared.versions };
        let policies = bundle.policies().iter().zip(&prepared.shas).zip(matches);
        let steps = policies
            .map(|((policy, sha), found)| planner.step(policy, *sha, found).map_err(|cause| policy.refused(cause)));
        let steps = steps.collect::<Result<_>>()?;
        Ok(Self::Steps { set, base, steps, schema: planner.schema })
    }
}

impl BundlePlan {
    /// The changes, as values.
    pub(crate) fn changes(&self) -> BundleChanges {
        let (set, base, steps) = match self {
            Self::InForce(binding, base) => (Some(binding.policy_set_id.clone()), base, None),
            Self::Steps { set, base, steps, .. } => (set.clone(), base, Some(steps)),
        };
        let mut changes = BundleChanges {
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

/// The inputs for planning the steps.
struct Planner<'a> {
    validation: &'a Validation<'a>,
    zone: ZoneReader<'a>,
    actor: &'a Actor,
    schema: SchemaRef,
    parsed: Arc<ParsedSchema>,
    versions: &'a BTreeMap<Sha256, PreparedPolicyVersion>,
}

impl Planner<'_> {
    fn step(&self, policy: &BundlePolicy, sha: Sha256, found: Match) -> Result<Step> {
        Ok(match found {
            Match::Keep(entry) => {
                Step::Keep(manifest::entry(self.zone, self.validation, &self.schema, &Pin::from(&entry))?)
            }
            Match::Edit(before) => {
                let is_archived = before.archived_at.is_some();
                check_changeable(self.actor, Resource::Policy, before.id.as_str(), before.owner_type, is_archived)?;
                next_version(before.latest_version)?;
                Step::Edit(before.id, self.prepare(policy, sha)?)
            }
            Match::Create(new) => Step::Create(new, self.prepare(policy, sha)?),
            Match::Copy(of, _) if of.archived_at.is_some() => {
                return Err(ErrorDetail::Archived { what: Resource::Policy, id: of.id.to_string() }.into());
            }
            Match::Copy(of, version) => {
                let mut origin = Origin::new(of.zone_id, self.zone.log_id, of.id);
                origin.version = version;
                let new = NewPolicy { id: None, name: of.name, description: of.description, origin: Some(origin) };
                Step::Create(new, self.prepare(policy, sha)?)
            }
        })
    }

    fn prepare(&self, policy: &BundlePolicy, sha: Sha256) -> Result<PreparedPolicyVersion> {
        if let Some(prepared) = self.versions.get(&sha).filter(|prepared| prepared.schema == self.schema) {
            return Ok(prepared.clone());
        }
        self.validation.prepare(&policy.cedar_raw, &self.schema, &self.parsed)
    }
}

fn in_force(zone: ZoneReader<'_>, target: &Target) -> Result<Option<(Binding, Contents)>> {
    let binding = zone.binding(target, BindingMode::Active, At::Now)?;
    binding.map(|binding| Contents::of(zone, &binding).map(|contents| (binding, contents))).transpose()
}

/// The entries in force whose policies and texts the bundle names; none if it names another number of them.
fn named(prepared: &PreparedBundle, base: &Contents) -> Option<Vec<ManifestEntry>> {
    let entries = &base.entries;
    let named: BTreeSet<(&BundleKey, &Sha256)> =
        prepared.bundle.policies().iter().map(|policy| &policy.key).zip(&prepared.shas).collect();
    let is_named =
        |entry: &&ManifestEntry| named.contains(&(&BundleKey::PublicId(entry.policy_id.clone()), &entry.sha));
    (named.len() == entries.len()).then(|| entries.iter().filter(is_named).cloned().collect())
}

/// The entries to keep, sorted by policy id as in a manifest; none if not all policies are kept.
fn kept(matches: &[Match]) -> Option<Vec<ManifestEntry>> {
    let kept = matches.iter().map(|found| if let Match::Keep(entry) = found { Some(entry.clone()) } else { None });
    let mut kept = kept.collect::<Option<Vec<_>>>()?;
    kept.sort_by(|a, b| a.policy_id.cmp(&b.policy_id));
    Some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::PolicyVersionCreated;
    use crate::resource::policy_set::NewPolicySet;
    use crate::resource::policy_set_version::NewPolicySetVersion;
    use crate::resource::policy_version::NewPolicyVersion;
    use crate::resource::version::VersionRecord;
    use crate::{NewSchema, PolicyStore};

    const SCHEMA: &str = "entity U; action a appliesTo { principal: U, resource: U };";
    const PERMIT: &str = "permit(principal, action, resource);";

    /// A zone with the policy `p` in force, and a bundle with `p` and a new policy, for another schema version.
    fn world() -> (PolicyStore, Actor, Bundle) {
        let (store, actor) = (PolicyStore::builder().in_memory().unwrap(), Actor::customer("a").unwrap());
        store
            .write(&actor, |w| {
                w.publish_schema(NewSchema::cedar("1", SCHEMA))?;
                w.publish_schema(NewSchema::cedar("2", format!("{SCHEMA}\n")))?;
                let mut zone = w.create_zone("z")?;
                zone.create_policy(NewPolicy::named("p").id("p"))?;
                let version = zone.create_policy_version("p", NewPolicyVersion::cedar("1", PERMIT))?;
                zone.create_policy_set(NewPolicySet::named("s").id("s"))?;
                let set = zone.create_policy_set_version("s", NewPolicySetVersion::new("1").pin(&version))?;
                zone.activate(&set.id)
            })
            .unwrap();
        let policies = vec![BundlePolicy::of("p".parse().unwrap(), PERMIT), BundlePolicy::new("new", PERMIT)];
        let bundle = Bundle::new("2".parse().unwrap(), policies).unwrap();
        (store, actor, bundle)
    }

    #[test]
    fn what_was_prepared_is_not_parsed_again() {
        let (store, actor, bundle) = world();
        let zone = store.zone("z").unwrap();
        // The content of the new policy's version, planned as in a write.
        let planned = |prepared: &PreparedBundle| {
            let plan = zone.read_with_room(|zone, store| {
                let validation = Validation::in_write(&store.compiler, &prepared.validated);
                BundlePlan::new(zone, &validation, &actor, &Target::Zone, prepared)
            });
            let BundlePlan::Steps { steps, .. } = plan.unwrap() else { return None };
            let made = |step| if let Step::Create(_, version) = step { Some(version.content) } else { None };
            steps.into_iter().find_map(made)
        };
        let prepared = zone.prepare_bundle(&actor, Target::Zone, &bundle).unwrap();
        assert_eq!(prepared.versions.len(), 1);
        let content = prepared.versions.values().next().unwrap().content.clone();
        assert!(Arc::ptr_eq(&planned(&prepared).unwrap(), &content));
        assert!(!Arc::ptr_eq(&planned(&bundle.into()).unwrap(), &content));
    }

    /// A kept version is not validated again with the bundle's schema.
    #[test]
    fn what_is_kept_was_validated_when_the_bundle_was_prepared() {
        let (store, actor, bundle) = world();
        let zone = store.zone("z").unwrap();
        let is_known = || {
            zone.read_with_room(|zone, store| {
                let policy = VersionRecord::<PolicyVersionCreated>::by_number(zone, "p", 1)?;
                Ok(store.compiler.is_known_to_validate(policy.body()?, &schema::usable(&zone, "2")?))
            })
        };
        assert!(!is_known().unwrap());
        drop(zone.prepare_bundle(&actor, Target::Zone, &bundle).unwrap());
        assert!(is_known().unwrap());
    }
}
