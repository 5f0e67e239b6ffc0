//! Makes a plan: finds what the desired content names, checks every rule of the steps, and compares with what is in force.
//!
//! It reads only. The same content and the same state give the same plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::context::{Context, Inputs};
use super::given_schema::GivenSchema;
use super::kept_tests;
use super::matching::{FoundSet, Matching};
use super::policies::{PolicyPlanner, PolicySteps};
use super::prepared::Prepared;
use super::steps::{SetStep, Steps, VersionStep};
use super::value::{PlannedPolicySet, PlannedSchema, PolicySetPlan};
use crate::change::difference::ComparedVersion;
use crate::decide::guardrail::check_guardrail;
use crate::engine::validation::{Validated, Validation};
use crate::resource::binding::At;
use crate::resource::contents::Contents;
use crate::resource::policy_set::{NewPolicySet, PolicySet, PolicySetUpdate};
use crate::resource::policy_set_version::Pin;
use crate::resource::schema;
use crate::resource::version::{VersionRecord, next_version};
use crate::resource::zone::ZoneReader;
use crate::rules::manifest;
use crate::rules::ownership::{check_changeable, check_owner};
use crate::rules::steps::Step;
use crate::rules::target::check_target;
use crate::types::error::{ErrorDetail, ErrorKind, Resource, Result};
use crate::types::id::PolicySetVersionId;
use crate::types::manifest_entry::ManifestEntry;
use crate::types::schema::SchemaRef;
use crate::types::target::BindingMode;

impl Inputs<'_> {
    /// The plan, its steps if it has no findings that are errors, and all known validations.
    pub(crate) fn plan(
        self,
        zone: ZoneReader<'_>,
        validation: Validation<'_>,
    ) -> Result<(PolicySetPlan, Option<Steps>, Validated)> {
        self.check()?;
        let schema = match self.prepared.schema.clone() {
            Some(given) => Some(given),
            None => GivenSchema::of(zone, self.desired, validation.compiler())?,
        };
        let given = schema.as_ref().map(|given| (given.new.sha(), given.parsed.clone()));
        let validation = validation.with_schema(given);
        let context = Context { zone, validation: &validation, inputs: self, given: schema.as_ref() };
        let (mut plan, steps) = context.plan()?;
        let Prepared { versions, .. } = &**self.prepared;
        plan.prepared = Arc::new(Prepared { schema, versions: versions.clone(), validated: Validated::default() });
        Ok((plan, steps, validation.known()))
    }

    fn check(&self) -> Result<()> {
        self.target.check()?;
        if self.mode == BindingMode::Guardrail {
            let reason = "a plan binds an active or a shadow version: bind a guardrail by its version";
            return Err(ErrorDetail::invalid("mode of the plan", self.mode.as_str(), reason).into());
        }
        self.desired.check()
    }
}

impl Context<'_> {
    /// The plan, and its steps if it has no findings that are errors.
    fn plan(self) -> Result<(PolicySetPlan, Option<Steps>)> {
        let Inputs { actor, target, mode, desired, prepared } = self.inputs;
        let zone = self.zone;
        let bound = |mode| zone.binding(target, mode, At::Now)?.map(|binding| Contents::of(zone, &binding)).transpose();
        let base = bound(BindingMode::Active)?;
        let (schema_ref, publish) = self.schema()?;
        check_guardrail(zone, self.validation, &schema_ref)?;
        let matching = Matching::new(zone, base.as_ref())?;
        let existing = matching.policies(desired)?;
        let set = matching.policy_set(desired, target)?;
        let policies = PolicyPlanner { context: self, base: base.as_ref(), schema: &schema_ref }.plan(existing)?;
        let PolicySteps { policies, steps, updates, findings } = policies;
        let (policy_set, set_step) = self.version(&set, base.as_ref(), &schema_ref, steps.as_deref())?;
        // The suite of the version in force is for a new active version only.
        let start = base.as_ref().filter(|_| mode == BindingMode::Active);
        let tests = kept_tests::of_version(zone, actor, desired.tests.as_ref(), &policy_set, start)?;
        let observed = if mode == BindingMode::Active { None } else { bound(mode)? };
        let now = start.or(observed.as_ref());
        let binds = now.is_none_or(|now| Some(&now.version.version_id) != policy_set.policy_set_version_id.as_ref());
        let plan = PolicySetPlan {
            v: PolicySetPlan::FORM,
            zone_id: zone.id.clone(),
            log_id: zone.log_id,
            target: target.clone(),
            mode,
            base: base.as_ref().map(|base| ComparedVersion::of(&base.version)),
            schema: PlannedSchema {
                version: schema_ref.version.clone(),
                sha: schema_ref.sha,
                publish: publish.is_some(),
            },
            replaces: now.filter(|_| binds).map(|now| ComparedVersion::of(&now.version)),
            policy_set,
            policies,
            tests: tests.as_ref().map(|tests| tests.planned),
            binds,
            findings,
            desired: desired.clone(),
            prepared: prepared.clone(),
        };
        let keep = tests.filter(|tests| tests.planned.keep).map(|tests| tests.suite);
        let steps = steps.map(|policies| {
            let version = match plan.policy_set.policy_set_version_id.clone() {
                Some(id) => VersionStep::Existing(id),
                None => VersionStep::New { set: set_step, schema: schema_ref, policies },
            };
            let set = &plan.policy_set;
            let renamed = set.policy_set_id.clone().filter(|_| set.renamed_from.is_some());
            let rename = renamed.map(|id| (id, PolicySetUpdate::new().name(&set.name)));
            Steps { rename, publish: publish.cloned(), updates, version, tests: keep }
        });
        Ok((plan, steps))
    }

    /// The schema version, and its source if it must be published.
    fn schema(&self) -> Result<(SchemaRef, Option<&GivenSchema>)> {
        let desired = self.inputs.desired;
        let name = &desired.schema_version;
        let found = match schema::find(&self.zone, name) {
            Ok(found) => Some(found),
            Err(error) if error.kind() == ErrorKind::NotFound && desired.schema.is_some() => None,
            Err(error) => return Err(error),
        };
        let given = desired.schema_ref()?;
        match (found, given) {
            (Some(found), given) => {
                let published = found.reference();
                if let Some(given) = given.filter(|given| given.sha != published.sha) {
                    let (version, published) = (name.clone(), published.sha);
                    return Err(ErrorDetail::SchemaTaken { version, published, given: given.sha }.into());
                }
                found.check_usable()?;
                Ok((published, None))
            }
            (None, Some(given)) => {
                let missing = || ErrorDetail::not_found(Resource::Schema, name);
                Ok((given, Some(self.given.ok_or_else(missing)?)))
            }
            (None, None) => Err(ErrorDetail::not_found(Resource::Schema, name).into()),
        }
    }

    /// The policy set and the version to bind: an existing one with the same content, or a new one. `steps` is none if the
    /// policies have findings.
    fn version(
        &self,
        set: &FoundSet,
        base: Option<&Contents>,
        schema: &SchemaRef,
        steps: Option<&[Step]>,
    ) -> Result<(PlannedPolicySet, SetStep)> {
        let set = match set {
            FoundSet::Existing(set) => set,
            FoundSet::New(id, name) => {
                let new = NewPolicySet::named(name).target_type(self.inputs.target.target_type());
                let new = NewPolicySet { id: id.as_ref().map(ToString::to_string), ..new };
                self.check_kept(schema, steps.unwrap_or_default())?;
                let (policy_set_id, name) = (id.clone(), name.clone());
                let planned = PlannedPolicySet {
                    policy_set_id,
                    name,
                    create: true,
                    renamed_from: None,
                    version: 1,
                    policy_set_version_id: None,
                };
                return Ok((planned, SetStep::New(new)));
            }
        };
        check_target(self.zone, set, self.inputs.target)?;
        let existing = steps.and_then(pins).map(|pins| self.same_version(set, base, schema, &pins)).transpose()?;
        let (version, policy_set_version_id) = match existing.flatten() {
            Some((number, id)) => (number, Some(id)),
            None => (next_version(set.latest_version)?, None),
        };
        let (actor, id, archived) = (self.inputs.actor, set.id.as_str(), set.archived_at.is_some());
        if policy_set_version_id.is_none() {
            check_changeable(actor, Resource::PolicySet, id, set.owner_type, archived)?;
            self.check_kept(schema, steps.unwrap_or_default())?;
        } else if archived {
            return Err(ErrorDetail::Archived { what: Resource::PolicySet, id: id.to_owned() }.into());
        } else if set.target_id.is_none() && self.inputs.mode == BindingMode::Active {
            // The first user that a set is bound to stays its only target.
            check_owner(actor, Resource::PolicySet, id, set.owner_type)?;
        }
        let name = self.inputs.desired.name.clone().unwrap_or_else(|| set.name.clone());
        let renamed_from = Some(set.name.clone()).filter(|before| *before != name);
        if renamed_from.is_some() {
            check_changeable(actor, Resource::PolicySet, id, set.owner_type, archived)?;
        }
        let policy_set_id = Some(set.id.clone());
        let planned =
            PlannedPolicySet { policy_set_id, name, create: false, renamed_from, version, policy_set_version_id };
        Ok((planned, SetStep::Existing(set.id.clone())))
    }

    /// Checks the kept versions as pins of a new version.
    fn check_kept(&self, schema: &SchemaRef, steps: &[Step]) -> Result<()> {
        for step in steps {
            if let Step::Keep(entry) = step {
                manifest::entry(self.zone, self.validation, schema, &Pin::from(entry))?;
            }
        }
        Ok(())
    }

    /// The version of the set with these pins and this schema: the one in force, or the newest one.
    fn same_version(
        &self,
        set: &PolicySet,
        base: Option<&Contents>,
        schema: &SchemaRef,
        pins: &[ManifestEntry],
    ) -> Result<Option<(u32, PolicySetVersionId)>> {
        let is_same = |it: &Contents| it.version.schema == *schema && it.entries == pins;
        let named = |it: &Contents| (it.version.version, it.version.version_id.clone());
        if let Some(base) = base.filter(|base| base.version.policy_set_id == set.id && is_same(base)) {
            return Ok(Some(named(base)));
        }
        let Some(newest) = &set.latest_version_id else { return Ok(None) };
        let found = VersionRecord::named(self.zone, newest.as_str())?;
        if found.row.archived.is_some() {
            return Ok(None);
        }
        let newest = Contents::new(self.zone, &found)?;
        Ok(Some(&newest).filter(|newest| is_same(newest)).map(named))
    }
}

/// The manifest of steps that create nothing, sorted by policy id.
fn pins(steps: &[Step]) -> Option<Vec<ManifestEntry>> {
    let pins = steps.iter().map(|step| match step {
        Step::Keep(entry) => Some((entry.policy_id.clone(), entry.clone())),
        _ => None,
    });
    Some(pins.collect::<Option<BTreeMap<_, _>>>()?.into_values().collect())
}
