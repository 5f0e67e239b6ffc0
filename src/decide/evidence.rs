//! Evidence of a decision: the entries, proofs and texts behind its receipt, in one file. Its format is that of
//! `policy-store-verify`, which verifies it without the store.

use std::collections::BTreeSet;

use policy_store_verify::evidence::{Evidence, ProvenEntry, RulesText, SealProof};
use policy_store_verify::note::SignedCheckpoint;
use policy_store_verify::receipt::{Binding, LogEnd, Receipt};

use super::receipt::mismatch;
use crate::record::{Body, ContentId, ContentKind, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::policy_set_version;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::storage::key::{LogNumber, RowKind, STORE_LOG};
use crate::storage::wrong_row;
use crate::types::error::{ErrorDetail, Result, at_most};
use crate::types::hash::EntryHash;
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// The signed checkpoint that everything is proven against.
pub(crate) struct Anchor {
    note: String,
    /// The size of the zone's log in it.
    size: u64,
    seal: Option<SealProof>,
}

impl Anchor {
    /// The newest signed checkpoint that is kept and covers the end of the log at the decision: of the zone's log, or else of
    /// the store's with a seal.
    pub(crate) fn kept(zone: ZoneReader<'_>, end: LogEnd) -> Result<Self> {
        if let Some(note) = zone.kept_checkpoint(zone.log_id)? {
            let size = read(&note)?.unverified().size;
            if size >= end.size {
                return Ok(Self { note, size, seal: None });
            }
        }
        if let Some((note, seal)) = sealed(zone)?
            && seal.zone.size >= end.size
        {
            return Ok(Self { note, size: seal.zone.size, seal: Some(seal) });
        }
        Err(ErrorDetail::NoCheckpoint { zone_id: zone.id.to_string(), size: end.size }.into())
    }

    /// A signed checkpoint of the zone's log that the caller has.
    pub(crate) fn given(zone: ZoneReader<'_>, signed: &SignedCheckpoint, end: LogEnd) -> Result<Self> {
        let checkpoint = signed.unverified();
        if checkpoint.log_id != zone.log_id {
            return Err(mismatch("log_id", checkpoint.log_id, zone.log_id));
        }
        if !zone.has(zone.log, &checkpoint)? {
            let stored = "another tree";
            return Err(mismatch(
                "checkpoint",
                format_args!("{} of {} entries", checkpoint.root, checkpoint.size),
                stored,
            ));
        }
        if checkpoint.size < end.size {
            return Err(ErrorDetail::NoCheckpoint { zone_id: zone.id.to_string(), size: end.size }.into());
        }
        Ok(Self { note: signed.to_string(), size: checkpoint.size, seal: None })
    }
}

/// The newest signed checkpoint of the store's log that is kept, and the proof that the newest seal has the zone.
pub(crate) fn sealed(zone: ZoneReader<'_>) -> Result<Option<(String, SealProof)>> {
    let store = zone.head(STORE_LOG)?.log_id;
    let (Some(note), Some(sealed)) = (zone.kept_checkpoint(store)?, zone.sealed()?) else { return Ok(None) };
    let size = read(&note)?.unverified().size;
    let Some((own, proof)) = sealed.proof(zone.log_id).filter(|_| sealed.position < size) else { return Ok(None) };
    let entry = proven(zone, STORE_LOG, sealed.position, size)?;
    Ok(Some((note, SealProof { entry, zone: own.into(), index: proof.index, hashes: proof.hashes })))
}

/// The signed checkpoint in a note that was kept.
pub(crate) fn read(note: &str) -> Result<SignedCheckpoint> {
    note.parse().map_err(|problem| ErrorDetail::corrupt("a checkpoint that was kept", problem).into())
}

fn proven(zone: ZoneReader<'_>, log: LogNumber, position: u64, size: u64) -> Result<ProvenEntry> {
    let hashes = zone.inclusion_proof(log, position, size)?.hashes;
    Ok(ProvenEntry { bytes: zone.entry_bytes(log, position)?, hashes })
}

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
    let mut positions = Positions { zone, all: BTreeSet::from([0, end.size.saturating_sub(1)]) };
    let bindings = [receipt.binding.as_ref(), receipt.guardrail.as_ref().map(|guardrail| &guardrail.binding)];
    for binding in bindings.into_iter().flatten() {
        positions.binding(binding)?;
    }
    positions.walk(end, &bindings)?;
    positions.all.extend(zone.fork_positions(zone.log)?);
    let (rules, attestations) =
        positions.rules(receipt.policy_set_version_id.as_str(), receipt.policy_set_version_entry)?;
    let guardrail = receipt.guardrail.as_ref().map(|guardrail| {
        positions.rules(guardrail.binding.policy_set_version_id.as_str(), guardrail.policy_set_version_entry)
    });
    // An attestation may be younger than the checkpoint.
    let attestations = attestations.into_iter().filter(|(position, _)| *position < anchor.size);
    let attestations: Vec<_> = attestations.collect();
    positions.all.extend(attestations.iter().map(|(position, _)| *position));
    let all = std::mem::take(&mut positions.all).into_iter().filter(|position| *position < anchor.size);
    let entries = all.map(|position| proven(zone, zone.log, position, anchor.size)).collect::<Result<_>>()?;
    let mut evidence = Evidence::new(receipt.clone(), anchor.note, entries, rules);
    evidence.seal = anchor.seal;
    evidence.guardrail = guardrail.transpose()?.map(|(rules, _)| rules);
    evidence.attestations = attestations.into_iter().map(|(_, text)| text).collect();
    Ok(evidence)
}

/// The entries that evidence needs.
struct Positions<'a> {
    zone: ZoneReader<'a>,
    all: BTreeSet<u64>,
}

impl Positions<'_> {
    /// The entry of a binding, and the first of its write, which says why.
    fn binding(&mut self, binding: &Binding) -> Result<()> {
        let entry = self.zone.entry(self.zone.log, binding.position)?;
        self.all.extend([binding.position, entry.envelope.group_start()]);
        Ok(())
    }

    /// All bindings and unbindings from the end of the log back to those that the receipt names, and to the last one of a
    /// guardrail. A zone with very many bindings, and without a guardrail, is walked back to the target's only.
    fn walk(&mut self, end: LogEnd, bindings: &[Option<&Binding>]) -> Result<()> {
        let Some(last) = end.size.checked_sub(1) else { return Ok(()) };
        let newest = self.zone.entry(self.zone.log, last)?;
        let mut next = if newest.body.is_binding() { Some(last) } else { newest.envelope.last_binding };
        let until = bindings.iter().flatten().map(|binding| binding.position).min();
        let (mut walked, mut guardrail_seen) = (BTreeSet::new(), false);
        while let Some(position) = next {
            let is_needed = until.is_some_and(|until| position >= until);
            if !is_needed && (guardrail_seen || walked.len() >= limits::EVIDENCE_BINDINGS) {
                break;
            }
            walked.insert(position);
            at_most("bindings of the evidence", walked.len(), limits::EVIDENCE_BINDINGS_LARGEST)?;
            let entry = self.zone.entry(self.zone.log, position)?;
            guardrail_seen |= entry.body.is_binding_of(&Target::Zone, BindingMode::Guardrail);
            next = entry.envelope.last_binding;
        }
        self.all.extend(walked);
        Ok(())
    }

    /// The texts of a policy set version, and its attestations with the positions of their entries.
    fn rules(&mut self, id: &str, entry: EntryHash) -> Result<(RulesText, Vec<(u64, String)>)> {
        let zone = self.zone;
        let found = VersionRecord::<PolicySetVersionCreated>::by_id(zone, id)?;
        let version = found.body()?;
        if found.entry.hash != entry {
            return Err(mismatch("policy_set_version_entry", entry, found.entry.hash));
        }
        self.all.insert(found.entry.envelope.position);
        let manifest = policy_set_version::manifest(&zone, version)?;
        let text = |version_id: &str| {
            let pinned = VersionRecord::<PolicyVersionCreated>::named(zone, version_id)?;
            let (text, _) = zone.forms(&pinned.body()?.forms(), pinned.row.forms, (true, false))?;
            Ok(text.map(|text| text.to_string()).unwrap_or_default())
        };
        let policies = manifest.entries().iter().map(|pinned| text(pinned.policy_version_id.as_str()));
        let policies = policies.collect::<Result<_>>()?;
        let source = ContentId::one(ContentKind::of_schema(version.schema.syntax), version.schema.sha);
        let schema = zone.content(&source)?.to_string();
        let attestations =
            zone.attested_at(version)?.into_iter().map(|position| match &zone.entry(zone.log, position)?.body {
                Body::Attested(body) => {
                    let text = zone.content(&ContentId::one(ContentKind::Attestation, body.sha))?;
                    Ok((position, text.to_string()))
                }
                _ => Err(wrong_row(RowKind::Attestation, id)),
            });
        Ok((RulesText { manifest: manifest.canonical(), schema, policies }, attestations.collect::<Result<_>>()?))
    }
}
