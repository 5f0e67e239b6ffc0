//! Evidence of a decision: the entries, proofs and texts behind its receipt, in one file. Its format is that of
//! `policy-store-verify`, which verifies it without the store.

use policy_store_verify::evidence::Evidence;
use policy_store_verify::receipt::{LogEnd, Receipt};

use super::anchor::Anchor;
use super::proven::Positions;
use super::receipt::mismatch;
use crate::record::PolicySetVersionCreated;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::hash::EntryHash;
use crate::types::id::PolicySetVersionId;
use crate::types::limits;

/// The end of the log at the decision. Receipts of forms 1 and 2 do not have it.
pub(crate) fn end_of(receipt: &Receipt) -> Result<LogEnd> {
    let old = || ErrorDetail::Json { what: "receipt", message: "evidence needs a receipt of form 3".to_owned() };
    Ok(receipt.log_end.ok_or_else(old)?)
}

/// The evidence for a receipt that was compared with the store.
pub(crate) fn evidence(zone: ZoneReader<'_>, receipt: &Receipt, anchor: Anchor) -> Result<Evidence> {
    let end = end_of(receipt)?;
    let json = serde_json::to_string(receipt);
    let json = json.map_err(|error| ErrorDetail::Json { what: "receipt", message: error.to_string() })?;
    at_most("receipt", json.len(), limits::RECEIPT_BYTES)?;
    let mut positions = Positions::new(zone, end)?;
    let bindings = [receipt.binding.as_ref(), receipt.guardrail.as_ref().map(|guardrail| &guardrail.binding)];
    let bindings: Vec<_> = bindings.into_iter().flatten().collect();
    for binding in &bindings {
        positions.binding(binding)?;
    }
    positions.walk(&bindings, limits::EVIDENCE_BINDINGS)?;
    let version = version(zone, &receipt.policy_set_version_id, receipt.policy_set_version_entry)?;
    let (rules, attestations) = positions.rules(&version)?;
    let guardrail = receipt.guardrail.as_ref().map(|guardrail| {
        let version =
            self::version(zone, &guardrail.binding.policy_set_version_id, guardrail.policy_set_version_entry)?;
        positions.rules(&version)
    });
    let guardrail = guardrail.transpose()?;
    let (entries, attestations) = positions.finish(attestations, anchor.size)?;
    let mut evidence = Evidence::new(receipt.clone(), anchor.note, entries, rules);
    evidence.seal = anchor.seal;
    evidence.guardrail = guardrail.map(|(rules, _)| rules);
    evidence.attestations = attestations;
    Ok(evidence)
}

/// The version that an entry of the receipt created.
fn version(
    zone: ZoneReader<'_>,
    id: &PolicySetVersionId,
    entry: EntryHash,
) -> Result<VersionRecord<PolicySetVersionCreated>> {
    let found = VersionRecord::<PolicySetVersionCreated>::by_id(zone, id.as_str())?;
    if found.entry.hash == entry {
        return Ok(found);
    }
    Err(mismatch("policy_set_version_entry", entry, found.entry.hash))
}
