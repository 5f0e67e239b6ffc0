//! Findings of Cedar as they are shown: line, column, message.

use policy_store::Diagnostic;

use crate::output::Page;

/// Adds a finding: its place, then its message.
pub fn print(page: &mut Page, indent: usize, finding: &Diagnostic) {
    let place = finding.place.as_ref().map_or_else(String::new, |place| format!("{}:{}: ", place.line, place.column));
    let times = if finding.count > 1 { format!(" ({} times)", finding.count) } else { String::new() };
    page.block(indent, &format!("{place}{}{times}", finding.message));
}
