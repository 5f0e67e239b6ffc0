//! One statement of a Cedar text. In Cedar, a semicolon ends a statement unless it is in a string or a comment.

/// The statement at `number`, counted from 0, without the comments before it.
pub(super) fn statement(text: &str, number: u32) -> Option<&str> {
    let mut rest = text;
    for _ in 0..number {
        rest = rest.get(end(rest)?..)?;
    }
    rest.get(..end(rest)?).map(without_comments_before)
}

/// The byte after the semicolon that ends the first statement.
fn end(text: &str) -> Option<usize> {
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b';' => return Some(place + 1),
            b'"' => {
                while let Some((_, byte)) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'/' if bytes.next_if(|(_, next)| *next == b'/').is_some() => {
                while bytes.next_if(|(_, byte)| *byte != b'\n' && *byte != b'\r').is_some() {}
            }
            _ => {}
        }
    }
    None
}

fn without_comments_before(text: &str) -> &str {
    let mut text = text.trim_start();
    while let Some(comment) = text.strip_prefix("//") {
        let line = comment.find(['\n', '\r']).unwrap_or(comment.len());
        text = comment.get(line..).unwrap_or_default().trim_start();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn very_many_comments_are_skipped() {
        let text = format!("{}permit(principal, action, resource);", "//\n".repeat(1 << 20));
        assert_eq!(statement(&text, 0), Some("permit(principal, action, resource);"));
    }

    #[test]
    fn a_semicolon_in_a_string_or_a_comment_ends_nothing() {
        let text = "// one; two\npermit(principal, action, resource) when { \"a;\\\";b\" == \"\\\\\" }; // after; \r\n\
            @id(\"x;\") forbid(principal, action, resource) // within ;\n when { 4 / 2 > 1 };\n// the end;\n";
        let first = "permit(principal, action, resource) when { \"a;\\\";b\" == \"\\\\\" };";
        assert_eq!(statement(text, 0), Some(first));
        assert!(
            statement(text, 1).unwrap().starts_with("@id(\"x;\") forbid")
                && statement(text, 1).unwrap().ends_with("1 };")
        );
        assert_eq!(statement(text, 2), None);
        assert_eq!(
            (statement("", 0), statement("permit", 0), statement("\"", 0), statement("é;é;", 1)),
            (None, None, None, Some("é;"))
        );
    }
}
