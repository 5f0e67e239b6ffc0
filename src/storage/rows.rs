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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::cache::RecordCache;
    use crate::storage::index::key::RowKind;
    use crate::storage::index::row::IdRow;
    use crate::storage::tables::{TableReader, Visit};

    /// An index as a damaged file gives it: scans return `rows` in this order, and no look-up finds the rows in `lost`.
    struct Damaged {
        rows: Vec<(Vec<u8>, Vec<u8>)>,
        lost: Vec<Vec<u8>>,
    }

    impl TableReader for Damaged {
        fn get(&self, _: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
            let row = self.rows.iter().find(|(known, _)| known == key && !self.lost.contains(known));
            Ok(row.map(|(_, value)| f(value)).is_some())
        }

        fn scan(&self, _: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
            let mut rows: Vec<_> = self.rows.iter().collect();
            if direction == Direction::Descending {
                rows.reverse();
            }
            let inside = rows.into_iter().skip_while(|(key, _)| match direction {
                Direction::Ascending => key.as_slice() < range.start,
                Direction::Descending => key.as_slice() >= range.end,
            });
            for (key, value) in inside {
                if !f(key, value)? {
                    break;
                }
            }
            Ok(())
        }
    }

    fn position(number: u64) -> Vec<u8> {
        key::by_position(1, RowKind::PolicyOrder, number)
    }

    fn damaged(keys: &[Vec<u8>], lost: &[Vec<u8>]) -> Damaged {
        let value = |key: &Vec<u8>| IdRow { id: "p".to_owned() }.to_value(key).unwrap();
        Damaged { rows: keys.iter().map(|key| (key.clone(), value(key))).collect(), lost: lost.to_vec() }
    }

    /// Lists up to `count` rows of the positions 10 to 19.
    fn list(source: &Damaged, direction: Direction, proof: Proof, count: usize) -> Result<Vec<u64>> {
        let cache = RecordCache::new(0);
        let mut found = Vec::new();
        let range = position(10)..position(20);
        Snapshot::new(source, &cache, None).scan_rows(&range, direction, proof, &mut |row_key, _: IdRow| {
            found.extend(key::position(row_key));
            Ok(found.len() < count)
        })?;
        Ok(found)
    }

    const BOTH: [Direction; 2] = [Direction::Ascending, Direction::Descending];

    #[test]
    fn a_scan_looks_up_the_rows_at_its_ends() {
        let rows = [5, 11, 12, 25].map(position);
        for direction in BOTH {
            assert_eq!(list(&damaged(&rows, &[]), direction, Proof::LookUp, 9).unwrap().len(), 2);
            for lost in [5, 25] {
                let source = damaged(&rows, &[position(lost)]);
                assert_eq!(list(&source, direction, Proof::LookUp, 9).unwrap_err().code(), "corrupt", "{lost}");
                list(&source, direction, Proof::Witness, 9).unwrap();
            }
            // The last row of a page of the list.
            let last = if direction == Direction::Ascending { 11 } else { 12 };
            let source = damaged(&rows, &[position(last)]);
            assert_eq!(list(&source, direction, Proof::LookUp, 1).unwrap_err().code(), "corrupt");
            list(&source, direction, Proof::LookUp, 9).unwrap();
        }
    }

    #[test]
    fn a_scan_refuses_rows_that_are_out_of_order_or_of_another_table() {
        for direction in BOTH {
            for proof in [Proof::LookUp, Proof::Witness] {
                for wrong in [[5, 12, 11, 25], [5, 11, 11, 25]] {
                    let source = damaged(&wrong.map(position), &[]);
                    assert_eq!(list(&source, direction, proof, 9).unwrap_err().code(), "corrupt", "{wrong:?}");
                }
                // The other side of the range ends in a leaf of meta.
                let source = damaged(&[key::head(0), position(11), key::head(u32::MAX)], &[]);
                assert_eq!(list(&source, direction, proof, 9).unwrap_err().code(), "corrupt");
            }
        }
    }

    #[test]
    fn an_absent_row_is_proven_by_look_ups_of_both_neighbours() {
        let (cache, rows) = (RecordCache::new(0), [5, 25].map(position));
        let read = |source: &Damaged| Snapshot::new(source, &cache, None).row::<IdRow>(&position(11));
        assert_eq!(read(&damaged(&rows, &[])).unwrap(), None);
        for lost in [5, 25] {
            let error = read(&damaged(&rows, &[position(lost)])).unwrap_err();
            assert_eq!(error.code(), "corrupt", "{lost}");
        }
    }
}
