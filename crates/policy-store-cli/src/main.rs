//! `pstore`: the command line of policy-store. Parses arguments, calls the library, prints.
//!
//! Decides nothing that the library decides: rules, plans and answers are the library's.

mod args;
mod command;
mod failure;
mod file;
mod folder;
mod interrupt;
mod name;
mod output;
mod planning;
mod question;
mod recorded;
mod replayed;
mod rules;
mod session;
mod shown;
mod suite;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::args::Cli;
use crate::failure::Failure;
use crate::session::Session;

/// The answer of a command, as its exit code. An error is 1, an interruption 130.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command did what it was asked: 0.
    Done,
    /// There is a difference, and that is the answer: 2.
    Differs,
    /// The command worked, and found an error: 1.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Differs => 2,
        })
    }
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let json = cli.global.json;
    cli.global.color.write_global();
    match Session::new(cli.global).and_then(|session| command::run(&session, cli.command)) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.print(json),
    }
}

/// Prints help, the version, or an error of usage, in JSON if that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A reader that closed the pipe has seen enough.
        drop(error.print());
        return Exit::Done.into();
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        return Failure::new("usage", "invalid", text.trim().trim_start_matches("error: ")).print(true);
    }
    drop(error.print());
    Exit::Failed.into()
}
