//! Scans the rows of a list from a place on, in either direction, through a filter. Does not know what is listed, nor
//! pages.

use std::ops::Range;

use crate::storage::key::{LogNumber, RowKind};
use crate::storage::{Direction, IdRow, Row, Snapshot, key, wrong_row};
use crate::types::error::Result;

/// Up to `count` values that `read` makes of the rows of `range` beyond `from`, in a direction. `read` skips a row by
/// returning none.
pub(crate) fn rows_from<R: Row, T>(
    snapshot: &Snapshot<'_>,
    range: Range<Vec<u8>>,
    from: Option<Vec<u8>>,
    direction: Direction,
    count: usize,
    mut read: impl FnMut(&[u8], R) -> Result<Option<T>>,
) -> Result<Vec<T>> {
    let range = match (from, direction) {
        (None, _) => range,
        (Some(from), Direction::Ascending) => key::after(from)..range.end,
        (Some(from), Direction::Descending) => range.start..from,
    };
    let mut found = Vec::new();
    if count > 0 {
        snapshot.rows(&range, direction, &mut |row_key, row: R| {
            found.extend(read(row_key, row)?);
            Ok(found.len() < count)
        })?;
    }
    Ok(found)
}

/// Up to `count` ids of a log's resources that are `wanted`, each with the position of its creation.
pub(crate) fn in_order(
    snapshot: &Snapshot<'_>,
    (log, kind): (LogNumber, RowKind),
    from: Option<u64>,
    direction: Direction,
    count: usize,
    mut wanted: impl FnMut(u64, &str) -> Result<bool>,
) -> Result<Vec<(u64, String)>> {
    let from = from.map(|from| key::by_position(log, kind, from));
    rows_from(snapshot, key::all(log, kind), from, direction, count, |row_key, row: IdRow| {
        let position = key::position(row_key).ok_or_else(|| wrong_row(kind, &row.id))?;
        Ok(wanted(position, &row.id)?.then_some((position, row.id)))
    })
}

/// The number of a log's resources that are `wanted`.
pub(crate) fn count(
    snapshot: &Snapshot<'_>,
    (log, kind): (LogNumber, RowKind),
    mut wanted: impl FnMut(u64, &str) -> Result<bool>,
) -> Result<u64> {
    let mut count = 0;
    in_order(snapshot, (log, kind), None, Direction::Ascending, 1, |position, id| {
        count += u64::from(wanted(position, id)?);
        Ok(false)
    })?;
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::key::STORE_LOG;
    use crate::{Actor, PolicyStore};

    const ZONES: (LogNumber, RowKind) = (STORE_LOG, RowKind::ZoneOrder);

    #[test]
    fn a_walk_ends_with_the_last_row_that_it_needs() {
        let store = PolicyStore::builder().in_memory().unwrap();
        let actor = Actor::customer("alice").unwrap();
        store.write(&actor, |w| (0..9).try_for_each(|n| w.create_zone(format!("z{n}")).map(drop))).unwrap();
        let walk = |count, direction| {
            let mut seen = String::new();
            let read = store.engine.storage.read(|snapshot| {
                in_order(snapshot, ZONES, None, direction, count, |_, id| {
                    seen.push_str(&id[1..]);
                    Ok(id != "z1" && id != "z7")
                })
            });
            (seen, read.unwrap().iter().map(|(_, id)| &id[1..]).collect::<String>())
        };
        assert_eq!(walk(3, Direction::Ascending), ("0123".to_owned(), "023".to_owned()));
        assert_eq!(walk(2, Direction::Descending), ("876".to_owned(), "86".to_owned()));
        assert_eq!(walk(0, Direction::Ascending), (String::new(), String::new()));
        let all = store.engine.storage.read(|snapshot| count(snapshot, ZONES, |position, _| Ok(position % 2 == 0)));
        assert_eq!(all.unwrap(), 5);
    }
}
