//! `pstore backup`: a verified copy of one moment, while others write.

use std::path::PathBuf;

use clap::Args;
use policy_store::Report;
use serde::Serialize;

use super::verify::print_report;
use crate::Exit;
use crate::failure::Result;
use crate::output::progress::LongWork;
use crate::output::{Page, Reply, plain};
use crate::session::Session;

/// Copy the store as of one moment into a new file, verified; others may write meanwhile
#[derive(Args)]
pub struct Backup {
    /// The new file
    file: PathBuf,
}

#[derive(Serialize)]
struct Reported {
    file: String,
    bytes: u64,
    report: Report,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        page.line(plain(&format!("{} bytes in {}", self.bytes, self.file)));
        print_report(page, &self.report);
    }
}

impl Backup {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let work = LongWork::new();
        let backup = store.watched(work.observer()).backup(&self.file)?;
        drop(work);
        let (file, bytes, report) = (self.file.display().to_string(), backup.bytes, backup.report);
        session.out.reply(&Reported { file, bytes, report })
    }
}
