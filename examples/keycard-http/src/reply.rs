//! A successful reply: a status, an entity tag, and a body. Does not know the body's content.

use std::fmt::Display;

use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use policy_store::Page;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::condition::{self, Tags};
use crate::failure::Failure;

/// A reply.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    /// The entity tag, with its quotes.
    etag: Option<String>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Reply {
    /// A JSON value.
    pub fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value).map_err(Failure::internal)?;
        Ok(Self { status: StatusCode::OK, etag: None, content_type: Some("application/json"), body })
    }

    /// A page of a list, with each item converted by `print`.
    pub fn page<'a, T, P: Serialize>(page: &'a Page<T>, print: impl Fn(&'a T) -> P) -> Result<Self, Failure> {
        #[derive(Serialize)]
        struct Printed<'a, P> {
            items: Vec<P>,
            pagination: Pagination<'a>,
        }
        #[derive(Serialize)]
        struct Pagination<'a> {
            after_cursor: Option<&'a str>,
            before_cursor: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            total_count: Option<u64>,
        }
        let (after_cursor, before_cursor) = (page.after_cursor.as_deref(), page.before_cursor.as_deref());
        let pagination = Pagination { after_cursor, before_cursor, total_count: page.total_count };
        Self::json(&Printed { items: page.items.iter().map(print).collect(), pagination })
    }

    /// Bytes of a media type.
    pub fn bytes(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, etag: None, content_type: Some(content_type), body }
    }

    /// No content.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, etag: None, content_type: None, body: Vec::new() }
    }

    /// A created resource.
    pub fn created(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// Adds the tag of a revision or a digest.
    pub fn tagged(mut self, value: impl Display) -> Self {
        self.etag = Some(condition::etag(value));
        self
    }

    /// Adds a tag made from the body, for a reply without a revision.
    pub fn hashed(self) -> Self {
        let hash = Sha256::digest(&self.body);
        let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.tagged(hex)
    }

    /// The response; `304` without a body if the client already has it.
    pub fn into_response(self, if_none_match: Option<&Tags>) -> Response {
        let Self { status, etag, content_type, body } = self;
        let known = etag.as_deref().is_some_and(|etag| if_none_match.is_some_and(|tags| tags.match_weakly(etag)));
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { (status, body).into_response() };
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        if let Some(content_type) = content_type.filter(|_| !known) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        if let Some(etag) = etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
            headers.insert(ETAG, etag);
        }
        response
    }
}
