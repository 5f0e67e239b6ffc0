//! Errors as they are printed: `{"code", "message", "status"}`. Which status an error of the store gets is decided here,
//! by its kind alone; what went wrong is not known here.

use std::fmt::Display;

use axum::http::header::{CONNECTION, CONTENT_TYPE, WWW_AUTHENTICATE};
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
    /// The connection ends with this answer.
    closing: bool,
}

impl Failure {
    pub fn new(status: StatusCode, code: &'static str, message: impl Display) -> Self {
        Self { status, code, message: message.to_string(), closing: false }
    }

    pub fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "expected `Authorization: Bearer` and a token")
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

    /// As the last answer on its connection.
    pub fn closing(self) -> Self {
        Self { closing: true, ..self }
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
        let Self { status, code, message, closing } = self;
        let printed = Printed { code, message: &message, status: status.as_u16() };
        let body = serde_json::to_vec(&printed).unwrap_or_default();
        let mut response = (status, body).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if closing {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
