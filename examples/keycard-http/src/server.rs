//! The routes, and the server from its first connection to its last. What a route does is in the file of its resource.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::get;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::body;
use crate::call::{self, App, Handler};
use crate::failure::Failure;
use crate::{policies, policy_bundle, policy_schemas, policy_set_versions, policy_sets, policy_versions};

/// How long requests may go on once the server was asked to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Serves until the process is asked to stop.
pub async fn serve(app: App, listener: TcpListener) -> io::Result<()> {
    let (stop, stop_too) = (stop_signal()?, stop_signal()?);
    writeln!(io::stdout(), "keycard-http: ready on http://{}", listener.local_addr()?)?;
    let listener = listener.tap_io(|stream| {
        // Without it, small answers may wait for the client's acknowledgement. It serves as well if it fails.
        let _ = stream.set_nodelay(true);
    });
    let served = axum::serve(listener, router(Arc::new(app))).with_graceful_shutdown(stop);
    let grace_ended = async {
        stop_too.await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = served => served,
        () = grace_ended => Ok(()),
    }
}

/// Every route. `HEAD` is answered as `GET`.
fn router(app: Arc<App>) -> Router {
    let on = |handler: Handler| {
        move |State(app), ids: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            call::answer(app, ids, request, handler)
        }
    };
    Router::new()
        .route("/zones/{zone_id}/policies", get(on(policies::list)).post(on(policies::create)))
        .route(
            "/zones/{zone_id}/policies/{policy_id}",
            get(on(policies::get)).patch(on(policies::update)).delete(on(policies::archive)),
        )
        .route(
            "/zones/{zone_id}/policies/{policy_id}/versions",
            get(on(policy_versions::list)).post(on(policy_versions::create)),
        )
        .route(
            "/zones/{zone_id}/policies/{policy_id}/versions/{version_id}",
            get(on(policy_versions::get)).delete(on(policy_versions::archive)),
        )
        .route("/zones/{zone_id}/policy-sets", get(on(policy_sets::list)).post(on(policy_sets::create)))
        .route(
            "/zones/{zone_id}/policy-sets/{policy_set_id}",
            get(on(policy_sets::get)).patch(on(policy_sets::update)).delete(on(policy_sets::archive)),
        )
        .route(
            "/zones/{zone_id}/policy-sets/{policy_set_id}/versions",
            get(on(policy_set_versions::list)).post(on(policy_set_versions::create)),
        )
        .route(
            "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}",
            get(on(policy_set_versions::get))
                .patch(on(policy_set_versions::activate))
                .delete(on(policy_set_versions::archive)),
        )
        .route(
            "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}/policies",
            get(on(policy_set_versions::list_policies)),
        )
        .route("/zones/{zone_id}/policy-schemas", get(on(policy_schemas::list)))
        .route(
            "/zones/{zone_id}/policy-schemas/{version}",
            get(on(policy_schemas::get)).patch(on(policy_schemas::set_default)),
        )
        .route(
            policy_bundle::PATH,
            get(on(policy_bundle::get)).put(on(policy_bundle::put)).delete(on(policy_bundle::reset)),
        )
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "route_not_found", "there is no such route") })
        .method_not_allowed_fallback(|| async {
            let message = "the route does not have this method";
            Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
        })
        .layer(middleware::from_fn(body::read_first))
        .with_state(app)
}

/// Ends when the process is asked to stop, as from now.
#[cfg(unix)]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Ends when the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    Ok(async {
        // Without a signal to wait for, it is stopped by force.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
