//! The proven entries of a zone's log, and the walks through them.

use std::collections::BTreeMap;

use super::parts::ProvenEntry;
use crate::log;
use crate::proof::{InclusionProof, ProofError};
use crate::receipt::{Binding, LogEnd};
use crate::record::{Body, LogEntry};
use crate::types::checkpoint::Checkpoint;
use crate::types::hash::EntryHash;
use crate::types::id::{LogId, PolicySetVersionId, ZoneId};
use crate::types::rationale::Rationale;
use crate::types::target::{BindingMode, Target};

/// A walk back through the bindings and unbindings of all targets.
pub(super) struct Walk<'l> {
    pub end: End<'l>,
    /// The number of bindings and unbindings that it saw.
    pub walked: usize,
}

/// The end of a walk.
pub(super) enum End<'l> {
    /// The entry that it looked for.
    Found(&'l LogEntry),
    /// The start of the log, without such an entry.
    Start,
    /// The position of an entry that the evidence lacks.
    Lacks(u64),
}

/// Entries that are in the log of a checkpoint.
pub(super) struct ProvenLog {
    entries: BTreeMap<u64, LogEntry>,
    /// The ids of the log: each with the position that it begins at, the newest first. Forks give new ones.
    ids: Vec<(u64, LogId)>,
}

impl ProvenLog {
    /// Verifies the proof of each entry, and that each is of this log.
    pub(super) fn verify(entries: &[ProvenEntry], checkpoint: &Checkpoint) -> Result<Self, ProofError> {
        let mut proven = BTreeMap::new();
        for (number, entry) in entries.iter().enumerate() {
            let within = |error: ProofError| error.within(format_args!("entry {number} of the file"));
            let read = proven_entry(entry, checkpoint).map_err(within)?;
            proven.insert(read.envelope.position, read);
        }
        let mut log = Self { entries: proven, ids: Vec::new() };
        log.ids = log.ids_of(checkpoint.log_id)?;
        for (position, entry) in &log.entries {
            ProofError::compare("log of an entry", &log.id_at(*position), &entry.envelope.log_id)?;
        }
        Ok(log)
    }

    /// The ids that the log has had, from its present one back through its forks.
    fn ids_of(&self, present: LogId) -> Result<Vec<(u64, LogId)>, ProofError> {
        let (mut id, mut ids) = (present, Vec::new());
        for (position, entry) in self.entries.iter().rev() {
            if let Body::LogForked(body) = &entry.body {
                ProofError::compare("length of the forked log", position, &body.length)?;
                ids.push((*position, id));
                id = body.from;
            }
        }
        ids.push((0, id));
        Ok(ids)
    }

    /// The id of the log at a position.
    pub(super) fn id_at(&self, position: u64) -> LogId {
        let found = self.ids.iter().find(|(from, _)| *from <= position);
        found.map_or(LogId([0; 16]), |(_, id)| *id)
    }

    /// Whether the log has had this id at a position or later.
    pub(super) fn has_id_since(&self, position: u64, id: LogId) -> bool {
        self.ids.iter().any(|(from, known)| *known == id && (*from > position || self.id_at(position) == id))
    }

    pub(super) fn at(&self, position: u64) -> Result<&LogEntry, ProofError> {
        let entry = self.entries.get(&position);
        entry.ok_or_else(|| ProofError::missing(format_args!("entry {position} of the log")))
    }

    /// The entry with a hash.
    pub(super) fn with_hash(&self, what: &str, hash: EntryHash) -> Result<&LogEntry, ProofError> {
        let entry = self.entries.values().find(|entry| entry.hash == hash);
        entry.ok_or_else(|| ProofError::missing(format_args!("{what}, the entry with the hash {hash}")))
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = &LogEntry> {
        self.entries.values()
    }

    /// The newest entry of the log at its end then. A state between the entries of one write never was.
    pub(super) fn newest(&self, end: LogEnd) -> Result<&LogEntry, ProofError> {
        let newest = self.newest_of(end.size)?;
        ProofError::compare("newest entry at the decision", &end.last, &newest.hash)?;
        Ok(newest)
    }

    /// The newest entry of the log with this size, which must be that of whole writes.
    pub(super) fn newest_of(&self, size: u64) -> Result<&LogEntry, ProofError> {
        let last = size.checked_sub(1).ok_or_else(|| ProofError::missing("entries of the log"))?;
        let newest = self.at(last)?;
        ProofError::compare("end of the newest write", &size, &newest.envelope.group_end())?;
        Ok(newest)
    }

    /// The zone that the log is of, by its first entry.
    pub(super) fn zone_id(&self) -> Result<&ZoneId, ProofError> {
        match &self.at(0)?.body {
            Body::ZoneOpened(body) => Ok(&body.zone_id),
            _ => Err(ProofError::missing("first entry of a zone's log")),
        }
    }

    /// The entry that created a policy set version.
    pub(super) fn version(&self, id: &PolicySetVersionId) -> Result<&LogEntry, ProofError> {
        let is_it =
            |entry: &&LogEntry| matches!(&entry.body, Body::PolicySetVersionCreated(body) if body.version_id == *id);
        let entry = self.entries.values().find(is_it);
        entry.ok_or_else(|| ProofError::missing(format_args!("entry that created policy set version `{id}`")))
    }

    /// Why the write of an entry was made.
    fn rationale(&self, entry: &LogEntry) -> Result<Option<Rationale>, ProofError> {
        Ok(self.at(entry.envelope.group_start())?.envelope.rationale.clone())
    }

    /// The binding that the entry with a hash made.
    pub(super) fn binding(&self, zone_id: &ZoneId, hash: EntryHash) -> Result<Binding, ProofError> {
        let entry = self.with_hash("binding", hash)?;
        let binding = Binding::of_entry(zone_id, entry, self.rationale(entry)?);
        binding.ok_or_else(|| ProofError::missing("binding: its entry binds nothing"))
    }

    /// Walks back from `newest` to the last entry that bound or unbound a target in a mode.
    pub(super) fn last_binding(
        &self,
        newest: &LogEntry,
        target: &Target,
        mode: BindingMode,
    ) -> Result<Walk<'_>, ProofError> {
        let own = newest.body.is_binding().then_some(newest.envelope.position);
        let (mut next, mut walked) = (own.or(newest.envelope.last_binding), 0);
        while let Some(position) = next {
            // Each entry names an earlier one, so the walk ends.
            let Some(entry) = self.entries.get(&position) else {
                return Ok(Walk { end: End::Lacks(position), walked });
            };
            walked += 1;
            if !entry.body.is_binding() {
                return Err(ProofError::malformed("log entry", "last binding is not a binding"));
            }
            if entry.body.is_binding_of(target, mode) {
                return Ok(Walk { end: End::Found(entry), walked });
            }
            next = entry.envelope.last_binding;
        }
        Ok(Walk { end: End::Start, walked })
    }
}

/// The entry, if it is in the checkpoint's tree.
pub(super) fn proven_entry(entry: &ProvenEntry, checkpoint: &Checkpoint) -> Result<LogEntry, ProofError> {
    let read = log::read(&entry.bytes)?;
    let proof = InclusionProof { index: read.envelope.position, size: checkpoint.size, hashes: entry.hashes.clone() };
    proof.verify(&entry.bytes, checkpoint.root)?;
    Ok(read)
}
