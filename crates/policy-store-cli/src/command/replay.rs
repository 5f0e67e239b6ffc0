//! `pstore replay`: recorded decisions decided again, by their own rules or by others.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::Result;
use crate::output::{Page, Reply};
use crate::replayed::{ShownReplay, only_zone};
use crate::rules::Rules;
use crate::session::Session;

/// Decide recorded decisions again, on all cores; exits with 2 if one is another
#[derive(Args)]
pub struct Replay {
    /// A file of recorded decisions, one a line; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Decide by this version (`live@8`), folder or saved plan (`./acme`); without it, each by the rules of its receipt
    #[arg(long, value_name = "VERSION|PATH")]
    with: Option<String>,
    /// With `--with`: the zone; without it, the only one of the store
    #[arg(long, value_name = "ZONE", requires = "with")]
    zone: Option<String>,
    #[command(flatten)]
    target: TargetArg,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Reported(ShownReplay);

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        self.0.print(page);
    }

    fn exit(&self) -> Exit {
        if self.0.differs() { Exit::Differs } else { Exit::Done }
    }
}

impl Replay {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let Some(with) = &self.with else {
            return session.out.reply(&Reported(ShownReplay::new(&store, &self.file, None)?));
        };
        let zone = self.zone.map_or_else(|| only_zone(&store), Ok)?;
        let zone = session.zone(&store, &zone)?;
        let rules = Rules::named(session, &store, &zone, &self.target.target, with)?;
        session.out.reply(&Reported(ShownReplay::new(&store, &self.file, Some((&zone, &rules)))?))
    }
}
