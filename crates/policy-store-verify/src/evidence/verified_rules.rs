//! The verification of signed rules: everything is derived from the log up to the signed checkpoint. Does not know receipts.

use std::fmt;

use super::in_force::bound_at;
use super::log::ProvenLog;
use super::parts::RulesText;
use super::signed_rules::SignedRules;
use super::told::{attested, imported, in_force, signatures, told};
use super::verdict::{Import, RulesVerdict};
use super::{attested as attestations, rules, seal};
use crate::attestation::Attestation;
use crate::note::{Trust, VerifiedCheckpoint};
use crate::proof::ProofError;
use crate::receipt::{Binding, LogEnd};
use crate::record::{LogEntry, PolicySetVersionCreated};
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, ZoneId};
use crate::types::plain::plain;
use crate::types::target::{BindingMode, Target};
use crate::types::time::Timestamp;

/// Signed rules that were verified. Only [`SignedRules::verify`] makes them. Their `Display` tells them to a person.
#[derive(Clone, Debug)]
pub struct VerifiedRules {
    zone_id: ZoneId,
    checkpoint: Checkpoint,
    signed: VerifiedCheckpoint,
    is_sealed: bool,
    newest_at: Timestamp,
    log_end: LogEnd,
    rules: RulesInForce,
    guardrail: Option<RulesInForce>,
    attestations: Vec<Attestation>,
    attestations_checked: bool,
    entries: usize,
    walked: usize,
}

/// A policy set version in force: its binding and its texts.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesInForce {
    /// The binding that put it in force: since when, by whom and why.
    pub binding: Binding,
    /// The hash of the log entry that made the binding.
    pub binding_entry: EntryHash,
    /// The import of the binding, if it is earlier history of another system.
    pub import: Option<Import>,
    /// The version.
    pub version: RulesVerdict,
}

impl SignedRules {
    /// Verifies all of it against the keys of `trust`: the checkpoint's signatures; the proof of every entry; that no later
    /// entry of the log up to the checkpoint has replaced the binding; the guardrail, or that there is none; every text, by its
    /// hash; and the attestations, if `trust` has keys for them. The first thing that is wrong refuses it.
    ///
    /// Compare [`zone_id`](VerifiedRules::zone_id), [`log_id`](VerifiedRules::log_id) and [`target`](VerifiedRules::target) with
    /// those that you ask for. It shows nothing of what came after the checkpoint: compare the times of its cosignatures with
    /// the clock, and refuse older rules than those before.
    ///
    /// ```
    /// # use policy_store_verify::evidence::{SignedRules, VerifiedRules};
    /// # use policy_store_verify::note::Trust;
    /// # use policy_store_verify::proof::ProofError;
    /// fn read(file: &str, trust: &Trust) -> Result<VerifiedRules, ProofError> {
    ///     let rules = file.parse::<SignedRules>()?.verify(trust)?;
    ///     for cosigned in rules.signed().cosigned() {
    ///         println!("in force at {}, says {}", cosigned.time, cosigned.witness);
    ///     }
    ///     Ok(rules)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The [`ProofError`] of the first check that fails: [`Missing`](ProofError::Missing) if nothing is in force for the
    /// target.
    pub fn verify(&self, trust: &Trust) -> Result<VerifiedRules, ProofError> {
        self.target.check().map_err(|error| ProofError::malformed("target", error))?;
        let (signed, zone) = seal::verify(&self.checkpoint, self.seal.as_ref(), trust)?;
        let log = ProvenLog::verify(&self.entries, &zone)?;
        let zone_id = log.zone_id()?;
        let newest = log.newest_of(zone.size)?;
        let (bound, walked) = bound_at(&log, newest, &self.target, BindingMode::Active)?;
        let bound = bound.ok_or_else(|| {
            let target = plain(&self.target.to_string());
            ProofError::missing(format_args!("binding: nothing is in force for {target}"))
        })?;
        let (created, rules) = layer(&log, bound, &self.rules)?;
        let (guard, further) =
            bound_at(&log, newest, &Target::Zone, BindingMode::Guardrail).map_err(|error| error.within("guardrail"))?;
        let guardrail = match (guard, &self.guardrail) {
            (Some(guard), Some(texts)) => Some(layer(&log, guard, texts).map_err(|error| error.within("guardrail"))?.1),
            (Some(_), None) => return Err(ProofError::missing("texts of the guardrail")),
            (None, Some(_)) => return Err(ProofError::malformed("signed rules", "`guardrail`, but none is in force")),
            (None, None) => None,
        };
        let attestations = attestations::verify(&self.attestations, &log, zone_id, (created, &self.rules), trust)?;
        Ok(VerifiedRules {
            zone_id: zone_id.clone(),
            checkpoint: zone,
            signed,
            is_sealed: self.seal.is_some(),
            newest_at: newest.envelope.created_at,
            log_end: LogEnd { size: zone.size, last: newest.hash },
            rules,
            guardrail,
            attestations,
            attestations_checked: trust.attestation_verifier().is_some(),
            entries: self.entries.len(),
            walked: walked.max(further),
        })
    }
}

/// The version that an entry put in force, with its texts.
fn layer<'l>(
    log: &'l ProvenLog,
    bound: &LogEntry,
    texts: &RulesText,
) -> Result<(&'l PolicySetVersionCreated, RulesInForce), ProofError> {
    let binding = log.binding(log.zone_id()?, bound.hash)?;
    let entry = log.version(&binding.policy_set_version_id)?;
    if entry.envelope.position >= binding.position {
        return Err(ProofError::missing("policy set version before its binding"));
    }
    let (created, version) = rules::of_entry(entry, texts)?;
    ProofError::compare("policy_set_id", &binding.policy_set_id, &created.policy_set_id)?;
    ProofError::compare("policy_set_version", &binding.version, &created.version)?;
    let (binding_entry, import) = (bound.hash, Import::of(&bound.envelope));
    Ok((created, RulesInForce { binding, binding_entry, import, version }))
}

impl VerifiedRules {
    /// The zone.
    #[must_use]
    pub fn zone_id(&self) -> &ZoneId {
        &self.zone_id
    }

    /// The id of the zone's log. It distinguishes the zone from one with the same id in another store.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.checkpoint.log_id
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.rules.binding.target
    }

    /// The end of the zone's log that they are of: that of the checkpoint.
    #[must_use]
    pub fn log_end(&self) -> LogEnd {
        self.log_end
    }

    /// The time of the newest entry.
    #[must_use]
    pub fn newest_at(&self) -> Timestamp {
        self.newest_at
    }

    /// The checkpoint of the zone's log that everything is proven against.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// The signed checkpoint: of the zone's log, or of the store's. It has the times of its cosignatures.
    #[must_use]
    pub fn signed(&self) -> &VerifiedCheckpoint {
        &self.signed
    }

    /// Whether the checkpoint of the zone's log is that of a seal in the store's log.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// The version in force for the target.
    #[must_use]
    pub fn rules(&self) -> &RulesInForce {
        &self.rules
    }

    /// The zone's guardrail; the log shows that there is none, or it is here.
    #[must_use]
    pub fn guardrail(&self) -> Option<&RulesInForce> {
        self.guardrail.as_ref()
    }

    /// The attestations of the version in force. Those of a guardrail are not in the file.
    #[must_use]
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// Whether keys were given to check the attestations.
    #[must_use]
    pub fn attestations_checked(&self) -> bool {
        self.attestations_checked
    }
}

impl fmt::Display for VerifiedRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RulesInForce { binding, import, version, .. } = &self.rules;
        writeln!(
            f,
            "Rules      version {} of policy set `{}`, zone `{}`",
            version.version, version.policy_set_id, self.zone_id
        )?;
        in_force(f, "In force  ", binding, import.as_ref())?;
        let last = self.log_end.size.saturating_sub(1);
        writeln!(f, "           still in force at entry {last} of the log, of {}", self.newest_at)?;
        writeln!(f, "Created    {} by {}", version.created_at, told(&version.created_by))?;
        imported(f, version.import.as_ref())?;
        match &self.guardrail {
            Some(RulesInForce { binding, import, .. }) => in_force(f, "Guardrail ", binding, import.as_ref())?,
            None => writeln!(f, "Guardrail  none")?,
        }
        signatures(f, &self.signed, self.is_sealed)?;
        writeln!(f, "           {} log entries, each in the tree of {} entries", self.entries, self.checkpoint.size)?;
        writeln!(f, "           chain of {} bindings and unbindings back from the end of the log", self.walked)?;
        let all = [Some(&self.rules), self.guardrail.as_ref()];
        let texts: usize = all.into_iter().flatten().map(|rules| rules.version.policies.len()).sum();
        writeln!(f, "           hashes of manifest, schema and {texts} policy texts")?;
        attested(f, &self.attestations, self.attestations_checked)?;
        writeln!(f, "Not shown  anything after the checkpoint")
    }
}
