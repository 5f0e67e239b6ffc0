//! The verification of an evidence file: signatures first, then proofs, then the meaning of what is proven.

use super::file::Evidence;
use super::in_force::{import, in_force};
use super::log::ProvenLog;
use super::rules::{self, Said};
use super::statement::statement;
use super::verdict::{Guardrail, Verdict};
use super::{attested, seal};
use crate::note::Trust;
use crate::proof::ProofError;
use crate::receipt::{Binding, GuardrailReceipt, Layer, LogEnd, Receipt, StatementRef};
use crate::record::{LogEntry, PolicySetVersionCreated};
use crate::types::target::BindingMode;

impl Evidence {
    /// Verifies all of it against the keys of `trust`: the checkpoint's signatures; the proof of every entry; that the
    /// version was created and bound as the receipt says, and that no later entry before the decision had replaced it; the
    /// guardrail, in the same way; and every text, by its hash. The first thing that is wrong refuses it.
    ///
    /// The receipt itself has no signature here. The decision, its statements and the hashes of its inputs are as the receipt
    /// says: [`SignedReceipt`](crate::receipt::SignedReceipt) shows who said so, and the feature `cedar` decides again. The
    /// log of a zone is that of the receipt, so compare its `zone_id` and `log_id` with those that you ask for.
    ///
    /// It shows nothing of what came after the checkpoint.
    ///
    /// # Errors
    ///
    /// The [`ProofError`] of the first check that fails.
    pub fn verify(&self, trust: &Trust) -> Result<Verdict, ProofError> {
        let receipt = &self.receipt;
        receipt.check_form()?;
        let end = receipt.log_end.ok_or_else(|| ProofError::missing("`log_end` of the receipt"))?;
        let (signed, zone) = seal::verify(&self.checkpoint, self.seal.as_ref(), trust)?;
        if end.size > zone.size {
            let what = "end of the log at the decision";
            return Err(ProofError::OutOfTree { what, index: end.size, size: zone.size });
        }
        let log = ProvenLog::verify(&self.entries, &zone)?;
        let newest = log.newest(end)?;
        // A fork may have given the log another id before the decision was made by the rules of an earlier point.
        if !log.has_id_since(newest.envelope.position, receipt.log_id) {
            ProofError::compare("log_id", &log.id_at(newest.envelope.position), &receipt.log_id)?;
        }
        ProofError::compare("zone_id", log.zone_id()?, &receipt.zone_id)?;
        let (binding, guardrail_binding) = (self.binding(&log)?, self.guardrail_binding(&log)?);
        let (guardrail_shown, walked) = in_force(&log, newest, binding.as_ref(), guardrail_binding.as_ref())?;
        let (created, rules) = self.rules(&log, end)?;
        let guardrail = match (&receipt.guardrail, guardrail_binding) {
            (Some(said), Some(binding)) => {
                let rules = self.guardrail_rules(&log, end, said).map_err(|error| error.within("guardrail"))?;
                let import = import(&log, said.binding_entry)?;
                Guardrail::InForce { binding: Box::new(binding), import, rules: Box::new(rules) }
            }
            _ if guardrail_shown => Guardrail::None,
            _ => Guardrail::NotShown,
        };
        let verdict = Verdict {
            receipt: receipt.clone(),
            checkpoint: zone,
            signed,
            is_sealed: self.seal.is_some(),
            newest_at: newest.envelope.created_at,
            binding_import: import(&log, receipt.binding_entry)?,
            binding,
            rules,
            guardrail,
            attestations: attested::verify(&self.attestations, &log, &receipt.zone_id, (created, &self.rules), trust)?,
            attestations_checked: trust.attestation_verifier().is_some(),
            entries: self.entries.len(),
            walked,
        };
        for (field, statements) in [("determining", &receipt.determining), ("failed", &receipt.failed)] {
            if !statements.is_sorted_by(|a, b| a < b) {
                return Err(ProofError::malformed("receipt", format_args!("`{field}` is not sorted")));
            }
            statements.iter().try_for_each(|statement| verdict.statement_text(statement).map(drop))?;
        }
        Ok(verdict)
    }

    /// The binding that the receipt names, from its entry.
    fn binding(&self, log: &ProvenLog) -> Result<Option<Binding>, ProofError> {
        let (Some(said), Some(hash)) = (&self.receipt.binding, self.receipt.binding_entry) else { return Ok(None) };
        let binding = log.binding(&self.receipt.zone_id, hash)?;
        same_binding(&binding, said)?;
        if binding.mode == BindingMode::Guardrail {
            return Err(ProofError::malformed("receipt", "`binding` is that of a guardrail"));
        }
        let said = &self.receipt.policy_set_version_id;
        ProofError::compare("policy_set_version_id", &binding.policy_set_version_id, said)?;
        Ok(Some(binding))
    }

    fn guardrail_binding(&self, log: &ProvenLog) -> Result<Option<Binding>, ProofError> {
        let Some(GuardrailReceipt { binding: said, binding_entry: Some(hash), .. }) = &self.receipt.guardrail else {
            return Ok(None);
        };
        let binding = log.binding(&self.receipt.zone_id, *hash)?;
        same_binding(&binding, said).map_err(|error| error.within("guardrail"))?;
        ProofError::compare("mode of the guardrail", &BindingMode::Guardrail, &binding.mode)?;
        Ok(Some(binding))
    }

    /// The version that decided.
    fn rules<'a>(
        &self,
        log: &'a ProvenLog,
        end: LogEnd,
    ) -> Result<(&'a PolicySetVersionCreated, super::RulesVerdict), ProofError> {
        let Receipt { manifest_sha, schema_version, schema_sha, .. } = &self.receipt;
        let entry = log.with_hash("policy set version", self.receipt.policy_set_version_entry)?;
        let said = Said { manifest_sha: *manifest_sha, schema_version, schema_sha: *schema_sha };
        let (created, rules) = rules::check(entry, &said, &self.rules)?;
        ProofError::compare("policy_set_id", &created.policy_set_id, &self.receipt.policy_set_id)?;
        ProofError::compare("policy_set_version_id", &created.version_id, &self.receipt.policy_set_version_id)?;
        ProofError::compare("policy_set_version", &created.version, &self.receipt.policy_set_version)?;
        before_end(entry, end)?;
        Ok((created, rules))
    }

    fn guardrail_rules(
        &self,
        log: &ProvenLog,
        end: LogEnd,
        said: &GuardrailReceipt,
    ) -> Result<super::RulesVerdict, ProofError> {
        let texts = self.guardrail.as_ref().ok_or_else(|| ProofError::missing("texts of the guardrail"))?;
        let entry = log.with_hash("policy set version", said.policy_set_version_entry)?;
        let GuardrailReceipt { manifest_sha, schema_version, schema_sha, .. } = said;
        let compared = Said { manifest_sha: *manifest_sha, schema_version, schema_sha: *schema_sha };
        let (created, rules) = rules::check(entry, &compared, texts)?;
        ProofError::compare("policy_set_version_id", &said.binding.policy_set_version_id, &created.version_id)?;
        before_end(entry, end)?;
        Ok(rules)
    }
}

fn before_end(entry: &LogEntry, end: LogEnd) -> Result<(), ProofError> {
    let position = entry.envelope.position;
    if position < end.size {
        return Ok(());
    }
    Err(ProofError::OutOfTree { what: "policy set version at the decision: entry", index: position, size: end.size })
}

/// Compares the binding of an entry with that of a receipt, field by field.
fn same_binding(entry: &Binding, receipt: &Binding) -> Result<(), ProofError> {
    let actor = |binding: &Binding| format!("{} {}", binding.by.owner_type(), binding.by.id());
    let rationale = |binding: &Binding| format!("{:?}", binding.rationale);
    for (field, expected, found) in [
        ("zone_id of the binding", entry.zone_id.to_string(), receipt.zone_id.to_string()),
        ("target of the binding", entry.target.to_string(), receipt.target.to_string()),
        ("mode of the binding", entry.mode.to_string(), receipt.mode.to_string()),
        ("policy_set_id of the binding", entry.policy_set_id.to_string(), receipt.policy_set_id.to_string()),
        (
            "policy_set_version_id of the binding",
            entry.policy_set_version_id.to_string(),
            receipt.policy_set_version_id.to_string(),
        ),
        ("version of the binding", entry.version.to_string(), receipt.version.to_string()),
        ("time of the binding", entry.since.to_string(), receipt.since.to_string()),
        ("author of the binding", actor(entry), actor(receipt)),
        ("rationale of the binding", rationale(entry), rationale(receipt)),
        ("position of the binding", entry.position.to_string(), receipt.position.to_string()),
    ] {
        ProofError::compare(field, &expected, &found)?;
    }
    Ok(())
}

impl Verdict {
    /// The text of the policy version that a statement is of.
    ///
    /// # Errors
    ///
    /// [`Missing`](ProofError::Missing) for a statement of another version.
    pub fn policy_of(&self, statement: &StatementRef) -> Result<&str, ProofError> {
        let rules = match (statement.layer, &self.guardrail) {
            (Layer::Target, _) => Some(&self.rules),
            (Layer::Guardrail, Guardrail::InForce { rules, .. }) => Some(&**rules),
            (Layer::Guardrail, _) => None,
        };
        let pinned = rules.and_then(|rules| {
            rules.policies.iter().find(|(pinned, _)| {
                pinned.policy_id == statement.policy_id && pinned.policy_version_id == statement.policy_version_id
            })
        });
        let (_, text) = pinned.ok_or_else(|| ProofError::missing(format_args!("policy text of {statement}")))?;
        Ok(text)
    }

    /// The text of one statement, without the comments before it.
    ///
    /// # Errors
    ///
    /// [`Missing`](ProofError::Missing) for a statement of another version, and for one that its text does not have.
    pub fn statement_text(&self, named: &StatementRef) -> Result<&str, ProofError> {
        let text = statement(self.policy_of(named)?, named.statement);
        text.ok_or_else(|| ProofError::missing(format_args!("text of {named}")))
    }
}
