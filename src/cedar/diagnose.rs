//! Turns what Cedar reports into this crate's diagnostics, with their places in the source.
//!
//! It goes through the flat form that Cedar has for foreign languages, so that the crate that Cedar's reports are made
//! of stays out of this one. Which statement is meant the caller says.

use cedar_policy::ffi::DetailedError;

use crate::error::{Diagnostic, SourcePlace};

/// The diagnostics of one report and of those related to it, in Cedar's order. `source` is what lies from `origin` on
/// in the text that Cedar parsed.
pub(super) fn findings(source: &str, origin: usize, statement: Option<u32>, report: DetailedError) -> Vec<Diagnostic> {
    let DetailedError { message, help, source_locations, related, .. } = report;
    let mut message = without_id(&message).to_owned();
    // The parser says here which tokens it expected.
    if let Some(label) = source_locations.first().and_then(|label| label.label.as_deref()) {
        message = format!("{message}: {label}");
    }
    if let Some(help) = help {
        message = format!("{message} ({})", without_id(&help));
    }
    let place = source_locations.first().map(|label| {
        let (start, end) = (label.loc.start, label.loc.end);
        SourcePlace::new(source, start.saturating_sub(origin), end.saturating_sub(start))
    });
    let mut all = vec![Diagnostic { message, statement, place }];
    all.extend(related.into_iter().flat_map(|report| findings(source, origin, statement, report)));
    all
}

/// The message without the id that Cedar gave the statement, as no input of ours carries it.
fn without_id(message: &str) -> &str {
    let rest = message.strip_prefix("for policy `policy").unwrap_or(message);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.strip_prefix("`, ").unwrap_or(message)
}

/// Brings findings into an order that does not depend on Cedar's hash tables, and drops repetitions.
pub(super) fn sort(findings: &mut Vec<Diagnostic>) {
    findings.sort_by(|a, b| {
        let key = |finding: &Diagnostic| (finding.statement, finding.place.map(|place| (place.offset, place.length)));
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup();
}

/// An error's message with those of its causes, as Cedar's outermost ones say little.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_that_cedar_made_up_is_left_out() {
        assert_eq!(without_id("for policy `policy12`, bad type"), "bad type");
        assert_eq!(without_id("for policy `policyx`, bad type"), "for policy `policyx`, bad type");
        assert_eq!(without_id("policy12 is bad"), "policy12 is bad");
    }
}
