//! `pstore why`: a receipt explained: the rules behind a decision, who put them in force, when and why.

use std::path::PathBuf;

use clap::Args;
use policy_store::cedar_policy::{Entities, Request};
use policy_store::{Authorizer, DecisionRecord, PolicyStore, Receipt, Zone};
use serde::Serialize;

use crate::Exit;
use crate::failure::{Failure, Result};
use crate::name::known::KnownNames;
use crate::output::color::{self, DIM, paint};
use crate::output::{Page, Reply, plain};
use crate::question::OptionalQuestion;
use crate::recorded;
use crate::session::Session;
use crate::shown::binding::ShownBinding;
use crate::shown::statement::{Names, ShownStatement};

/// Explain a receipt: the statements, who put them in force, when and why. The store is compared with it
#[derive(Args)]
pub struct Why {
    /// The zone
    zone: String,
    /// The receipt's file, or a file of recorded decisions
    #[arg(value_name = "FILE")]
    receipt: PathBuf,
    /// The line of the recorded decision, counted from 1
    #[arg(long, value_name = "NUMBER", conflicts_with = "principal")]
    line: Option<usize>,
    #[command(flatten)]
    question: OptionalQuestion,
}

#[derive(Serialize)]
struct Reported {
    decision: String,
    version: String,
    binding: Option<ShownBinding>,
    guardrail: Option<ShownBinding>,
    statements: Vec<ShownStatement>,
    /// Whether the request was decided again, with the same answer.
    replayed: bool,
    /// Whether the version is in force now, for the target of the receipt.
    in_force_now: bool,
    receipt: Receipt,
}

impl Reply for Reported {
    fn text(&self, page: &mut Page) {
        page.line(color::decision(self.decision == "allow"));
        if self.receipt.determining.is_empty() {
            page.line("  no statement applied");
        }
        self.statements.iter().for_each(|statement| statement.print(page));
        match &self.binding {
            Some(binding) => {
                page.line(format!("by {}", binding.line(page)));
                page.rationale(3, binding.binding.rationale.as_ref());
            }
            None => page.line(format!("by {}, which was asked for by its id", plain(&self.version))),
        }
        if let Some(guardrail) = &self.guardrail {
            page.line(format!("and {}", guardrail.line(page)));
            page.rationale(4, guardrail.binding.rationale.as_ref());
        }
        page.line(if self.in_force_now { "it is in force now" } else { "another version is in force now, or none" });
        let (schema, cedar) = (&self.receipt.schema_version, &self.receipt.cedar_version.sdk);
        page.line(paint(DIM, format!("schema {schema}, Cedar {cedar}")));
        page.line("the store has the same rules, byte for byte");
        if self.replayed {
            page.line("decided again, with the same answer");
        }
    }
}

impl Why {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let (receipt, recorded) = self.read()?;
        let store = session.reader()?;
        let zone = session.zone(&store, &self.zone)?;
        if receipt.zone_id != *zone.id() {
            let message = format!("the receipt is of zone `{}`, not of `{}`", receipt.zone_id, zone.id());
            return Err(Failure::invalid(message));
        }
        let authorizer = store.authorizer_of_receipt(&receipt)?;
        let inputs = match (recorded, self.question.given()) {
            (Some(record), _) => Some((record.request()?, record.entities()?)),
            (None, Some(question)) => Some(question.read(&authorizer)?),
            (None, None) => None,
        };
        let statements = statements(&store, &zone, &authorizer, &receipt, inputs.as_ref())?;
        session.out.reply(&report(&zone, receipt, statements, inputs.is_some())?)
    }

    /// The receipt; or the recorded decision, which has its request and entities.
    fn read(&self) -> Result<(Receipt, Option<DecisionRecord>)> {
        if let Some(number) = self.line {
            let record = recorded::at_line(&self.receipt, number)?;
            return Ok((record.receipt().clone(), Some(record)));
        }
        let start = recorded::start(&self.receipt)?;
        let problem = match serde_json::from_slice::<Receipt>(&start) {
            Ok(receipt) => return Ok((receipt, None)),
            Err(problem) => problem,
        };
        match recorded::first(&start) {
            Ok(record) => Ok((record.receipt().clone(), Some(record))),
            Err(_) => {
                let message = format!("`{}` is no receipt: {problem}", self.receipt.display());
                Err(Failure::new("json", "invalid", message))
            }
        }
    }
}

/// The statements of the receipt. With the request and the entities, they are explained.
fn statements(
    store: &PolicyStore,
    zone: &Zone,
    authorizer: &Authorizer,
    receipt: &Receipt,
    inputs: Option<&(Request, Entities)>,
) -> Result<Vec<ShownStatement>> {
    let mut names = Names::Stored(KnownNames::new(zone));
    if let Some((request, entities)) = inputs {
        let answer = store.replay(receipt, request, entities)?;
        answer.agrees_with(receipt)?;
        let explanation = answer.explain(entities)?;
        return Ok(explanation.statements.iter().map(|it| ShownStatement::explained(&mut names, it)).collect());
    }
    let mut shown = Vec::new();
    for (references, role) in [(&receipt.determining, "determining"), (&receipt.failed, "failed")] {
        for reference in references {
            shown.push(ShownStatement::of_receipt(&mut names, authorizer, reference, role));
        }
    }
    Ok(shown)
}

fn report(zone: &Zone, receipt: Receipt, statements: Vec<ShownStatement>, replayed: bool) -> Result<Reported> {
    let mut names = KnownNames::new(zone);
    let version = format!("{}@{}", names.policy_set(&receipt.policy_set_id), receipt.policy_set_version);
    let in_force_now = match &receipt.binding {
        Some(binding) => match zone.in_force(binding.target.clone()) {
            Ok(now) => now.policy_set_version_id == receipt.policy_set_version_id,
            Err(error) if error.code() == "not_bound" => false,
            Err(error) => return Err(error.into()),
        },
        None => zone.policy_set_version(&receipt.policy_set_version_id)?.active,
    };
    let binding = receipt.binding.clone().map(|binding| ShownBinding::new(&mut names, binding));
    let guardrail = receipt.guardrail.clone().map(|guardrail| ShownBinding::new(&mut names, guardrail.binding));
    let decision = receipt.decision.to_string();
    Ok(Reported { decision, version, binding, guardrail, statements, replayed, in_force_now, receipt })
}
