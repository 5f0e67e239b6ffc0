//! The rules that a command decides by: a stored version, or the plan of a folder.

use policy_store::{Authorizer, PolicySetPlan, PolicySetVersionId, PolicyStore, Target, Zone};

use crate::failure::{Failure, Result};
use crate::name::{self, known::KnownNames};
use crate::planning::{PlanArgs, as_path};
use crate::session::Session;
use crate::shown::statement::Names;

/// Rules with their name.
pub struct Rules {
    /// The compiled rules.
    pub authorizer: Authorizer,
    /// Their name: `live@8`, or the path of a folder or plan.
    pub name: String,
    /// The plan, if they are not stored.
    pub plan: Option<PolicySetPlan>,
    /// The policy set version; none for a plan.
    pub version: Option<PolicySetVersionId>,
}

impl Rules {
    /// The rules that `--with` names: a version such as `live@8`, a folder, or a saved plan.
    pub fn named(session: &Session, store: &PolicyStore, zone: &Zone, target: &Target, text: &str) -> Result<Self> {
        let Some(path) = as_path(text) else {
            let (set, version) = name::policy_set_version(zone, target, text)?;
            let name = format!("{}@{}", set.name, version.version);
            return Ok(Self::stored(zone.authorizer_of_version(&version.id)?, name, Some(version.id)));
        };
        let options = if path.is_dir() { PlanArgs::of_zone(zone, target) } else { PlanArgs::default() };
        let (planned_for, planned) = options.plan(session, store, &session.actor_of_none()?, &path)?;
        if planned_for.id() != zone.id() {
            let message = format!("`{text}` is a plan for zone `{}`, not for `{}`", planned_for.id(), zone.id());
            return Err(Failure::invalid(message));
        }
        Self::of_plan(zone, planned.plan, text)
    }

    /// The rules in force for a target.
    pub fn in_force(zone: &Zone, target: &Target) -> Result<Self> {
        let authorizer = zone.authorizer(target.clone())?;
        let name = match authorizer.binding() {
            Some(binding) => format!("{}@{}", zone.policy_set(&binding.policy_set_id)?.name, binding.version),
            None => String::new(),
        };
        Ok(Self::of_binding(authorizer, name))
    }

    /// The rules that are bound to a target.
    pub fn of_binding(authorizer: Authorizer, name: String) -> Self {
        let version = authorizer.binding().map(|binding| binding.policy_set_version_id.clone());
        Self::stored(authorizer, name, version)
    }

    fn stored(authorizer: Authorizer, name: String, version: Option<PolicySetVersionId>) -> Self {
        Self { authorizer, name, plan: None, version }
    }

    /// The rules of a plan.
    pub fn of_plan(zone: &Zone, plan: PolicySetPlan, name: &str) -> Result<Self> {
        Ok(Self { authorizer: zone.authorizer_of_plan(&plan)?, name: name.to_owned(), plan: Some(plan), version: None })
    }

    /// The names of their policies.
    pub fn names(&self, zone: &Zone) -> Names<'_, policy_store::Latest> {
        let known = KnownNames::new(zone);
        match &self.plan {
            Some(plan) => Names::Planned(known, plan),
            None => Names::Stored(known),
        }
    }
}
