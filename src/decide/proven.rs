//! The entries that a proof needs, each with its inclusion proof, and the texts of a version with its attestations.

use std::collections::BTreeSet;

use policy_store_verify::evidence::{ProvenEntry, RulesText};
use policy_store_verify::receipt::{Binding, LogEnd};

use crate::record::{Body, ContentId, ContentKind, PolicySetVersionCreated, PolicyVersionCreated};
use crate::resource::policy_set_version;
use crate::resource::version::VersionRecord;
use crate::resource::zone::ZoneReader;
use crate::storage::key::{LogNumber, RowKind};
use crate::storage::wrong_row;
use crate::types::error::{Result, at_most};
use crate::types::limits;
use crate::types::target::{BindingMode, Target};

/// An entry with the proof that it is in the log of `size` entries.
pub(super) fn proven(zone: ZoneReader<'_>, log: LogNumber, position: u64, size: u64) -> Result<ProvenEntry> {
    let hashes = zone.inclusion_proof(log, position, size)?.hashes;
    Ok(ProvenEntry { bytes: zone.entry_bytes(log, position)?, hashes })
}

/// The entries that a proof about a log's end needs.
pub(super) struct Positions<'a> {
    zone: ZoneReader<'a>,
    end: LogEnd,
    all: BTreeSet<u64>,
}

impl<'a> Positions<'a> {
    /// The first entry, the newest at the end, and those that gave the log another id.
    pub(super) fn new(zone: ZoneReader<'a>, end: LogEnd) -> Result<Self> {
        let mut all = BTreeSet::from([0, end.size.saturating_sub(1)]);
        all.extend(zone.fork_positions(zone.log)?);
        Ok(Self { zone, end, all })
    }

    /// The entry of a binding, and the first of its write, which says why.
    pub(super) fn binding(&mut self, binding: &Binding) -> Result<()> {
        let entry = self.zone.entry(self.zone.log, binding.position)?;
        self.all.extend([binding.position, entry.envelope.group_start()]);
        Ok(())
    }

    /// All bindings and unbindings from the end of the log back to these, and to the last one of a guardrail or the start of the
    /// log. After `most`, the last one of a guardrail is not looked for.
    pub(super) fn walk(&mut self, bindings: &[&Binding], most: usize) -> Result<()> {
        let Some(last) = self.end.size.checked_sub(1) else { return Ok(()) };
        let newest = self.zone.entry(self.zone.log, last)?;
        let mut next = if newest.body.is_binding() { Some(last) } else { newest.envelope.last_binding };
        let until = bindings.iter().map(|binding| binding.position).min();
        let (mut walked, mut guardrail_seen) = (BTreeSet::new(), false);
        while let Some(position) = next {
            let is_needed = until.is_some_and(|until| position >= until);
            if !is_needed && (guardrail_seen || walked.len() >= most) {
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
    pub(super) fn rules(
        &mut self,
        found: &VersionRecord<PolicySetVersionCreated>,
    ) -> Result<(RulesText, Vec<(u64, String)>)> {
        let zone = self.zone;
        let version = found.body()?;
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
                _ => Err(wrong_row(RowKind::Attestation, version.version_id.as_str())),
            });
        Ok((RulesText { manifest: manifest.canonical(), schema, policies }, attestations.collect::<Result<_>>()?))
    }

    /// The entries up to the size of a checkpoint, each with its proof, and the attestations up to there. One may be younger than
    /// the checkpoint.
    pub(super) fn finish(
        mut self,
        attestations: Vec<(u64, String)>,
        size: u64,
    ) -> Result<(Vec<ProvenEntry>, Vec<String>)> {
        let attestations = attestations.into_iter().filter(|(position, _)| *position < size);
        let (positions, attestations): (Vec<_>, Vec<_>) = attestations.unzip();
        self.all.extend(positions);
        let all = self.all.into_iter().filter(|position| *position < size);
        let entries = all.map(|position| proven(self.zone, self.zone.log, position, size));
        Ok((entries.collect::<Result<_>>()?, attestations))
    }
}
