//! Receipts of answers, compared with the store. Their format is that of `policy-store-verify`.

use cedar_policy::{Entities, Request};
use policy_store_verify::inputs;
use policy_store_verify::proof::ProofError;
pub use policy_store_verify::receipt::{GuardrailReceipt, Layer, LogEnd, Receipt, StatementRef};

use crate::cedar::with_values;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::Sha256;

/// The entities of a decision, for its receipt: the entities, or their SHA-256 if it was computed before.
///
/// Compute it once with [`entities_sha`](inputs::entities_sha) if many decisions have the same entities.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum EntitiesInput<'a> {
    /// The entities that the answer was decided with.
    Entities(&'a Entities),
    /// The SHA-256 of their canonical form.
    Sha(Sha256),
}

impl<'a> From<&'a Entities> for EntitiesInput<'a> {
    fn from(entities: &'a Entities) -> Self {
        Self::Entities(entities)
    }
}

impl From<Sha256> for EntitiesInput<'_> {
    fn from(sha: Sha256) -> Self {
        Self::Sha(sha)
    }
}

/// Refuses a receipt that does not have its form.
pub(crate) fn check_form(receipt: &Receipt) -> Result<()> {
    if receipt.v > Receipt::FORM {
        let (found, known) = (receipt.v.into(), Receipt::FORM.into());
        return Err(ErrorDetail::NewerFormat { what: "receipt form", found, known }.into());
    }
    match receipt.form_problem() {
        Some(problem) => Err(ErrorDetail::invalid("receipt form", &receipt.v.to_string(), problem).into()),
        None => Ok(()),
    }
}

/// The SHA-256 of the canonical form of a request, on a stack that is large enough.
pub(crate) fn request_sha(request: &Request) -> Result<Sha256> {
    Ok(with_values("request", || inputs::request_sha(request))??)
}

/// The SHA-256 of the canonical form of entities, on a stack that is large enough.
pub(crate) fn entities_sha(entities: &Entities) -> Result<Sha256> {
    Ok(with_values("entities", || inputs::entities_sha(entities))??)
}

/// Refuses inputs other than those of the receipt's decision. Receipts of forms 1 and 2 do not know theirs.
pub(crate) fn check_inputs(receipt: &Receipt, request: &Request, entities: &Entities) -> Result<()> {
    if receipt.request_sha.is_none() && receipt.entities_sha.is_none() {
        return Ok(());
    }
    check_input_shas(receipt, request_sha(request)?, entities_sha(entities)?)
}

/// Refuses inputs with a SHA-256 other than that in the receipt, if it has one.
pub(crate) fn check_input_shas(receipt: &Receipt, request_sha: Sha256, entities_sha: Sha256) -> Result<()> {
    receipt.check_inputs(request_sha, entities_sha).map_err(|error| match error {
        ProofError::Mismatch { field, expected, found } => mismatch(field, expected, found),
        other => ErrorDetail::Json { what: "receipt", message: other.to_string() }.into(),
    })
}

/// The error for a field that differs between a receipt and the store.
pub(crate) fn mismatch(field: &'static str, receipt: impl ToString, stored: impl ToString) -> Error {
    ErrorDetail::ReceiptMismatch { field, receipt: receipt.to_string(), stored: stored.to_string() }.into()
}
