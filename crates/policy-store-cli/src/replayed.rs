//! A replay of recorded decisions as it is shown: the flips by statement, and the lines that were left out.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use policy_store::receipt::Decision;
use policy_store::{PolicyStore, ReplayOptions, ReplayReport, StatementFlips, Zone};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::output::color::{self, ADDED, CHANGED, REMOVED, paint};
use crate::output::progress::LongWork;
use crate::output::{Page, count, plain};
use crate::rules::Rules;
use crate::shown::statement::Names;

/// The report of a replay, with names.
#[derive(Serialize)]
pub struct ShownReplay {
    /// The rules, if they are not those of the receipts.
    pub with: Option<String>,
    /// Whether every decision is the same, for the same reasons, and no line was left out.
    pub agrees: bool,
    /// The report of the library.
    #[serde(flatten)]
    pub report: ReplayReport,
    /// The statements of the flips, in the order of the report, with names and texts.
    pub statements: Vec<FlipStatement>,
}

/// The statement of a flip.
#[derive(Serialize)]
pub struct FlipStatement {
    policy: String,
    version: u32,
    id: Option<String>,
    text: Option<String>,
}

impl ShownReplay {
    /// Replays a file, or standard input for `-`. With rules, all decisions are made by them.
    pub fn new(store: &PolicyStore, file: &Path, rules: Option<(&Zone, &Rules)>) -> Result<Self> {
        let mut options = ReplayOptions::new();
        if let Some((_, rules)) = rules {
            options = options.with(rules.authorizer.clone());
        }
        let mut is_file = false;
        let input: Box<dyn BufRead> = if file == Path::new("-") {
            Box::new(std::io::stdin().lock())
        } else {
            let opened = File::open(file).and_then(|opened| Ok((opened.metadata()?, opened)));
            let (there, opened) = opened.map_err(|error| Failure::file("read", file, &error))?;
            is_file = there.is_file();
            if is_file {
                options = options.input_bytes(there.len());
            }
            Box::new(BufReader::with_capacity(1 << 20, opened))
        };
        let work = if is_file { LongWork::new() } else { LongWork::on_input_that_may_block() };
        let report = store.watched(work.observer()).replay_decisions(input, &options)?;
        drop(work);
        let statements = match rules {
            Some((zone, rules)) => {
                let mut names = rules.names(zone);
                report.flips_by_statement.iter().map(|flips| shown(&mut names, Some(rules), flips)).collect()
            }
            None => Vec::new(),
        };
        let with = rules.map(|(_, rules)| rules.name.clone());
        Ok(Self { with, agrees: report.agrees(), report, statements })
    }

    /// Whether a decision is another one. Without other rules, every disagreement with a receipt counts.
    pub fn differs(&self) -> bool {
        if self.with.is_some() { self.report.flips > 0 } else { !self.agrees }
    }

    /// Adds the numbers, the flips and the lines that were left out.
    pub fn print(&self, page: &mut Page) {
        let ReplayReport { decisions, same, flips, reasons_differ, .. } = &self.report;
        let by =
            self.with.as_ref().map_or_else(|| "by their own rules".to_owned(), |with| format!("by {}", plain(with)));
        page.line(format!("{} {by}: {same} the same", count(*decisions, "decision")));
        if *reasons_differ > 0 {
            page.line(paint(CHANGED, format!("{reasons_differ} of those for other reasons")));
        }
        page.line(if *flips > 0 { paint(REMOVED, count(*flips, "flip")) } else { paint(ADDED, "no flips") });
        for (index, flips) in self.report.flips_by_statement.iter().enumerate() {
            self.print_flips(page, flips, self.statements.get(index));
        }
        let left_out = self.report.left_out_total();
        if left_out > 0 {
            page.line(paint(CHANGED, format!("{} left out", count(left_out, "line"))));
        }
        for line in &self.report.left_out_lines {
            page.block(2, &format!("line {} ({}): {}", line.line, line.reason, line.message));
        }
    }

    fn print_flips(&self, page: &mut Page, flips: &StatementFlips, statement: Option<&FlipStatement>) {
        let decision = |decision: Decision| color::decision(decision == Decision::Allow);
        let (from, to) = (decision(flips.from.into()), decision(flips.to.into()));
        let lines: Vec<String> = flips.first_lines.iter().map(u64::to_string).collect();
        let place = statement.map_or_else(
            || flips.statement.to_string(),
            |known| {
                let id = known.id.as_ref().map_or_else(String::new, |id| format!(" `{id}`"));
                format!("{}@{} statement {}{id}", known.policy, known.version, flips.statement.statement)
            },
        );
        page.line(format!("  {:>7}  {from} → {to}  {}  (lines {}…)", flips.count, plain(&place), lines.join(", ")));
        page.block(11, statement.and_then(|known| known.text.as_deref()).unwrap_or_default());
    }
}

fn shown(names: &mut Names<'_, policy_store::Latest>, rules: Option<&Rules>, flips: &StatementFlips) -> FlipStatement {
    let (policy, version) = names.of(&flips.statement);
    let statement = rules.and_then(|rules| rules.authorizer.statement_of(&flips.statement));
    let id = statement.as_ref().and_then(|statement| statement.id().map(str::to_owned));
    FlipStatement { policy, version, id, text: statement.map(|statement| statement.text) }
}

/// The zone that a command without one means: the only one of the store.
pub fn only_zone(store: &PolicyStore) -> Result<String> {
    let page = store.zones(&policy_store::PageRequest::new().limit(2))?;
    match page.items.as_slice() {
        [zone] => Ok(zone.id.to_string()),
        _ => Err(Failure::invalid("the store has several zones, or none").help("name one with `--zone`")),
    }
}
