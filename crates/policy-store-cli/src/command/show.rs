//! `pstore show`: a policy version's text, a policy set version's manifest, or a schema.

use std::sync::Arc;

use clap::Args;
use policy_store::{
    At, Committed, Include, Policy, PolicySet, PolicySetVersion, PolicyVersion, SchemaVersion, Target, Timestamp, Zone,
};
use serde::Serialize;

use crate::Exit;
use crate::failure::{Failure, Result};
use crate::name::{self, known::KnownNames};
use crate::output::color::{CHANGED, DIM, paint};
use crate::output::table::{Table, cell, styled};
use crate::output::{Page, Reply, count, plain};
use crate::session::Session;
use crate::shown::{diagnostic, short};

/// Show a version: the text of a policy (`mfa@2`), the policies of a policy set (`live@7`), or a schema
#[derive(Args)]
pub struct Show {
    /// The zone
    zone: String,
    /// A policy or policy set with its version, such as `mfa@2`; without a number, the newest version
    #[arg(value_name = "NAME[@VERSION]")]
    name: String,
    /// The name is that of a policy
    #[arg(long, group = "kind")]
    policy: bool,
    /// The name is that of a policy set
    #[arg(long, group = "kind")]
    set: bool,
    /// The name is that of a schema version
    #[arg(long, group = "kind")]
    schema: bool,
    /// Print the text alone, byte for byte
    #[arg(long)]
    raw: bool,
    /// As of this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Reported {
    Policy { policy: Box<Policy>, version: Arc<PolicyVersion> },
    PolicySet { policy_set: Box<PolicySet>, version: Box<PolicySetVersion>, policies: Vec<Pinned> },
    Schema(Box<SchemaVersion>),
}

/// A pin of a manifest, with names.
#[derive(Serialize)]
struct Pinned {
    policy_id: String,
    name: String,
    version: u32,
    sha: String,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        match self {
            Self::Policy { policy, version } => print_policy(page, policy, version),
            Self::PolicySet { policy_set, version, policies } => print_set(page, policy_set, version, policies),
            Self::Schema(schema) => {
                page.heading(format!("schema {}", schema.version));
                page.line(format!("{} since {}", schema.status, page.time(schema.updated_at)));
                page.line(paint(DIM, format!("sha {}", schema.sha)));
                page.gap();
                page.block(0, self.raw().unwrap_or_default());
            }
        }
    }
}

impl Reported {
    /// The text as it was given or is kept.
    fn raw(&self) -> Option<&str> {
        match self {
            Self::Policy { version, .. } => version.cedar_raw.as_deref(),
            Self::PolicySet { .. } => None,
            Self::Schema(schema) => match schema.syntax {
                policy_store::Syntax::Json => schema.cedar_schema_json.as_deref(),
                _ => schema.cedar_schema.as_deref(),
            },
        }
    }
}

fn print_policy(page: &mut Page, policy: &Policy, version: &PolicyVersion) {
    page.heading(format!("policy {}@{}", plain(&policy.name), version.version));
    if let Some(description) = &policy.description {
        page.line(plain(description));
    }
    let created = page.time(version.created_at);
    let statements = count(version.statements, "statement");
    page.line(format!(
        "{statements}, schema {}, created {created} by {}",
        version.schema_version,
        plain(version.created_by.id())
    ));
    if version.archived_at.is_some() {
        page.line(paint(CHANGED, "archived"));
    }
    page.line(paint(DIM, format!("id {}, version id {}", policy.id, version.id)));
    page.line(paint(DIM, format!("sha {}", version.sha)));
    for warning in &version.warnings {
        diagnostic::print(page, 2, warning);
    }
    page.gap();
    page.block(0, version.cedar_raw.as_deref().unwrap_or_default());
}

fn print_set(page: &mut Page, set: &PolicySet, version: &PolicySetVersion, policies: &[Pinned]) {
    page.heading(format!("policy set {}@{}", plain(&set.name), version.version));
    let created = page.time(version.created_at);
    page.line(format!("schema {}, created {created} by {}", version.schema_version, plain(version.created_by.id())));
    if version.active {
        page.line("in force");
    }
    if version.archived_at.is_some() {
        page.line(paint(CHANGED, "archived"));
    }
    page.line(paint(DIM, format!("id {}, version id {}", set.id, version.id)));
    page.line(paint(DIM, format!("manifest sha {}", version.manifest_sha)));
    if let Some(sha) = version.tests_sha {
        page.line(paint(DIM, format!("tests sha {sha}")));
    }
    page.gap();
    let mut table = Table::new(&["policy", "version", "sha", "id"]);
    for pin in policies {
        let version = cell(pin.version.to_string());
        table.row([cell(&pin.name), version, styled(DIM, short(&pin.sha)), styled(DIM, &pin.policy_id)]);
    }
    table.right(1);
    table.print(2, page);
}

impl Show {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let reported = match self.at {
            Some(time) => self.find(&zone.as_of(At::Time(time))?)?,
            None => self.find(&zone.snapshot()?)?,
        };
        if !self.raw {
            return session.out.reply(&reported);
        }
        let text = reported.raw().ok_or_else(|| {
            Failure::invalid("a policy set version has no text").help("name a policy or a schema, or leave out `--raw`")
        })?;
        session.out.raw(text.as_bytes())?;
        Ok(Exit::Done)
    }

    fn find<M: Committed>(&self, zone: &Zone<M>) -> Result<Reported> {
        if self.schema {
            return Ok(Reported::Schema(Box::new(zone.schema(&self.name, Include::Both)?.schema)));
        }
        if self.set {
            return self.find_set(zone);
        }
        let policy = name::policy_version(zone, &self.name, Include::Cedar);
        let policy = policy.map(|(policy, version)| Reported::Policy { policy: Box::new(policy), version });
        if self.policy {
            return policy;
        }
        match (policy, self.find_set(zone)) {
            (Ok(_), Ok(_)) => {
                let message = format!("a policy and a policy set are named `{}`", self.name);
                Err(Failure::new("ambiguous", "invalid", message).help("give `--policy` or `--set`"))
            }
            (Ok(found), Err(_)) | (Err(_), Ok(found)) => Ok(found),
            // The failure that has the nearest name, or is of another kind.
            (Err(policy), Err(set)) => Err(if policy.help.is_none() && set.help.is_some() { set } else { policy }),
        }
    }

    fn find_set<M: Committed>(&self, zone: &Zone<M>) -> Result<Reported> {
        let (policy_set, version) = name::policy_set_version(zone, &Target::Zone, &self.name)?;
        let mut names = KnownNames::new(zone);
        let mut policies = Vec::new();
        for pin in &version.manifest.entries {
            let number = zone.policy_version(&pin.policy_version_id, Include::Neither)?.version;
            let (name, policy_id) = (names.policy(&pin.policy_id), pin.policy_id.to_string());
            policies.push(Pinned { policy_id, name, version: number, sha: pin.sha.to_string() });
        }
        Ok(Reported::PolicySet { policy_set: Box::new(policy_set), version: Box::new(version), policies })
    }
}
