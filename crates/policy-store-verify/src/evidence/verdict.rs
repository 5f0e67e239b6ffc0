//! What evidence shows, once it is verified, for programs and for people.

use std::fmt;

use super::told::{attested, imported, in_force, signatures, told};
use crate::attestation::Attestation;
use crate::note::VerifiedCheckpoint;
use crate::receipt::{Binding, Receipt};
use crate::record::Envelope;
use crate::types::actor::Actor;
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::{EntryHash, Sha256};
use crate::types::id::{PolicySetId, PolicySetVersionId, SchemaName};
use crate::types::manifest_entry::ManifestEntry;
use crate::types::plain::plain;
use crate::types::schema::CedarVersion;
use crate::types::syntax::Syntax;
use crate::types::time::Timestamp;

/// What an evidence file shows. Its `Display` tells it to a person.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The receipt.
    pub receipt: Receipt,
    /// The checkpoint of the zone's log that everything is proven against.
    pub checkpoint: Checkpoint,
    /// The signed checkpoint: of the zone's log, or of the store's.
    pub signed: VerifiedCheckpoint,
    /// Whether the checkpoint of the zone's log is that of a seal in the store's log.
    pub is_sealed: bool,
    /// The time of the newest entry when the rules of the decision were read.
    pub newest_at: Timestamp,
    /// The binding that put the version in force; none if it was evaluated by its id.
    pub binding: Option<Binding>,
    /// The import of that binding, if it is earlier history of another system.
    pub binding_import: Option<Import>,
    /// The version that decided.
    pub rules: RulesVerdict,
    /// The zone's guardrail at the decision.
    pub guardrail: Guardrail,
    /// The attestations of the version that decided. Those of a guardrail are not in the file.
    pub attestations: Vec<Attestation>,
    /// Whether keys were given to check them.
    pub attestations_checked: bool,
    /// The number of entries that were proven.
    pub entries: usize,
    /// The number of bindings between the newest entry and the binding, both included.
    pub walked: usize,
}

/// The import of an entry: its time and its author are as the importing actor said.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The importing actor.
    pub by: Actor,
    /// The time of the import, by the store's clock.
    pub at: Timestamp,
}

impl Import {
    pub(super) fn of(envelope: &Envelope) -> Option<Self> {
        envelope.imported_by.clone().map(|by| Self { by, at: envelope.clock() })
    }
}

/// A policy set version: who created it, and its texts.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesVerdict {
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version.
    pub policy_set_version_id: PolicySetVersionId,
    /// Its number.
    pub version: u32,
    /// The hash of the log entry that created it.
    pub entry: EntryHash,
    /// The time of its creation.
    pub created_at: Timestamp,
    /// The author.
    pub created_by: Actor,
    /// Its import, if it is earlier history of another system.
    pub import: Option<Import>,
    /// The name of its schema version.
    pub schema_version: SchemaName,
    /// The syntax of the schema's source.
    pub schema_syntax: Syntax,
    /// The SHA-256 of the schema's source.
    pub schema_sha: Sha256,
    /// The schema's source.
    pub schema: String,
    /// The SHA-256 of its manifest.
    pub manifest_sha: Sha256,
    /// The version of Cedar in the store that created it.
    pub cedar_version: CedarVersion,
    /// The pinned policy versions, each with its Cedar text.
    pub policies: Vec<(ManifestEntry, String)>,
}

/// The zone's guardrail at a decision.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guardrail {
    /// It took part.
    InForce {
        /// The binding that put it in force.
        binding: Box<Binding>,
        /// The import of that binding, if it is earlier history of another system.
        import: Option<Import>,
        /// Its version.
        rules: Box<RulesVerdict>,
    },
    /// The log shows that there was none.
    None,
    /// The receipt says that there was none, and the evidence does not reach back far enough to show it.
    NotShown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receipt, rules, .. } = self;
        writeln!(f, "Decision   {}, zone `{}`, as the receipt says", receipt.decision, receipt.zone_id)?;
        // Nothing in the log covers it.
        let cedar = plain(&receipt.cedar_version.sdk);
        writeln!(f, "           by version {} of policy set `{}`, Cedar {cedar}", rules.version, rules.policy_set_id)?;
        match &self.binding {
            Some(binding) => {
                in_force(f, "In force  ", binding, self.binding_import.as_ref())?;
                writeln!(
                    f,
                    "           still in force at entry {} of the log, of {}",
                    self.last_position(),
                    self.newest_at
                )?;
            }
            None => writeln!(f, "In force   not shown: the version was evaluated by its id")?,
        }
        writeln!(f, "Created    {} by {}", rules.created_at, told(&rules.created_by))?;
        imported(f, rules.import.as_ref())?;
        match &self.guardrail {
            Guardrail::InForce { binding, import, .. } => in_force(f, "Guardrail ", binding, import.as_ref())?,
            Guardrail::None => writeln!(f, "Guardrail  none")?,
            Guardrail::NotShown => writeln!(f, "Guardrail  none in the receipt; the evidence does not show it")?,
        }
        self.statements(f)?;
        self.checked(f)
    }
}

impl Verdict {
    fn last_position(&self) -> u64 {
        self.receipt.log_end.map_or(0, |end| end.size.saturating_sub(1))
    }

    fn statements(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.receipt.determining.is_empty() {
            writeln!(f, "Statements none applied")?;
        }
        for (label, statements) in [("Statements", &self.receipt.determining), ("Failed    ", &self.receipt.failed)] {
            for named in statements {
                writeln!(f, "{label} {named}:")?;
                for line in self.statement_text(named).unwrap_or_default().lines() {
                    writeln!(f, "           | {}", plain(line))?;
                }
            }
        }
        Ok(())
    }

    fn checked(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        signatures(f, &self.signed, self.is_sealed)?;
        writeln!(f, "           {} log entries, each in the tree of {} entries", self.entries, self.checkpoint.size)?;
        if self.binding.is_some() {
            writeln!(f, "           chain of {} bindings and unbindings back from the decision", self.walked)?;
        }
        writeln!(f, "           hashes of the manifest, the schema and {} policy texts", self.rules.policies.len())?;
        attested(f, &self.attestations, self.attestations_checked)?;
        writeln!(
            f,
            "Not shown  that the rules answer so to the inputs of the receipt's hashes: decide again with them"
        )?;
        writeln!(f, "           a signature of the receipt; anything after the checkpoint")
    }
}
