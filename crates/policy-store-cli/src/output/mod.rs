//! The output of a command: text or JSON on standard output.

pub mod color;
pub mod progress;
pub mod table;
pub mod time;

use std::fmt::Write as _;
use std::io::{self, Write};

use policy_store::{Rationale, Timestamp};
use serde::Serialize;

use crate::Exit;
use crate::failure::Result;

/// The reply of a command.
pub trait Reply: Serialize {
    /// The reply as text, with colours.
    fn text(&self, page: &mut Page);

    /// The exit code.
    fn exit(&self) -> Exit {
        Exit::Done
    }
}

/// Where replies go, and how they look.
pub struct Output {
    json: bool,
    local: bool,
}

impl Output {
    /// JSON or text; times in the local zone or in UTC.
    pub fn new(json: bool, local: bool) -> Self {
        Self { json, local }
    }

    /// Whether replies are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a reply, and gives its exit code.
    pub fn reply(&self, reply: &impl Reply) -> Result<Exit> {
        if self.json {
            let mut json = serde_json::to_vec(reply)?;
            json.push(b'\n');
            self.raw(&json)?;
        } else {
            let mut page = self.page();
            reply.text(&mut page);
            self.print(&page)?;
        }
        Ok(reply.exit())
    }

    /// An empty page.
    pub fn page(&self) -> Page {
        Page { text: String::new(), local: self.local }
    }

    /// Prints a page. False if the reader has closed the pipe.
    pub fn print(&self, page: &Page) -> Result<bool> {
        until_closed(anstream::stdout().lock().write_all(page.text.as_bytes()))
    }

    /// Prints bytes as they are. False if the reader has closed the pipe.
    pub fn raw(&self, bytes: &[u8]) -> Result<bool> {
        let mut out = io::stdout().lock();
        until_closed(out.write_all(bytes).and_then(|()| out.flush()))
    }
}

/// A closed pipe is no error: its reader has seen enough.
fn until_closed(written: io::Result<()>) -> Result<bool> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

/// Text under way, with the settings that it depends on.
pub struct Page {
    text: String,
    local: bool,
}

impl Page {
    /// Adds a line.
    pub fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    /// Adds an empty line.
    pub fn gap(&mut self) {
        self.text.push('\n');
    }

    /// Adds a heading.
    pub fn heading(&mut self, text: impl AsRef<str>) {
        let style = color::HEADING;
        self.line(format!("{style}{}{style:#}", text.as_ref()));
    }

    /// Adds text, indented.
    pub fn block(&mut self, indent: usize, text: &str) {
        for line in plain(text).lines() {
            let _ = writeln!(self.text, "{:indent$}{line}", "");
        }
    }

    /// Adds text in a style, with a mark before each line.
    pub fn lines_of(&mut self, indent: usize, style: anstyle::Style, mark: &str, text: &str) {
        for line in plain(text).lines() {
            let _ = writeln!(self.text, "{:indent$}{style}{mark}{line}{style:#}", "");
        }
    }

    /// A time, to the microsecond.
    pub fn time(&self, time: Timestamp) -> String {
        time::in_full(time, self.local)
    }

    /// Adds the reason and the reference of a write, if it has them.
    pub fn rationale(&mut self, indent: usize, rationale: Option<&Rationale>) {
        if let Some(text) = rationale.and_then(why) {
            self.block(indent, &text);
        }
    }
}

/// The reason and the reference, on one line if the reason has one.
pub fn why(rationale: &Rationale) -> Option<String> {
    match (rationale.reason(), rationale.reference()) {
        (Some(reason), Some(reference)) => Some(format!("{reason} [{reference}]")),
        (Some(reason), None) => Some(reason.to_owned()),
        (None, Some(reference)) => Some(format!("[{reference}]")),
        (None, None) => None,
    }
}

/// Text from the store or a file, with control characters escaped: it must not move the cursor or hide what is printed.
pub fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            // Marks that reorder the text around them.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => shown.extend(character.escape_unicode()),
            control if control.is_control() => shown.extend(control.escape_default()),
            other => shown.push(other),
        }
    }
    shown
}

/// A number with its noun.
pub fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_shown_and_do_nothing() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nc\td\u{202e}e"), "a\\u{1b}[2Jb\\r\nc\td\\u{202e}e");
        assert_eq!(plain("zoë 漢"), "zoë 漢");
    }

    #[test]
    fn a_noun_has_its_number() {
        assert_eq!(
            (count(1u64, "zone"), count(0u64, "zone"), count(2usize, "zone")),
            ("1 zone".into(), "0 zones".into(), "2 zones".into())
        );
    }
}
