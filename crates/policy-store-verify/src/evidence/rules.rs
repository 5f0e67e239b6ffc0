//! The texts of a policy set version, compared with the hashes in its entry.

use super::parts::RulesText;
use super::verdict::{Import, RulesVerdict};
use crate::proof::ProofError;
use crate::record::{Body, LogEntry, Manifest, PolicySetVersionCreated};
use crate::types::hash::Sha256;
use crate::types::id::SchemaName;

/// The values of a receipt that describe a version.
pub(super) struct Said<'a> {
    pub manifest_sha: Sha256,
    pub schema_version: &'a SchemaName,
    pub schema_sha: Sha256,
}

/// Compares the version that an entry created with a receipt and with its texts.
pub(super) fn check<'a>(
    entry: &'a LogEntry,
    said: &Said<'_>,
    texts: &RulesText,
) -> Result<(&'a PolicySetVersionCreated, RulesVerdict), ProofError> {
    let created = created(entry)?;
    ProofError::compare("manifest_sha", &created.manifest_sha, &said.manifest_sha)?;
    ProofError::compare("schema_version", &created.schema.version, said.schema_version)?;
    ProofError::compare("schema_sha", &created.schema.sha, &said.schema_sha)?;
    of_entry(entry, texts)
}

fn created(entry: &LogEntry) -> Result<&PolicySetVersionCreated, ProofError> {
    match &entry.body {
        Body::PolicySetVersionCreated(created) => Ok(created),
        _ => Err(ProofError::missing("policy set version: its entry creates none")),
    }
}

/// Compares the version that an entry created with its texts.
pub(super) fn of_entry<'a>(
    entry: &'a LogEntry,
    texts: &RulesText,
) -> Result<(&'a PolicySetVersionCreated, RulesVerdict), ProofError> {
    let created = created(entry)?;
    ProofError::compare("SHA-256 of the manifest", &created.manifest_sha, &Sha256::of(texts.manifest.as_bytes()))?;
    ProofError::compare("SHA-256 of the schema", &created.schema.sha, &Sha256::of(texts.schema.as_bytes()))?;
    let manifest = Manifest::parse(&texts.manifest).map_err(|problem| ProofError::malformed("manifest", problem))?;
    ProofError::compare("number of policy texts", &manifest.entries().len(), &texts.policies.len())?;
    for (pinned, text) in manifest.entries().iter().zip(&texts.policies) {
        let compared = ProofError::compare("SHA-256 of the text", &pinned.sha, &Sha256::of(text.as_bytes()));
        compared.map_err(|error| error.within(format_args!("policy version `{}`", pinned.policy_version_id)))?;
    }
    let verdict = RulesVerdict {
        policy_set_id: created.policy_set_id.clone(),
        policy_set_version_id: created.version_id.clone(),
        version: created.version,
        entry: entry.hash,
        created_at: entry.envelope.created_at,
        created_by: entry.envelope.actor.clone(),
        import: Import::of(&entry.envelope),
        schema_version: created.schema.version.clone(),
        schema_syntax: created.schema.syntax,
        schema_sha: created.schema.sha,
        schema: texts.schema.clone(),
        manifest_sha: created.manifest_sha,
        cedar_version: created.cedar.clone(),
        policies: manifest.into_entries().into_iter().zip(texts.policies.iter().cloned()).collect(),
    };
    Ok((created, verdict))
}
