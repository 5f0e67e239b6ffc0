//! The bindings of a zone, as a list: each from the entry that made it to the one that ended it.

use super::cursor::ListName;
use super::filter::WantedBindings;
use super::page::{Page, PageRequest};
use super::scan::rows_from;
use crate::resource::zone::ZoneReader;
use crate::resource::binding::{self, BindingRecord};
use crate::resource::zone::ZoneRef;
use crate::storage::key::RowKind;
use crate::storage::{BindingOrderRow, Direction, Snapshot, key, wrong_row};
use crate::types::error::Result;

/// The page that `list` asks for.
pub(crate) fn page(zone: ZoneReader<'_>, wanted: &WantedBindings, list: &PageRequest) -> Result<Page<BindingRecord>> {
    let (bytes, cursor_key, tag) = (wanted.bytes(), zone.store()?.cursor_key, RowKind::BindingOrder);
    let name = ListName { filter: &bytes, ..ListName::new(cursor_key, zone.log_id, tag.name(), "") };
    let fetch = |from: Option<u64>, direction, count| {
        let from = from.map(|from| key::by_position(zone.log, tag, from));
        rows_from(&zone, key::all(zone.log, tag), from, direction, count, |row_key, row: BindingOrderRow| {
            let position = key::position(row_key).ok_or_else(|| wrong_row(tag, zone.id.as_str()))?;
            read(zone, wanted, position, &row)
        })
    };
    name.page(list, || count(zone, wanted), fetch)
}

/// The binding that was made at a position, with its place, if it is wanted. What cannot change is looked at first.
fn read(zone: ZoneReader<'_>, wanted: &WantedBindings, position: u64, row: &BindingOrderRow) -> Result<Option<(u64, BindingRecord)>> {
    if !wanted.takes(&row.target, row.mode) {
        return Ok(None);
    }
    let record = binding::record_at(zone, position)?;
    if (&record.binding.target, record.binding.mode) != (&row.target, row.mode) {
        return Err(wrong_row(RowKind::BindingOrder, zone.id.as_str()));
    }
    let is_wanted = wanted.ended.is_none_or(|ended| record.ended.is_some() == ended);
    Ok(is_wanted.then_some((position, record)))
}

fn count(zone: ZoneReader<'_>, wanted: &WantedBindings) -> Result<u64> {
    let mut count = 0;
    let range = key::all(zone.log, RowKind::BindingOrder);
    zone.rows(&range, Direction::Ascending, &mut |row_key, row: BindingOrderRow| {
        let position = key::position(row_key).ok_or_else(|| wrong_row(RowKind::BindingOrder, zone.id.as_str()))?;
        count += u64::from(read(zone, wanted, position, &row)?.is_some());
        Ok(true)
    })?;
    Ok(count)
}
