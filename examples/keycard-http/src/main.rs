//! A policy store behind the routes of Keycard's public policy API: parse, call the library, print. An example for
//! loopback, which knows nothing of authentication: the bearer token is the actor, as it stands.

mod args;
mod body;
mod call;
mod condition;
mod failure;
mod policies;
mod policy_bundle;
mod policy_schemas;
mod policy_set_versions;
mod policy_sets;
mod policy_versions;
mod query;
mod reply;
mod request_id;
mod server;
mod setup;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::args::Args;
use crate::call::App;

/// Bytes of a thread's stack. The store's calls need that much for the worst of policies, and otherwise make a stack of
/// their own for each.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Requests that write at one time; others wait without a thread.
const WRITERS: usize = 4;
/// Calls of the store at one time; others wait.
const STORE_THREADS: usize = 32;

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keycard-http: {error}");
            let mut source = error.source();
            while let Some(error) = source {
                eprintln!("  because of: {error}");
                source = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    if !args.listen.ip().is_loopback() && !args.listen_to_everybody {
        return Err(format!("{} is not loopback: this needs --listen-to-everybody", args.listen).into());
    }
    let store = setup::open(args)?;
    let bundle_zone = args.bundle_zone.as_ref().or(args.zones.first()).cloned().unwrap_or_default();
    if args.bundle_zone.is_some() {
        store.zone(&bundle_zone)?;
    }
    let (platform_tokens, writers) = (args.platform_tokens.clone(), Semaphore::new(WRITERS));
    let app = App { store, platform_tokens, bundle_zone, writers };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(STORE_THREADS)
        .build()?;
    // Calls of the store that are under way when serving ends are waited for when the runtime is dropped.
    runtime.block_on(async { server::serve(app, TcpListener::bind(args.listen).await?).await })?;
    Ok(())
}
