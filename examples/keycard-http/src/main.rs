//! A policy store behind the routes of Keycard's public policy API: parses requests, calls the library, prints results.
//! An example for loopback without authentication: the bearer token is the actor's id.

mod args;
mod body;
mod call;
mod condition;
mod connection;
mod failure;
mod files;
mod findings;
mod head;
mod incoming;
mod policies;
mod policy_bundle;
mod policy_schemas;
mod policy_set_versions;
mod policy_sets;
mod policy_versions;
mod public_keys;
mod query;
mod reply;
mod request_id;
mod routes;
mod server;
mod setup;
mod signing;
mod signing_key;
mod stop;
mod zone_log;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Weak};
use std::time::Duration;

use clap::Parser;
use policy_store::attestation::Ed25519Signer;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;

use crate::args::Args;
use crate::call::App;
use crate::signing::Signing;

/// Stack of a thread, in bytes. The store's calls need this much for the most complex policies, and otherwise allocate
/// a stack for each call.
const STACK_BYTES: usize = 32 * 1024 * 1024;
/// Limit on concurrent calls of the store; others wait.
pub const STORE_THREADS: usize = 32;
/// Limit on waiting for running calls of the store when serving ends.
const LAST_CALLS: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("keycard-http: {error}");
            let (mut told, mut source) = (error.to_string(), error.source());
            while let Some(error) = source {
                // Many messages already contain their cause.
                if !told.contains(&error.to_string()) {
                    eprintln!("  because of: {error}");
                }
                (told, source) = (error.to_string(), error.source());
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
        // A write is complete in the store, or absent. Nobody may be reading standard error.
        let _ = writeln!(std::io::stderr(), "keycard-http: stopped before all requests had ended");
    }
    Ok(())
}

/// Opens the store and serves it until the process is asked to stop, possibly before the store is open. Returns the
/// shared state, which exists as long as a request is running.
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
    let public_keys = args.public_keys();
    // Refuse unusable keys before anything is created, and create a key only after all other checks.
    args.signing_key.as_deref().map(signing_key::read).transpose()?;
    public_keys::open(&public_keys, None)?;
    let store = setup::open(&args)?;
    let signer = args.signing_key.as_deref().map(signing_key::open).transpose()?;
    let public_keys = public_keys::open(&public_keys, signer.as_ref().map(Ed25519Signer::jwk))?;
    let signing = signer.map(Signing::new);
    if let Some(signing) = &signing {
        signing.sign_again(&store, &setup::actor()?)?;
    }
    let bundle_zone = args.bundle_zone.as_ref().or(args.zones.first()).cloned().unwrap_or_default();
    if args.bundle_zone.is_some() {
        store.zone(&bundle_zone)?;
    }
    let patience = Duration::from_secs(args.patience);
    Ok(App::new(store, args.platform_tokens, bundle_zone, patience).with_keys(signing, public_keys))
}
