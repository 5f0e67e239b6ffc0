//! `pstore stats`: the size of the store and of its parts.

use clap::Args;
use policy_store::{Space, Stats as Figures};
use serde::Serialize;

use crate::Exit;
use crate::failure::Result;
use crate::output::table::{Table, cell};
use crate::output::{Page, Reply};
use crate::session::Session;

/// Show the size of the store and of its parts
#[derive(Args)]
pub struct Stats {
    /// The bytes of each table too, and the unused ones: reads the whole file
    #[arg(long)]
    space: bool,
}

#[derive(Serialize)]
struct Reported {
    #[serde(flatten)]
    stats: Figures,
    space: Option<Space>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        let Figures { zones, schemas, entries, content, file_bytes, .. } = &self.stats;
        let mut table = Table::new(&[]);
        for (what, number) in [
            ("zones", zones),
            ("schema versions", schemas),
            ("log entries", entries),
            ("pieces of content", content),
            ("bytes of the file", file_bytes),
        ] {
            table.row([cell(what), cell(number.to_string())]);
        }
        table.right(1);
        table.print(0, page);
        page.gap();
        match &self.space {
            None => {
                let mut table = Table::new(&["table", "rows"]);
                self.stats.tables.iter().for_each(|row| table.row([cell(row.table), cell(row.rows.to_string())]));
                table.right(1);
                table.print(0, page);
            }
            Some(space) => print_space(page, space),
        }
    }
}

fn print_space(page: &mut Page, space: &Space) {
    let mut table = Table::new(&["table", "rows", "bytes of rows", "bytes of pages"]);
    for row in &space.tables {
        let figures = [row.rows, row.row_bytes, row.page_bytes].map(|figure| cell(figure.to_string()));
        table.row(std::iter::once(cell(row.table)).chain(figures));
    }
    (1..4).for_each(|column| table.right(column));
    table.print(0, page);
    page.line(format!("{} bytes are unused: `pstore compact` gives them back", space.unused_bytes));
}

impl Stats {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let space = self.space.then(|| store.space()).transpose()?;
        session.out.reply(&Reported { stats: store.stats()?, space })
    }
}
