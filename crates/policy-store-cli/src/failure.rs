//! Failures of a command: code, kind and message, as text or as JSON on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use policy_store::ErrorKind;
use serde::Serialize;

use crate::output::color;
use crate::output::plain;

/// The result of a step of a command.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command failed. Codes of the library are passed on; the command adds a few of its own.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// The stable code.
    pub code: String,
    /// The kind of error, in the words of the library's `ErrorKind`.
    pub kind: String,
    /// The message, one line or more.
    pub message: String,
    /// The next step, if the message does not have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// The JSON of a failure.
#[derive(Serialize)]
struct Printed<'a> {
    error: &'a Failure,
}

/// The exit code after an interruption, as of a process that a signal ended.
pub const INTERRUPTED: u8 = 130;

impl Failure {
    /// A failure with a code of the command's own.
    pub fn new(code: &str, kind: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), kind: kind.to_owned(), message: message.into(), help: None }
    }

    /// Input that breaks a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_input", "invalid", message)
    }

    /// Something that does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("not_found", "not_found", message)
    }

    /// A file that cannot be read or written.
    pub fn file(action: &str, path: &Path, error: &io::Error) -> Self {
        Self::new("file", "unavailable", format!("cannot {action} `{}`: {error}", path.display()))
    }

    /// The same, with the next step.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, with the name of the input that failed before the message.
    #[must_use]
    pub fn within(mut self, place: impl Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Prints the failure on standard error, and gives its exit code.
    pub fn print(&self, json: bool) -> ExitCode {
        if json {
            let text = serde_json::to_string(&Printed { error: self });
            say(&text.unwrap_or_else(|error| format!("{{\"error\":\"{error}\"}}")));
        } else {
            let (message, red) = (plain(&self.message), color::REMOVED);
            say(&format!("{red}error{red:#}: {message}"));
            if let Some(help) = &self.help {
                say(&format!("  {}", plain(help).replace('\n', "\n  ")));
            }
        }
        ExitCode::from(if self.kind == ErrorKind::Stopped.as_str() { INTERRUPTED } else { 1 })
    }
}

/// Prints a line on standard error. If that cannot be written, the exit code alone tells of the failure.
fn say(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

impl From<policy_store::Error> for Failure {
    fn from(error: policy_store::Error) -> Self {
        let failure = Self::new(error.code(), error.kind().as_str(), error.to_string());
        match error.code() {
            "outcome_unknown" => failure.help("run `pstore log` to see whether the change was made, then repeat it"),
            "corrupt" | "writes_stopped" => {
                failure.help("run `pstore verify`; restore the file from a backup if the damage is not in index rows")
            }
            "not_bound" => failure.help("put a version in force with `pstore apply` or `pstore rollback --to`"),
            _ => failure,
        }
    }
}

/// The failure of a command on the version under observation in a zone, which is there or not as the one in force is.
pub fn unobserved(zone: &str) -> impl Fn(policy_store::Error) -> Failure {
    move |error| match error.code() {
        "not_bound" => {
            Failure::new(error.code(), error.kind().as_str(), "no version is under observation for the target")
                .within(format!("zone `{zone}`"))
                .help(format!("put one under observation with `pstore shadow {zone} N`"))
        }
        _ => error.into(),
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new("output", "unavailable", format!("cannot write the output: {error}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new("json", "invalid", error.to_string())
    }
}
