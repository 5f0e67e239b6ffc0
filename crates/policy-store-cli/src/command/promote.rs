//! `pstore promote`: puts the version under observation in force, and ends the observation, in one write.

use clap::Args;

use crate::Exit;
use crate::args::{self, TargetArg};
use crate::failure::{Result, unobserved};
use crate::name::known::KnownNames;
use crate::session::Session;
use crate::shown::binding::BindReply;

/// Put the version under observation in force
#[derive(Args)]
pub struct Promote {
    /// The zone
    zone: String,
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    why: args::Why,
}

impl Promote {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why, target) = (session.actor()?, self.why.rationale()?, self.target.target);
        let store = session.writer()?;
        let zone = session.zone(&store, &self.zone)?;
        let outcome = store.write(&actor, |w| {
            w.rationale(why)?;
            let mut zone = w.zone(&self.zone)?;
            let observed = zone.unbind_shadow(target.clone())?;
            zone.bind(&observed.policy_set_version_id, target)
        });
        let outcome = outcome.map_err(unobserved(&self.zone))?;
        session.out.reply(&BindReply::new(&mut KnownNames::new(&zone), outcome))
    }
}
