//! Text from outside as a person reads it: nothing in it may change how a terminal shows the rest.

/// The most characters of a message about an input.
const MESSAGE_CHARS: usize = 240;

/// The text without control characters, line breaks, and characters that change the direction of writing. Tabs stay.
pub fn plain(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() && c != '\t'
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|c| {
            if c == '\n' {
                ' '
            } else if hidden(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// A message that may quote its input: plain, with its first and last characters if it is long. The last ones have the place.
pub fn message(text: &str) -> String {
    let count = text.chars().count();
    if count <= MESSAGE_CHARS {
        return plain(text);
    }
    let half = |skipped: usize| plain(&text.chars().skip(skipped).take(MESSAGE_CHARS / 2).collect::<String>());
    format!("{} … {}", half(0), half(count - MESSAGE_CHARS / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_changes_how_a_terminal_shows_the_rest() {
        assert_eq!(plain("a\tb\u{e9}\u{1f600}"), "a\tb\u{e9}\u{1f600}");
        assert_eq!(plain("a\nb"), "a b");
        for hidden in ["\u{1b}[2K", "\r", "\u{7f}", "\u{9b}", "\u{202e}", "\u{2067}", "\u{200f}", "\u{61c}", "\u{2028}"]
        {
            assert!(plain(hidden).starts_with('\u{fffd}'), "{hidden:?}");
        }
    }

    #[test]
    fn a_message_is_short_and_keeps_its_end() {
        let told = message(&format!("unknown field `{}` at line 7", "\u{1b}x".repeat(1_000_000)));
        assert!(told.starts_with("unknown field `\u{fffd}x") && told.ends_with(" at line 7"), "{told}");
        assert!(told.chars().count() <= MESSAGE_CHARS + 3);
        assert_eq!(message("short"), "short");
    }
}
