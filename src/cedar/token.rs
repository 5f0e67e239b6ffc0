//! Splits Cedar text into tokens as Cedar's lexer does, without recursion and allocation.
//!
//! Knows strings, escapes and comments. Does not know grammar: text that Cedar refuses still has tokens.

/// A token of a policy or schema text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// `(`, `[` or `{`.
    Open(u8),
    /// `)`, `]` or `}`.
    Close(u8),
    /// An identifier, a keyword or a slot.
    Word(&'a str),
    /// A number or a string.
    Literal,
    /// An operator or a punctuation mark, or a character that Cedar does not know.
    Mark(&'a str),
}

/// The tokens of a text, each with the offset of its first byte.
pub(super) struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

const LONG_MARKS: [&str; 7] = ["::", "==", "!=", "<=", ">=", "||", "&&"];

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The offset after the last token.
    pub(super) fn end(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks_and_comments(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start().len();
            self.at += blanks;
            if !self.rest().starts_with("//") {
                return;
            }
            // A comment ends at a carriage return too.
            self.at += self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
        }
    }

    /// The length of the string literal at the start of `rest`. An unterminated string takes all of `rest`, since Cedar
    /// stops at it.
    pub(super) fn string_length(rest: &str) -> usize {
        let mut escaped = false;
        for (at, byte) in rest.bytes().enumerate().skip(1) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => return at + 1,
                _ => {}
            }
        }
        rest.len()
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = (usize, Token<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.skip_blanks_and_comments();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let run = |part: fn(char) -> bool, from: usize| {
            let tail = rest.get(from..).unwrap_or_default();
            from + tail.find(|c: char| !part(c)).unwrap_or(tail.len())
        };
        let in_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let start = self.at;
        let (length, token) = match first {
            '(' | '[' | '{' => (1, Token::Open(first as u8)),
            ')' | ']' | '}' => (1, Token::Close(first as u8)),
            '"' => (Self::string_length(rest), Token::Literal),
            '0'..='9' => (run(|c| c.is_ascii_digit(), 0), Token::Literal),
            'a'..='z' | 'A'..='Z' | '_' | '?' => {
                let length = run(in_word, 1);
                (length, Token::Word(rest.get(..length).unwrap_or_default()))
            }
            _ => {
                let long = LONG_MARKS.iter().any(|mark| rest.starts_with(mark));
                let length = if long { 2 } else { first.len_utf8() };
                (length, Token::Mark(rest.get(..length).unwrap_or_default()))
            }
        };
        self.at += length;
        Some((start, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(text: &str) -> Vec<Token<'_>> {
        Tokens::new(text).map(|(_, token)| token).collect()
    }

    #[test]
    fn brackets_in_strings_and_comments_are_not_brackets() {
        assert_eq!(tokens(r#""((\"((" // (((("#), [Token::Literal]);
        assert_eq!(tokens("// ((\r("), [Token::Open(b'(')]);
        assert_eq!(tokens(r#""ends never (("#), [Token::Literal]);
        assert_eq!(tokens(r#""\\"("#), [Token::Literal, Token::Open(b'(')]);
    }

    #[test]
    fn the_longest_mark_wins_and_every_character_is_consumed() {
        assert_eq!(tokens("a::b"), [Token::Word("a"), Token::Mark("::"), Token::Word("b")]);
        assert_eq!(tokens("!=="), [Token::Mark("!="), Token::Mark("=")]);
        assert_eq!(
            tokens("\u{feff}é\0\u{2003}x"),
            [Token::Mark("\u{feff}"), Token::Mark("é"), Token::Mark("\0"), Token::Word("x")]
        );
        assert_eq!(tokens("1a ?principal"), [Token::Literal, Token::Word("a"), Token::Word("?principal")]);
    }

    #[test]
    fn offsets_are_bytes() {
        assert_eq!(Tokens::new(" é (").last(), Some((4, Token::Open(b'('))));
    }
}
