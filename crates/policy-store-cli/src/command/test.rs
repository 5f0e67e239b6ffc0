//! `pstore test`: runs test suites against the version in force, another version, a folder or a plan.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::{Failure, Result};
use crate::folder::{self, FolderTests};
use crate::output::{Page, Reply, plain};
use crate::planning::{PlanArgs, as_path};
use crate::rules::Rules;
use crate::session::Session;
use crate::suite::{ShownReport, Suites};

/// Run tests against a folder, a plan or a stored version; exits with 2 if one fails
#[derive(Args)]
pub struct Test {
    /// A folder or the file of a saved plan, such as ./acme; or a zone
    #[arg(value_name = "FOLDER|PLAN|ZONE")]
    subject: String,
    /// Files or folders of tests; without them, those of the folder, or those kept with the version
    #[arg(long, value_name = "PATH", num_args = 1..)]
    tests: Vec<PathBuf>,
    /// With a zone: this version, such as `live@8`, in place of the one in force
    #[arg(long, value_name = "VERSION")]
    with: Option<String>,
    #[command(flatten)]
    target: TargetArg,
}

#[derive(Serialize)]
struct Reported {
    /// The version, folder or plan.
    subject: String,
    #[serde(flatten)]
    report: ShownReport,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        self.report.print(page);
        page.line(plain(&format!("against {}", self.subject)));
    }

    fn exit(&self) -> Exit {
        if self.report.passed { Exit::Done } else { Exit::Differs }
    }
}

impl Test {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let mut tests = Vec::new();
        for path in &self.tests {
            if path.is_dir() {
                tests.extend(folder_of_tests(path)?);
            } else {
                tests.push(folder::suites::read_one(path)?);
            }
        }
        let target = &self.target.target;
        let mut found = None;
        let rules = match as_path(&self.subject) {
            Some(_) if self.with.is_some() => {
                return Err(Failure::invalid("`--with` names a version of a zone, and this is a folder or a plan"));
            }
            Some(path) => {
                let (zone, planned) = PlanArgs::default().plan(session, &store, &session.actor_of_none()?, &path)?;
                if tests.is_empty() {
                    found = Suites::of_plan(&planned.plan, planned.folder.as_ref())?;
                }
                Rules::of_plan(&zone, planned.plan, &self.subject)?
            }
            None => {
                let zone = session.zone(&store, &self.subject).map_err(|failure| as_folder(failure, &self.subject))?;
                let rules = match &self.with {
                    Some(version) => Rules::named(session, &store, &zone, target, version)?,
                    None => Rules::in_force(&zone, target)?,
                };
                if let Some(version) = rules.version.as_ref().filter(|_| tests.is_empty()) {
                    found = Suites::kept(&zone, version)?;
                }
                rules
            }
        };
        let suites = found.map_or_else(|| Suites::read(&tests), |found| Ok(Some(found)))?.ok_or_else(|| {
            Failure::not_found("there are no tests")
                .help("name files with `--tests`, or write them into tests/ of the folder")
        })?;
        session.out.reply(&Reported { report: suites.run(&rules.authorizer)?, subject: rules.name })
    }
}

/// The failure to find a zone, with the folder of that name, if there is one.
fn as_folder(failure: Failure, subject: &str) -> Failure {
    if failure.code == "not_found" && std::path::Path::new(subject).is_dir() {
        return failure.help(format!("did you mean the folder `./{subject}`?"));
    }
    failure
}

/// The tests in a folder: of a policy set, or with files of tests alone.
fn folder_of_tests(path: &std::path::Path) -> Result<Vec<FolderTests>> {
    if path.join("tests").is_dir() {
        return folder::suites::read(path);
    }
    let files = folder::files::listed(path, "json", true)?;
    files.into_iter().map(|(_, path)| folder::suites::read_one(&path)).collect()
}
