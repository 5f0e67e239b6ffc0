//! Reads index rows, and proves that rows which are not found are absent.
//!
//! The storage engine compares no checksum when it reads a page. A damaged key misdirects a search, and a page in the place
//! of another one hides its rows. So a row counts as absent only if the rows on both sides of the gap are intact and in
//! their places. A page of older rows of the same place remains: see `docs/damage.md`.

use std::ops::Range;

use super::index::key;
use super::index::row::{Row, is_whole};
use super::snapshot::{Snapshot, place_of};
use super::tables::{Direction, Table};
use crate::types::error::{Error, ErrorDetail, Result};

/// The proof that rows beside a found one are absent.
#[derive(Clone, Copy)]
enum Proof {
    /// A look-up finds the row.
    LookUp,
    /// The caller compares the rows with a witness.
    Witness,
}

impl Snapshot<'_> {
    /// The index row under `row_key`, if there is one.
    pub(crate) fn row<R: Row>(&self, row_key: &[u8]) -> Result<Option<R>> {
        let row = self.row_of(Table::Index, row_key)?;
        if row.is_none() {
            self.check_gap(row_key)?;
        }
        Ok(row)
    }

    /// Whether there seems to be an index row under `row_key`, for a message. Damage can hide it.
    pub(crate) fn seems_to_have_row(&self, row_key: &[u8]) -> Result<bool> {
        self.source().get(Table::Index, row_key, &mut |_| {})
    }

    /// Whether there is an index row under `row_key`.
    pub(crate) fn has_row(&self, row_key: &[u8]) -> Result<bool> {
        let found = self.source().get(Table::Index, row_key, &mut |_| {})?;
        if !found {
            self.check_gap(row_key)?;
        }
        Ok(found)
    }

    /// Passes the index rows in `range` to `f`, in `direction`, until `f` returns `false`.
    pub(crate) fn rows<R: Row>(
        &self,
        range: &Range<Vec<u8>>,
        direction: Direction,
        f: &mut dyn FnMut(&[u8], R) -> Result<bool>,
    ) -> Result<()> {
        self.scan_rows(range, direction, Proof::LookUp, f)
    }

    /// The same for rows that the caller compares with a witness.
    pub(super) fn rows_to_compare<R: Row>(
        &self,
        range: &Range<Vec<u8>>,
        direction: Direction,
        f: &mut dyn FnMut(&[u8], R) -> Result<bool>,
    ) -> Result<()> {
        self.scan_rows(range, direction, Proof::Witness, f)
    }

    fn scan_rows<R: Row>(
        &self,
        range: &Range<Vec<u8>>,
        direction: Direction,
        proof: Proof,
        f: &mut dyn FnMut(&[u8], R) -> Result<bool>,
    ) -> Result<()> {
        let (start, end) = (range.start.as_slice(), range.end.as_slice());
        // Also check the row that ends the scan: if its key is damaged, the row may belong to the range. Rows of a page
        // that has changed places with another one end the scan, or break the order of the rows.
        let open = match direction {
            Direction::Ascending => {
                self.check_below(start, proof)?;
                start..key::ALL.end
            }
            Direction::Descending => {
                self.check_from(end, proof)?;
                key::ALL.start..end
            }
        };
        let mut before: Option<Vec<u8>> = None;
        self.source().scan(Table::Index, open, direction, &mut |row_key, value| {
            let beyond = match direction {
                Direction::Ascending => row_key >= end,
                Direction::Descending => row_key < start,
            };
            if beyond {
                return self.check_neighbour(row_key, value, proof).map(|()| false);
            }
            let in_order = before.as_deref().is_none_or(|before| match direction {
                Direction::Ascending => before < row_key,
                Direction::Descending => before > row_key,
            });
            if !in_order || row_key < start || row_key >= end {
                return Err(out_of_place(row_key));
            }
            let row = R::from_value(row_key, value)
                .map_err(|problem| ErrorDetail::corrupt(place_of(Table::Index, row_key), problem))?;
            if !f(row_key, row)? {
                return self.check_neighbour(row_key, value, proof).map(|()| false);
            }
            let kept = before.get_or_insert_default();
            kept.clear();
            kept.extend_from_slice(row_key);
            Ok(true)
        })
    }

    /// Checks both neighbours of an absent key. A damaged key can misdirect a search; the search then ends next to that
    /// key, or among rows on the wrong side of `row_key`.
    fn check_gap(&self, row_key: &[u8]) -> Result<()> {
        self.check_below(row_key, Proof::LookUp)?;
        let above = row_key..key::ALL.end;
        self.check_first(above, Direction::Ascending, Proof::LookUp, |found| found > row_key)
    }

    /// Checks the last index row before `bound`.
    fn check_below(&self, bound: &[u8], proof: Proof) -> Result<()> {
        self.check_first(key::ALL.start..bound, Direction::Descending, proof, |row_key| row_key < bound)
    }

    /// Checks the first index row at or after `bound`.
    fn check_from(&self, bound: &[u8], proof: Proof) -> Result<()> {
        self.check_first(bound..key::ALL.end, Direction::Ascending, proof, |row_key| row_key >= bound)
    }

    fn check_first(
        &self,
        range: Range<&[u8]>,
        direction: Direction,
        proof: Proof,
        in_place: impl Fn(&[u8]) -> bool,
    ) -> Result<()> {
        self.source().scan(Table::Index, range, direction, &mut |row_key, value| match in_place(row_key) {
            true => self.check_neighbour(row_key, value, proof).map(|()| false),
            false => Err(out_of_place(row_key)),
        })
    }

    /// Checks a row that shows that others are absent. A look-up must lead to it: in a file page that has changed places
    /// with another one, its rows are where others should be.
    fn check_neighbour(&self, row_key: &[u8], value: &[u8], proof: Proof) -> Result<()> {
        let is_row = key::is_index(row_key) && is_whole(row_key, value);
        let is_proven = match proof {
            Proof::LookUp => is_row && self.source().get(Table::Index, row_key, &mut |_| {})?,
            Proof::Witness => is_row,
        };
        if is_proven { Ok(()) } else { Err(out_of_place(row_key)) }
    }
}

fn out_of_place(row_key: &[u8]) -> Error {
    ErrorDetail::corrupt(place_of(Table::Index, row_key), "row is damaged or out of order").into()
}
