//! Preconditions of requests: the entity tags in `If-Match` and `If-None-Match` (RFC 9110, section 13.1). Does not know
//! the meaning of a tag.

use std::fmt::Display;

use axum::http::{HeaderMap, HeaderName};

use crate::failure::Failure;

/// The tags of a header.
#[derive(Debug, PartialEq)]
pub enum Tags {
    /// `*`
    Any,
    /// A list.
    These(Vec<Tag>),
}

/// An entity tag.
#[derive(Debug, PartialEq)]
pub struct Tag {
    weak: bool,
    /// The tag, with its quotes.
    quoted: String,
}

impl Tags {
    /// Reads a header, if it exists.
    pub fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Failure> {
        if !headers.contains_key(name) {
            return Ok(None);
        }
        let lines: Vec<_> = headers.get_all(name).iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        let tags = Self::parse(&lines.join(","));
        let tags =
            tags.ok_or_else(|| Failure::invalid_header(format!("`{name}` must be `*` or a list of entity tags")))?;
        Ok(Some(tags))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim_matches([' ', '\t']);
        if rest == "*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        loop {
            rest = rest.trim_start_matches([' ', '\t', ',']);
            if rest.is_empty() {
                return (!tags.is_empty()).then_some(Self::These(tags));
            }
            let (weak, tag) = rest.strip_prefix("W/").map_or((false, rest), |tag| (true, tag));
            let (opaque, after) = tag.strip_prefix('"')?.split_once('"')?;
            if opaque.chars().any(|c| c.is_ascii_control() || c == ' ') {
                return None;
            }
            tags.push(Tag { weak, quoted: format!("\"{opaque}\"") });
            rest = after.trim_start_matches([' ', '\t']);
            if !rest.is_empty() && !rest.starts_with(',') {
                return None;
            }
        }
    }

    /// Compares like `If-None-Match`.
    pub fn match_weakly(&self, etag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(tags) => tags.iter().any(|tag| tag.quoted == etag),
        }
    }

    /// The values that `If-Match` can match, parsed by `read` from the text between the quotes and printed by `etag`;
    /// `None` if any tag matches. Weak tags never match.
    pub fn expected<T: Display>(&self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let Self::These(tags) = self else { return None };
        let expected =
            |tag: &Tag| read(tag.quoted.trim_matches('"')).filter(|value| !tag.weak && etag(value) == tag.quoted);
        Some(tags.iter().filter_map(expected).collect())
    }
}

/// The tag of a revision or a digest.
pub fn etag(value: impl Display) -> String {
    format!("\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_tags_are_read_as_the_rfc_writes_them() {
        let tags = Tags::parse(" , \"7\",W/\"a,b\" ,, \"\" ").unwrap();
        for tag in ["\"7\"", "\"a,b\"", "\"\""] {
            assert!(tags.match_weakly(tag), "{tag}");
        }
        assert!(!tags.match_weakly("\"8\"") && !tags.match_weakly("7"));
        assert!(Tags::parse("*").unwrap().match_weakly("\"7\""));
        for wrong in ["", ",", "7", "\"7", "\"7\" \"8\"", "\"7\",*", "w/\"7\"", "\"a b\"", "*,*", "W/7"] {
            assert_eq!(Tags::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn revisions_are_written_in_one_way_and_strong() {
        let tags = Tags::parse("\"7\", W/\"8\", \"09\", \"+10\", \"a\", \"\", \"12\"").unwrap();
        assert_eq!(tags.expected(|text| text.parse::<u64>().ok()), Some(vec![7, 12]));
        assert_eq!(Tags::parse("*").unwrap().expected(|text| text.parse::<u64>().ok()), None);
    }
}
