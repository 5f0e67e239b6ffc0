//! `pstore compare`: the version in force beside the one under observation: their statements, one request, recorded decisions.

use std::path::PathBuf;

use clap::Args;
use policy_store::{Authorizer, Difference, PolicySetDifference, PolicyStore, Zone};
use serde::Serialize;

use super::check::ShownAnswer;
use crate::Exit;
use crate::args::TargetArg;
use crate::failure::{Result, unobserved};
use crate::output::color::{self, CHANGED, paint};
use crate::output::{Page, Reply};
use crate::question::{OptionalQuestion, Question};
use crate::replayed::ShownReplay;
use crate::rules::Rules;
use crate::session::Session;
use crate::shown::difference;

/// Compare the version in force with the one under observation; exits with 2 if they differ
#[derive(Args)]
pub struct Compare {
    /// The zone
    zone: String,
    #[command(flatten)]
    question: OptionalQuestion,
    /// Recorded decisions, decided by the version under observation; `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "principal")]
    decisions: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArg,
}

/// Both answers to one request.
#[derive(Serialize)]
struct Answers {
    difference: Difference,
    enforced: ShownAnswer,
    shadow: ShownAnswer,
}

#[derive(Serialize)]
struct Reported {
    differs: bool,
    /// The difference of the versions, if nothing else was asked for.
    versions: Option<PolicySetDifference>,
    answers: Option<Answers>,
    replay: Option<ShownReplay>,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        if let Some(versions) = &self.versions {
            let (from, to) = (versions.from.version, versions.to.version);
            page.heading(format!("in force: version {from}; under observation: version {to}"));
            for policy in &versions.policies {
                difference::print_policy(page, policy, "");
                difference::print_statements(page, &policy.statements);
            }
            if !self.differs {
                page.line("no difference");
            }
        }
        if let Some(answers) = &self.answers {
            answers.print(page);
        }
        if let Some(replay) = &self.replay {
            replay.print(page);
        }
    }

    fn exit(&self) -> Exit {
        if self.differs { Exit::Differs } else { Exit::Done }
    }
}

impl Answers {
    fn print(&self, page: &mut Page) {
        let (enforced, shadow) = (self.enforced.is_allowed(), self.shadow.is_allowed());
        if self.difference.decides_otherwise() {
            let flip = format!("{} → {}", color::decision(enforced), color::decision(shadow));
            page.line(format!("{} {flip}", paint(CHANGED, "the shadow decides otherwise:")));
        } else {
            page.line(format!("both decide {}", color::decision(enforced)));
        }
        page.heading("in force");
        self.enforced.text(page);
        page.heading("under observation");
        self.shadow.text(page);
    }
}

impl Compare {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let mut reported = Reported { differs: false, versions: None, answers: None, replay: None };
        if let Some(question) = self.question.given() {
            let answers = self.answers(&zone, &question)?;
            reported.differs = !answers.difference.is_none();
            reported.answers = Some(answers);
        } else if let Some(file) = &self.decisions {
            let replay = self.replay(&store, &zone, file)?;
            reported.differs = replay.differs();
            reported.replay = Some(replay);
        } else {
            let target = &self.target.target;
            let (from, to) =
                (zone.in_force(target.clone())?, zone.observed(target.clone()).map_err(unobserved(&self.zone))?);
            let versions = zone.difference(&from.policy_set_version_id, &to.policy_set_version_id)?;
            reported.differs = !versions.is_none();
            reported.versions = Some(versions);
        }
        session.out.reply(&reported)
    }

    fn answers(&self, zone: &Zone, question: &Question) -> Result<Answers> {
        let decide = |authorizer: Authorizer| -> Result<_> {
            let rules = Rules::of_binding(authorizer, String::new());
            let (request, entities) = question.read(&rules.authorizer)?;
            let answer = rules.authorizer.is_authorized(&request, &entities)?;
            let shown = ShownAnswer::new(zone, &rules, &answer, &entities)?;
            Ok((answer, shown))
        };
        let (answer, enforced) = decide(zone.authorizer(self.target.target.clone())?)?;
        let (other, shadow) =
            decide(zone.shadow_authorizer(self.target.target.clone()).map_err(unobserved(&self.zone))?)?;
        Ok(Answers { difference: answer.difference(&other), enforced, shadow })
    }

    fn replay(&self, store: &PolicyStore, zone: &Zone, file: &std::path::Path) -> Result<ShownReplay> {
        let authorizer = zone.shadow_authorizer(self.target.target.clone()).map_err(unobserved(&self.zone))?;
        let name = match authorizer.binding() {
            Some(binding) => format!("{}@{}", zone.policy_set(&binding.policy_set_id)?.name, binding.version),
            None => String::new(),
        };
        ShownReplay::new(store, file, Some((zone, &Rules::of_binding(authorizer, name))))
    }
}
