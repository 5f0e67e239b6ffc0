//! Receipts: what a decision rested on, to be kept beside it and replayed years later.

use cedar_policy::Decision;
use serde::{Deserialize, Serialize};

use crate::resource::binding::Binding;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::types::schema::CedarVersion;

/// The form of a receipt without a guardrail.
pub(crate) const PLAIN_FORM: u32 = 1;
/// The form of a receipt with a guardrail, and the newest that this build reads.
pub(crate) const GUARDRAIL_FORM: u32 = 2;

/// Which of the two policy set versions of a decision a statement is of.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// The version that the authorizer is for: what is bound to the target, or the version that was asked for by its id.
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
    /// The layer that it takes part in. Not written where it is the target's.
    #[serde(default, skip_serializing_if = "Layer::is_target")]
    pub layer: Layer,
    /// The policy.
    pub policy_id: PolicyId,
    /// The version of it.
    pub policy_version_id: PolicyVersionId,
    /// The statement in its text, counted from 0.
    pub statement: u32,
}

impl std::fmt::Display for StatementRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let layer = if self.layer.is_target() { "" } else { " in the guardrail" };
        write!(f, "statement {} of `{}` of `{}`{layer}", self.statement, self.policy_version_id, self.policy_id)
    }
}

/// What a decision rested on: enough to find the very same rules again, and to notice if anything of them was
/// changed since.
///
/// It is plain data and not signed: whoever can write where it is kept can write another. It serialises with serde and
/// holds nothing of the request; keep the request and the entities beside it if it is to be replayed.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The form of this receipt: 2 if a guardrail took part, otherwise 1.
    pub v: u32,
    /// The zone.
    pub zone_id: ZoneId,
    /// The zone's log, which tells it from a zone of the same id in another store.
    pub log_id: LogId,
    /// What was in force, since when and by whom; none if a version was evaluated that was not in force.
    pub binding: Option<Binding>,
    /// The zone's guardrail that took part in the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guardrail: Option<GuardrailReceipt>,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version of it that decided.
    pub policy_set_version_id: PolicySetVersionId,
    /// The version's number.
    pub policy_set_version: u32,
    /// The hash of the log entry that created the version, which the log's chain covers.
    pub policy_set_version_entry: EntryHash,
    /// The SHA-256 of the version's manifest, and so of every policy text that it pins.
    pub manifest_sha: Sha256,
    /// The schema version that it was evaluated with.
    pub schema_version: SchemaName,
    /// The SHA-256 of that schema's published bytes.
    pub schema_sha: Sha256,
    /// The decision.
    pub decision: Decision,
    /// The statements that determined it, sorted.
    pub determining: Vec<StatementRef>,
    /// The statements that failed to evaluate, sorted.
    pub failed: Vec<StatementRef>,
    /// Whether a `forbid` that fails to evaluate was to deny.
    pub deny_on_forbid_error: bool,
    /// The Cedar that decided.
    pub cedar_version: CedarVersion,
}

/// The guardrail that took part in a decision, as a receipt names it.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailReceipt {
    /// Which version was the guardrail, since when and by whom.
    pub binding: Binding,
    /// The hash of the log entry that created the version, which the log's chain covers.
    pub policy_set_version_entry: EntryHash,
    /// The SHA-256 of the version's manifest, and so of every policy text that it pins.
    pub manifest_sha: Sha256,
    /// The schema version that it was created for. It is evaluated with the one of the target, against which it
    /// validates too.
    pub schema_version: SchemaName,
    /// The SHA-256 of that schema's published bytes.
    pub schema_sha: Sha256,
}

impl Receipt {
    /// Refuses a receipt of a form that this build does not know, or whose form and guardrail contradict each other.
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

/// The error of a receipt that says something else than the store.
pub(crate) fn mismatch(field: &'static str, receipt: impl ToString, stored: impl ToString) -> Error {
    ErrorDetail::ReceiptMismatch { field, receipt: receipt.to_string(), stored: stored.to_string() }.into()
}
