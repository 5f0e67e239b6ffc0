//! One request: who calls, with which ids, parameters, preconditions and body; and how a handler's answer gets back. A handler
//! is a plain function: it runs on a thread that may block. What it does is not known here.

use std::fmt::Display;
use std::io::Write;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::http::header::{AUTHORIZATION, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use policy_store::{Actor, Demand, PolicyStore, RequestId, Result as StoreResult, Zone, ZoneWrite};
use tokio::sync::Semaphore;

use crate::body::Body;
use crate::condition::Tags;
use crate::failure::Failure;
use crate::query::Query;
use crate::reply::Reply;
use crate::request_id;

/// What all requests share.
#[derive(Debug)]
pub struct App {
    pub store: PolicyStore,
    /// Tokens that act for the platform.
    pub platform_tokens: Vec<String>,
    /// The zone that the policy bundle is about.
    pub bundle_zone: String,
    /// Lets a few requests write at a time: the store lets one of them, and those that wait keep no thread from readers
    /// and have not begun when serving ends.
    pub writers: Semaphore,
}

/// What answers a route's method.
pub type Handler = fn(&App, &Call) -> Result<Reply, Failure>;

/// A request, read and checked as far as all requests are alike.
#[derive(Debug)]
pub struct Call {
    pub actor: Actor,
    pub query: Query,
    pub body: Body,
    pub request_id: Option<RequestId>,
    pub if_match: Option<Tags>,
    ids: Vec<(String, String)>,
}

/// Answers a request with a handler, whatever happens.
pub async fn answer(
    app: Arc<App>,
    ids: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    handler: Handler,
) -> Response {
    let if_none_match = match Tags::of(request.headers(), &IF_NONE_MATCH) {
        Ok(tags) => tags,
        Err(failure) => return failure.into_response(),
    };
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    // A precondition is never passed over in silence.
    if reads && request.headers().contains_key(IF_MATCH) || !reads && if_none_match.is_some() {
        return Failure::invalid_header("`If-Match` is for writing, and `If-None-Match` for reading").into_response();
    }
    let call = match Call::read(&app, ids, request) {
        Ok(call) => call,
        Err(failure) => return failure.into_response(),
    };
    let waiting = app.clone();
    let turn = if reads { None } else { waiting.writers.acquire().await.ok() };
    let answered = tokio::task::spawn_blocking(move || app.answer(&call, handler)).await;
    drop(turn);
    let answered = answered.unwrap_or_else(|_| Err(Failure::internal("the request could not be handled")));
    match answered {
        Ok(reply) => reply.into_response(if_none_match.as_ref()),
        Err(failure) => failure.into_response(),
    }
}

impl App {
    /// Runs a handler. After a failure of the disk the store refuses everything until it is opened again in its place; what
    /// was refused so has not begun, and is done then.
    fn answer(&self, call: &Call, handler: Handler) -> Result<Reply, Failure> {
        let answered = handler(self, call);
        if !answered.as_ref().is_err_and(Failure::needs_recovery) {
            return answered;
        }
        let recovered = match self.store.recover() {
            Ok(()) => "recovered from a failure of the disk".to_owned(),
            Err(error) => format!("not recovered from a failure of the disk: {error}"),
        };
        // Nobody may be there to read it.
        let _ = writeln!(std::io::stderr(), "keycard-http: {recovered}");
        handler(self, call)
    }

    /// The zone of a request, for reading.
    pub fn zone(&self, call: &Call) -> Result<Zone, Failure> {
        Ok(self.store.zone(call.id("zone_id"))?)
    }

    /// Whether the store has carried the request out before: then nothing has to be prepared for it.
    pub fn is_answered(&self, zone: &str, call: &Call) -> Result<bool, Failure> {
        let Some(id) = call.request_id else { return Ok(false) };
        Ok(self.store.zone(zone)?.answered(id)?.is_some())
    }

    /// Writes in the zone of a request, as its actor. The first call in `f` is done once for each request id; what is read
    /// after it is then as it was.
    pub fn write<T>(
        &self,
        call: &Call,
        f: impl FnOnce(&mut ZoneWrite<'_, '_>) -> StoreResult<T>,
    ) -> Result<T, Failure> {
        self.write_if(call.id("zone_id"), call, None, f)
    }

    /// The same in any zone, if what is demanded holds.
    pub fn write_if<T>(
        &self,
        zone: &str,
        call: &Call,
        demand: Option<Demand>,
        f: impl FnOnce(&mut ZoneWrite<'_, '_>) -> StoreResult<T>,
    ) -> Result<T, Failure> {
        Ok(self.store.write(&call.actor, |w| {
            let mut zone = w.zone(zone)?;
            if let Some(id) = call.request_id {
                zone.request(id);
            }
            if let Some(demand) = demand {
                zone.demand(demand);
            }
            f(&mut zone)
        })?)
    }
}

impl Call {
    fn read(app: &App, ids: Result<RawPathParams, RawPathParamsRejection>, request: Request) -> Result<Self, Failure> {
        let ids = ids.map_err(|_| Failure::invalid_path())?;
        let (mut parts, _) = request.into_parts();
        let token = bearer(&parts.headers)?;
        let actor = if app.platform_tokens.contains(&token) { Actor::platform(token) } else { Actor::customer(token) };
        let actor = actor?;
        let request_id = request_id::of(&parts.headers, &actor, &parts.method, parts.uri.path())?;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        let if_match = Tags::of(&parts.headers, &IF_MATCH)?;
        let body = Body::of(&parts.headers, parts.extensions.remove::<Bytes>().unwrap_or_default());
        let ids = ids.iter().map(|(name, id)| (name.to_owned(), id.to_owned())).collect();
        Ok(Self { actor, query, body, request_id, if_match, ids })
    }

    /// An id in the path, by its name in the route.
    pub fn id(&self, name: &str) -> &str {
        self.ids.iter().find(|(known, _)| known == name).map_or("", |(_, id)| id)
    }

    /// What `If-Match` demands, of the tags that `read` takes for something that `demand` can be made of. None if it demands
    /// nothing, or that there is something.
    pub fn demanded<T: Display>(
        &self,
        read: impl Fn(&str) -> Option<T>,
        demand: impl Fn(T) -> Demand,
    ) -> Result<Option<Demand>, Failure> {
        let Some(demanded) = self.if_match.as_ref().and_then(|tags| tags.demanded(read)) else { return Ok(None) };
        if demanded.is_empty() {
            return Err(Failure::no_match());
        }
        Ok(Some(Demand::any(demanded.into_iter().map(demand))))
    }

    /// The same of a revision.
    pub fn revision(&self, demand: impl Fn(u64) -> Demand) -> Result<Option<Demand>, Failure> {
        self.demanded(|text| text.parse().ok(), demand)
    }

    /// For routes that have no tags to compare.
    pub fn no_if_match(&self) -> Result<(), Failure> {
        match self.if_match {
            None => Ok(()),
            Some(_) => Err(Failure::invalid_header("`If-Match` cannot be compared here")),
        }
    }
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Result<String, Failure> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Failure::unauthorized()) };
    let (scheme, token) =
        value.to_str().ok().and_then(|value| value.split_once(' ')).ok_or_else(Failure::unauthorized)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Failure::unauthorized());
    }
    Ok(token.to_owned())
}
