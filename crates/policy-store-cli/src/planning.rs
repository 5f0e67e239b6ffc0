//! A folder, or a saved plan, as a plan of the library: which zone, policy set, target and schema version it is for.

use std::path::{Path, PathBuf};

use clap::Args;
use policy_store::{
    Actor, BindingMode, DesiredPolicy, DesiredPolicySet, PolicySetPlan, PolicyStore, Sha256, Target, Zone,
};

use crate::args;
use crate::failure::{Failure, Result};
use crate::folder::{self, Folder, files};
use crate::name::pages;
use crate::session::Session;
use crate::suite::Suites;

/// A folder, with options that override its `pstore.toml`.
#[derive(Args, Default)]
pub struct PlanArgs {
    /// The zone, in place of the one in pstore.toml
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The name of the policy set, in place of the one in pstore.toml; without any, the set in force
    #[arg(long, value_name = "NAME")]
    policy_set: Option<String>,
    /// The name of the schema's version, in place of the one in pstore.toml; without any, the published one with the same source
    #[arg(long, value_name = "NAME")]
    schema_version: Option<String>,
    /// The target, in place of the one in pstore.toml: `zone`, or `user:ID`
    #[arg(long, value_name = "TARGET", value_parser = args::target)]
    target: Option<Target>,
    /// Put the version under observation beside the one in force
    #[arg(long)]
    shadow: bool,
}

/// A plan with the folder that it was made of.
pub struct Planned {
    /// The plan.
    pub plan: PolicySetPlan,
    /// The folder; none for a saved plan.
    pub folder: Option<Folder>,
}

/// The largest saved plan: the texts of a whole policy set, twice.
const PLAN_BYTES: usize = 256 * 1024 * 1024;

impl PlanArgs {
    /// For this zone and target.
    pub fn of_zone(zone: &Zone, target: &Target) -> Self {
        Self { zone: Some(zone.id().to_string()), target: Some(target.clone()), ..Self::default() }
    }

    /// Whether an option is given: a saved plan takes none.
    fn are_given(&self) -> bool {
        let Self { zone, policy_set, schema_version, target, shadow } = self;
        *shadow || target.is_some() || [zone, policy_set, schema_version].iter().any(|given| given.is_some())
    }

    /// The plan of a folder, or the saved plan in a file.
    pub fn plan(&self, session: &Session, store: &PolicyStore, actor: &Actor, path: &Path) -> Result<(Zone, Planned)> {
        if !path.is_dir() && path.exists() {
            if self.are_given() {
                return Err(Failure::invalid("a saved plan takes no options: it has its zone, target and schema"));
            }
            let plan = PolicySetPlan::from_json(&files::text(path, PLAN_BYTES)?);
            let plan = plan.map_err(|error| Failure::from(error).within(path.display()))?;
            let zone = session.zone(store, plan.zone_id().as_str())?;
            return Ok((zone, Planned { plan, folder: None }));
        }
        let folder = folder::read(path)?;
        let zone = self.zone.as_ref().or(folder.settings.zone.as_ref()).ok_or_else(|| {
            Failure::invalid("no zone is named").help("give `--zone`, or write `zone = \"…\"` into pstore.toml")
        })?;
        let zone = session.zone(store, zone)?;
        let target = match &self.target {
            Some(target) => target.clone(),
            None => folder.settings.target()?.unwrap_or(Target::Zone),
        };
        let mode = if self.shadow { BindingMode::Shadow } else { BindingMode::Active };
        let desired = self.desired(store, &zone, &target, &folder)?;
        let plan = zone.plan(actor, target, mode, desired).map_err(|error| explain(error, &folder))?;
        Ok((zone, Planned { plan, folder: Some(folder) }))
    }

    /// The content of a folder, as the library takes it.
    fn desired(&self, store: &PolicyStore, zone: &Zone, target: &Target, folder: &Folder) -> Result<DesiredPolicySet> {
        let mut desired = DesiredPolicySet::new(self.schema_version(store, zone, target, folder)?);
        if let Some(schema) = &folder.schema {
            desired =
                if schema.is_json { desired.json_schema(&schema.text) } else { desired.cedar_schema(&schema.text) };
        }
        // A set that was named on the command line is not the one of the file.
        let id = folder.settings.policy_set_id.as_ref().filter(|_| self.policy_set.is_none());
        if let Some(id) = id {
            desired = desired.id(id);
        }
        if let Some(name) = self.policy_set.as_ref().or(folder.settings.policy_set.as_ref()) {
            desired = desired.named(name);
        }
        if let Some(suites) = Suites::read(&folder.tests)? {
            desired = desired.tests(suites.joined().clone());
        }
        for policy in &folder.policies {
            let mut wanted = DesiredPolicy::new(&policy.name, &policy.text);
            if let Some(id) = &policy.id {
                wanted = wanted.id(id);
            }
            if let Some(description) = &policy.description {
                wanted = wanted.description(description);
            }
            desired = desired.policy(wanted);
        }
        Ok(desired)
    }

    /// The name of the schema's version: the one given; or else of the published version with the folder's source, the one in
    /// force first; or else of the version in force, if the folder has no schema.
    fn schema_version(&self, store: &PolicyStore, zone: &Zone, target: &Target, folder: &Folder) -> Result<String> {
        if let Some(given) = self.schema_version.as_ref().or(folder.settings.schema_version.as_ref()) {
            return Ok(given.clone());
        }
        let in_force = match zone.in_force(target.clone()) {
            Ok(binding) => Some(zone.policy_set_version(&binding.policy_set_version_id)?.schema_version),
            Err(error) if error.code() == "not_bound" => None,
            Err(error) => return Err(error.into()),
        };
        let help = "give `--schema-version`, or write `schema_version = \"…\"` into pstore.toml";
        let Some(schema) = &folder.schema else {
            let none = || Failure::invalid("the folder has no schema, and no version of one is named").help(help);
            return in_force.map(|version| version.to_string()).ok_or_else(none);
        };
        let sha = Sha256::of(schema.text.as_bytes());
        if let Some(version) = in_force
            && store.schema(&version, policy_store::Include::Neither)?.sha == sha
        {
            return Ok(version.to_string());
        }
        for published in store.schemas_iter(policy_store::Include::Neither, &pages()) {
            let published = published?;
            if published.sha == sha {
                return Ok(published.version.to_string());
            }
        }
        Err(Failure::invalid("the schema is not published yet, and has no name").help(help))
    }
}

/// Adds the file of the policy to an error of a plan.
fn explain(error: policy_store::Error, folder: &Folder) -> Failure {
    let file = match error.detail() {
        policy_store::ErrorDetail::InPlan { policy, .. } => folder.file_of(policy),
        _ => None,
    };
    let code = error.code();
    let failure = Failure::from(error);
    let failure = match file {
        Some(file) => failure.within(file),
        None => failure,
    };
    match code {
        "schema_taken" => {
            failure.help("a schema version never changes: give the new source a name of its own in pstore.toml")
        }
        _ => failure,
    }
}

/// The path of a folder or a file, told apart from a name: it has a separator, or is `.`, or ends in `.json`.
pub fn as_path(text: &str) -> Option<PathBuf> {
    let is_path = text.contains(['/', '\\']) || text == "." || text == ".." || text.ends_with(".json");
    is_path.then(|| PathBuf::from(text))
}
