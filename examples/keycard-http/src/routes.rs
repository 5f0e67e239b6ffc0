//! The routes, and the responses for unknown ones. The files of the resources handle the requests.

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::call::{self, App, Handler};
use crate::failure::Failure;
use crate::incoming::Incoming;
use crate::{
    head, policies, policy_bundle, policy_schemas, policy_set_versions, policy_sets, policy_versions, public_keys,
    zone_log,
};

/// All routes. `HEAD` is handled like `GET`.
pub fn router(app: Arc<App>) -> Router {
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
        .route("/zones/{zone_id}/log", get(on(zone_log::get)))
        .route(public_keys::PATH, get(public_keys::get))
        .fallback(|request| refuse(request, Failure::new(StatusCode::NOT_FOUND, "route_not_found", "unknown route")))
        .method_not_allowed_fallback(|request| {
            let message = "method is not allowed on this route";
            refuse(request, Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message))
        })
        .layer(middleware::from_fn(bounded))
        .with_state(app)
}

/// Refuses requests with an excessive head.
async fn bounded(request: Request, next: Next) -> Response {
    match head::check(request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(failure) => refuse(request, failure).await,
    }
}

async fn refuse(request: Request, failure: Failure) -> Response {
    let (parts, stream) = request.into_parts();
    Incoming::new(stream, &parts.headers).answered(failure.into_response()).await
}
