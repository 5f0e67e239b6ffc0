//! `pstore completions`: a shell's completions, generated from the arguments.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::Exit;
use crate::args::Cli;
use crate::failure::Result;
use crate::session::Session;

/// Print the completions of a shell
#[derive(Args)]
pub struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pstore", &mut script);
        session.out.raw(&script)?;
        Ok(Exit::Done)
    }
}
