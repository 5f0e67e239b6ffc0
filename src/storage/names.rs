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
use crate::types::error::Result;

/// The content that the logs name, as far as they were read.
#[derive(Default)]
pub(crate) struct Names {
    zones: Zones,
    logs: BTreeMap<LogNumber, Log>,
    /// The number of logs that name a piece.
    counts: HashMap<ContentId, u32>,
    /// All content by its keys. The id of damaged content is not known.
    content: BTreeMap<Vec<u8>, Option<ContentId>>,
}

/// The content that one log names up to its head.
struct Log {
    head: Head,
    names: HashSet<ContentId>,
}

/// The content that is removed with a log.
pub(super) struct Removal {
    /// The key and id of each piece that only this log names.
    pub only_here: Vec<(Vec<u8>, ContentId)>,
    /// The keys of content that no log names or that is damaged.
    pub unknown: Vec<Vec<u8>>,
    /// Whether content that this log names was not found. It may be among `unknown`.
    pub is_missing: bool,
    /// Whether the same is so for another log.
    pub is_missing_elsewhere: bool,
}

impl Names {
    /// Reads on up to the state of the snapshot. Refuses a damaged log: the content that it names would be unknown.
    pub(super) fn follow(&mut self, snapshot: &Snapshot<'_>) -> Result<()> {
        let heads = snapshot.heads()?;
        let known = self.logs.get(&STORE_LOG).map(|log| &log.head);
        if let (Some(known), Some(head)) = (known, heads.get(&STORE_LOG))
            && !continues(snapshot, STORE_LOG, known, head)?
        {
            // A recovery has brought back an older state.
            *self = Self::default();
        }
        // The store's log comes first.
        for (log, head) in heads {
            if self.zones.erased(head.log_id).is_some() {
                self.forget(log);
            } else {
                self.follow_log(snapshot, log, head)?;
            }
        }
        let after = self.content.last_key_value().map(|(row_key, _)| key::after(row_key.clone()));
        let start = after.as_deref().unwrap_or(key::ALL_CONTENT.start);
        let content = &mut self.content;
        snapshot.source().scan(
            Table::Content,
            start..key::ALL_CONTENT.end,
            Direction::Ascending,
            &mut |row_key, value| {
                content.insert(row_key.to_vec(), Plain::unpack(value).ok().map(|plain| plain.id()));
                Ok(true)
            },
        )
    }

    fn follow_log(&mut self, snapshot: &Snapshot<'_>, log: LogNumber, head: Head) -> Result<()> {
        let goes_on = match self.logs.get(&log) {
            Some(known) => continues(snapshot, log, &known.head, &head)?,
            None => false,
        };
        if !goes_on {
            self.forget(log);
        }
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

    fn forget(&mut self, log: LogNumber) {
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

    /// What is removed with a log. Looks at every piece, since an address may be lost, and content stored twice.
    pub(super) fn removal(&self, log: LogNumber) -> Removal {
        let nothing = HashSet::new();
        let here = self.logs.get(&log).map_or(&nothing, |log| &log.names);
        let is_only_here = |id: &ContentId| here.contains(id) && self.count(id) == 1;
        let (mut only_here, mut unknown) = (Vec::new(), Vec::new());
        let (mut found, mut found_elsewhere) = (HashSet::new(), HashSet::new());
        for (row_key, id) in &self.content {
            match id {
                Some(id) if is_only_here(id) => {
                    found.insert(*id);
                    only_here.push((row_key.clone(), *id));
                }
                Some(id) if self.count(id) > 0 => drop(found_elsewhere.insert(*id)),
                _ => unknown.push(row_key.clone()),
            }
        }
        let wanted = here.iter().filter(|id| self.count(id) == 1).count();
        let wanted_elsewhere = self.counts.iter().filter(|(id, count)| **count > 0 && !is_only_here(id)).count();
        Removal {
            is_missing: found.len() < wanted,
            is_missing_elsewhere: found_elsewhere.len() < wanted_elsewhere,
            only_here,
            unknown,
        }
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
        self.opened_to_write()?;
        let mut names = Names::default();
        self.read(|snapshot| {
            check(snapshot)?;
            names.follow(snapshot)
        })?;
        Ok(names)
    }
}
