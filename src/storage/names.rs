//! The content that each log names, and all content of the file: for an erasure, which removes what no other log names.
//!
//! Most of it is collected before the write begins. Logs and content only grow, so under the write's lock the same call
//! reads only what came meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Storage;
use super::index::key::{self, LogNumber, STORE_LOG};
use super::index::row::Head;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table};
use super::walk::{Walk, refuse, walk_on};
use super::zones::Zones;
use crate::record::{ContentId, Plain};
use crate::types::error::{ErrorDetail, Result};

/// The content that the logs name, as far as they were read.
#[derive(Default)]
pub(crate) struct Names {
    zones: Zones,
    logs: BTreeMap<LogNumber, Log>,
    /// The number of logs that name a piece.
    counts: HashMap<ContentId, u32>,
    /// The keys of all content, by its ids. There is more than one if an address was lost.
    content: HashMap<ContentId, Vec<Vec<u8>>>,
    /// The keys of damaged content.
    damaged: Vec<Vec<u8>>,
    /// The last key.
    last: Option<Vec<u8>>,
}

/// The content that one log names up to its head.
struct Log {
    head: Head,
    names: HashSet<ContentId>,
}

impl Names {
    /// Reads on up to the state of the snapshot. Refuses a damaged log: the content that it names would be unknown.
    pub(super) fn follow(&mut self, snapshot: &Snapshot<'_>) -> Result<()> {
        let heads = snapshot.heads()?;
        for (log, Log { head: known, .. }) in &self.logs {
            let head = heads.get(log);
            if !head.map(|head| continues(snapshot, *log, known, head)).transpose()?.unwrap_or(false) {
                // A recovery has brought back an older state, and content may have other numbers since.
                *self = Self::default();
                break;
            }
        }
        // The store's log comes first.
        for (log, head) in heads {
            if self.zones.erased(head.log_id).is_some() {
                self.forget(log);
            } else {
                self.follow_log(snapshot, log, head)?;
            }
        }
        let after = self.last.clone().map(key::after);
        let start = after.as_deref().unwrap_or(key::ALL_CONTENT.start);
        let Self { content, damaged, last, .. } = self;
        snapshot.source().scan(
            Table::Content,
            start..key::ALL_CONTENT.end,
            Direction::Ascending,
            &mut |row_key, value| {
                match Plain::unpack(value) {
                    Ok(plain) => content.entry(plain.id()).or_default().push(row_key.to_vec()),
                    Err(_) => damaged.push(row_key.to_vec()),
                }
                *last = Some(row_key.to_vec());
                Ok(true)
            },
        )
    }

    fn follow_log(&mut self, snapshot: &Snapshot<'_>, log: LogNumber, head: Head) -> Result<()> {
        let Self { zones, logs, counts, .. } = self;
        let known = logs.entry(log).or_insert_with(|| Log { head: Head::empty(head.log_id), names: HashSet::new() });
        let walk = match known.head.length.checked_sub(1) {
            _ if known.head == head => return Ok(()),
            None => Walk::new(log, &head),
            Some(last) => Walk::after(log, &head, &*snapshot.entry(log, last)?, known.head.frontier.clone()),
        };
        walk_on(snapshot.source(), walk, &mut |step| {
            let recorded = refuse(log, step)?;
            if log == STORE_LOG {
                zones.take(recorded)?;
            }
            for id in recorded.body.content() {
                if known.names.insert(id) {
                    *counts.entry(id).or_insert(0) += 1;
                }
            }
            Ok(())
        })?;
        known.head = head;
        Ok(())
    }

    /// Takes the names of a log out, which is erased.
    pub(super) fn forget(&mut self, log: LogNumber) {
        for id in self.logs.remove(&log).into_iter().flat_map(|log| log.names) {
            if let Some(count) = self.counts.get_mut(&id) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// The number of logs that name a piece.
    fn count(&self, id: &ContentId) -> u32 {
        self.counts.get(id).copied().unwrap_or(0)
    }

    /// The content that only one log names, with its keys: none if it is damaged or missing.
    pub(super) fn only_of(&self, log: LogNumber) -> impl Iterator<Item = (&ContentId, &[Vec<u8>])> {
        let names = self.logs.get(&log).into_iter().flat_map(|log| &log.names);
        let only = names.filter(|id| self.count(id) == 1);
        only.map(|id| (id, self.content.get(id).map_or([].as_slice(), Vec::as_slice)))
    }

    /// Whether content that a log other than this one names is damaged or missing.
    pub(super) fn lacks_of_others(&self, log: LogNumber) -> bool {
        let mut others = self.logs.iter().filter(|(other, _)| **other != log).flat_map(|(_, log)| &log.names);
        others.any(|id| !self.content.contains_key(id))
    }

    /// The keys of content that is damaged or that no log names.
    pub(super) fn unknown(&self) -> impl Iterator<Item = &Vec<u8>> {
        let unnamed = self.content.iter().filter(|(id, _)| self.count(id) == 0).flat_map(|(_, keys)| keys);
        self.damaged.iter().chain(unnamed)
    }
}

/// Whether a log has grown from an earlier head.
fn continues(snapshot: &Snapshot<'_>, log: LogNumber, known: &Head, head: &Head) -> Result<bool> {
    if known.log_id != head.log_id || known.length > head.length {
        return Ok(false);
    }
    match known.length.checked_sub(1) {
        _ if known == head => Ok(true),
        None => Ok(true),
        Some(last) => Ok(snapshot.entry(log, last)?.hash == known.last),
    }
}

impl Storage {
    /// Collects the content that the logs name, before an erasure, while writes go on. Refused as the write would be, by
    /// `check` too.
    pub(crate) fn names_of_content<T>(&self, check: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<Names> {
        let mut names = Names::default();
        let collected = self.opened_to_write().and_then(|_| {
            self.read(|snapshot| {
                check(snapshot)?;
                names.follow(snapshot)
            })
        });
        match collected {
            // A recovery may be under way: the write waits for it, and then collects all of them.
            Err(error) if matches!(error.detail(), ErrorDetail::RecoveryNeeded) => Ok(Names::default()),
            collected => collected.map(|()| names),
        }
    }
}
