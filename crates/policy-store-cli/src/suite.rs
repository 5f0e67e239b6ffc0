//! Test suites of a folder: joined, run, and their failures named by file.

use policy_store::{
    Authorizer, Committed, PolicySetPlan, PolicySetVersionId, TestFailure, TestReport, TestSuite, Zone,
};
use serde::Serialize;

use crate::failure::{Failure, Result};
use crate::folder::{Folder, FolderTests};
use crate::output::color::{ADDED, REMOVED, paint};
use crate::output::{Page, count, plain};

/// The suites of several files as one.
pub struct Suites {
    joined: TestSuite,
    /// The name and the number of cases of each file.
    files: Vec<(String, usize)>,
}

/// The result of a run.
#[derive(Serialize)]
pub struct ShownReport {
    /// Whether all cases passed.
    pub passed: bool,
    /// The number of cases.
    pub cases: usize,
    /// The number of cases that failed.
    pub failed: usize,
    /// The failures.
    pub failures: Vec<ShownFailure>,
    /// The number of failures beyond those.
    pub omitted: usize,
}

/// A failure with the file of its case.
#[derive(Serialize)]
pub struct ShownFailure {
    /// The file.
    pub file: String,
    /// The failure. Its index counts within the file.
    #[serde(flatten)]
    pub failure: TestFailure,
}

impl Suites {
    /// Reads the suites of files; none without files.
    pub fn read(files: &[FolderTests]) -> Result<Option<Self>> {
        if files.is_empty() {
            return Ok(None);
        }
        let (mut suites, mut counts) = (Vec::new(), Vec::new());
        for tests in files {
            let suite = TestSuite::from_json(tests.json.as_str());
            let suite = suite.map_err(|error| Failure::from(error).within(&tests.file))?;
            counts.push((tests.file.clone(), suite.len()));
            suites.push(suite);
        }
        Ok(Some(Self { joined: TestSuite::merged(&suites)?, files: counts }))
    }

    /// The suite that is kept with a version; none without one.
    pub fn kept<M: Committed>(zone: &Zone<M>, policy_set_version_id: &PolicySetVersionId) -> Result<Option<Self>> {
        let kept = zone.test_suite(policy_set_version_id)?;
        Ok(kept.map(|joined| Self::whole("kept suite", joined)))
    }

    /// The tests of a plan: by the files of its folder, if it has one.
    pub fn of_plan(plan: &PolicySetPlan, folder: Option<&Folder>) -> Result<Option<Self>> {
        match folder {
            Some(folder) => Self::read(&folder.tests),
            None => Ok(plan.desired().test_suite().map(|suite| Self::whole("saved suite", suite.clone()))),
        }
    }

    fn whole(name: &str, joined: TestSuite) -> Self {
        Self { files: vec![(name.to_owned(), joined.len())], joined }
    }

    /// The joined suite.
    pub fn joined(&self) -> &TestSuite {
        &self.joined
    }

    /// Runs all cases.
    pub fn run(&self, authorizer: &Authorizer) -> Result<ShownReport> {
        Ok(self.shown(authorizer.run_tests(&self.joined)?))
    }

    fn shown(&self, report: TestReport) -> ShownReport {
        let (passed, cases, failed, omitted) = (report.is_passed(), report.cases, report.failed(), report.omitted);
        let failures = report.failures.into_iter().map(|mut failure| {
            let mut file = String::new();
            for (name, count) in &self.files {
                file.clone_from(name);
                if failure.index < *count {
                    break;
                }
                failure.index -= count;
            }
            ShownFailure { file, failure }
        });
        ShownReport { passed, cases, failed, failures: failures.collect(), omitted }
    }
}

impl ShownReport {
    /// Adds the failures, by file, and the numbers.
    pub fn print(&self, page: &mut Page) {
        let mut file = None;
        for shown in &self.failures {
            if file.replace(&shown.file) != Some(&shown.file) {
                page.heading(plain(&shown.file));
            }
            let failure = &shown.failure;
            page.line(format!("  {} {}", paint(REMOVED, "failed"), plain(&failure.to_string())));
            if let Some(found) = &failure.found {
                page.block(4, &format!("{} by {}", found.decision, joined(&found.reason)));
                found.errors.iter().for_each(|error| page.block(4, error));
            }
        }
        if self.omitted > 0 {
            page.line(format!("  and {} more", self.omitted));
        }
        let cases = count(self.cases, "case");
        page.line(match self.failed {
            0 => paint(ADDED, format!("{cases} passed")),
            failed => paint(REMOVED, format!("{failed} of {cases} failed")),
        });
    }
}

fn joined(reasons: &[String]) -> String {
    if reasons.is_empty() { "no statement".to_owned() } else { reasons.join(", ") }
}
