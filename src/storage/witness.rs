//! Witness rows: copies, in meta, of the index rows that decide. A lost write can leave an older index page in the
//! file, with well-formed rows. So a row that decides is accepted only if both tables agree.
//!
//! One commit writes both rows, on different file pages. The comparison also detects an older version of a whole table.
//! The commit count detects an older version of all tables, as long as the handle that made the newer commits is open.

use std::ops::Range;

use super::index::key::{self, LogNumber, META_COMMITS};
use super::index::row::{BindingRow, CommitsRow, NewestBindingRow, Row, ZoneStateRow, ZoneWitnessRow};
use super::snapshot::Snapshot;
use super::tables::Direction;
use crate::types::error::{Error, ErrorDetail, Result};
use crate::types::hash::hex;
use crate::types::target::{BindingMode, Target};

impl Snapshot<'_> {
    /// The index row under `row_key`, compared with its witness.
    pub(crate) fn witnessed<R: Row + PartialEq>(&self, row_key: &[u8]) -> Result<Option<R>> {
        let row: Option<R> = self.row(row_key)?;
        if row != self.witness(&key::witness(row_key))? {
            return Err(differs(row_key));
        }
        Ok(row)
    }

    /// The state of a zone, compared with its witness, and with the last binding that the newest entry names.
    pub(crate) fn zone_state(&self, log: LogNumber) -> Result<Option<ZoneStateRow>> {
        let row_key = key::state(log);
        let row: Option<ZoneStateRow> = self.row(&row_key)?;
        if row.as_ref().map(ZoneStateRow::witness) != self.witness::<ZoneWitnessRow>(&key::witness(&row_key))? {
            return Err(differs(&row_key));
        }
        if let Some(row) = &row
            && row.bindings != self.last_binding(log, &self.head(log)?)?
        {
            return Err(differs(&row_key));
        }
        Ok(row)
    }

    /// The last binding row of a target up to the position `last`, with its position.
    pub(crate) fn binding_row(
        &self,
        log: LogNumber,
        mode: BindingMode,
        target: &Target,
        last: u64,
    ) -> Result<Option<(u64, BindingRow)>> {
        self.linked_row(&key::target_prefix(log, mode, target), last)
    }

    /// The position of the newest test suite that was kept with a policy set version.
    pub(crate) fn newest_tests(&self, log: LogNumber, set: &str, version: u32) -> Result<Option<u64>> {
        let found = self.linked_row(&key::tests_kept(log, set, version), u64::MAX)?;
        Ok(found.map(|(position, _)| position))
    }

    /// The position of the demand for tests that is in force in a zone.
    pub(crate) fn tests_required(&self, log: LogNumber) -> Result<Option<u64>> {
        let found = self.linked_row(&key::tests_required(log), u64::MAX)?;
        Ok(found.filter(|(_, row)| row.bound).map(|(position, _)| position))
    }

    /// The last row with a prefix up to the position `last`, with its position.
    fn linked_row(&self, prefix: &[u8], last: u64) -> Result<Option<(u64, BindingRow)>> {
        let range = key::up_to(prefix, last);
        let found = self.first_binding(&range, Direction::Descending)?;
        self.check_binding(&key::witness(prefix), &range.start, last, found.as_ref(), &key::beyond(prefix, last))?;
        Ok(found)
    }

    /// Compares the last binding row of a target up to `last` with the target's witness, or with the row `after` it.
    pub(super) fn check_binding(
        &self,
        meta_key: &[u8],
        row_key: &[u8],
        last: u64,
        found: Option<&(u64, BindingRow)>,
        after: &Range<Vec<u8>>,
    ) -> Result<()> {
        let is_right = match self.witness::<NewestBindingRow>(meta_key)? {
            None => found.is_none(),
            Some(newest) if newest.position <= last => {
                found.is_some_and(|(at, row)| (*at, row.bound) == (newest.position, newest.bound))
            }
            // The next row must name this one as its previous.
            Some(_) => {
                let next = self.first_binding(after, Direction::Ascending)?;
                next.is_some_and(|(_, row)| row.previous == found.map(|(at, _)| *at))
            }
        };
        if is_right { Ok(()) } else { Err(differs(row_key)) }
    }

    /// The next binding row of a target after the one at `position`, with its position.
    pub(crate) fn binding_row_after(
        &self,
        log: LogNumber,
        mode: BindingMode,
        target: &Target,
        position: u64,
    ) -> Result<Option<(u64, BindingRow)>> {
        let range = key::beyond(&key::target_prefix(log, mode, target), position);
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

    pub(super) fn first_binding(
        &self,
        range: &Range<Vec<u8>>,
        direction: Direction,
    ) -> Result<Option<(u64, BindingRow)>> {
        let mut found = None;
        self.rows_to_compare(range, direction, &mut |row_key, row: BindingRow| {
            found = key::position(row_key).map(|position| (position, row));
            Ok(false)
        })?;
        Ok(found)
    }

    fn witness<R: Row>(&self, meta_key: &[u8]) -> Result<Option<R>> {
        self.check_commits()?;
        self.meta(meta_key)
    }

    /// The commit count.
    pub(super) fn commits(&self) -> Result<u64> {
        let row: Option<CommitsRow> = self.meta(META_COMMITS)?;
        row.map(|row| row.count).ok_or_else(|| ErrorDetail::corrupt("the number of commits", "missing").into())
    }

    /// Refuses a state that is older than one this handle has committed or seen.
    pub(super) fn check_commits(&self) -> Result<()> {
        if self.is_counted() {
            return Ok(());
        }
        let (expected, found) = (self.least_commits(), self.commits()?);
        if found < expected {
            let problem =
                format_args!("commit count is {found}, expected at least {expected}: the file holds an older state");
            return Err(ErrorDetail::corrupt("the file", problem).into());
        }
        self.note_counted();
        Ok(())
    }
}

fn differs(row_key: &[u8]) -> Error {
    let place = format_args!("index row {}", hex::encode(row_key));
    ErrorDetail::corrupt(place, "index row and meta row differ: one of them is damaged or outdated").into()
}
