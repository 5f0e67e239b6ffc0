//! Statements: the text, effect and annotations of the statements in an answer, from the compiled rules. Does not read
//! the store.

use std::collections::BTreeMap;

use cedar_policy::Effect;
use serde::Serialize;

use super::answer::Answer;
use super::authorizer::Authorizer;
use super::receipt::{Layer, StatementRef};
use crate::engine::compiler::Compiled;

/// One statement of a pinned policy version.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Its policy version and index.
    pub reference: StatementRef,
    /// Its Cedar text: from its annotations to its `;`, without surrounding comments.
    pub text: String,
    /// Permit or forbid.
    pub effect: Effect,
    /// Its annotations by name. The value of an annotation without a value is empty.
    pub annotations: BTreeMap<String, String>,
}

impl Statement {
    /// Its `@id` annotation, if it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.annotations.get("id").map(String::as_str)
    }
}

impl Compiled {
    /// The place of a statement: its member, and its number in the member.
    pub(super) fn place(&self, reference: &StatementRef) -> Option<(usize, usize)> {
        let member = self.members.iter().position(|(policy_id, version_id)| {
            *policy_id == reference.policy_id && *version_id == reference.policy_version_id
        })?;
        Some((member, usize::try_from(reference.statement).ok()?))
    }
}

impl Authorizer {
    /// The rules of a layer.
    pub(super) fn layer(&self, layer: Layer) -> Option<&Compiled> {
        match layer {
            Layer::Target => Some(self.compiled()),
            Layer::Guardrail => Some(&self.guardrail_layer()?.compiled),
        }
    }

    /// Whether its rules have a statement.
    pub(super) fn has(&self, reference: &StatementRef) -> bool {
        let place = self.layer(reference.layer).and_then(|compiled| Some((compiled, compiled.place(reference)?)));
        place.is_some_and(|(compiled, (member, number))| compiled.set.source(member, number).is_some())
    }

    /// A statement of this authorizer's policy set or guardrail, by its layer. None if there is no such statement.
    #[must_use]
    pub fn statement_of(&self, reference: &StatementRef) -> Option<Statement> {
        let compiled = self.layer(reference.layer)?;
        let (member, number) = compiled.place(reference)?;
        let statement = compiled.set.source(member, number)?;
        Some(Statement {
            reference: reference.clone(),
            text: statement.to_cedar()?,
            effect: statement.effect(),
            annotations: statement.annotations().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        })
    }
}

impl Answer {
    /// A statement of the answer, such as one of [`determining`](Self::determining). None if the rules behind the
    /// answer have no such statement.
    ///
    /// ```
    /// # use policy_store::Answer;
    /// /// The `@id`s of the determining statements, or their texts.
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
