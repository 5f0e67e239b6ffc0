//! Receipts: the rules behind a decision, and the hashes of the inputs, as JSON that is kept with the decision.

#[cfg(feature = "signatures")]
mod batch;
mod binding;
mod decision;
mod statement;

#[cfg(test)]
#[cfg(feature = "signatures")]
pub(crate) mod tests;

#[cfg(feature = "signatures")]
pub use batch::{SignedReceipt, sign_batch};
pub use binding::Binding;
pub use decision::Decision;
use serde::{Deserialize, Serialize};
pub use statement::{Layer, StatementRef};

use crate::proof::ProofError;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{LogId, PolicySetId, PolicySetVersionId, SchemaName, ZoneId};
use crate::types::schema::CedarVersion;

/// The form of a receipt without a guardrail, before inputs were hashed.
const PLAIN_FORM: u32 = 1;
/// The form of a receipt with a guardrail, before inputs were hashed.
const GUARDRAIL_FORM: u32 = 2;
/// The form of a receipt with the hashes of its inputs and the end of the log: the newest.
const BINDING_FORM: u32 = 3;

/// The log, entries and hashes of the rules behind one answer, with the hashes of the request and the entities: enough to
/// find the same rules again, and to detect any change of rules or inputs.
///
/// A receipt is plain data: [`SignedReceipt`] has a signature. To replay it, keep the request and the entities with it.
// Exhaustive: the form `v` says which fields a receipt has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The form of the receipt: 3. Forms 1 and 2 are read, too: they have no hashes of inputs.
    pub v: u32,
    /// The zone.
    pub zone_id: ZoneId,
    /// The id of the zone's log. It distinguishes the zone from one with the same id in another store.
    pub log_id: LogId,
    /// The end of the zone's log that the decision was made at: nothing later took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_end: Option<LogEnd>,
    /// The binding in force; none if the version was evaluated by its id.
    pub binding: Option<Binding>,
    /// The hash of the log entry that made the binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_entry: Option<EntryHash>,
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
    /// The SHA-256 of the canonical form of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_sha: Option<Sha256>,
    /// The SHA-256 of the canonical form of the entities that the decision could see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entities_sha: Option<Sha256>,
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

/// The end of a log at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEnd {
    /// The number of entries.
    pub size: u64,
    /// The hash of the last entry.
    pub last: EntryHash,
}

/// The guardrail behind a decision, as part of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardrailReceipt {
    /// The binding of the guardrail.
    pub binding: Binding,
    /// The hash of the log entry that made the binding. Receipts of form 2 do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding_entry: Option<EntryHash>,
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
    /// The form of new receipts.
    pub const FORM: u32 = BINDING_FORM;

    /// Refuses a receipt of an unknown form, and one whose fields are not those of its form.
    ///
    /// # Errors
    ///
    /// [`Newer`](ProofError::Newer) for a later form; [`Malformed`](ProofError::Malformed).
    pub fn check_form(&self) -> Result<(), ProofError> {
        if self.v > Self::FORM {
            let (found, known) = (self.v.into(), Self::FORM.into());
            return Err(ProofError::Newer { what: "receipt form", found, known });
        }
        self.form_problem().map_or(Ok(()), |problem| Err(ProofError::malformed("receipt", problem)))
    }

    /// The problem with the fields of a receipt of a known form.
    #[doc(hidden)]
    #[must_use]
    pub fn form_problem(&self) -> Option<&'static str> {
        let of_inputs = [self.log_end.is_some(), self.request_sha.is_some(), self.entities_sha.is_some()];
        let of_guardrail = self.guardrail.as_ref().is_some_and(|guardrail| guardrail.binding_entry.is_some());
        let entries =
            [(self.binding.is_some(), self.binding_entry.is_some()), (self.guardrail.is_some(), of_guardrail)];
        match self.v {
            0 => Some("must be at least 1"),
            PLAIN_FORM if self.guardrail.is_some() => Some("a receipt of form 1 must have no `guardrail`"),
            GUARDRAIL_FORM if self.guardrail.is_none() => Some("a receipt of form 2 must have a `guardrail`"),
            PLAIN_FORM | GUARDRAIL_FORM if of_inputs.contains(&true) || entries.iter().any(|(_, entry)| *entry) => {
                Some("forms 1 and 2 have no `log_end`, `request_sha`, `entities_sha` and `binding_entry`")
            }
            PLAIN_FORM | GUARDRAIL_FORM => None,
            _ if of_inputs.contains(&false) => {
                Some("a receipt of form 3 must have `log_end`, `request_sha` and `entities_sha`")
            }
            _ if entries.iter().any(|(binding, entry)| binding != entry) => {
                Some("a receipt of form 3 must have the `binding_entry` of each binding, and no other")
            }
            _ => None,
        }
    }

    /// Refuses inputs other than those of the decision, by their SHA-256. Receipts of forms 1 and 2 do not know theirs.
    ///
    /// # Errors
    ///
    /// [`Mismatch`](ProofError::Mismatch) with `request_sha` or `entities_sha`.
    pub fn check_inputs(&self, request_sha: Sha256, entities_sha: Sha256) -> Result<(), ProofError> {
        for (field, own, given) in
            [("request_sha", self.request_sha, request_sha), ("entities_sha", self.entities_sha, entities_sha)]
        {
            if let Some(own) = own {
                ProofError::compare(field, &own, &given)?;
            }
        }
        Ok(())
    }
}
