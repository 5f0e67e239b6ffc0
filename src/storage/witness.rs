//! Witnesses: rows in meta that say again what some index rows say. A page of the index can be lost, or be an older one,
//! and all of its rows are well-formed then; so what decides is believed only if both tables say the same.
//!
//! Both are written by one commit, and lie on other pages. That a table as a whole is older than the other shows in the
//! same way; that all of them are, in the number of commits, for as long as the handle that made those is open.

use super::index::key::{self, LogNumber, META_COMMITS};
use super::index::row::{BindingRow, CommitsRow, NewestBindingRow, Row, ZoneStateRow, ZoneWitnessRow};
use super::snapshot::Snapshot;
use super::tables::Direction;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::hex;
use crate::types::target::{BindingMode, Target};

impl Snapshot<'_> {
    /// The index row under `row_key`, of which meta has a copy, if there is one.
    pub(crate) fn witnessed<R: Row + PartialEq>(&self, row_key: &[u8]) -> Result<Option<R>> {
        let row: Option<R> = self.row(row_key)?;
        if row != self.witness(&key::witness(row_key))? {
            return Err(differs(row_key));
        }
        Ok(row)
    }

    /// What is known of a zone as a whole.
    pub(crate) fn zone_state(&self, log: LogNumber) -> Result<Option<ZoneStateRow>> {
        let row_key = key::state(log);
        let row: Option<ZoneStateRow> = self.row(&row_key)?;
        if row.as_ref().map(ZoneStateRow::witness) != self.witness::<ZoneWitnessRow>(&key::witness(&row_key))? {
            return Err(differs(&row_key));
        }
        Ok(row)
    }

    /// The last row of a target's bindings up to `last`, with its position.
    pub(crate) fn binding_row(
        &self,
        log: LogNumber,
        mode: BindingMode,
        target: &Target,
        last: u64,
    ) -> Result<Option<(u64, BindingRow)>> {
        let range = key::bindings(log, mode, target, last);
        let found = self.first_binding(&range, Direction::Descending)?;
        let meta_key = key::newest_binding(log, mode, target);
        let is_right = match self.witness::<NewestBindingRow>(&meta_key)? {
            None => found.is_none(),
            Some(newest) if newest.position <= last => {
                found.as_ref().is_some_and(|(at, row)| (*at, row.bound) == (newest.position, newest.bound))
            }
            // The row after it must know it.
            Some(_) => {
                let after = key::bindings_after(log, mode, target, last);
                let next = self.first_binding(&after, Direction::Ascending)?;
                next.is_some_and(|(_, row)| row.previous == found.as_ref().map(|(at, _)| *at))
            }
        };
        if is_right { Ok(found) } else { Err(differs(&range.start)) }
    }

    /// The row of a target's binding entry after the one at `position`, with its position.
    pub(crate) fn binding_row_after(
        &self,
        log: LogNumber,
        mode: BindingMode,
        target: &Target,
        position: u64,
    ) -> Result<Option<(u64, BindingRow)>> {
        let range = key::bindings_after(log, mode, target, position);
        let next = self.first_binding(&range, Direction::Ascending)?;
        let is_right = match &next {
            Some((_, row)) => row.previous == Some(position),
            None => {
                let newest = self.witness::<NewestBindingRow>(&key::newest_binding(log, mode, target))?;
                newest.is_some_and(|newest| newest.position == position)
            }
        };
        if is_right { Ok(next) } else { Err(differs(&range.start)) }
    }

    fn first_binding(
        &self,
        range: &std::ops::Range<Vec<u8>>,
        direction: Direction,
    ) -> Result<Option<(u64, BindingRow)>> {
        let mut found = None;
        self.rows(range, direction, &mut |row_key, row: BindingRow| {
            found = key::position(row_key).map(|position| (position, row));
            Ok(false)
        })?;
        Ok(found)
    }

    fn witness<R: Row>(&self, meta_key: &[u8]) -> Result<Option<R>> {
        self.check_commits()?;
        self.meta(meta_key)
    }

    /// How often the store was written.
    pub(super) fn commits(&self) -> Result<u64> {
        let row: Option<CommitsRow> = self.meta(META_COMMITS)?;
        row.map(|row| row.count).ok_or_else(|| ErrorDetail::corrupt("the number of commits", "missing").into())
    }

    /// Refuses a state of the store that is older than one that was committed or seen before.
    pub(super) fn check_commits(&self) -> Result<()> {
        let (expected, found) = (self.least_commits(), self.commits()?);
        if found < expected {
            let problem =
                format_args!("commit count is {found}, expected at least {expected}: the file holds an older state");
            return Err(ErrorDetail::corrupt("the file", problem).into());
        }
        Ok(())
    }
}

fn differs(row_key: &[u8]) -> Error {
    let place = format_args!("index row {}", hex::encode(row_key));
    ErrorDetail::corrupt(place, "index row and meta row differ: one of them is damaged or outdated").into()
}
