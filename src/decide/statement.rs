//! The statements behind an answer: their text and annotations, out of what decided. Nothing is read from the store.

use std::collections::BTreeMap;

use cedar_policy::Effect;

use super::answer::Answer;
use super::authorizer::Authorizer;
use super::receipt::{Layer, StatementRef};

/// One statement of a pinned policy version, as it stands in the version's Cedar text.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Which one.
    pub reference: StatementRef,
    /// The part of the version's Cedar text that it is: from its annotations to its `;`, without comments around it.
    pub text: String,
    /// Whether it permits or forbids.
    pub effect: Effect,
    /// Its annotations by their names; one without a value has an empty one.
    pub annotations: BTreeMap<String, String>,
}

impl Statement {
    /// Its `@id` annotation, if it has one.
    pub fn id(&self) -> Option<&str> {
        self.annotations.get("id").map(String::as_str)
    }
}

impl Authorizer {
    /// A statement of the policy set that this decides with, or of the guardrail beside it, as its layer says: its text, effect and annotations. None if the set has no such
    /// statement.
    #[must_use]
    pub fn statement_of(&self, reference: &StatementRef) -> Option<Statement> {
        let compiled = match reference.layer {
            Layer::Target => self.compiled(),
            Layer::Guardrail => &self.guardrail_layer()?.compiled,
        };
        let member = compiled.members.iter().position(|(policy_id, version_id)| {
            *policy_id == reference.policy_id && *version_id == reference.policy_version_id
        })?;
        let statement = compiled.set.source(member, usize::try_from(reference.statement).ok()?)?;
        Some(Statement {
            reference: reference.clone(),
            text: statement.to_cedar()?,
            effect: statement.effect(),
            annotations: statement.annotations().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

impl Answer {
    /// A statement that the answer names, such as one of [`determining`](Self::determining): its text, effect and
    /// annotations. None if the policy set that decided has no such statement.
    ///
    /// ```
    /// # use policy_store::Answer;
    /// /// The reasons as their authors called them, with `@id`.
    /// fn reasons(answer: &Answer) -> Vec<String> {
    ///     let statements = answer.determining().iter().filter_map(|reference| answer.statement(reference));
    ///     statements.map(|statement| statement.id().unwrap_or(&statement.text).to_owned()).collect()
    /// }
    /// ```
    #[must_use]
    pub fn statement(&self, reference: &StatementRef) -> Option<Statement> {
        self.authorizer.statement_of(reference)
    }
}
