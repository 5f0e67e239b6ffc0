//! A point in a zone's history, as the lengths of two logs: the zone's, and the store's, which has the schema versions.
//!
//! Does not know how a log is read as of an earlier length.

use super::binding::At;
use crate::resource::zone::ZoneReader;
use crate::storage::key::{RowKind, STORE_LOG};
use crate::storage::{ZoneRow, key, wrong_row};
use crate::types::error::{ErrorDetail, Result};

impl ZoneReader<'_> {
    /// The lengths of the zone's log and of the store's log at `at`, in whole writes. None for now. A point before the
    /// zone's first entry is refused.
    pub(crate) fn lengths_at_point(self, at: At) -> Result<Option<(u64, u64)>> {
        if at == At::Now {
            return Ok(None);
        }
        let length = self.length_at_point(at)?;
        let Some(last) = length.checked_sub(1) else {
            let created_at = self.entry(self.log, 0)?.envelope.created_at;
            return Err(ErrorDetail::BeforeZone { zone_id: self.id.to_string(), created_at }.into());
        };
        // Imported entries have the times of the history that they tell. The clock tells when they were written.
        let clock = self.entry(self.log, last)?.envelope.clock();
        let mut store_length = self.length_by_clock(STORE_LOG, clock)?.max(self.length_of_creation()?);
        if let At::Time(time) = at {
            let by_time = self.length_at(STORE_LOG, time)?;
            store_length = store_length.max(self.whole_writes(STORE_LOG, by_time)?);
        }
        Ok(Some((length, store_length)))
    }

    /// The length of the store's log after the write that created the zone in this store. A copied zone has entries that
    /// are older.
    fn length_of_creation(self) -> Result<u64> {
        let row_key = key::by_id(STORE_LOG, RowKind::Zone, self.id.as_str());
        let row: Option<ZoneRow> = self.witnessed(&row_key)?;
        let row = row.ok_or_else(|| wrong_row(RowKind::Zone, self.id.as_str()))?;
        self.whole_writes(STORE_LOG, row.created.saturating_add(1))
    }
}
