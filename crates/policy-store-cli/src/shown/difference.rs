//! Changes of policies and their statements as they are shown: `+` added, `-` removed, `~` changed.

use policy_store::{ChangedStatement, PolicyChange, StatementChange};
use similar::{ChangeTag, TextDiff};

use crate::output::color::{ADDED, CHANGED, DIM, REMOVED, paint};
use crate::output::{Page, plain};

/// Lines around a change of a longer text.
const CONTEXT: usize = 3;

/// Adds the versions of a change: `mfa v2 → v3`, with a note after it.
pub fn print_policy(page: &mut Page, change: &PolicyChange, note: &str) {
    let name = plain(&change.name);
    let line = match (&change.from, &change.to) {
        (Some(from), Some(to)) if from.version == to.version => format!("  {name} v{}", to.version),
        (Some(from), Some(to)) => paint(CHANGED, format!("~ {name} v{} → v{}", from.version, to.version)),
        (None, Some(to)) => paint(ADDED, format!("+ {name} v{}", to.version)),
        (Some(from), None) => paint(REMOVED, format!("- {name} v{}", from.version)),
        (None, None) => format!("  {name}"),
    };
    page.line(if note.is_empty() { line } else { format!("{line} {}", paint(DIM, format!("({note})"))) });
}

/// Adds the changes of statements.
pub fn print_statements(page: &mut Page, changes: &[StatementChange]) {
    for change in changes {
        match change {
            StatementChange::Added { to } => {
                page.line(format!("    {} {}", paint(ADDED, "+"), place(to)));
                page.lines_of(6, ADDED, "+ ", &to.text);
            }
            StatementChange::Removed { from } => {
                page.line(format!("    {} {}", paint(REMOVED, "-"), place(from)));
                page.lines_of(6, REMOVED, "- ", &from.text);
            }
            StatementChange::Changed { from, to } => {
                page.line(format!("    {} {}", paint(CHANGED, "~"), place(to)));
                print_texts(page, 6, &from.text, &to.text);
            }
            _ => page.line("    a change that this release cannot show"),
        }
    }
}

/// A statement's number and `@id`.
fn place(statement: &ChangedStatement) -> String {
    let id = statement.id.as_ref().map_or_else(String::new, |id| format!(" `{}`", plain(id)));
    paint(DIM, format!("statement {}{id}", statement.statement))
}

/// Adds the changed lines of a text with the lines around them.
pub fn print_texts(page: &mut Page, indent: usize, from: &str, to: &str) {
    let diff = TextDiff::from_lines(from, to);
    for (number, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if number > 0 {
            page.line(format!("{:indent$}{}", "", paint(DIM, "…")));
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let line = change.value().trim_end_matches(['\n', '\r']);
            match change.tag() {
                ChangeTag::Delete => page.lines_of(indent, REMOVED, "- ", line),
                ChangeTag::Insert => page.lines_of(indent, ADDED, "+ ", line),
                ChangeTag::Equal => page.block(indent + 2, line),
            }
        }
    }
}
