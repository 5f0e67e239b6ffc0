//! The report of a run: the cases that failed, and why. Its size is bounded. Does not decide anything.

use std::fmt;

use policy_store_verify::receipt::Decision;
use serde::Serialize;

use crate::types::limits;

/// The result of a run of a [`TestSuite`](crate::TestSuite).
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TestReport {
    /// The number of cases that were run: all of the suite.
    pub cases: usize,
    /// The cases that failed, in the order of the suite, of up to
    /// [a number of bytes](crate::limits::TEST_FAILURES_BYTES).
    pub failures: Vec<TestFailure>,
    /// The number of further cases that failed.
    pub omitted: usize,
}

/// A case that failed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestFailure {
    /// The case's index in the suite, counted from 0.
    pub index: usize,
    /// The case's name.
    pub name: Option<String>,
    /// Why it failed: at least one problem.
    pub problems: Vec<TestProblem>,
    /// The answer; none if the request or the entities could not be read.
    pub found: Option<TestOutcome>,
}

/// The answer to the request of a case that failed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TestOutcome {
    /// The decision.
    pub decision: Decision,
    /// The determining statements, by names that the suite may use: [a limited number](crate::limits::FINDINGS).
    pub reason: Vec<String>,
    /// The number of statements that failed to evaluate.
    pub num_errors: usize,
    /// The failures, each with the statement's name: [a limited number](crate::limits::FINDINGS).
    pub errors: Vec<String>,
}

/// Why a case failed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TestProblem {
    /// The request or the entities cannot be read with the schema of the version, or Cedar failed on them.
    Input {
        /// The problem.
        message: String,
    },
    /// The decision is another one.
    Decision {
        /// The expected decision.
        expected: Decision,
        /// The decision.
        found: Decision,
    },
    /// No statement has a name in `reason`.
    UnknownReason {
        /// The name, cut short if long.
        reason: String,
    },
    /// The statement that `reason` names is not determining.
    MissingReason {
        /// The name, cut short if long.
        reason: String,
    },
    /// Another number of statements failed to evaluate.
    NumErrors {
        /// The expected number.
        expected: usize,
        /// The number.
        found: usize,
    },
}

impl TestReport {
    /// The report of a run without failures.
    pub(crate) fn passed(cases: usize) -> Self {
        Self { cases, ..Self::default() }
    }

    /// Whether all cases passed.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.failed() == 0
    }

    /// The number of cases that failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failures.len().saturating_add(self.omitted)
    }

    /// Adds a failure. The first one is always kept. `bytes` counts those that are kept.
    pub(super) fn add(&mut self, failure: TestFailure, bytes: &mut usize) {
        let with = bytes.saturating_add(failure.weight());
        if self.failures.is_empty() || (self.omitted == 0 && with <= limits::TEST_FAILURES_BYTES) {
            *bytes = with;
            self.failures.push(failure);
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }
}

/// Approximate bytes of a text or a problem without its characters.
const ITEM_BYTES: usize = 64;

impl TestFailure {
    /// Approximate bytes.
    fn weight(&self) -> usize {
        let text = |text: &String| ITEM_BYTES + text.len();
        let problem = |problem: &TestProblem| match problem {
            TestProblem::Input { message } => text(message),
            TestProblem::UnknownReason { reason } | TestProblem::MissingReason { reason } => text(reason),
            TestProblem::Decision { .. } | TestProblem::NumErrors { .. } => ITEM_BYTES,
        };
        let found = |found: &TestOutcome| found.reason.iter().chain(&found.errors).map(text).sum::<usize>();
        let texts = self.name.as_ref().map_or(0, text) + self.found.as_ref().map_or(0, found);
        ITEM_BYTES + texts + self.problems.iter().map(problem).sum::<usize>()
    }
}

impl fmt::Display for TestFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "case {}", self.index)?;
        if let Some(name) = &self.name {
            write!(f, " (`{name}`)")?;
        }
        for (number, problem) in self.problems.iter().enumerate() {
            write!(f, "{} {problem}", if number == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl fmt::Display for TestProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input { message } => f.write_str(message),
            Self::Decision { expected, found } => write!(f, "decision is {found}, expected {expected}"),
            Self::UnknownReason { reason } => write!(f, "no statement has the name `{reason}`"),
            Self::MissingReason { reason } => write!(f, "`{reason}` is not a determining statement"),
            Self::NumErrors { expected, found } => write!(f, "{found} statements failed, expected {expected}"),
        }
    }
}
