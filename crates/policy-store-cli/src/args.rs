//! Arguments that several commands share. Does not know the commands.

use std::path::PathBuf;

use clap::{Args, Parser};
use policy_store::Target;

use crate::command::Command;

/// Versioned Cedar policies in one file: plan and apply them, decide, explain, look back.
///
/// A folder with a schema and policies is a policy set: `plan` shows the changes that it would make, `apply` makes them. Nothing
/// is edited or deleted: each change is a new version, with its author, time and reason.
#[derive(Parser)]
#[command(name = "pstore", version, max_term_width = 100, after_help = AFTER_HELP)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
    /// The global options.
    #[command(flatten)]
    pub global: Global,
}

const AFTER_HELP: &str = "Exit codes: 0 done, 1 an error, 2 there is a difference, and that is the answer \
                          (plan, diff, compare, test, replay, preflight), 130 interrupted.\n\
                          Names: a policy or policy set by its id or its exact name; `mfa@2` is its version 2.";

/// Options of every command.
#[derive(Args)]
pub struct Global {
    /// The store's file
    #[arg(long, global = true, env = "PSTORE_STORE", value_name = "FILE", default_value = "policies.redb")]
    #[arg(help_heading = GLOBAL)]
    pub store: PathBuf,
    /// The author of a write: `customer:ID` or `platform:ID` [default: customer:LOGIN-NAME]
    #[arg(long, global = true, env = "PSTORE_ACTOR", value_name = "ACTOR", help_heading = GLOBAL)]
    pub actor: Option<String>,
    /// Print JSON, errors too
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// Use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN", help_heading = GLOBAL)]
    pub color: Color,
    /// Print times in the local time zone, not in UTC. JSON stays in UTC
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub local: bool,
}

const GLOBAL: &str = "Global options";

/// When output has colour.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Sets the choice for standard output and standard error.
    pub fn write_global(self) {
        match self {
            Self::Auto => anstream::ColorChoice::Auto,
            Self::Always => anstream::ColorChoice::AlwaysAnsi,
            Self::Never => anstream::ColorChoice::Never,
        }
        .write_global();
    }
}

/// The target of a binding.
#[derive(Args)]
pub struct TargetArg {
    /// The target: `zone`, or `user:ID` for one user
    #[arg(long, value_name = "TARGET", default_value = "zone", value_parser = target)]
    pub target: Target,
}

/// A target as `zone` or `user:ID`.
pub fn target(text: &str) -> Result<Target, String> {
    let target = match text.split_once(':') {
        Some(("user", id)) => Target::user(id),
        None if text == "zone" => Target::Zone,
        _ => return Err("expected `zone` or `user:ID`".to_owned()),
    };
    target.check().map_err(|error| error.to_string())?;
    Ok(target)
}

/// Why a write is made.
#[derive(Args)]
pub struct Why {
    /// Why the change is made; kept with it
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// A commit, a ticket or a URL; kept with the change
    #[arg(long, value_name = "TEXT")]
    pub reference: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_target_is_the_zone_or_a_user() {
        assert_eq!(target("zone"), Ok(Target::Zone));
        assert_eq!(target("user:a:b"), Ok(Target::user("a:b")));
        for wrong in ["", "user", "user:", "users:a", "zone:acme", "user:a\nb"] {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }
}
