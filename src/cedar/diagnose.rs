//! Converts Cedar's reports into diagnostics with places in the source, and limits their number and size.
//!
//! It reads the flat reports that Cedar has for foreign languages, so this crate needs no dependency on Cedar's report
//! crate. Does not know the statement of a report: the caller passes it.

use std::collections::{HashMap, HashSet};

use cedar_policy::ffi::DetailedError;

use crate::types::error::{Diagnostic, SourcePlace};
use crate::types::limits;

/// The diagnostics of a report and of its related reports, in Cedar's order. `source` starts at the offset `origin` of
/// the text that Cedar parsed.
pub(super) fn findings(source: &str, origin: usize, statement: Option<u32>, report: DetailedError) -> Vec<Diagnostic> {
    let DetailedError { message, help, source_locations, related, .. } = report;
    let mut message = without_id(&message).to_owned();
    // The parser puts the expected tokens into the label.
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
    let mut all = vec![Diagnostic { message: shortened(message), statement, place, count: 1 }];
    all.extend(related.into_iter().flat_map(|report| findings(source, origin, statement, report)));
    all
}

/// The message without Cedar's id of the statement. The input does not have this id.
fn without_id(message: &str) -> &str {
    let rest = message.strip_prefix("for policy `policy").unwrap_or(message);
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.strip_prefix("`, ").unwrap_or(message)
}

/// The message, truncated if it quotes a long input.
fn shortened(mut message: String) -> String {
    if message.len() > limits::FINDING_BYTES {
        let end = (0..=limits::FINDING_BYTES).rev().find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or(0));
        message.push('…');
    }
    message
}

/// Sorts findings into an order that does not depend on Cedar's hash tables, and merges equal ones. Replaces the
/// findings over the limit by one finding with their number.
pub(super) fn sort(findings: &mut Vec<Diagnostic>) {
    order(findings);
    findings.dedup_by(|next, first| {
        let same = key(first) == key(next) && first.message == next.message;
        first.count = first.count.saturating_add(if same { next.count } else { 0 });
        same
    });
    bound(findings);
}

/// As [`sort`], for findings of each request type: merges those that differ only in the `names` of types or in
/// entities.
pub(super) fn sort_validation(findings: &mut Vec<Diagnostic>, names: &HashSet<String>) {
    order(findings);
    // Findings with equal shapes at one place may not be adjacent.
    let mut known: HashMap<_, usize> = HashMap::new();
    let mut merged: Vec<Diagnostic> = Vec::new();
    for finding in findings.drain(..) {
        let at = *known.entry((key(&finding), shape(&finding.message, names))).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(first) => first.count = first.count.saturating_add(finding.count),
            None => merged.push(finding),
        }
    }
    *findings = merged;
    bound(findings);
}

fn key(finding: &Diagnostic) -> (Option<u32>, Option<(u32, u32)>) {
    (finding.statement, finding.place.map(|place| (place.offset, place.length)))
}

fn order(findings: &mut [Diagnostic]) {
    findings.sort_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message)));
}

fn bound(findings: &mut Vec<Diagnostic>) {
    let mut bytes = 0;
    let fits = |finding: &&Diagnostic| {
        bytes += finding.message.len();
        bytes <= limits::FINDINGS_BYTES
    };
    let kept = findings.iter().take(limits::FINDINGS).take_while(fits).count();
    if kept < findings.len() {
        let left = findings.split_off(kept).iter().fold(0_u32, |sum, finding| sum.saturating_add(finding.count));
        findings.push(Diagnostic { count: left, ..Diagnostic::without_place(format!("… and {left} more")) });
    }
}

/// A message without names of types and without quoted parts, such as ids of entities.
fn shape(message: &str, names: &HashSet<String>) -> String {
    let mut shape = String::with_capacity(message.len());
    for (number, part) in message.split('"').enumerate() {
        if number % 2 == 1 {
            shape.push('"');
            continue;
        }
        let in_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let mut rest = part;
        while let Some(first) = rest.chars().next() {
            let length =
                if in_name(first) { rest.find(|c: char| !in_name(c)).unwrap_or(rest.len()) } else { first.len_utf8() };
            let (word, further) = rest.split_at_checked(length).unwrap_or((rest, ""));
            shape.push_str(if names.contains(word) { "\0" } else { word });
            rest = further;
        }
    }
    shape
}

/// An error's message with the messages of its causes. Cedar's outermost messages have little detail.
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

    fn finding(message: &str, offset: usize) -> Diagnostic {
        let place = Some(SourcePlace::new(&" ".repeat(5_000), offset, 1));
        Diagnostic { place, statement: Some(0), ..Diagnostic::without_place(message) }
    }

    #[test]
    fn the_id_that_cedar_made_up_is_left_out() {
        assert_eq!(without_id("for policy `policy12`, bad type"), "bad type");
        assert_eq!(without_id("for policy `policyx`, bad type"), "for policy `policyx`, bad type");
        assert_eq!(without_id("policy12 is bad"), "policy12 is bad");
    }

    #[test]
    fn findings_that_differ_in_names_of_types_are_told_once_with_their_count() {
        let names = ["E1", "E2", "N::E3"].map(str::to_owned).into();
        let attribute = |of: &str, at| finding(&format!("attribute `q` on entity type `{of}` not found"), at);
        let mut findings = vec![
            attribute("N::E3", 7),
            attribute("E2", 7),
            finding("attribute `q` on entity type `E1x` not found", 7),
            finding("attribute `q` in context for Action::\"a\" not found", 7),
            finding("attribute `q` in context for Action::\"b\" not found", 7),
            attribute("E1", 7),
            attribute("E1", 9),
        ];
        sort_validation(&mut findings, &names);
        let told: Vec<_> = findings.iter().map(|f| (f.place.unwrap().offset, f.message.as_str(), f.count)).collect();
        let expected = [
            (7, "attribute `q` in context for Action::\"a\" not found", 2),
            (7, "attribute `q` on entity type `E1` not found", 3),
            (7, "attribute `q` on entity type `E1x` not found", 1),
            (9, "attribute `q` on entity type `E1` not found", 1),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_is_over_the_bound_is_counted() {
        let mut many: Vec<_> = (0..4_000).map(|at| finding("m", at)).chain([finding("m", 0)]).collect();
        sort(&mut many);
        assert_eq!(many.len(), limits::FINDINGS + 1);
        assert_eq!(many[0].count, 2);
        let last = many.last().unwrap();
        assert_eq!((last.to_string().as_str(), last.count), ("… and 3900 more", 3_900));
        let mut long: Vec<_> = (0..50).map(|at| finding(&"é".repeat(500), at)).collect();
        sort(&mut long);
        assert_eq!((long.len(), long[16].count), (17, 34));
        assert!(shortened("é".repeat(limits::FINDING_BYTES)).len() <= limits::FINDING_BYTES + '…'.len_utf8());
        let mut few = vec![finding("b", 1), finding("a", 1)];
        sort(&mut few);
        assert_eq!(few, [finding("a", 1), finding("b", 1)]);
    }
}
