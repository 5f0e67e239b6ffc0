//! Parses a policy text into statements. The caller runs the gate first and supplies the stack.

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Policy, PolicyId, PolicySet};

use super::diagnose;
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::limits;

/// Parses a gated policy text into its statements, in source order.
pub(super) fn statements(text: &str) -> Result<Vec<Policy>> {
    let statements = policies(text)?;
    at_most("statements of the policy", statements.len(), limits::POLICY_STATEMENTS)?;
    if statements.is_empty() {
        return Err(ErrorDetail::EmptyPolicy.into());
    }
    Ok(statements)
}

pub(super) fn policies(text: &str) -> Result<Vec<Policy>> {
    let set: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        let reports = errors.iter().map(DetailedError::from);
        let mut diagnostics: Vec<_> = reports.flat_map(|report| diagnose::findings(text, 0, None, report)).collect();
        diagnose::sort(&mut diagnostics);
        ErrorDetail::Syntax { what: "policy", diagnostics }
    })?;
    let count = set.policies().count() + set.templates().count();
    let statements = (0..count).map(numbered).map(|id| match set.policy(&id) {
        Some(policy) => Ok(policy.clone()),
        None => Err(ErrorDetail::Template { id: id.to_string() }.into()),
    });
    statements.collect()
}

/// The id that Cedar gives to a statement of a text. It numbers all statements in order, templates included.
pub(super) fn numbered(number: usize) -> PolicyId {
    PolicyId::new(format!("policy{number}"))
}
