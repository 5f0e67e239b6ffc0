//! Errors of the operating system in words, for messages that contain their cause.

use std::error::Error;
use std::fmt;
use std::io::{self, ErrorKind};

/// The error of the operating system without its number, which is in the chain of sources.
pub(crate) fn describe_io(error: &io::Error) -> String {
    let words = match error.kind() {
        ErrorKind::NotFound => "no such file or directory",
        ErrorKind::PermissionDenied => "permission denied",
        ErrorKind::StorageFull => "no space left on device",
        ErrorKind::QuotaExceeded => "disk quota exceeded",
        ErrorKind::FileTooLarge => "the file would become too large",
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only",
        ErrorKind::NotADirectory => "a part of the path is not a directory",
        _ => return without_code(error),
    };
    words.to_owned()
}

fn without_code(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(code) = error.raw_os_error() else { return text };
    let mut words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text).chars();
    words.next().map(|first| first.to_lowercase().chain(words).collect()).unwrap_or_default()
}

/// The number of the operating system's error in the chain of `error`.
fn os_code(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(code) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        next = error.source();
    }
    None
}

/// An error that the message already contains in words. As a source it adds only the number, so that nothing is printed twice.
#[derive(Debug)]
pub(crate) struct NamedCause {
    pub error: Box<dyn Error + Send + Sync>,
    code: Option<i32>,
}

impl NamedCause {
    pub(crate) fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let error = error.into();
        Self { code: os_code(&*error), error }
    }

    /// The same, for an error that wraps an operating system's error without naming it as its source.
    pub(crate) fn with_code(error: impl Into<Box<dyn Error + Send + Sync>>, code: Option<i32>) -> Self {
        Self { error: error.into(), code }
    }

    /// Whether it adds a number.
    pub(super) fn adds(&self) -> bool {
        self.code.is_some()
    }
}

impl fmt::Display for NamedCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "os error {code}"),
            None => self.error.fmt(f),
        }
    }
}

impl Error for NamedCause {}
