//! Search terms: substrings, of which a text must hold one, whatever the case of either.
//!
//! Both sides are lower-cased character by character, after Unicode's table and independent of language and context. So
//! what is a substring stays one: `str::to_lowercase` would turn the `Σ` that ends a term into `ς`, and not find it within
//! a word.

use std::collections::BTreeSet;

use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::limits;

/// Lower-cased terms. Without any, every text matches.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms(BTreeSet<String>);

impl Terms {
    /// Checks terms, each of at most so many bytes. `what` they are searched in is for errors.
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

    /// Whether one of the terms stands in one of the texts, which are in lower case; or there is no term.
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
        /// Whatever is cut out of a text is found in it, in any case.
        #[test]
        fn every_part_of_a_text_is_found(text in "\\PC{1,20}|[aΣσςİIıK]{1,6}", from: usize, count in 1..6_usize) {
            let from = from % text.chars().count();
            let part: String = text.chars().skip(from).take(count).collect();
            prop_assert!(found(&part, &text));
            let shout: String = part.chars().map(|c| { let mut up = c.to_uppercase(); match (up.next(), up.next()) {
                // Only where one character is the other's case and nothing else.
                (Some(up), None) if up.to_lowercase().eq(c.to_lowercase()) => up,
                _ => c,
            } }).collect();
            prop_assert!(found(&shout, &text), "{:?} in {:?}", shout, text);
        }
    }
}
