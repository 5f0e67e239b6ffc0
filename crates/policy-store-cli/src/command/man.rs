//! `pstore man`: the manual pages, generated from the arguments.

use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::Exit;
use crate::args::Cli;
use crate::failure::{Failure, Result};
use crate::session::Session;

/// Print the manual page, or write the pages of all commands into a folder
#[derive(Args)]
pub struct Man {
    /// The folder, which must exist
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl Man {
    /// Runs the command.
    pub fn run(self, session: &Session) -> Result<Exit> {
        match self.folder {
            Some(folder) => clap_mangen::generate_to(Cli::command(), &folder)
                .map_err(|error| Failure::file("write the manual pages into", &folder, &error))?,
            None => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page)?;
                session.out.raw(&page)?;
            }
        }
        Ok(Exit::Done)
    }
}
