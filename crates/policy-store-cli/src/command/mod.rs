//! The commands: one file each. A file has the command's arguments and its run.

mod apply;
mod backup;
mod blame;
mod check;
mod compact;
mod compare;
mod completions;
mod diff;
mod export;
mod import;
mod init;
mod log;
mod man;
mod plan;
mod preflight;
mod promote;
mod replay;
mod require_tests;
mod rollback;
mod shadow;
mod show;
mod stats;
mod status;
mod test;
mod verify;
mod why;
mod zones;

use clap::Subcommand;

use crate::Exit;
use crate::failure::Result;
use crate::session::Session;

/// The commands.
#[derive(Subcommand)]
pub enum Command {
    Init(init::Init),
    Zones(zones::Zones),
    Status(status::Status),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Log(log::Log),
    Diff(diff::Diff),
    Show(show::Show),
    Blame(blame::Blame),
    Check(check::Check),
    Why(why::Why),
    Rollback(rollback::Rollback),
    Shadow(shadow::Shadow),
    Compare(compare::Compare),
    Promote(promote::Promote),
    Replay(replay::Replay),
    Test(test::Test),
    RequireTests(require_tests::RequireTests),
    Preflight(preflight::Preflight),
    Export(export::Export),
    Import(import::Import),
    Verify(verify::Verify),
    Backup(backup::Backup),
    Compact(compact::Compact),
    Stats(stats::Stats),
    Completions(completions::Completions),
    Man(man::Man),
}

/// Runs a command.
pub fn run(session: &Session, command: Command) -> Result<Exit> {
    match command {
        Command::Init(init) => init.run(session),
        Command::Zones(zones) => zones.run(session),
        Command::Status(status) => status.run(session),
        Command::Plan(plan) => plan.run(session),
        Command::Apply(apply) => apply.run(session),
        Command::Diff(diff) => diff.run(session),
        Command::Blame(blame) => blame.run(session),
        Command::Log(log) => log.run(session),
        Command::Show(show) => show.run(session),
        Command::Check(check) => check.run(session),
        Command::Why(why) => why.run(session),
        Command::Rollback(rollback) => rollback.run(session),
        Command::Shadow(shadow) => shadow.run(session),
        Command::Compare(compare) => compare.run(session),
        Command::Promote(promote) => promote.run(session),
        Command::Replay(replay) => replay.run(session),
        Command::Test(test) => test.run(session),
        Command::RequireTests(require) => require.run(session),
        Command::Preflight(preflight) => preflight.run(session),
        Command::Export(export) => export.run(session),
        Command::Import(import) => import.run(session),
        Command::Verify(verify) => verify.run(session),
        Command::Backup(backup) => backup.run(session),
        Command::Compact(compact) => compact.run(session),
        Command::Stats(stats) => stats.run(session),
        Command::Completions(completions) => completions.run(session),
        Command::Man(man) => man.run(session),
    }
}
