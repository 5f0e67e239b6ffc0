//! Runs a suite over a compiled set, with the schema of the set. Reads each request and its entities through the gate.

use super::TestSuite;
use super::case::TestCase;
use super::names::Names;
use super::report::{TestFailure, TestOutcome, TestProblem, TestReport};
use crate::cedar::{CompiledSet, Evaluation, ParsedSchema, in_one_go};
use crate::types::error::{Result, cut};
use crate::types::limits;

/// Runs all cases. `policies` has the ids of the set's members, in their order.
///
/// A case whose input cannot be read, or on which Cedar fails, has failed.
pub(crate) fn run(
    schema: &ParsedSchema,
    set: &CompiledSet,
    policies: &[&str],
    suite: &TestSuite,
) -> Result<TestReport> {
    // One stack for all cases.
    in_one_go("test suite", || {
        let names = Names::new(set, policies);
        let mut report = TestReport::passed(suite.len());
        let mut bytes = 0;
        for (index, case) in suite.cases().iter().enumerate() {
            if let Some((problems, found)) = failure(schema, set, &names, case) {
                let name = case.name().map(cut);
                report.add(TestFailure { index, name, problems, found }, &mut bytes);
            }
        }
        report
    })
}

/// The problems of a case and its answer; none if it passes.
fn failure(
    schema: &ParsedSchema,
    set: &CompiledSet,
    names: &Names<'_>,
    case: &TestCase,
) -> Option<(Vec<TestProblem>, Option<TestOutcome>)> {
    let evaluation = match decide(schema, set, case) {
        Ok(evaluation) => evaluation,
        Err(error) => {
            let message = within(error.to_string(), limits::FINDING_BYTES);
            return Some((vec![TestProblem::Input { message }], None));
        }
    };
    let problems = problems(names, case, &evaluation);
    (!problems.is_empty()).then(|| (problems, Some(outcome(names, &evaluation))))
}

fn decide(schema: &ParsedSchema, set: &CompiledSet, case: &TestCase) -> Result<Evaluation> {
    let request = schema.request(&case.principal, &case.action, &case.resource, case.context_json())?;
    set.evaluate(&request, &schema.entities(case.entities_json())?)
}

/// The differences from the expected answer: as in Cedar, another decision hides those of reasons and errors.
fn problems(names: &Names<'_>, case: &TestCase, evaluation: &Evaluation) -> Vec<TestProblem> {
    let found = evaluation.decision.into();
    let is_expected = found == case.decision;
    let determining = names.all_of(&evaluation.determining);
    let reasons = case.reason.iter().filter_map(|reason| match names.find(reason) {
        None => Some(TestProblem::UnknownReason { reason: cut(reason) }),
        Some(named) if is_expected && !determining.contains(&named) => {
            Some(TestProblem::MissingReason { reason: cut(reason) })
        }
        Some(_) => None,
    });
    let mut problems: Vec<_> = reasons.take(limits::FINDINGS).collect();
    if !is_expected {
        problems.insert(0, TestProblem::Decision { expected: case.decision, found });
    } else if evaluation.errors.len() != case.num_errors {
        problems.push(TestProblem::NumErrors { expected: case.num_errors, found: evaluation.errors.len() });
    }
    problems
}

fn outcome(names: &Names<'_>, evaluation: &Evaluation) -> TestOutcome {
    let reason = evaluation.determining.iter().map(|place| names.of(*place));
    let errors = evaluation.errors.iter().map(|error| {
        let statement = cut(&names.of((error.member, error.statement)));
        format!("`{statement}`: {}", error.message)
    });
    TestOutcome {
        decision: evaluation.decision.into(),
        reason: first(reason),
        num_errors: evaluation.errors.len(),
        errors: first(errors),
    }
}

/// The first of many texts.
fn first(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut bytes = 0;
    let texts = texts.take(limits::FINDINGS).map(|text| within(text, limits::FINDING_BYTES));
    let fits = |text: &String| {
        bytes += text.len();
        bytes <= limits::FINDINGS_BYTES
    };
    texts.take_while(fits).collect()
}

/// A text of at most `bytes` bytes, and a mark if it was longer.
fn within(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes));
        text.push('…');
    }
    text
}
