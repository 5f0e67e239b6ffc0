//! The canonical forms of a decision's request and entities, and their SHA-256, which a receipt has. docs/format.md of the
//! store has the rules, so that another program can compute them.

mod form;
#[cfg(test)]
mod form_tests;
#[cfg(test)]
mod value_tests;

use cedar_policy::{Entities, Request};

use crate::types::error::{Error, Result, cut};
use crate::types::hash::Sha256;

/// The canonical form of a request.
///
/// # Errors
///
/// [`Json`](Error::Json) for a request with unknowns, and for values nested deeper than Cedar's JSON allows.
pub fn request_form(request: &Request) -> Result<String> {
    form::request_form(request).map_err(invalid("request"))
}

/// The canonical form of entities: all that a decision with them can see.
///
/// # Errors
///
/// [`Json`](Error::Json) for entities with unknowns, and for values nested deeper than Cedar's JSON allows.
pub fn entities_form(entities: &Entities) -> Result<String> {
    form::entities_form(entities).map_err(invalid("entities"))
}

/// The SHA-256 of [`request_form`].
///
/// # Errors
///
/// As [`request_form`].
pub fn request_sha(request: &Request) -> Result<Sha256> {
    form::request_sha(request).map(Sha256).map_err(invalid("request"))
}

/// The SHA-256 of [`entities_form`].
///
/// # Errors
///
/// As [`entities_form`].
pub fn entities_sha(entities: &Entities) -> Result<Sha256> {
    form::entities_sha(entities).map(Sha256).map_err(invalid("entities"))
}

fn invalid(what: &'static str) -> impl Fn(String) -> Error {
    move |message| Error::Json { what, message: cut(&message) }
}
