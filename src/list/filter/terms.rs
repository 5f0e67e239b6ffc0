//! Search terms: case-insensitive substrings. A text matches if it contains one of them.
//!
//! Both sides are lower-cased character by character by Unicode's table, independent of language and context, so a
//! substring of a text stays one. `str::to_lowercase` would turn a final `Σ` of a term into `ς`, which does not match
//! within a word.

use std::collections::BTreeSet;

use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::limits;

/// Lower-cased terms. Every text matches an empty set of terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms(BTreeSet<String>);

impl Terms {
    /// Checks terms of at most `bytes` bytes each. `what` names the term in errors.
    pub(super) fn new(what: &'static str, given: &[String], bytes: usize) -> Result<Self> {
        at_most("search terms of the filter", given.len(), limits::FILTER_VALUES)?;
        let mut terms = BTreeSet::new();
        for term in given {
            if term.is_empty() {
                return Err(ErrorDetail::invalid(what, term, "must not be empty").into());
            }
            at_most("bytes of the search term", term.len(), bytes)?;
            terms.insert(lower(term));
        }
        Ok(Self(terms))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the texts contains one of the terms, or there are no terms. The texts must be in lower case.
    pub(super) fn match_any(&self, texts: &[&str]) -> bool {
        self.is_empty() || self.0.iter().any(|term| texts.iter().any(|text| text.contains(term.as_str())))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// A text in lower case.
pub(super) fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(term: &str, text: &str) -> bool {
        Terms::new("name", &[term.to_owned()], 256).unwrap().match_any(&[lower(text).as_str()])
    }

    #[test]
    fn case_is_ignored_whatever_stands_around() {
        assert!(found("Σ", "ΟΔΟΣΑ") && found("ΟΔΟΣ", "οδοσα") && found("οδοσ", "ΟΔΟΣ"));
        assert!(found("STRASSE", "Hauptstrasse") && !found("STRASSE", "Hauptstraße"));
        assert!(found("é", "CAFÉ") && !found("e\u{301}", "CAFÉ"));
    }

    proptest! {
        /// Every substring of a text matches it, in any case.
        #[test]
        fn every_part_of_a_text_is_found(text in "\\PC{1,20}|[aΣσςİIıK]{1,6}", from: usize, count in 1..6_usize) {
            let from = from % text.chars().count();
            let part: String = text.chars().skip(from).take(count).collect();
            prop_assert!(found(&part, &text));
            let shout: String = part.chars().map(|c| { let mut up = c.to_uppercase(); match (up.next(), up.next()) {
                // Only characters with a one-to-one case mapping.
                (Some(up), None) if up.to_lowercase().eq(c.to_lowercase()) => up,
                _ => c,
            } }).collect();
            prop_assert!(found(&shout, &text), "{:?} in {:?}", shout, text);
        }
    }
}
