//! Errors as they are printed: `{"code", "message", "status"}`. Which status an error of the store gets is decided here,
//! by its kind alone; what went wrong is not known here.

use std::fmt::Display;

use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use policy_store::{Error, ErrorKind};
use serde::Serialize;

/// Why a request is refused.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self { status, code, message: message.to_string() }
    }

    pub fn unauthorized(message: impl Display) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
    }

    pub fn invalid_path() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_path", "the path is not UTF-8 once it is decoded")
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

    /// No tag in `If-Match` is one that could ever match: a weak one never does.
    pub fn no_match() -> Self {
        let message = "no entity tag that is demanded in `If-Match` can ever match";
        Self::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", message)
    }

    /// Whether the store refuses everything until it is recovered.
    pub fn needs_recovery(&self) -> bool {
        self.code == "recovery_needed"
    }

    /// As the answer to a request that has no body, so that nothing in it was one that is too large.
    pub fn without_body(mut self) -> Self {
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            self.status = StatusCode::BAD_REQUEST;
        }
        self
    }

    /// Names a request id that was used for something else as its client knows it, and not as the store does.
    pub fn of_request(mut self, id: &str) -> Self {
        if self.code == "request_conflict" {
            self.message = format!("request id `{id}` was used before for something else");
        }
        self
    }

    /// Something that should not happen, here or in a library.
    pub fn internal(message: impl Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::Forbidden => StatusCode::FORBIDDEN,
            ErrorKind::NotFound | ErrorKind::NotBound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict | ErrorKind::Archived => StatusCode::CONFLICT,
            ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::OutcomeUnknown | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            // Corrupt, and kinds of a later version.
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.code(), &error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Printed<'a> {
            code: &'a str,
            message: &'a str,
            status: u16,
        }
        let Self { status, code, message } = self;
        let printed = Printed { code, message: &message, status: status.as_u16() };
        let body = serde_json::to_vec(&printed).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
