//! `pstore blame`: each statement in force: since which version, by whom, in force since when and why.

use clap::Args;
use policy_store::{Blame as Blamed, Include};
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::Result;
use crate::name;
use crate::output::color::{ADDED, DIM, REMOVED, paint};
use crate::output::{Page, Reply, plain};
use crate::session::Session;
use crate::shown::actor;

/// Show for each statement which version brought it, by whom, and since when it is in force
#[derive(Args)]
pub struct Blame {
    /// The zone
    zone: String,
    /// A policy set version, such as `live@7`; without it, the version in force
    #[arg(value_name = "NAME[@VERSION]")]
    version: Option<String>,
    /// The zone's guardrail
    #[arg(long, conflicts_with = "version")]
    guardrail: bool,
    #[command(flatten)]
    target: TargetArg,
}

#[derive(Serialize)]
struct Reported {
    statements: Vec<BlamedStatement>,
}

#[derive(Serialize)]
struct BlamedStatement {
    /// The number of the pinned version of its policy.
    version: u32,
    #[serde(flatten)]
    blame: Blamed,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let mut policy = None;
        for BlamedStatement { version, blame } in &self.statements {
            let reference = &blame.statement.reference;
            if policy.replace(&reference.policy_id) != Some(&reference.policy_id) {
                page.heading(plain(&format!("{}@{version}", blame.policy_name)));
            }
            print_statement(page, blame);
        }
        if self.statements.is_empty() {
            page.line("no statements");
        }
    }
}

fn print_statement(page: &mut Page, blame: &Blamed) {
    let since = &blame.since_version;
    let id = blame.statement.id().map_or_else(String::new, |id| format!(" `{}`", plain(id)));
    let style = if blame.statement.effect.to_string() == "permit" { ADDED } else { REMOVED };
    let place = paint(DIM, format!("statement {}{id}", blame.statement.reference.statement));
    let (time, by) = (page.time(since.created_at), actor(&since.created_by));
    page.line(format!("  {} {place}  since v{}, {time}, by {by}", paint(style, blame.statement.effect), since.version));
    page.rationale(6, since.rationale.as_ref());
    if let Some(binding) = &blame.in_force_since {
        let (time, by) = (page.time(binding.since), actor(&binding.by));
        page.line(format!("      in force since {time}, by {by}"));
        page.rationale(6, binding.rationale.as_ref().filter(|why| since.rationale.as_ref() != Some(*why)));
    }
    page.block(4, &blame.statement.text);
}

impl Blame {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?.snapshot()?;
        let target = self.target.target;
        let blamed = match &self.version {
            Some(version) => zone.blame_of(name::policy_set_version(&zone, &target, version)?.1.id)?,
            None if self.guardrail => zone.blame_guardrail()?,
            None => zone.blame(target)?,
        };
        let mut statements = Vec::new();
        for blame in blamed {
            let pinned = zone.policy_version(&blame.statement.reference.policy_version_id, Include::Neither)?;
            statements.push(BlamedStatement { version: pinned.version, blame });
        }
        session.out.reply(&Reported { statements })
    }
}
