//! `pstore shadow`: puts a version under observation, or ends that.

use clap::Args;

use crate::Exit;
use crate::args::{self, TargetArg};
use crate::failure::{Result, unobserved};
use crate::name::{self, known::KnownNames};
use crate::session::Session;
use crate::shown::binding::BindReply;

/// Put a version under observation beside the one in force: nothing enforces it
#[derive(Args)]
pub struct Shadow {
    /// The zone
    zone: String,
    /// The version: `8` of the set in force, or `live@8`
    #[arg(value_name = "VERSION", required_unless_present = "end")]
    version: Option<String>,
    /// End the observation
    #[arg(long, conflicts_with = "version")]
    end: bool,
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    why: args::Why,
}

impl Shadow {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why, target) = (session.actor()?, self.why.rationale()?, self.target.target);
        let store = session.writer()?;
        let zone = session.zone(&store, &self.zone)?;
        let mut names = KnownNames::new(&zone);
        let reply = match self.version {
            Some(version) => {
                let (_, version) = name::policy_set_version(&zone, &target, &version)?;
                let outcome = store.write(&actor, |w| {
                    w.rationale(why)?;
                    w.zone(&self.zone)?.bind_shadow(&version.id, target)
                })?;
                BindReply::new(&mut names, outcome)
            }
            None => {
                let ended = store.write(&actor, |w| {
                    w.rationale(why)?;
                    w.zone(&self.zone)?.unbind_shadow(target)
                });
                let ended = ended.map_err(unobserved(&self.zone))?;
                let replaced = format!("{}@{}", names.policy_set(&ended.policy_set_id), ended.version);
                BindReply { changed: true, binding: None, replaced: Some(replaced) }
            }
        };
        session.out.reply(&reply)
    }
}
