//! `pstore import`: puts a policy bundle in force. A folder is put in force by `apply`.

use std::path::PathBuf;

use clap::Args;
use policy_store::{Bundle, BundleChanges, limits};
use serde::Serialize;

use crate::Exit;
use crate::args::{self, TargetArg};
use crate::failure::Result;
use crate::folder::files::bytes_of_any;
use crate::name::known::KnownNames;
use crate::output::color::{ADDED, CHANGED, REMOVED, paint};
use crate::output::{Page, Reply, plain};
use crate::session::Session;
use crate::shown::binding::BindReply;

/// Put a policy bundle in force, as `export --bundle` writes one; a folder is put in force by `apply`
#[derive(Args)]
pub struct Import {
    /// The zone
    zone: String,
    /// The bundle's file
    #[arg(long, value_name = "FILE")]
    bundle: PathBuf,
    /// Show the changes and write nothing; exits with 2 if there are any
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    target: TargetArg,
    #[command(flatten)]
    why: args::Why,
}

#[derive(Serialize)]
struct Reported {
    /// The changes that were planned; none if another version was put in force meanwhile.
    changes: Option<BundleChanges>,
    /// The binding after the import; none if it was only planned.
    applied: Option<BindReply>,
    #[serde(skip)]
    lines: Vec<String>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        self.lines.iter().for_each(|line| page.line(line));
        match &self.applied {
            Some(applied) => applied.text(page),
            None if self.lines.is_empty() => page.line("no changes"),
            None => {}
        }
    }

    fn exit(&self) -> Exit {
        let changes = self.changes.as_ref().is_some_and(|changes| !changes.in_force);
        if self.applied.is_none() && changes { Exit::Differs } else { Exit::Done }
    }
}

impl Import {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (actor, why, target) = (session.actor()?, self.why.rationale()?, self.target.target);
        let bundle = Bundle::from_bytes(&bytes_of_any(&self.bundle, limits::BUNDLE_BYTES)?)?;
        let store = if self.plan { session.reader()? } else { session.writer()? };
        let zone = session.zone(&store, &self.zone)?;
        let prepared = zone.prepare_bundle(&actor, target.clone(), bundle)?;
        let changes = prepared.changes().cloned();
        let mut names = KnownNames::new(&zone);
        let lines = changes.as_ref().map(|changes| lines(&mut names, changes)).unwrap_or_default();
        let applied = if self.plan {
            None
        } else {
            let outcome = store.write(&actor, |w| {
                w.rationale(why)?;
                w.zone(&self.zone)?.apply_bundle(target, prepared)
            })?;
            Some(BindReply::new(&mut names, outcome))
        };
        session.out.reply(&Reported { changes, applied, lines })
    }
}

fn lines(names: &mut KnownNames<policy_store::Latest>, changes: &BundleChanges) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(changes.created.iter().map(|name| format!("{} {}", paint(ADDED, "+"), plain(name))));
    for id in &changes.updated {
        lines.push(format!("{} {}", paint(CHANGED, "~"), plain(&names.policy(id))));
    }
    for entry in &changes.pinned {
        lines.push(format!("{} {} (pinned)", paint(ADDED, "+"), plain(&names.policy(&entry.policy_id))));
    }
    for entry in &changes.unpinned {
        lines.push(format!("{} {} (unpinned)", paint(REMOVED, "-"), plain(&names.policy(&entry.policy_id))));
    }
    lines
}
