//! Colours with a meaning. Whether they are printed is `anstream`'s decision: NO_COLOR, CLICOLOR_FORCE, pipes.

use anstyle::{AnsiColor, Style};

/// Added, or allowed.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// Removed, denied, or an error.
pub const REMOVED: Style = AnsiColor::Red.on_default();
/// Changed, or a warning.
pub const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Less important: ids and hashes.
pub const DIM: Style = Style::new().dimmed();
/// A heading.
pub const HEADING: Style = Style::new().bold();

/// Text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A decision: green for an allow, red for a deny.
pub fn decision(allowed: bool) -> String {
    if allowed { paint(ADDED, "allow") } else { paint(REMOVED, "deny") }
}
