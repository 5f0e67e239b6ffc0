//! `pstore plan`: the changes that a folder would make. Writes nothing to the store.

use std::path::PathBuf;

use clap::Args;
use policy_store::PolicySetPlan;
use serde::Serialize;

use crate::Exit;
use crate::failure::Result;
use crate::file;
use crate::folder::Folder;
use crate::output::{Page, Reply};
use crate::planning::{PlanArgs, Planned};
use crate::replayed::ShownReplay;
use crate::rules::Rules;
use crate::session::Session;
use crate::shown;

/// Show the changes that a folder would make; exits with 2 if there are any
#[derive(Args)]
pub struct Plan {
    /// The folder, or the file of a saved plan
    path: PathBuf,
    #[command(flatten)]
    options: PlanArgs,
    /// Save the plan to this file; `apply` takes it, and does exactly that or nothing
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Decide recorded decisions by the plan, and show which flip; `-` for standard input
    #[arg(long, value_name = "FILE")]
    decisions: Option<PathBuf>,
}

/// A plan as it is printed.
#[derive(Serialize)]
pub struct ShownPlan {
    /// Whether there is nothing to do.
    pub empty: bool,
    /// Whether it can be applied: no finding is an error.
    pub applicable: bool,
    /// The plan, as it is saved.
    pub plan: PolicySetPlan,
    /// The replay of recorded decisions, if one was asked for.
    pub replay: Option<ShownReplay>,
    /// The folder that it was made of.
    #[serde(skip)]
    pub folder: Option<Folder>,
}

impl From<Planned> for ShownPlan {
    fn from(Planned { plan, folder }: Planned) -> Self {
        let applicable = plan.findings().iter().all(|finding| !finding.error);
        Self { empty: plan.is_empty(), applicable, plan, replay: None, folder }
    }
}

impl Reply for ShownPlan {
    fn text(&self, page: &mut Page) {
        shown::plan::print(page, &self.plan, self.folder.as_ref());
        if let Some(replay) = &self.replay {
            page.gap();
            replay.print(page);
        }
    }

    fn exit(&self) -> Exit {
        match (self.applicable, self.empty) {
            (false, _) => Exit::Failed,
            (true, true) => Exit::Done,
            (true, false) => Exit::Differs,
        }
    }
}

impl Plan {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        if let Some(file) = &self.out {
            file::refuse_store(session.path(), file)?;
        }
        let store = session.reader()?;
        let (zone, planned) = self.options.plan(session, &store, &session.actor()?, &self.path)?;
        if let Some(file) = &self.out {
            let json = serde_json::to_string(&planned.plan)?;
            file::replace(file, &(json + "\n"))?;
        }
        let mut shown = ShownPlan::from(planned);
        if let Some(file) = self.decisions.as_ref().filter(|_| shown.applicable) {
            let rules = Rules::of_plan(&zone, shown.plan.clone(), &self.path.display().to_string())?;
            shown.replay = Some(ShownReplay::new(&store, file, Some((&zone, &rules)))?);
        }
        session.out.reply(&shown)
    }
}
