//! `pstore apply`: carries out the plan of a folder, or a saved plan.

use std::path::PathBuf;

use clap::Args;
use policy_store::{AppliedPlan, Zone};
use serde::Serialize;

use super::plan::ShownPlan;
use crate::Exit;
use crate::args;
use crate::failure::{Failure, Result};
use crate::name::known::KnownNames;
use crate::output::color::{ADDED, paint};
use crate::output::{Page, Reply, count};
use crate::planning::PlanArgs;
use crate::session::Session;
use crate::shown::binding::ShownBinding;
use crate::suite::Suites;

/// Carry out the changes of a folder, or of a saved plan: exactly those, or none
#[derive(Args)]
pub struct Apply {
    /// The folder, or the file of a saved plan
    path: PathBuf,
    #[command(flatten)]
    options: PlanArgs,
    /// Apply although tests of the folder fail
    #[arg(long)]
    no_tests: bool,
    #[command(flatten)]
    why: args::Why,
}

#[derive(Serialize)]
struct Reported {
    /// Whether anything was written.
    changed: bool,
    binding: ShownBinding,
    /// The number of tests that passed before.
    tests_passed: usize,
    #[serde(flatten)]
    planned: ShownPlan,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        self.planned.text(page);
        if self.tests_passed > 0 {
            page.line(paint(ADDED, format!("{} passed", count(self.tests_passed, "test"))));
        }
        if self.changed {
            page.line(self.binding.line(page));
            page.rationale(2, self.binding.binding.rationale.as_ref());
        }
    }
}

impl Apply {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why) = (session.actor()?, self.why.rationale()?);
        let store = session.writer()?;
        let (zone, mut planned) = self.options.plan(session, &store, &actor, &self.path)?;
        if planned.folder.is_none() {
            // A saved plan is parsed and validated before the write.
            planned.plan = zone.prepare_plan(&actor, &planned.plan).map_err(refused)?;
        }
        let planned = ShownPlan::from(planned);
        if !planned.applicable {
            // The findings are the answer. Nothing is written.
            return session.out.reply(&planned);
        }
        let tests_passed = if self.no_tests { 0 } else { test(&zone, &planned)? };
        let applied = store.write(&actor, |w| {
            w.rationale(why)?;
            w.zone(planned.plan.zone_id())?.apply_plan(&planned.plan)
        });
        let AppliedPlan { changed, binding, .. } = applied.map_err(refused)?;
        let binding = ShownBinding::new(&mut KnownNames::new(&zone), binding);
        session.out.reply(&Reported { changed, binding, tests_passed, planned })
    }
}

/// Runs the tests of the folder by the plan. Gives their number, or the first failure.
fn test(zone: &Zone, planned: &ShownPlan) -> Result<usize> {
    let Some(suites) = Suites::of_plan(&planned.plan, planned.folder.as_ref())? else { return Ok(0) };
    let report = suites.run(&zone.authorizer_of_plan(&planned.plan)?)?;
    let Some(first) = report.failures.first() else { return Ok(report.cases) };
    let message = format!("{} of {} tests fail: {}: {}", report.failed, report.cases, first.file, first.failure);
    let failure = Failure::new("tests_failed", "precondition_failed", message);
    Err(failure.help("nothing was written: run `pstore test` to see all, or give `--no-tests`"))
}

/// A refusal, with the next step.
fn refused(error: policy_store::Error) -> Failure {
    match error.code() {
        "plan_outdated" => {
            Failure::from(error).help("nothing was written: run `pstore plan` again and look at the changes")
        }
        _ => error.into(),
    }
}
