//! The list of a zone's bindings, each with the entry that ended it.

use super::cursor::ListName;
use super::filter::WantedBindings;
use super::page::{Page, PageRequest};
use super::scan::rows_from;
use crate::resource::binding::BindingRecord;
use crate::resource::zone::ZoneReader;
use crate::storage::key::RowKind;
use crate::storage::{BindingOrderRow, Direction, key, wrong_row};
use crate::types::error::Result;

impl ZoneReader<'_> {
    /// The page for a page request.
    pub(crate) fn bindings(self, wanted: &WantedBindings, list: &PageRequest) -> Result<Page<BindingRecord>> {
        let (bytes, cursor_key, tag) = (wanted.bytes(), self.store()?.cursor_key, RowKind::BindingOrder);
        let name = ListName { filter: &bytes, ..ListName::new(cursor_key, self.log_id, tag.name(), "") };
        let fetch = |from: Option<u64>, direction, count| {
            let from = from.map(|from| key::by_position(self.log, tag, from));
            rows_from(&self, key::all(self.log, tag), from, direction, count, |row_key, row: BindingOrderRow| {
                let position = key::position(row_key).ok_or_else(|| wrong_row(tag, self.id.as_str()))?;
                read(self, wanted, position, &row)
            })
        };
        name.page(list, || count(self, wanted), fetch)
    }
}

/// The binding made at a position, if it passes the filter. Tests the properties that cannot change first.
fn read(
    zone: ZoneReader<'_>,
    wanted: &WantedBindings,
    position: u64,
    row: &BindingOrderRow,
) -> Result<Option<(u64, BindingRecord)>> {
    if !wanted.takes(&row.target, row.mode) {
        return Ok(None);
    }
    let record = zone.binding_record(position)?;
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
