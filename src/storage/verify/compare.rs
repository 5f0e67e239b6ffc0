//! Compares stored rows with derived ones.

use std::collections::BTreeMap;
use std::ops::Range;

use super::careful::Careful;
use crate::storage::tables::Table;
use crate::types::error::Result;

/// The key of a row, and the problem.
pub(super) type Wrong = (Vec<u8>, &'static str);

/// The problem of a row that nothing derives.
pub(super) const NOT_DERIVED: &str = "has no entry in the log";

/// Compares the rows in a range with the rows that a log derives. Returns their number, and those that differ.
pub(super) fn compare(
    source: &Careful<'_>,
    table: Table,
    range: &Range<Vec<u8>>,
    mut derived: BTreeMap<Vec<u8>, Vec<u8>>,
) -> Result<(u64, Vec<Wrong>)> {
    let range = range.start.as_slice()..range.end.as_slice();
    let mut wrong = Vec::new();
    let mut rows = 0;
    source.scan_with(table, range, &|_, _| (), &mut |row_key, value, ()| {
        rows += 1;
        match derived.remove(row_key) {
            Some(expected) if expected == value => {}
            Some(_) => wrong.push((row_key.to_vec(), "does not match the log")),
            None => wrong.push((row_key.to_vec(), NOT_DERIVED)),
        }
        Ok(())
    })?;
    wrong.extend(derived.into_keys().map(|row_key| (row_key, "missing")));
    Ok((rows, wrong))
}
