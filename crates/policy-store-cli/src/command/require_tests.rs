//! `pstore require-tests`: a zone demands that the tests of a version pass before it is put in force.

use clap::Args;
use policy_store::ZoneInfo;
use serde::Serialize;

use crate::Exit;
use crate::args;
use crate::failure::Result;
use crate::output::{Page, Reply};
use crate::session::Session;

/// Demand that the tests kept with a version pass before it is put in force
#[derive(Args)]
pub struct RequireTests {
    /// The zone
    zone: String,
    /// No longer demand them
    #[arg(long)]
    off: bool,
    #[command(flatten)]
    why: args::Why,
}

#[derive(Serialize)]
struct Reported {
    /// Whether the command changed anything.
    changed: bool,
    zone: ZoneInfo,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let unchanged = if self.changed { "" } else { "nothing changed: " };
        let demanded = if self.zone.tests_required { "demands" } else { "does not demand" };
        page.line(format!("{unchanged}zone {} {demanded} tests", self.zone.id));
    }
}

impl RequireTests {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why) = (session.actor()?, self.why.rationale()?);
        let store = session.writer()?;
        let before = session.zone(&store, &self.zone)?.info()?;
        let zone = store.write(&actor, |w| {
            w.rationale(why)?;
            w.zone(&self.zone)?.require_tests(!self.off)
        })?;
        session.out.reply(&Reported { changed: before.tests_required != zone.tests_required, zone })
    }
}
