//! The texts of a preflight: each is parsed and validated once, by its hash, for all zones.
//!
//! All texts together may exceed the memory, so they are read in groups, and only the results are kept. Does not know
//! the versions of a text.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cedar::{ParsedPolicy, ParsedSchema, in_one_go};
use crate::engine::compiler::{Compiler, PolicySource};
use crate::record::ContentId;
use crate::storage::Snapshot;
use crate::types::error::{Diagnostic, Error, ErrorDetail, Result};
use crate::types::hash::Sha256;

/// Number of texts in memory at a time: up to 24 MiB.
pub(super) const GROUP: usize = 64;
/// Bytes of text that are parsed together, validated and dropped: parsed statements take many times the memory of their
/// text.
const PARSED_BYTES: usize = 256 * 1024;

/// The results so far.
pub(super) struct Texts {
    found: HashMap<Sha256, FoundOfText>,
    /// The remaining bytes for findings.
    room: usize,
}

/// The result for one text.
pub(super) struct FoundOfText {
    pub valid: bool,
    pub findings: Arc<[Diagnostic]>,
    pub warnings: Arc<[Diagnostic]>,
    /// The number of findings or warnings left out.
    pub omitted: usize,
}

impl Texts {
    /// `room`: the limit on all findings, in bytes.
    pub(super) fn new(room: usize) -> Self {
        Self { found: HashMap::new(), room }
    }

    /// The `texts` without a result, each once.
    pub(super) fn missing(&self, texts: impl Iterator<Item = ContentId>) -> Vec<ContentId> {
        let mut taken = HashSet::new();
        texts.filter(|text| !self.found.contains_key(&text.sha) && taken.insert(text.sha)).collect()
    }

    /// Reads a group of texts. Uses texts that are already parsed in the compiler's cache, and adds none, so that texts
    /// in use are not evicted.
    pub(super) fn read(
        snapshot: &Snapshot<'_>,
        compiler: &Compiler,
        group: &[ContentId],
    ) -> Result<Vec<(Sha256, PolicySource)>> {
        group.iter().map(|text| Ok((text.sha, compiler.source(snapshot, text, false)?))).collect()
    }

    /// Validates a group of texts.
    pub(super) fn validate(
        &mut self,
        sources: Vec<(Sha256, PolicySource)>,
        schema: &ParsedSchema,
        schema_name: &str,
    ) -> Result<()> {
        in_one_go("policies", || {
            for batch in batches(&sources) {
                let texts: Vec<_> = batch.iter().filter_map(|(_, source)| source.text()).collect();
                let mut parsed = ParsedPolicy::parse_many(&texts).into_iter();
                let validate = |policy: &ParsedPolicy| policy.validate(schema, "policy", schema_name);
                for (sha, source) in batch {
                    let validated = match source {
                        PolicySource::Parsed(policy) => validate(policy),
                        PolicySource::Text(..) => {
                            parsed.next().unwrap_or_else(|| Err(lost())).and_then(|policy| validate(&policy))
                        }
                    };
                    let found = FoundOfText::new(validated, &mut self.room);
                    self.found.insert(*sha, found);
                }
            }
        })
    }

    /// The result for a text.
    pub(super) fn of(&self, text: Sha256) -> Result<&FoundOfText> {
        self.found.get(&text).ok_or_else(lost)
    }
}

impl FoundOfText {
    fn new(validated: Result<Vec<Diagnostic>>, room: &mut usize) -> Self {
        let (valid, all) = match validated {
            Ok(warnings) => (true, warnings),
            Err(error) => (false, findings(&error)),
        };
        let count = all.len();
        let kept: Arc<[_]> = all.into_iter().take_while(|one| takes_room(one, room)).collect();
        let omitted = count - kept.len();
        let (findings, warnings) = if valid { (Arc::default(), kept) } else { (kept, Arc::default()) };
        Self { valid, findings, warnings, omitted }
    }
}

/// The findings of an error. An error without findings becomes one finding.
fn findings(error: &Error) -> Vec<Diagnostic> {
    match error.detail() {
        ErrorDetail::Syntax { diagnostics, .. } | ErrorDetail::PolicyValidation { diagnostics, .. } => {
            diagnostics.clone()
        }
        _ => vec![Diagnostic::without_place(error.to_string())],
    }
}

/// Takes the bytes of a finding from `room`. Returns `false` if it does not fit.
fn takes_room(one: &Diagnostic, room: &mut usize) -> bool {
    let left = room.checked_sub(size_of::<Diagnostic>() + one.message.len());
    *room = left.unwrap_or(*room);
    left.is_some()
}

/// Splits a group into parts that are parsed together.
fn batches(mut sources: &[(Sha256, PolicySource)]) -> impl Iterator<Item = &[(Sha256, PolicySource)]> {
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |(_, source): &&(Sha256, PolicySource)| {
            bytes += source.text().map_or(0, |text| text.len());
            bytes <= PARSED_BYTES
        };
        let count = sources.iter().take_while(fits).count().max(1);
        let (batch, further) = sources.split_at_checked(count)?;
        sources = further;
        Some(batch)
    })
}

pub(super) fn lost() -> Error {
    ErrorDetail::corrupt("the preflight", "a text was not checked").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::syntax::Syntax;

    /// A store has no text that this build's Cedar refuses, so the test passes such texts directly.
    #[test]
    fn a_text_that_is_not_taken_any_more_is_a_finding_and_the_others_are_validated_all_the_same() {
        let schema = "entity U { a: Long }; action act appliesTo { principal: U, resource: U };";
        let schema = ParsedSchema::parse(Syntax::Cedar, schema).unwrap();
        let permit = "permit(principal, action, resource);";
        let deep = format!("permit(principal, action, resource) when {{ {}1{} }};", "(".repeat(99), ")".repeat(99));
        let given = [
            permit,
            "permit(principal, action);",
            "permit(principal, action, resource) when { principal.b };",
            &deep,
            permit,
        ];
        let mut sources: Vec<_> =
            given.iter().enumerate().map(|(n, text)| (sha(n), PolicySource::Text(sha(n), (*text).into()))).collect();
        // One text is already parsed, among others that are not.
        sources.insert(2, (sha(9), PolicySource::Parsed(Arc::new(ParsedPolicy::parse(permit).unwrap()))));
        let mut texts = Texts::new(1_000_000);
        texts.validate(sources, &schema, "s").unwrap();
        let valid = [0, 1, 2, 3, 4, 9].map(|n| texts.of(sha(n)).unwrap().valid);
        assert_eq!(valid, [true, false, false, false, true, true]);
        let finding = |n| &texts.of(sha(n)).unwrap().findings;
        assert_eq!((finding(1).len(), finding(1)[0].place.unwrap().column), (1, 25), "{:?}", finding(1));
        assert!(finding(2)[0].message.contains("`b`") && finding(2)[0].statement == Some(0), "{:?}", finding(2));
        assert!(finding(3)[0].message.contains("nested brackets"), "{:?}", finding(3));
        assert!(finding(0).is_empty() && texts.of(sha(7)).is_err());
        assert!([0, 1, 2, 3, 4, 9].iter().all(|n| texts.of(sha(*n)).unwrap().omitted == 0));
    }

    fn sha(n: usize) -> Sha256 {
        Sha256([u8::try_from(n).unwrap(); 32])
    }

    fn sources(texts: &[String]) -> Vec<(Sha256, PolicySource)> {
        let of = |(n, text): (usize, &String)| (sha(n), PolicySource::Text(sha(n), text.as_str().into()));
        texts.iter().enumerate().map(of).collect()
    }

    #[test]
    fn large_texts_are_parsed_a_few_at_a_time_and_none_is_left_out() {
        let text = |bytes: usize| format!("permit(principal, action, resource);{}", " ".repeat(bytes - 36));
        let given: Vec<_> = [60_000, 60_000, 60_000, 60_000, 60_000, 40, 300_000, 36].map(text).into();
        let given = sources(&given);
        let counts = |sources| batches(sources).map(<[_]>::len).collect::<Vec<_>>();
        assert_eq!(counts(&given), [4, 2, 1, 1]);
        assert_eq!(counts(&[]), [0_usize; 0]);
    }

    #[test]
    fn findings_are_told_as_far_as_there_is_room_and_the_others_are_counted() {
        let schema = "entity U { a: Long }; action act appliesTo { principal: U, resource: U };";
        let schema = ParsedSchema::parse(Syntax::Cedar, schema).unwrap();
        let wrong = "permit(principal, action, resource) when { principal.b };\n".repeat(3);
        let warned = "permit(principal, action, resource) when { false };".to_owned();
        let given = [wrong.clone(), wrong + "\n", warned];
        let validated = |room| {
            let mut texts = Texts::new(room);
            texts.validate(sources(&given), &schema, "s").unwrap();
            [0, 1, 2].map(|n| {
                let found = texts.of(sha(n)).unwrap();
                (found.valid, found.findings.len(), found.warnings.len(), found.omitted)
            })
        };
        assert_eq!(validated(usize::MAX), [(false, 3, 0, 0), (false, 3, 0, 0), (true, 0, 1, 0)]);
        let mut texts = Texts::new(usize::MAX);
        texts.validate(sources(&given), &schema, "s").unwrap();
        let each = (usize::MAX - texts.room).div_ceil(7);
        assert_eq!(validated(each * 4), [(false, 3, 0, 0), (false, 1, 0, 2), (true, 0, 0, 1)]);
        assert_eq!(validated(0), [(false, 0, 0, 3), (false, 0, 0, 3), (true, 0, 0, 1)]);
    }
}
