//! Errors in JSON: `{"code", "message", "status"}`, and `"findings"` if there are some. The status of an error of the
//! store depends only on its kind. Does not know the causes of errors.

use std::fmt::Display;

use axum::http::header::{ACCEPT_ENCODING, CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use policy_store::{Error, ErrorKind};
use serde::Serialize;

use crate::findings::Finding;

/// The reason for refusing a request.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    findings: Vec<Finding>,
    /// The accepted content codings, for a body with another one.
    accept_encoding: Option<&'static str>,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self { status, code, message: message.to_string(), findings: Vec::new(), accept_encoding: None }
    }

    pub fn unauthorized(message: impl Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub fn invalid_path() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", "decoded path is not UTF-8")
    }

    pub fn invalid_query(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_query", message)
    }

    pub fn invalid_header(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_header", message)
    }

    pub fn invalid_body(message: impl Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    }

    /// No tag in `If-Match` can ever match: a weak tag never does.
    pub fn no_match() -> Self {
        let message = "precondition failed: no entity tag in `If-Match` can match";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
    }

    /// Whether the store refuses all calls until it is recovered.
    pub fn needs_recovery(&self) -> bool {
        self.code == "recovery_needed"
    }

    pub fn unsupported_media_type(message: impl Display) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message)
    }

    /// The body is encoded. RFC 9110 (section 15.5.16) allows the response to name the accepted codings.
    pub fn encoded(coding: &str) -> Self {
        let message = format!("unsupported content encoding `{coding}`: expected `identity`, or no `Content-Encoding`");
        Self { accept_encoding: Some("identity"), ..Self::unsupported_media_type(message) }
    }

    /// Whether the store changed between preparation and write.
    pub fn is_unmet(&self) -> bool {
        self.code == "precondition_failed"
    }

    /// Reports a reused request id in the client's notation, not as the store's idempotency key.
    pub fn of_request(mut self, id: &str) -> Self {
        if self.code == "request_conflict" {
            self.message = format!("request id `{id}` was already used for a different request");
        }
        self
    }

    /// An internal error, of the server or of a library.
    pub fn internal(message: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            // 413 means a body over the server's limit. Here, a part of one or of a query is over the store's.
            ErrorKind::Invalid | ErrorKind::TooLarge => StatusCode::BAD_REQUEST,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound | ErrorKind::NotBound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict | ErrorKind::Archived => StatusCode::CONFLICT,
            ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ErrorKind::OutcomeUnknown | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            // `Corrupt`, and kinds of later versions.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { findings: Finding::all(&error), ..Self::new(status, error.code(), &error) }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Printed<'a> {
            code: &'a str,
            message: &'a str,
            status: u16,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            findings: &'a [Finding],
        }
        let Self { status, code, message, findings, accept_encoding } = self;
        let printed = Printed { code, message: &message, status: status.as_u16(), findings: &findings };
        let body = serde_json::to_vec(&printed).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(codings) = accept_encoding {
            response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static(codings));
        }
        response
    }
}
