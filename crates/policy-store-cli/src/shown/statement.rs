//! Statements of an answer as they are shown: policy, version, place in the text, the text, conditions.

use policy_store::{
    Authorizer, Committed, ExplainedCondition, ExplainedStatement, Include, Layer, PolicySetPlan, StatementRef,
};
use serde::Serialize;

use crate::name::known::KnownNames;
use crate::output::color::{ADDED, CHANGED, DIM, REMOVED, paint};
use crate::output::{Page, plain};

/// A statement with the name of its policy, its part in the answer, and its conditions.
#[derive(Debug, Serialize)]
pub struct ShownStatement {
    /// The name of the policy.
    pub policy: String,
    /// The number of the policy version.
    pub version: u32,
    /// Its place: layer, policy, policy version and index, counted from 0.
    #[serde(flatten)]
    pub reference: StatementRef,
    /// `determining`, `failed` or `not_applied`.
    pub role: String,
    /// Its `@id`.
    pub id: Option<String>,
    /// `permit` or `forbid`; none if the text is not known.
    pub effect: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// Its conditions with their values. Empty if the request is not known.
    pub conditions: Vec<ExplainedCondition>,
    /// Cedar's message, if it failed.
    pub error: Option<String>,
}

/// The names that statements are shown with.
pub enum Names<'a, M> {
    /// Those of stored policies.
    Stored(KnownNames<M>),
    /// Those of a plan.
    Planned(KnownNames<M>, &'a PolicySetPlan),
}

impl<M: Committed> Names<'_, M> {
    /// The name of a statement's policy, and the number of its version.
    pub fn of(&mut self, reference: &StatementRef) -> (String, u32) {
        let known = match self {
            Self::Planned(known, plan) => match plan.policy_of(reference) {
                Some(policy) => {
                    return (policy.change.name.clone(), policy.change.to.as_ref().map_or(0, |to| to.version));
                }
                None => known,
            },
            Self::Stored(known) => known,
        };
        let version = known.zone().policy_version(&reference.policy_version_id, Include::Neither);
        (known.policy(&reference.policy_id), version.map_or(0, |version| version.version))
    }
}

impl ShownStatement {
    /// A statement of an explanation.
    pub fn explained<M: Committed>(names: &mut Names<'_, M>, explained: &ExplainedStatement) -> Self {
        let statement = &explained.statement;
        let (policy, version) = names.of(&statement.reference);
        Self {
            policy,
            version,
            reference: statement.reference.clone(),
            role: explained.role.to_string(),
            id: statement.id().map(str::to_owned),
            effect: Some(statement.effect.to_string()),
            text: Some(statement.text.clone()),
            conditions: explained.conditions.clone(),
            error: explained.error.clone(),
        }
    }

    /// A statement of an authorizer, without the request.
    pub fn of_receipt<M: Committed>(
        names: &mut Names<'_, M>,
        authorizer: &Authorizer,
        reference: &StatementRef,
        role: &str,
    ) -> Self {
        let statement = authorizer.statement_of(reference);
        let (policy, version) = names.of(reference);
        Self {
            policy,
            version,
            reference: reference.clone(),
            role: role.to_owned(),
            id: statement.as_ref().and_then(|statement| statement.id().map(str::to_owned)),
            effect: statement.as_ref().map(|statement| statement.effect.to_string()),
            text: statement.map(|statement| statement.text),
            conditions: Vec::new(),
            error: None,
        }
    }

    /// Its policy, version and number, as `mfa@2 statement 1`, and its `@id`.
    pub fn place(&self) -> String {
        let id = self.id.as_ref().map_or_else(String::new, |id| format!(" `{id}`"));
        let layer = if self.reference.layer == Layer::Guardrail { " (guardrail)" } else { "" };
        plain(&format!("{}@{} statement {}{id}{layer}", self.policy, self.version, self.reference.statement))
    }

    /// Adds its place, its text, and its conditions.
    pub fn print(&self, page: &mut Page) {
        let effect = self.effect.as_deref().unwrap_or("statement");
        let word = match self.role.as_str() {
            "failed" => paint(CHANGED, format!("{effect} failed")),
            "not_applied" => paint(DIM, format!("{effect} did not apply")),
            _ if effect == "permit" => paint(ADDED, effect),
            _ => paint(REMOVED, effect),
        };
        page.line(format!("  {word} {}", paint(DIM, self.place())));
        page.block(4, self.text.as_deref().unwrap_or_default());
        // All conditions of a determining statement hold.
        for condition in self.conditions.iter().filter(|_| self.role != "determining") {
            print_condition(page, condition);
        }
        if let Some(error) = &self.error {
            page.block(4, &format!("error: {error}"));
        }
    }
}

fn print_condition(page: &mut Page, condition: &ExplainedCondition) {
    let value = match (condition.value, condition.holds) {
        (_, true) => paint(ADDED, "holds"),
        (Some(_), false) => paint(REMOVED, "does not hold"),
        (None, false) if condition.error.is_some() => paint(CHANGED, "fails"),
        (None, false) => paint(DIM, "is not reached"),
    };
    let text = plain(&condition.text.split_whitespace().collect::<Vec<_>>().join(" "));
    page.line(format!("    {value}: {} {{ {text} }}", condition.kind));
    if let Some(because) = &condition.because {
        let value = because.value.map_or_else(|| "fails".to_owned(), |value| format!("is {value}"));
        let text = because.text.split_whitespace().collect::<Vec<_>>().join(" ");
        page.line(format!("      since {} {value}", plain(&text)));
    }
}
