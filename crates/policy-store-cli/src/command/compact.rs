//! `pstore compact`: gives the unused part of the file back.

use clap::Args;
use policy_store::Compacted;

use crate::Exit;
use crate::failure::Result;
use crate::output::progress::LongWork;
use crate::output::{Page, Reply};
use crate::session::Session;

/// Give the unused part of the file back
#[derive(Args)]
pub struct Compact {}

impl Reply for Compacted {
    fn text(&self, page: &mut Page) {
        page.line(format!("{} → {} bytes", self.before, self.after));
    }
}

impl Compact {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.writer()?;
        let work = LongWork::new();
        let compacted = store.watched(work.observer()).compact()?;
        drop(work);
        session.out.reply(&compacted)
    }
}
