//! The texts of a preflight: each is parsed and validated once, by its address, whichever zones name it.
//!
//! Which versions they are of is not known here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cedar::{ParsedPolicy, ParsedSchema, in_one_go};
use crate::compile::{Compiler, Source};
use crate::error::{Diagnostic, Error, ErrorDetail, Result};
use crate::hash::Address;
use crate::storage::View;

/// How many texts are parsed before they are validated and dropped again.
const BATCH: usize = 64;

/// What was found of each text so far.
#[derive(Default)]
pub(super) struct Texts(HashMap<Address, FoundOfText>);

/// What was found of one text.
pub(super) struct FoundOfText {
    pub valid: bool,
    pub findings: Arc<[Diagnostic]>,
    pub warnings: Arc<[Diagnostic]>,
}

impl Texts {
    /// Those of `texts` of which nothing was found yet, each once. What the compiler has parsed is taken from it; nothing
    /// is added there, so that texts in use are not driven out by all the others.
    pub(super) fn missing(
        &self,
        view: &View<'_>,
        compiler: &Compiler,
        texts: impl Iterator<Item = Address>,
    ) -> Result<Vec<(Address, Source)>> {
        let mut taken = HashSet::new();
        let missing = texts.filter(|text| !self.0.contains_key(text) && taken.insert(*text));
        missing.map(|text| Ok((text, compiler.source(view, text)?))).collect()
    }

    /// Validates texts that are missing.
    pub(super) fn validate(
        &mut self,
        sources: Vec<(Address, Source)>,
        schema: &ParsedSchema,
        schema_name: &str,
    ) -> Result<()> {
        in_one_go("policies", || {
            for batch in sources.chunks(BATCH) {
                let texts: Vec<_> = batch.iter().filter_map(|(_, source)| source.text()).collect();
                let mut parsed = ParsedPolicy::parse_many(&texts).into_iter();
                let validate = |policy: &ParsedPolicy| policy.validate(schema, "the policy", schema_name);
                for (address, source) in batch {
                    let validated = match source {
                        Source::Parsed(policy) => validate(policy),
                        Source::Text(..) => {
                            parsed.next().unwrap_or_else(|| Err(lost())).and_then(|policy| validate(&policy))
                        }
                    };
                    self.0.insert(*address, FoundOfText::new(validated));
                }
            }
        })
    }

    /// What was found of a text.
    pub(super) fn of(&self, text: Address) -> Result<&FoundOfText> {
        self.0.get(&text).ok_or_else(lost)
    }
}

impl FoundOfText {
    fn new(validated: Result<Vec<Diagnostic>>) -> Self {
        match validated {
            Ok(warnings) => Self { valid: true, findings: Arc::default(), warnings: warnings.into() },
            Err(error) => Self { valid: false, findings: findings(&error), warnings: Arc::default() },
        }
    }
}

/// What is wrong with a text, as findings. An error without any is one itself.
fn findings(error: &Error) -> Arc<[Diagnostic]> {
    match error.detail() {
        ErrorDetail::Syntax { diagnostics, .. } | ErrorDetail::PolicyValidation { diagnostics, .. } => {
            diagnostics.as_slice().into()
        }
        _ => [Diagnostic { message: error.to_string(), statement: None, place: None }].into(),
    }
}

fn lost() -> Error {
    ErrorDetail::corrupt("the preflight", "a text was not looked at").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Form;

    /// No text of a store is refused by the Cedar that took it, so these come from elsewhere.
    #[test]
    fn a_text_that_is_not_taken_any_more_is_a_finding_and_the_others_are_validated_all_the_same() {
        let schema = "entity U { a: Long }; action act appliesTo { principal: U, resource: U };";
        let schema = ParsedSchema::parse(Form::Cedar, schema).unwrap();
        let permit = "permit(principal, action, resource);";
        let deep = format!("permit(principal, action, resource) when {{ {}1{} }};", "(".repeat(99), ")".repeat(99));
        let given = [
            permit,
            "permit(principal, action);",
            "permit(principal, action, resource) when { principal.b };",
            &deep,
            permit,
        ];
        let address = |n: usize| Address([u8::try_from(n).unwrap(); 32]);
        let mut sources: Vec<_> =
            given.iter().enumerate().map(|(n, text)| (address(n), Source::Text(address(n), (*text).into()))).collect();
        // One that is parsed already, among others that are not.
        sources.insert(2, (address(9), Source::Parsed(Arc::new(ParsedPolicy::parse(permit).unwrap()))));
        let mut texts = Texts::default();
        texts.validate(sources, &schema, "s").unwrap();
        let valid = [0, 1, 2, 3, 4, 9].map(|n| texts.of(address(n)).unwrap().valid);
        assert_eq!(valid, [true, false, false, false, true, true]);
        let finding = |n| &texts.of(address(n)).unwrap().findings;
        assert_eq!((finding(1).len(), finding(1)[0].place.unwrap().column), (1, 25), "{:?}", finding(1));
        assert!(finding(2)[0].message.contains("`b`") && finding(2)[0].statement == Some(0), "{:?}", finding(2));
        assert!(finding(3)[0].message.contains("nests deeper"), "{:?}", finding(3));
        assert!(finding(0).is_empty() && texts.of(address(7)).is_err());
    }
}
