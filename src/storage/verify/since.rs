//! The part of `verify` about logs that were verified before: compares a log with a checkpoint that was kept, and checks
//! what the entries after it say, over the rows as they were there.

use super::check::Check;
use super::compare::NOT_DERIVED;
use super::kept::Verified;
use super::report::Place;
use crate::record::Body;
use crate::storage::failure::contained;
use crate::storage::index::key::{self, LogNumber, RowKind};
use crate::storage::index::replay::Replay;
use crate::storage::index::row::{Head, PositionRow, Row};
use crate::storage::past::Past;
use crate::storage::tables::{Direction, Table, TableReader};
use crate::storage::tiles::{self, Tiles};
use crate::storage::walk::Walk;
use crate::types::error::Result;
use crate::types::hash::{Sha256, hex};
use crate::types::id::{LogId, PolicyId, PolicySetId, PolicyVersionId};

impl Check<'_> {
    /// Compares a log with its checkpoints. Returns the part up to the newest of them, if the log has them all.
    pub(in crate::storage) fn against_kept(
        &mut self,
        log: LogNumber,
        head: &Head,
        name: &str,
    ) -> Result<Option<Verified>> {
        let kept = self.kept.get(&head.log_id).cloned().unwrap_or_default();
        let place = || Place::Log { log: name.to_owned() };
        for checkpoint in &kept {
            let size = checkpoint.size;
            let source = self.source;
            let compared = contained(|| head.has(source, log, checkpoint));
            match compared {
                Ok(true) => {}
                Ok(false) if head.length < size => {
                    let length = head.length;
                    self.find(place(), format_args!("older than the checkpoint: {length} entries, expected {size}"));
                    return Ok(None);
                }
                Ok(false) => {
                    self.find(place(), format_args!("root of the first {size} entries differs from the checkpoint"));
                    return Ok(None);
                }
                Err(error) => {
                    self.note(Err(error), place())?;
                    return Ok(None);
                }
            }
        }
        let Some(size) = kept.iter().map(|checkpoint| checkpoint.size).max().filter(|size| *size > 0) else {
            return Ok(None);
        };
        let (snapshot, source) = (self.snapshot, self.source);
        let verified = contained(|| {
            let last = snapshot.entry(log, size - 1)?;
            // The tile is that of the checkpoint, and the entry must be in it.
            let is_in_tile = tiles::leaf(source, log, size - 1)? == last.hash;
            Ok((is_in_tile, Verified { size, tiles: Tiles::at(source, log, size)?, last: (*last).clone() }))
        });
        match verified {
            Ok((true, verified)) => Ok(Some(verified)),
            Ok((false, _)) => {
                let place = Place::Entry { log: name.to_owned(), position: size - 1 };
                self.find(place, "is not the entry of the checkpoint");
                Ok(None)
            }
            Err(error) => self.note(Err(error), place()).map(|()| None),
        }
    }

    /// Compares the head of an erased log with its checkpoints: the tree of an earlier size is gone.
    pub(in crate::storage) fn erased_against_kept(&mut self, head: &Head, name: &str) {
        if head.length == 0 && self.may_lack_logs() {
            return;
        }
        let (kept, end) = (self.kept.get(&head.log_id).cloned().unwrap_or_default(), head.checkpoint());
        for checkpoint in kept.iter().filter(|checkpoint| checkpoint.size >= end.size && **checkpoint != end) {
            let problem = format_args!("erased log differs from the checkpoint of {} entries", checkpoint.size);
            self.find(Place::Log { log: name.to_owned() }, problem);
        }
    }

    /// Reports checkpoints of logs that the store does not have.
    pub(in crate::storage) fn missing_logs(&mut self) {
        let missing: Vec<LogId> =
            self.kept.keys().filter(|log_id| !self.numbers.contains_key(*log_id)).copied().collect();
        for log_id in missing {
            self.find(Place::Log { log: log_id.to_string() }, "log of the checkpoint is missing");
        }
    }

    /// Walks a log from a checkpoint on, and compares the rows that the entries change.
    pub(in crate::storage) fn rest(
        &mut self,
        log: LogNumber,
        head: &Head,
        name: &str,
        verified: Verified,
    ) -> Result<()> {
        let Verified { size, tiles, last } = verified;
        let (snapshot, source) = (self.snapshot, self.source);
        self.earlier = Some(Past::to_extend(snapshot, log, size));
        let walk = Walk::after(log, head, &last, tiles.frontier());
        let mut replay = Replay::from(tiles);
        let walked = contained(|| source.walk(walk, &mut |step| self.step(log, name, step, &mut replay)));
        self.note(walked, Place::Log { log: name.to_owned() })?;
        self.earlier = None;
        let compared = contained(|| self.compare_changed(log, name, size, &replay));
        self.note(compared, Place::Log { log: name.to_owned() })
    }

    /// Compares the rows that a part of a log changes, and looks for rows that none of its entries made.
    fn compare_changed(&mut self, log: LogNumber, name: &str, size: u64, replay: &Replay) -> Result<()> {
        let differs = |table, row_key: &[u8], expected: &[u8]| -> Result<Option<&'static str>> {
            let mut problem = Some("missing");
            self.source.get(table, row_key, &mut |value| {
                problem = (value != expected).then_some("does not match the log");
            })?;
            Ok(problem)
        };
        let mut wrong = Vec::new();
        for (row_key, expected) in &replay.rows {
            wrong.extend(differs(Table::Index, row_key, expected)?.map(|problem| (row_key.clone(), problem)));
        }
        let orders = [RowKind::PolicyOrder, RowKind::PolicySetOrder, RowKind::BindingOrder, RowKind::TestsRequired];
        for kind in orders {
            let range = key::positions_from(log, kind, size);
            let range = range.start.as_slice()..range.end.as_slice();
            self.source.scan(Table::Index, range, Direction::Ascending, &mut |row_key, _| {
                if !replay.rows.contains_key(row_key) {
                    wrong.push((row_key.to_vec(), NOT_DERIVED));
                }
                Ok(true)
            })?;
        }
        let mut wrong_witnesses = Vec::new();
        for (meta_key, expected) in &replay.witnesses {
            wrong_witnesses.extend(differs(Table::Meta, meta_key, expected)?.map(|problem| (meta_key, problem)));
        }
        self.report.index_rows += replay.rows.len() as u64;
        for (row_key, problem) in wrong {
            self.find(Place::Index { log: name.to_owned(), key: hex::encode(&row_key) }, problem);
        }
        for (row_key, problem) in wrong_witnesses {
            self.find(Place::Meta, format_args!("row `{}` of log `{name}`: {problem}", row_key.escape_ascii()));
        }
        Ok(())
    }

    /// A policy version that a manifest can pin: its policy and the hash of its text.
    pub(in crate::storage) fn version(&self, id: &PolicyVersionId) -> Result<Option<(PolicyId, Sha256)>> {
        if let Some(version) = self.versions.get(id) {
            return Ok(Some(version.clone()));
        }
        let Some(earlier) = self.earlier else { return Ok(None) };
        let row_key = key::by_id(earlier.log(), RowKind::PolicyVersionId, id.as_str());
        let Some(value) = earlier.get(&row_key)?.value else { return Ok(None) };
        let Ok(row) = PositionRow::from_value(&row_key, &value) else { return Ok(None) };
        Ok(match &self.snapshot.entry(earlier.log(), row.created)?.body {
            Body::PolicyVersionCreated(body) if body.version_id == *id => Some((body.policy_id.clone(), body.sha)),
            _ => None,
        })
    }

    /// The newest attestation of a policy set before the checkpoint.
    pub(in crate::storage) fn attested_before(&self, set: &PolicySetId) -> Result<Option<Sha256>> {
        let Some(earlier) = self.earlier else { return Ok(None) };
        let Some(position) = earlier.attested(set.as_str())? else { return Ok(None) };
        Ok(match &self.snapshot.entry(earlier.log(), position)?.body {
            Body::Attested(body) if body.policy_set_id == *set => Some(body.sha),
            _ => None,
        })
    }
}
