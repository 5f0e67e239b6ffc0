//! `pstore check`: one decision, with the statements behind it.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use policy_store::cedar_policy::Entities;
use policy_store::{Answer, At, PolicyStore, Receipt, Timestamp, Zone};
use serde::Serialize;

use crate::Exit;
use crate::args::TargetArg;
use crate::failure::{Failure, Result, unobserved};
use crate::file;
use crate::name::known::KnownNames;
use crate::output::color;
use crate::output::{Page, Reply, count, plain};
use crate::question::Question;
use crate::rules::Rules;
use crate::session::Session;
use crate::shown::binding::ShownBinding;
use crate::shown::statement::ShownStatement;

/// Decide one request, and show the statements behind the decision
#[derive(Args)]
pub struct Check {
    /// The zone
    zone: String,
    #[command(flatten)]
    question: Question,
    #[command(flatten)]
    target: TargetArg,
    /// Decide by the version that was in force at this time: RFC 3339, or a date
    #[arg(long, value_name = "TIME", group = "rules")]
    at: Option<Timestamp>,
    /// Decide by this policy set version, such as `live@8`, or by a folder or saved plan, such as ./acme
    #[arg(long, value_name = "VERSION", group = "rules")]
    with: Option<String>,
    /// Decide by the version under observation
    #[arg(long, group = "rules")]
    shadow: bool,
    /// Write the decision's receipt to this file; it must not exist
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Append the decision with its request and entities to this file, for `pstore replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// A decision as it is shown.
#[derive(Serialize)]
pub struct ShownAnswer {
    /// `allow` or `deny`.
    pub decision: String,
    /// Whether a failing `forbid` alone made it a deny.
    pub denied_by_error: bool,
    /// Whether no statement applied.
    pub default_deny: bool,
    /// The binding that decided; none if a version was asked for.
    pub binding: Option<ShownBinding>,
    /// The guardrail that took part.
    pub guardrail: Option<ShownBinding>,
    /// The statements that determine the decision; those that failed; for a default deny, the permits that nearly applied.
    pub statements: Vec<ShownStatement>,
    /// The number of further statements.
    pub omitted: usize,
    /// The rules, if they were asked for by name: a version, a folder or a plan.
    pub with: Option<String>,
    /// The receipt; none for a folder or a plan.
    pub receipt: Option<Receipt>,
}

impl ShownAnswer {
    /// An answer, explained.
    pub fn new(zone: &Zone, rules: &Rules, answer: &Answer, entities: &Entities) -> Result<Self> {
        let (mut names, authorizer) = (KnownNames::new(zone), &rules.authorizer);
        let binding = authorizer.binding().cloned().map(|binding| ShownBinding::new(&mut names, binding));
        let guardrail = authorizer.guardrail().cloned().map(|binding| ShownBinding::new(&mut names, binding));
        let explanation = answer.explain(entities)?;
        let receipt = rules.plan.is_none().then(|| answer.receipt(entities)).transpose()?;
        let mut names = rules.names(zone);
        let statements =
            explanation.statements.iter().map(|explained| ShownStatement::explained(&mut names, explained)).collect();
        Ok(Self {
            decision: policy_store::receipt::Decision::from(answer.decision()).to_string(),
            denied_by_error: answer.denied_by_error(),
            default_deny: explanation.default_deny,
            binding,
            guardrail,
            statements,
            omitted: explanation.omitted,
            with: authorizer.binding().is_none().then(|| rules.name.clone()),
            receipt,
        })
    }

    /// Whether it is an allow.
    pub fn is_allowed(&self) -> bool {
        self.decision == "allow"
    }
}

impl Reply for ShownAnswer {
    fn text(&self, page: &mut Page) {
        page.line(color::decision(self.is_allowed()));
        if self.default_deny {
            page.line("  no statement applies");
        }
        self.statements.iter().for_each(|statement| statement.print(page));
        if self.omitted > 0 {
            page.line(format!("  and {}", count(self.omitted, "more statement")));
        }
        match &self.binding {
            Some(binding) => {
                page.line(format!("by {}", binding.line(page)));
                page.rationale(3, binding.binding.rationale.as_ref());
            }
            None => page.line(plain(&format!("by {}", self.with.as_deref().unwrap_or_default()))),
        }
        if let Some(guardrail) = &self.guardrail {
            page.line(format!("and {}", guardrail.line(page)));
            page.rationale(4, guardrail.binding.rationale.as_ref());
        }
    }
}

impl Check {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        if let Some(file) = &self.record {
            file::refuse_store(session.path(), file)?;
        }
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        let rules = self.rules(session, &store, &zone)?;
        let (request, entities) = self.question.read(&rules.authorizer)?;
        let answer = rules.authorizer.is_authorized(&request, &entities)?;
        let shown = ShownAnswer::new(&zone, &rules, &answer, &entities)?;
        if let Some(file) = &self.receipt {
            let none = || Failure::invalid("a decision by a plan has no receipt: its rules are not stored");
            write_new(file, &serde_json::to_string_pretty(shown.receipt.as_ref().ok_or_else(none)?)?)?;
        }
        if let Some(file) = &self.record {
            let opened = fs::OpenOptions::new().create(true).append(true).open(file);
            let mut opened = opened.map_err(|error| Failure::file("write", file, &error))?;
            answer.write_record(&entities, &mut opened)?;
        }
        session.out.reply(&shown)
    }

    fn rules(&self, session: &Session, store: &PolicyStore, zone: &Zone) -> Result<Rules> {
        let target = &self.target.target;
        let stored = |authorizer| Rules::of_binding(authorizer, String::new());
        Ok(match (&self.with, self.at) {
            (Some(with), _) => Rules::named(session, store, zone, target, with)?,
            (None, Some(time)) => stored(zone.authorizer_at(target.clone(), At::Time(time))?),
            (None, None) if self.shadow => {
                stored(zone.shadow_authorizer(target.clone()).map_err(unobserved(&self.zone))?)
            }
            (None, None) => Rules::in_force(zone, target)?,
        })
    }
}

/// Writes a file that does not exist yet.
pub fn write_new(path: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write;
    let created = std::fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = created.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes()));
    written.map_err(|error| Failure::file("write", path, &error))
}
