//! What is answered when all went well: a status, an entity tag, and a body. What is printed is not known here.

use std::fmt::Display;

use axum::http::header::{CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use policy_store::Page;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::condition::{self, Tags};
use crate::failure::Failure;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    status: StatusCode,
    /// With its quotes.
    etag: Option<String>,
    content_type: Option<&'static str>,
    body: Vec<u8>,
}

impl Reply {
    /// A value as JSON.
    pub fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value).map_err(Failure::internal)?;
        Ok(Self { status: StatusCode::OK, etag: None, content_type: Some("application/json"), body })
    }

    /// A page of a list, each item as `print` makes it.
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

    /// Bytes of a type.
    pub fn bytes(content_type: &'static str, body: Vec<u8>) -> Self {
        Self { status: StatusCode::OK, etag: None, content_type: Some(content_type), body }
    }

    /// Nothing.
    pub fn empty() -> Self {
        Self { status: StatusCode::NO_CONTENT, etag: None, content_type: None, body: Vec::new() }
    }

    /// Something that was created.
    pub fn created(mut self) -> Self {
        self.status = StatusCode::CREATED;
        self
    }

    /// With the tag of a revision or a digest.
    pub fn tagged(mut self, value: impl Display) -> Self {
        self.etag = Some(condition::etag(value));
        self
    }

    /// With a tag made of the body, where there is no revision.
    pub fn hashed(self) -> Self {
        let hash = Sha256::digest(&self.body);
        let hex: String = hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.tagged(hex)
    }

    /// The response; `304` without a body if the client has it already.
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
