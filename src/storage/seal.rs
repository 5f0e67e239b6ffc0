//! Seals: an entry of the store's log with the root over the checkpoints of all zones, so that one checkpoint of the store's
//! log covers every zone.

use std::collections::BTreeMap;

use policy_store_verify::proof::Levels;

use super::Storage;
use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::{IdRow, PositionRow, SealedRow, ZoneRow};
use super::log_writer::{Author, LogWriter};
use super::snapshot::Snapshot;
use super::tables::Direction;
use super::tiles::Tiles;
use crate::record::{Body, SealRoot, SealedZone, ZonesSealed};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::{EntryHash, RootHash};
use crate::types::id::LogId;

/// Zones in one entry of a seal: they fit into its largest size.
const ZONES_OF_ENTRY: usize = 1_000;

/// A seal, and the zones that it has.
pub(crate) struct Sealed {
    /// The position of its entry in the store's log.
    pub position: u64,
    /// The zones, in the order of their log ids.
    pub zones: Vec<SealedZone>,
    pub root: RootHash,
    /// How many of them have grown since the seal before. None if this seal was made earlier.
    pub grown: Option<u64>,
}

pub(super) fn tree(zones: &[SealedZone]) -> Levels {
    Levels::new(zones.iter().map(|zone| EntryHash::of(&zone.leaf()).0).collect())
}

impl Snapshot<'_> {
    /// The checkpoints of all zones in the newest seal. Zones that were erased since are gone from it.
    pub(super) fn sealed_rows(&self) -> Result<BTreeMap<LogId, SealedRow>> {
        let mut rows = BTreeMap::new();
        let range = key::all(STORE_LOG, RowKind::Sealed);
        self.rows(&range, Direction::Ascending, &mut |row_key, row| {
            rows.extend(key::log_id(row_key).map(|log_id| (log_id, row)));
            Ok(true)
        })?;
        Ok(rows)
    }

    /// The newest seal; none if there is none.
    pub(super) fn newest_seal(&self) -> Result<Option<(u64, SealRoot)>> {
        let Some(PositionRow { created }) = self.row(&key::seal())? else { return Ok(None) };
        match &self.entry(STORE_LOG, created)?.body {
            Body::ZonesSealed(ZonesSealed { seal: Some(seal), .. }) => Ok(Some((created, *seal))),
            _ => Err(super::wrong_row(RowKind::Seal, "seal")),
        }
    }

    /// The ids of all zones, in the order of their creation.
    pub(crate) fn zone_ids(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        self.rows(&key::all(STORE_LOG, RowKind::ZoneOrder), Direction::Ascending, &mut |_, IdRow { id }| {
            ids.push(id);
            Ok(true)
        })?;
        Ok(ids)
    }

    /// The numbers of the logs of all zones.
    pub(super) fn zone_logs(&self) -> Result<Vec<LogNumber>> {
        let mut logs = Vec::new();
        let range = key::all(STORE_LOG, RowKind::Zone);
        self.rows(&range, Direction::Ascending, &mut |_, ZoneRow { log, .. }| {
            logs.push(log);
            Ok(true)
        })?;
        Ok(logs)
    }
}

impl LogWriter<'_> {
    /// Adds a seal over all zones, in a write without other calls. Refuses a zone that has vanished or shrunk since the last
    /// seal. Adds nothing if no zone has changed.
    fn seal(&mut self) -> Result<Sealed> {
        let (zones, grown) = self.read(|snapshot| {
            let mut before = snapshot.sealed_rows()?;
            let (mut zones, mut grown) = (Vec::new(), Vec::new());
            for log in snapshot.zone_logs()? {
                let now = snapshot.checkpoint(log)?;
                let zone = SealedZone { log_id: now.log_id, size: now.size, root: now.root.0 };
                let earlier = before.remove(&now.log_id);
                if let Some(SealedRow { size, root }) = earlier {
                    let is_same = match size.cmp(&now.size) {
                        std::cmp::Ordering::Less => Tiles::at(snapshot.source(), log, size)?.frontier().root() == root,
                        std::cmp::Ordering::Equal => root == zone.root,
                        std::cmp::Ordering::Greater => false,
                    };
                    if !is_same {
                        let size_now = Some(now.size);
                        return Err(ErrorDetail::OlderState { log_id: now.log_id, kept: size, size: size_now }.into());
                    }
                }
                if earlier.is_none_or(|earlier| earlier.size != zone.size) {
                    grown.push(zone.clone());
                }
                zones.push(zone);
            }
            if let Some((log_id, SealedRow { size, .. })) = before.pop_first() {
                return Err(ErrorDetail::OlderState { log_id, kept: size, size: None }.into());
            }
            zones.sort_unstable_by_key(|zone| zone.log_id);
            grown.sort_unstable_by_key(|zone| zone.log_id);
            Ok((zones, grown))
        })?;
        let root = tree(&zones).root();
        if let Some((position, last)) = self.read(|snapshot| snapshot.newest_seal())?
            && last.root == root.0
        {
            return Ok(Sealed { position, zones, root, grown: None });
        }
        let seal = SealRoot { zones: zones.len() as u64, root: root.0 };
        let parts: Vec<_> = grown.chunks(ZONES_OF_ENTRY).map(<[_]>::to_vec).collect();
        let (last, rest) = match parts.split_last() {
            Some((last, rest)) => (last.clone(), rest),
            None => (Vec::new(), [].as_slice()),
        };
        for zones in rest {
            self.append(STORE_LOG, ZonesSealed { zones: zones.clone(), seal: None })?;
        }
        let entry = self.append(STORE_LOG, ZonesSealed { zones: last, seal: Some(seal) })?;
        let position = entry.envelope.position;
        Ok(Sealed { position, zones, root, grown: Some(grown.len() as u64) })
    }
}

impl Storage {
    /// Seals all zones, alone: so every zone is as committed. Returns the length of the store's log then, too.
    pub(crate) fn seal(&self, author: impl FnOnce() -> Author) -> Result<(Sealed, u64)> {
        self.write_alone(author, |writer| {
            let sealed = writer.seal()?;
            Ok((sealed, writer.next_position(STORE_LOG)?))
        })
    }
}
