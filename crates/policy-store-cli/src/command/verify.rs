//! `pstore verify`: the whole store compared with its logs.

use std::path::PathBuf;

use clap::Args;
use policy_store::{Checkpoint, Report};
use serde::Serialize;

use super::check::write_new;
use crate::Exit;
use crate::failure::{Failure, Result};
use crate::folder::files::text_of_any;
use crate::output::color::{ADDED, REMOVED, paint};
use crate::output::progress::LongWork;
use crate::output::{Page, Reply, count};
use crate::session::Session;

/// Compare the whole store with its logs, hash by hash; exits with 1 if it is damaged
#[derive(Args)]
pub struct Verify {
    /// Only what came after the checkpoints in this file, one a line; they must be in the store's history
    #[arg(long, value_name = "FILE")]
    since: Option<PathBuf>,
    /// Write the checkpoints of now to this file; it must not exist. Keep it away from the store
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
}

/// The largest file of checkpoints.
const CHECKPOINTS_BYTES: usize = 16 * 1024 * 1024;

#[derive(Serialize)]
struct Reported {
    clean: bool,
    #[serde(flatten)]
    report: Report,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        print_report(page, &self.report);
    }

    fn exit(&self) -> Exit {
        if self.clean { Exit::Done } else { Exit::Failed }
    }
}

/// Adds a report of a verification.
pub fn print_report(page: &mut Page, report: &Report) {
    let (entries, logs) = (count(report.entries, "entry").replace("entrys", "entries"), count(report.logs, "log"));
    let (content, rows) = (count(report.content, "text"), count(report.index_rows, "index row"));
    page.line(format!("{entries} in {logs}, {content}, {rows}"));
    for finding in &report.findings {
        page.line(format!("{} {}: {}", paint(REMOVED, "damaged"), finding.place, finding.problem));
    }
    page.line(if report.is_clean() {
        paint(ADDED, "clean")
    } else {
        paint(REMOVED, count(report.findings.len(), "finding"))
    });
}

impl Verify {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let kept = self.since.as_ref().map(|file| {
            let lines = text_of_any(file, CHECKPOINTS_BYTES)?;
            let lines = lines.lines().filter(|line| !line.trim().is_empty());
            let kept: std::result::Result<Vec<Checkpoint>, _> = lines.map(str::parse).collect();
            kept.map_err(|error| Failure::from(policy_store::Error::from(error)).within(file.display()))
        });
        let kept = kept.transpose()?;
        let store = session.reader()?;
        let work = LongWork::new();
        let watched = store.watched(work.observer());
        let report = match &kept {
            Some(kept) => watched.verify_since(kept)?,
            None => watched.verify()?,
        };
        drop(work);
        if let Some(file) = self.checkpoints.filter(|_| report.is_clean()) {
            let lines: Vec<String> = report.checkpoints().iter().map(Checkpoint::to_string).collect();
            write_new(&file, &lines.join("\n"))?;
        }
        session.out.reply(&Reported { clean: report.is_clean(), report })
    }
}
