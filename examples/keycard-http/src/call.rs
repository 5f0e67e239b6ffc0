//! One request: its actor, ids, parameters, preconditions and body; and the way back of a handler's reply. A handler is
//! a plain function: it runs on a thread that may block. Does not know what handlers do.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{MatchedPath, RawPathParams, Request};
use axum::http::header::{AUTHORIZATION, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use policy_store::attestation::Jwks;
use policy_store::limits::BUNDLE_BYTES;
use policy_store::{Actor, IdempotencyKey, PolicyStore, Precondition, Result as StoreResult, Zone, ZoneTransaction};
use tokio::sync::Semaphore;

use crate::body::{self, Body};
use crate::condition::Tags;
use crate::failure::Failure;
use crate::incoming::{BODY_BYTES, Bodies, Incoming};
use crate::query::Query;
use crate::reply::Reply;
use crate::signing::Signing;
use crate::{STORE_THREADS, policy_bundle, request_id};

/// Limit on requests that prepare a write or wait for one, so that half of the threads are free for reads. Others wait
/// without a thread.
const WRITERS: usize = STORE_THREADS / 2;

/// State that all requests share.
#[derive(Debug)]
pub struct App {
    pub store: PolicyStore,
    /// Tokens that act for the platform.
    pub platform_tokens: Vec<String>,
    /// The zone of the policy bundle.
    pub bundle_zone: String,
    /// The signer, if there is one.
    pub signing: Option<Signing>,
    pub public_keys: Jwks,
    /// Limits the requests that write: the store runs one write at a time, and waiting requests must not take the
    /// threads of reads, nor begin when serving ends.
    writers: Arc<Semaphore>,
    /// The limits that the bodies of all requests share.
    bodies: Bodies,
}

/// A function that handles a route's method.
pub type Handler = fn(&App, &Call) -> Result<Reply, Failure>;

/// A request after the checks that are common to all requests.
#[derive(Debug)]
pub struct Call {
    pub actor: Actor,
    pub query: Query,
    pub body: Body,
    pub request_id: Option<IdempotencyKey>,
    pub if_match: Option<Tags>,
    /// The client's request id.
    client_request_id: Option<String>,
    ids: Vec<(String, String)>,
}

/// Runs a handler for a request, and always returns a response.
pub async fn answer(
    app: Arc<App>,
    ids: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    handler: Handler,
) -> Response {
    let (parts, stream) = request.into_parts();
    let mut body = Incoming::new(stream, &parts.headers);
    let answered = handle(app, ids, &parts, &mut body, handler).await;
    body.answered(answered.unwrap_or_else(Failure::into_response)).await
}

/// The body is read last, after all other checks, and only for methods that have one.
async fn handle(
    app: Arc<App>,
    ids: Result<RawPathParams, RawPathParamsRejection>,
    parts: &Parts,
    body: &mut Incoming,
    handler: Handler,
) -> Result<Response, Failure> {
    let mut call = Call::read(&app, ids, parts)?;
    let if_none_match = Tags::of(&parts.headers, &IF_NONE_MATCH)?;
    let reads = matches!(parts.method, Method::GET | Method::HEAD);
    // A precondition is never silently ignored.
    if reads && call.if_match.is_some() || !reads && if_none_match.is_some() {
        return Err(Failure::invalid_header("expected `If-Match` on writes only, and `If-None-Match` on reads only"));
    }
    if matches!(parts.method, Method::PATCH | Method::POST | Method::PUT) {
        body::check_encoding(&parts.headers)?;
        let limit = if route(parts) == policy_bundle::PATH { BUNDLE_BYTES } else { BODY_BYTES };
        call.body = Body::of(&parts.headers, body.read(&app.bodies, limit).await?);
    }
    let turn = if reads { None } else { app.writers.clone().acquire_owned().await.ok() };
    let answered = tokio::task::spawn_blocking(move || {
        // Keep it until the handler ends, even if the connection is lost.
        let _turn = turn;
        app.answer(&call, handler)
    });
    match answered.await {
        Ok(Ok(reply)) => Ok(reply.into_response(if_none_match.as_ref())),
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::internal("the request could not be handled")),
    }
}

/// The route of a request, in the router's notation.
fn route(parts: &Parts) -> &str {
    parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str)
}

impl App {
    pub fn new(store: PolicyStore, platform_tokens: Vec<String>, bundle_zone: String, patience: Duration) -> Self {
        let (writers, bodies) = (Arc::new(Semaphore::new(WRITERS)), Bodies::new(patience));
        let (signing, public_keys) = (None, Jwks::default());
        Self { store, platform_tokens, bundle_zone, signing, public_keys, writers, bodies }
    }

    /// Adds a signer, and the public keys of all signers so far.
    pub fn with_keys(self, signing: Option<Signing>, public_keys: Jwks) -> Self {
        Self { signing, public_keys, ..self }
    }

    /// Runs a handler. After a disk failure, the store refuses all calls until it is recovered. Recovers it and runs
    /// the handler again: a refused call has not begun.
    fn answer(&self, call: &Call, handler: Handler) -> Result<Reply, Failure> {
        let named = |failure: Failure| failure.of_request(call.client_request_id.as_deref().unwrap_or_default());
        let answered = handler(self, call).map_err(named);
        if !answered.as_ref().is_err_and(Failure::needs_recovery) {
            return answered;
        }
        let recovered = match self.store.recover() {
            Ok(()) => "recovered from a failure of the disk".to_owned(),
            Err(error) => format!("not recovered from a failure of the disk: {error}"),
        };
        // Nobody may be reading standard error.
        let _ = writeln!(std::io::stderr(), "keycard-http: {recovered}");
        handler(self, call).map_err(named)
    }

    /// The zone of a request, for reads.
    pub fn zone(&self, call: &Call) -> Result<Zone, Failure> {
        Ok(self.store.zone(call.id("zone_id"))?)
    }

    /// Whether the store already has the request's idempotency key. Then nothing needs to be prepared.
    pub fn is_answered(&self, zone: &str, call: &Call) -> Result<bool, Failure> {
        let Some(id) = call.request_id else { return Ok(false) };
        Ok(self.store.zone(zone)?.entry_for_key(id)?.is_some())
    }

    /// Writes in the zone of a request, as its actor. The first call in `f` is executed once for each idempotency key;
    /// reads after a repeated call see the zone as of the first one.
    pub fn write<T>(
        &self,
        call: &Call,
        f: impl FnOnce(&mut ZoneTransaction<'_, '_>) -> StoreResult<T>,
    ) -> Result<T, Failure> {
        self.write_if(call.id("zone_id"), call, None, f)
    }

    /// The same in any zone, under preconditions.
    pub fn write_if<T>(
        &self,
        zone: &str,
        call: &Call,
        precondition: Option<Precondition>,
        f: impl FnOnce(&mut ZoneTransaction<'_, '_>) -> StoreResult<T>,
    ) -> Result<T, Failure> {
        Ok(self.store.write(&call.actor, |w| {
            let mut zone = w.zone(zone)?;
            if let Some(id) = call.request_id {
                zone.idempotency_key(id);
            }
            if let Some(precondition) = precondition {
                zone.precondition(precondition);
            }
            f(&mut zone)
        })?)
    }
}

impl Call {
    /// A request without its body.
    fn read(app: &App, ids: Result<RawPathParams, RawPathParamsRejection>, parts: &Parts) -> Result<Self, Failure> {
        let token = bearer(&parts.headers)?;
        let actor = if app.platform_tokens.contains(&token) { Actor::platform(token) } else { Actor::customer(token) };
        let actor = actor.map_err(Failure::unauthorized)?;
        let ids = ids.map_err(|_| Failure::invalid_path())?;
        let ids: Vec<_> = ids.iter().map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        let client_request_id = request_id::given(&parts.headers)?.map(str::to_owned);
        let of = |id: &String| request_id::of(id, &actor, &parts.method, route(parts), &ids);
        let request_id = client_request_id.as_ref().map(of);
        let if_match = Tags::of(&parts.headers, &IF_MATCH)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        Ok(Self { actor, query, body: Body::default(), request_id, client_request_id, if_match, ids })
    }

    /// A call with ids and a body, as a handler receives it.
    #[cfg(test)]
    pub fn sample(actor: Actor, ids: &[(&str, &str)], body: Body) -> Self {
        let ids = ids.iter().map(|(name, id)| ((*name).to_owned(), (*id).to_owned())).collect();
        let (query, request_id, client_request_id, if_match) = (Query::default(), None, None, None);
        Self { actor, query, body, request_id, client_request_id, if_match, ids }
    }

    /// An id of the path, by its name in the route.
    pub fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(known, _)| known == name).map_or("", |(_, id)| id)
    }

    /// The precondition of `If-Match`, from the tags that `read` accepts. `None` without a precondition, or if any tag
    /// matches.
    pub fn expected<T: Display>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        precondition: impl Fn(T) -> Precondition,
    ) -> Result<Option<Precondition>, Failure> {
        let Some(expected) = self.if_match.as_ref().and_then(|tags| tags.expected(read)) else { return Ok(None) };
        if expected.is_empty() {
            return Err(Failure::no_match());
        }
        Ok(Some(Precondition::any(expected.into_iter().map(precondition))))
    }

    /// The same of a revision.
    pub fn revision(&self, precondition: impl Fn(u64) -> Precondition) -> Result<Option<Precondition>, Failure> {
        self.expected(|text| text.parse().ok(), precondition)
    }

    /// For routes without tags.
    pub fn no_if_match(&self) -> Result<(), Failure> {
        match self.if_match {
            None => Ok(()),
            Some(_) => Err(Failure::invalid_header("`If-Match` is not supported on this route")),
        }
    }
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Result<String, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().filter(|_| values.next().is_none()).and_then(|value| value.to_str().ok());
    let token =
        value.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| Failure::unauthorized("expected `Authorization: Bearer` and a token"))?;
    Ok(token.trim().to_owned())
}
