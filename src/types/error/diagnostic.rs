//! Findings of Cedar in a source, with their places.

use std::fmt;

/// One finding of Cedar in a source: a syntax error, a validation error or a warning.
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Diagnostic {
    /// Cedar's message.
    pub message: String,
    /// The statement in the source, counted from 0, if known.
    #[serde(default)]
    pub statement: Option<u32>,
    /// The place in the source, if known.
    #[serde(default)]
    pub place: Option<SourcePlace>,
    /// The number of merged findings: at one place, each request type gives a finding that differs only in the named types or
    /// entities.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: u32,
}

fn one() -> u32 {
    1
}

/// A single finding is serialized without its count, as are the warnings that a store keeps.
fn is_one(count: &u32) -> bool {
    *count == 1
}

impl Diagnostic {
    /// A finding without a place.
    pub(crate) fn without_place(message: impl Into<String>) -> Self {
        Self { message: message.into(), statement: None, place: None, count: 1 }
    }
}

/// A place in a source text.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct SourcePlace {
    /// The first byte, counted from 0.
    pub offset: u32,
    /// The number of bytes.
    pub length: u32,
    /// The line of the first byte, counted from 1.
    pub line: u32,
    /// The column of the first byte in characters, counted from 1.
    pub column: u32,
}

impl SourcePlace {
    /// The place of `length` bytes at byte `offset` of `source`.
    pub(crate) fn new(source: &str, offset: usize, length: usize) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let before = source.get(..offset).unwrap_or(source);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            offset: clamp(offset),
            length: clamp(length),
            line: clamp(before.bytes().filter(|byte| *byte == b'\n').count() + 1),
            column: clamp(before.get(line_start..).unwrap_or_default().chars().count() + 1),
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.place {
            write!(f, "{}:{}: ", place.line, place.column)?;
        }
        if let Some(statement) = self.statement {
            write!(f, "statement {statement}: ")?;
        }
        f.write_str(&self.message)?;
        if self.count > 1 && self.place.is_some() {
            write!(f, " (and {} more like it)", self.count - 1)?;
        }
        Ok(())
    }
}

/// All diagnostics on one line.
pub(super) fn listed(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_one_is_neither_printed_nor_written() {
        let place = Some(SourcePlace::new("a", 0, 1));
        let finding = |count| Diagnostic { message: "m".to_owned(), statement: Some(2), place, count };
        assert_eq!(finding(1).to_string(), "1:1: statement 2: m");
        assert_eq!(finding(3).to_string(), "1:1: statement 2: m (and 2 more like it)");
        let json = serde_json::to_string(&finding(1)).unwrap();
        assert!(!json.contains("count"), "{json}");
        assert_eq!(serde_json::from_str::<Diagnostic>(&json).unwrap(), finding(1));
        assert!(serde_json::to_string(&finding(3)).unwrap().contains(r#""count":3"#));
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        let place = SourcePlace::new("é\nxé y", 7, 1);
        assert_eq!((place.line, place.column, place.offset), (2, 4, 7));
        assert_eq!(SourcePlace::new("ab", 99, 1).line, 1);
    }
}
