//! Limits on the head of a request. `hyper`'s own limits are set wider where possible, because it refuses requests with
//! a response without a body.

use axum::http::{HeaderMap, StatusCode, Uri};

use crate::failure::Failure;

/// Limit on a path and its query, in bytes: enough for the longest list of ids.
const URI_BYTES: usize = 32 * 1024;
/// Limit on the number of header lines.
const HEADERS: usize = 100;
/// Limit on all header lines, in bytes.
const HEADERS_BYTES: usize = 64 * 1024;
/// Limit on the header lines that `hyper` parses.
pub const PARSED_HEADERS: usize = 512;

/// Refuses a head that is too large.
pub fn check(uri: &Uri, headers: &HeaderMap) -> Result<(), Failure> {
    let length = uri.path().len().saturating_add(uri.query().map_or(0, str::len));
    if length > URI_BYTES {
        let message = format!("too large: path and query: over {URI_BYTES} bytes");
        return Err(Failure::new(StatusCode::URI_TOO_LONG, "uri_too_long", message));
    }
    // In their written form: a name, a colon, a space, a value, and the end of the line.
    let lines = headers.iter().map(|(name, value)| name.as_str().len().saturating_add(value.len()).saturating_add(4));
    if headers.len() > HEADERS || lines.fold(0, usize::saturating_add) > HEADERS_BYTES {
        let message = format!("too large: headers: over {HEADERS} lines or over {HEADERS_BYTES} bytes");
        return Err(Failure::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", message));
    }
    Ok(())
}
