//! Receipts: what a decision rested on, to be kept beside it and replayed years later.

use cedar_policy::Decision;
use serde::{Deserialize, Serialize};

use crate::binding::Binding;
use crate::error::{Error, ErrorDetail, Result};
use crate::hash::{EntryHash, Sha256};
use crate::id::{LogId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaName, ZoneId};
use crate::model::CedarVersion;

/// The form of receipt that this build writes, and the newest that it reads.
pub(crate) const RECEIPT_FORM: u32 = 1;

/// One statement of a pinned policy version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StatementRef {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version of it.
    pub policy_version_id: PolicyVersionId,
    /// The statement in its text, counted from 0.
    pub statement: u32,
}

impl std::fmt::Display for StatementRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "statement {} of `{}` of `{}`", self.statement, self.policy_version_id, self.policy_id)
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
    /// The form of this receipt: 1.
    pub v: u32,
    /// The zone.
    pub zone_id: ZoneId,
    /// The zone's log, which tells it from a zone of the same id in another store.
    pub log_id: LogId,
    /// What was in force, since when and by whom; none if a version was evaluated that was not in force.
    pub binding: Option<Binding>,
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

impl Receipt {
    /// Refuses a receipt of a form that this build does not know.
    pub(crate) fn check_form(&self) -> Result<()> {
        match self.v {
            RECEIPT_FORM => return Ok(()),
            0 => return Err(ErrorDetail::invalid("receipt form", "0", "forms count from 1").into()),
            _ => {}
        }
        let (found, known) = (self.v.into(), RECEIPT_FORM.into());
        Err(ErrorDetail::NewerFormat { what: "receipt form", found, known }.into())
    }
}

/// The error of a receipt that says something else than the store.
pub(crate) fn mismatch(field: &'static str, receipt: impl ToString, stored: impl ToString) -> Error {
    ErrorDetail::ReceiptMismatch { field, receipt: receipt.to_string(), stored: stored.to_string() }.into()
}
