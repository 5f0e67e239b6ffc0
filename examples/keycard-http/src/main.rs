//! A policy store behind the routes of Keycard's public policy API: parse, call the library, print. An example for
//! loopback, which knows nothing of authentication: the bearer token is the actor, as it stands.

mod args;
mod body;
mod call;
mod condition;
mod connection;
mod failure;
mod findings;
mod head;
mod incoming;
mod policies;
mod policy_bundle;
mod policy_schemas;
mod policy_set_versions;
mod policy_sets;
mod policy_versions;
mod query;
mod reply;
mod request_id;
mod routes;
mod server;
mod setup;
mod stop;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::args::Args;
use crate::call::App;

/// Bytes of a thread's stack. The store's calls need that much for the worst of policies, and otherwise make a stack of
/// their own for each.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Calls of the store at one time; others wait.
pub const STORE_THREADS: usize = 32;
/// How long to wait for calls of the store that are under way when serving ends.
const LAST_CALLS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run(Args::parse()) {
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

fn run(args: Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    if !args.listen.ip().is_loopback() && !args.listen_to_everybody {
        return Err(format!("{} is not loopback: this needs --listen-to-everybody", args.listen).into());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(STORE_THREADS)
        .build()?;
    let served = runtime.block_on(serve(args));
    runtime.shutdown_timeout(LAST_CALLS);
    if served?.upgrade().is_some() {
        // A write is in the store as a whole, or not at all. Nobody may be there to read it.
        let _ = writeln!(std::io::stderr(), "keycard-http: stopped before all requests had ended");
    }
    Ok(())
}

/// Opens the store and serves it until the process is asked to stop, which may be before it is open. Returns what requests
/// share, which is there as long as one of them is under way.
async fn serve(args: Args) -> Result<Weak<App>, Box<dyn Error + Send + Sync>> {
    let (listen, patience) = (args.listen, Duration::from_secs(args.patience));
    let mut stop = Box::pin(stop::asked()?);
    let app = tokio::select! {
        app = spawn_blocking(move || open(args)) => Arc::new(app??),
        () = &mut stop => return Ok(Weak::new()),
    };
    let left = Arc::downgrade(&app);
    let listener = TcpListener::bind(listen).await?;
    writeln!(std::io::stdout(), "keycard-http: ready on http://{}", listener.local_addr()?)?;
    server::serve(routes::router(app), listener, patience, stop).await;
    Ok(left)
}

fn open(args: Args) -> Result<App, Box<dyn Error + Send + Sync>> {
    let store = setup::open(&args)?;
    let bundle_zone = args.bundle_zone.as_ref().or(args.zones.first()).cloned().unwrap_or_default();
    if args.bundle_zone.is_some() {
        store.zone(&bundle_zone)?;
    }
    Ok(App::new(store, args.platform_tokens, bundle_zone, Duration::from_secs(args.patience)))
}
