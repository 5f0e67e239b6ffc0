//! `pstore rollback`: puts an earlier version in force again.

use clap::Args;

use crate::Exit;
use crate::args::{self, TargetArg};
use crate::failure::Result;
use crate::name::{self, known::KnownNames};
use crate::session::Session;
use crate::shown::binding::BindReply;

/// Put the version that was in force before in force again, or the one given
#[derive(Args)]
pub struct Rollback {
    /// The zone
    zone: String,
    /// The version: `6` of the set in force, or `live@6`
    #[arg(long, value_name = "VERSION")]
    to: Option<String>,
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    why: args::Why,
}

impl Rollback {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why, target) = (session.actor()?, self.why.rationale()?, self.target.target);
        let store = session.writer()?;
        let zone = session.zone(&store, &self.zone)?;
        let to = self.to.map(|to| name::policy_set_version(&zone, &target, &to)).transpose()?;
        let outcome = store.write(&actor, |w| {
            w.rationale(why)?;
            let mut zone = w.zone(&self.zone)?;
            match to {
                Some((_, version)) => zone.bind(&version.id, target),
                None => zone.rollback(target),
            }
        })?;
        session.out.reply(&BindReply::new(&mut KnownNames::new(&zone), outcome))
    }
}
