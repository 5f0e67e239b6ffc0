//! The report of a replay, and its counts. Counts of several threads add up to those of one.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::Decision;
use serde::Serialize;

use super::left_out::{LeftOut, Refusal};
use crate::decide::receipt::StatementRef;
use crate::types::limits;

/// Lines that a group names.
const FIRST_LINES: usize = 3;

/// The outcome of a [replay of recorded decisions](crate::PolicyStore::replay_decisions).
///
/// `decisions` is `same` and `flips` together. A line that is left out is in none of them.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReplayReport {
    /// The decisions that were made again.
    pub decisions: u64,
    /// Those with the decision of their receipt.
    pub same: u64,
    /// Those with the other decision.
    pub flips: u64,
    /// Of the same decisions, those that other statements determine. Statements of different versions of a policy are
    /// different.
    pub reasons_differ: u64,
    /// The first lines with other determining statements, by number.
    pub first_with_other_reasons: Vec<u64>,
    /// The flips by statement, the most frequent first. A flip counts for each of the statements that determine the new
    /// decision; if no statement determines it, for each that determined the old one.
    pub flips_by_statement: Vec<StatementFlips>,
    /// The number of lines that are left out, by reason.
    pub left_out: BTreeMap<LeftOut, u64>,
    /// The first lines that are left out, by number: at most [`REPLAY_LINES`](limits::REPLAY_LINES).
    pub left_out_lines: Vec<LeftOutLine>,
}

/// The flips that one statement caused.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementFlips {
    /// The statement.
    pub statement: StatementRef,
    /// The decision of the receipts.
    pub from: Decision,
    /// The decision now.
    pub to: Decision,
    /// The number of decisions.
    pub count: u64,
    /// The first lines, by number, counted from 1: at most three.
    pub first_lines: Vec<u64>,
}

/// A line that a replay leaves out.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOutLine {
    /// Its number, counted from 1.
    pub line: u64,
    /// The reason.
    pub reason: LeftOut,
    /// The problem in words.
    pub message: String,
}

impl ReplayReport {
    /// The number of all lines that are left out.
    #[must_use]
    pub fn left_out_total(&self) -> u64 {
        self.left_out.values().sum()
    }

    /// Whether every line was decided, as its receipt says and for the same reasons.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.flips == 0 && self.reasons_differ == 0 && self.left_out.is_empty()
    }
}

/// Lines of one group: their number and the first ones.
#[derive(Debug, Default)]
struct Lines {
    count: u64,
    first: Vec<u64>,
}

impl Lines {
    fn add(&mut self, line: u64) {
        self.merge(Self { count: 1, first: vec![line] });
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.sort_unstable();
        self.first.truncate(FIRST_LINES);
    }
}

/// A statement and whether it allows now.
type Group = (StatementRef, bool);

/// The counts of one thread.
#[derive(Debug, Default)]
pub(super) struct Tally {
    same: u64,
    flips: u64,
    other_reasons: Lines,
    groups: BTreeMap<Group, Lines>,
    left_out: BTreeMap<LeftOut, u64>,
    left_out_lines: BTreeMap<u64, Refusal>,
}

impl Tally {
    /// Counts a decision that is as before.
    pub(super) fn same(&mut self, line: u64, reasons_differ: bool) {
        self.same += 1;
        if reasons_differ {
            self.other_reasons.add(line);
        }
    }

    /// Counts a decision that is another one, under its statements.
    pub(super) fn flip(&mut self, line: u64, to: Decision, statements: &[StatementRef]) {
        self.flips += 1;
        // A receipt from elsewhere may name one twice.
        for statement in statements.iter().collect::<BTreeSet<_>>() {
            self.groups.entry((statement.clone(), to == Decision::Allow)).or_default().add(line);
        }
    }

    /// Counts a line that is left out.
    pub(super) fn leave_out(&mut self, line: u64, refusal: Refusal) {
        *self.left_out.entry(refusal.reason).or_default() += 1;
        self.left_out_lines.insert(line, refusal);
        if self.left_out_lines.len() > limits::REPLAY_LINES {
            self.left_out_lines.pop_last();
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.same += other.same;
        self.flips += other.flips;
        self.other_reasons.merge(other.other_reasons);
        for (group, lines) in other.groups {
            self.groups.entry(group).or_default().merge(lines);
        }
        for (reason, count) in other.left_out {
            *self.left_out.entry(reason).or_default() += count;
        }
        self.left_out_lines.extend(other.left_out_lines);
        while self.left_out_lines.len() > limits::REPLAY_LINES {
            self.left_out_lines.pop_last();
        }
    }

    pub(super) fn into_report(self) -> ReplayReport {
        let group = |((statement, allows), lines): (Group, Lines)| {
            let (from, to) = if allows { (Decision::Deny, Decision::Allow) } else { (Decision::Allow, Decision::Deny) };
            StatementFlips { statement, from, to, count: lines.count, first_lines: lines.first }
        };
        let mut flips_by_statement: Vec<_> = self.groups.into_iter().map(group).collect();
        // Stable, so groups of one size keep the order of their statements.
        flips_by_statement.sort_by_key(|group| std::cmp::Reverse(group.count));
        let lines = self.left_out_lines.into_iter();
        ReplayReport {
            decisions: self.same + self.flips,
            same: self.same,
            flips: self.flips,
            reasons_differ: self.other_reasons.count,
            first_with_other_reasons: self.other_reasons.first,
            flips_by_statement,
            left_out: self.left_out,
            left_out_lines: lines
                .map(|(line, Refusal { reason, message })| LeftOutLine { line, reason, message })
                .collect(),
        }
    }
}
