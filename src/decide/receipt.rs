//! Receipts: the rules behind a decision, as JSON that is kept with the decision and can be replayed years later.

use cedar_policy::Decision;
use policy_store_verify::text_enum;
use serde::{Deserialize, Serialize};

use crate::resource::binding::Binding;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::schema::CedarVersion;

/// The version of a receipt without a guardrail.
pub(crate) const PLAIN_FORM: u32 = 1;
/// The version of a receipt with a guardrail, and the newest that this build reads.
pub(crate) const GUARDRAIL_FORM: u32 = 2;

/// The part of a decision that a statement belongs to.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The version that the authorizer decides by: the one bound to the target, or the one requested by its id.
    #[default]
    Target,
    /// The zone's guardrail.
    Guardrail,
}

text_enum!(Layer, "layer", { Target => "target", Guardrail => "guardrail" });

impl Layer {
    fn is_target(&self) -> bool {
        *self == Self::Target
    }
}

/// One statement of a pinned policy version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementRef {
    /// The layer of the statement. Left out of JSON for the target layer.
    #[serde(default, skip_serializing_if = "Layer::is_target")]
    pub layer: Layer,
    /// The policy.
    pub policy_id: PolicyId,
    /// The version of the policy.
    pub policy_version_id: PolicyVersionId,
    /// The index of the statement in the version's text, counted from 0.
    pub statement: u32,
}

impl std::fmt::Display for StatementRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layer = if self.layer.is_target() { "" } else { " in the guardrail" };
        write!(f, "statement {} of `{}` of `{}`{layer}", self.statement, self.policy_version_id, self.policy_id)
    }
}

/// The log, entries and hashes of the rules behind one answer: enough to find the same rules again and to detect any
/// change.
///
/// A receipt is plain data without a signature: anyone with write access to it can replace it. It serializes with serde
/// and contains nothing of the request. To replay it, keep the request and the entities with it.
///
/// ```
/// # use policy_store::{Answer, PolicyStore, Receipt, Result, cedar_policy::{Entities, Request}};
/// /// Decides again by the rules of the receipt, and compares the answers.
/// fn audit(store: &PolicyStore, receipt: &Receipt, request: &Request, entities: &Entities) -> Result<Answer> {
///     let answer = store.replay(receipt, request, entities)?;
///     answer.agrees_with(receipt)?;
///     Ok(answer)
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The version of the receipt format: 2 if a guardrail took part, otherwise 1.
    pub v: u32,
    /// The zone.
    pub zone_id: ZoneId,
    /// The id of the zone's log. It distinguishes the zone from one with the same id in another store.
    pub log_id: LogId,
    /// The binding in force; none if the version was evaluated by its id.
    pub binding: Option<Binding>,
    /// The guardrail that took part in the decision, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<GuardrailReceipt>,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version of the policy set that decided.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub policy_set_version: u32,
    /// The hash of the log entry that created the version. The hash chain of the log covers it.
    pub policy_set_version_entry: EntryHash,
    /// The SHA-256 of the version's manifest, which covers every pinned policy text.
    pub manifest_sha: Sha256,
    /// The schema version of the evaluation.
    pub schema_version: SchemaName,
    /// The SHA-256 of the schema's source bytes.
    pub schema_sha: Sha256,
    /// The decision.
    pub decision: Decision,
    /// The determining statements, sorted.
    pub determining: Vec<StatementRef>,
    /// The statements that failed to evaluate, sorted.
    pub failed: Vec<StatementRef>,
    /// Whether a `forbid` that fails to evaluate denies.
    pub deny_on_forbid_error: bool,
    /// The version of Cedar that decided.
    pub cedar_version: CedarVersion,
}

/// The guardrail behind a decision, as part of a receipt.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailReceipt {
    /// The binding of the guardrail.
    pub binding: Binding,
    /// The hash of the log entry that created the version. The hash chain of the log covers it.
    pub policy_set_version_entry: EntryHash,
    /// The SHA-256 of the version's manifest, which covers every pinned policy text.
    pub manifest_sha: Sha256,
    /// The schema version that it was created for. It is evaluated with the schema version of the target, and validates
    /// against both.
    pub schema_version: SchemaName,
    /// The SHA-256 of the source bytes of the schema version that it was created for.
    pub schema_sha: Sha256,
}

impl Receipt {
    /// Refuses a receipt of an unknown version, or one whose version and guardrail contradict each other.
    pub(crate) fn check_form(&self) -> Result<()> {
        match (self.v, &self.guardrail) {
            (PLAIN_FORM, None) | (GUARDRAIL_FORM, Some(_)) => Ok(()),
            (0, _) => Err(ErrorDetail::invalid("receipt form", "0", "must be at least 1").into()),
            (PLAIN_FORM, Some(_)) => {
                Err(ErrorDetail::invalid("receipt form", "1", "a receipt of form 1 must have no `guardrail`").into())
            }
            (GUARDRAIL_FORM, None) => {
                Err(ErrorDetail::invalid("receipt form", "2", "a receipt of form 2 must have a `guardrail`").into())
            }
            (found, _) => {
                let (found, known) = (found.into(), GUARDRAIL_FORM.into());
                Err(ErrorDetail::NewerFormat { what: "receipt form", found, known }.into())
            }
        }
    }
}

/// The error for a field that differs between a receipt and the store.
pub(crate) fn mismatch(field: &'static str, receipt: impl ToString, stored: impl ToString) -> Error {
    ErrorDetail::ReceiptMismatch { field, receipt: receipt.to_string(), stored: stored.to_string() }.into()
}
