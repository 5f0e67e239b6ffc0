//! The header of a policy's file: comments of Cedar before the text, for the id, the name and the description.
//!
//! ```text
//! //! id: mfa
//! //! description: Sharing needs a second factor.
//! forbid (principal, action == Action::"share", resource) unless { context.mfa };
//! ```
//!
//! The header is the lines at the start that begin with `//!` and a key. It ends at the first other line, which begins the text. A
//! bare `//!` ends it too, and is dropped: so a text may itself begin with such lines. The text is kept byte for byte.

use crate::failure::{Failure, Result};

const MARK: &str = "//!";

/// The fields of a header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The policy's id.
    pub id: Option<String>,
    /// The policy's name, if it is not that of the file.
    pub name: Option<String>,
    /// The policy's description.
    pub description: Option<String>,
}

impl Header {
    /// Takes the header off a file. Gives the text after it.
    pub fn split(file: &str) -> Result<(Self, &str)> {
        let (mut header, mut rest) = (Self::default(), file);
        loop {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            let line = line.strip_suffix('\r').unwrap_or(line);
            let Some(content) = line.strip_prefix(MARK) else { return Ok((header, rest)) };
            if content.trim().is_empty() {
                return Ok((header, after));
            }
            let Some((key, value)) = field(content) else { return Ok((header, rest)) };
            let slot = match key {
                "id" => &mut header.id,
                "name" => &mut header.name,
                "description" => &mut header.description,
                _ => {
                    let failure = Failure::invalid(format!("unknown key `{key}` in the header"));
                    return Err(failure
                        .help("known: `id`, `name`, `description`; a line `//!` before the text ends the header"));
                }
            };
            if slot.replace(value.to_owned()).is_some() {
                return Err(Failure::invalid(format!("`{key}` is in the header twice")));
            }
            rest = after;
        }
    }

    /// The file of a text with this header.
    pub fn with(&self, text: &str) -> String {
        let fields = [("id", &self.id), ("name", &self.name), ("description", &self.description)];
        let mut file = String::new();
        for (key, value) in fields {
            if let Some(value) = value {
                file.push_str(&format!("{MARK} {key}: {value}\n"));
            }
        }
        if text.starts_with(MARK) {
            file.push_str("//!\n");
        }
        file + text
    }
}

/// A key of lower-case letters and its value: after `//!`, one space, the key, a colon and one space.
fn field(content: &str) -> Option<(&str, &str)> {
    let (key, value) = content.strip_prefix(' ')?.split_once(':')?;
    let is_key = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_key.then(|| (key, value.strip_prefix(' ').unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(file: &str) -> (Header, &str) {
        Header::split(file).unwrap()
    }

    #[test]
    fn fields_come_first_and_the_text_stays_as_it_is() {
        let file = "//! id: p1\n//! description: Two: words. \npermit (principal, action, resource);\n";
        let (header, text) = split(file);
        assert_eq!((header.id.as_deref(), header.name.as_deref()), (Some("p1"), None));
        assert_eq!(header.description.as_deref(), Some("Two: words. "));
        assert_eq!(text, "permit (principal, action, resource);\n");
        assert_eq!(header.with(text), file);
    }

    #[test]
    fn lines_of_windows_are_read_and_stay_in_the_text() {
        let (header, text) = split("//! id: p1\r\npermit (\r\n);\r\n");
        assert_eq!((header.id.as_deref(), text), (Some("p1"), "permit (\r\n);\r\n"));
    }

    #[test]
    fn a_comment_of_the_policy_is_not_a_header() {
        for text in ["//! Guests may share.\npermit ();", "// id: p1\n", "permit ();", "", "//!id: p\n", "//! Id: p\n"]
        {
            assert_eq!(split(text), (Header::default(), text), "{text}");
        }
        assert_eq!(split("//!\n//! id: p1\n"), (Header::default(), "//! id: p1\n"));
        assert_eq!(split("//! \r\ntext"), (Header::default(), "text"));
    }

    #[test]
    fn unknown_and_doubled_keys_are_refused() {
        assert!(Header::split("//! owner: ann\n").unwrap_err().message.contains("owner"));
        assert!(Header::split("//! id: a\n//! id: b\n").unwrap_err().message.contains("twice"));
    }

    /// A value of a field: any text without control characters, as the store's names and descriptions.
    fn value() -> impl Strategy<Value = Option<String>> {
        proptest::option::of("[^\\p{Cc}]{0,20}")
    }

    proptest! {
        #[test]
        fn any_header_and_text_come_back(id in value(), name in value(), description in value(), parts in proptest::collection::vec(
            prop_oneof![Just("//!".to_owned()), Just("//! id: x".to_owned()), Just("\n".to_owned()), Just("\r\n".to_owned()), any::<String>()], 0..8)) {
            let (header, text) = (Header { id, name, description }, parts.concat());
            let file = header.with(&text);
            let (read, rest) = Header::split(&file).unwrap();
            prop_assert_eq!((read, rest), (header, text.as_str()));
        }
    }
}
