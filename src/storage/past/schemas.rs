//! The index rows of schema versions as of an earlier length of the store's log.
//!
//! Schema versions are never removed, and only their status changes. Rows of zones are left as they are: a zone's reads use
//! none of them.

use std::collections::BTreeMap;

use super::Earlier;
use crate::record::Body;
use crate::storage::index::key::{self, RowKind, STORE_LOG};
use crate::storage::index::row::{IdRow, Row, SchemaRow, StoreStateRow};
use crate::storage::snapshot::Snapshot;
use crate::storage::tables::Direction;
use crate::types::error::{ErrorDetail, Result};
use crate::types::schema::SchemaStatus;

/// The schema versions as of an earlier length of the store's log.
pub(in crate::storage) struct Schemas {
    /// The earlier length.
    end: u64,
    /// The rows that have changed since, by the names of the schema versions.
    changed: BTreeMap<String, SchemaRow>,
}

impl Schemas {
    /// Finds the rows that have changed since. If there are any, walks back to their last changes before.
    pub(in crate::storage) fn at(snapshot: &Snapshot<'_>, end: u64) -> Result<Self> {
        let mut changed = BTreeMap::new();
        let range = key::all(STORE_LOG, RowKind::Schema);
        snapshot.rows::<SchemaRow>(&range, Direction::Ascending, &mut |row_key, row| {
            if row.created < end && row.changed.is_some_and(|changed| changed >= end) {
                changed.insert(key::id(row_key).unwrap_or_default().to_owned(), SchemaRow { changed: None, ..row });
            }
            Ok(true)
        })?;
        let mut left = changed.len();
        let first = changed.values().map(|row| row.created).min().unwrap_or(end);
        for row in changed.values_mut() {
            row.deprecated = None;
        }
        for position in (first..end).rev() {
            if left == 0 {
                break;
            }
            match &snapshot.entry(STORE_LOG, position)?.body {
                Body::SchemaStatusChanged(body) => {
                    if let Some(row) = changed.get_mut(body.version.as_str()).filter(|row| row.changed.is_none()) {
                        row.changed = Some(position);
                        // No archived version changes again.
                        row.deprecated = (body.status == SchemaStatus::Deprecated).then_some(position);
                        left = left.saturating_sub(1);
                    }
                }
                // Nothing of a version is before its publication.
                Body::SchemaPublished(body) => {
                    let is_left = changed.get(body.version.as_str()).is_some_and(|row| row.changed.is_none());
                    left = left.saturating_sub(usize::from(is_left));
                }
                _ => {}
            }
        }
        Ok(Self { end, changed })
    }

    /// Whether a row of the store's log with this key can have changed.
    pub(in crate::storage) fn has(row_key: &[u8]) -> bool {
        row_key.starts_with(&key::all_of(STORE_LOG).start)
            && matches!(RowKind::of(row_key), Some(RowKind::Schema | RowKind::SchemaOrder | RowKind::State))
    }

    /// Whether this is the key of a row with a witness.
    pub(in crate::storage) fn is_witnessed(row_key: &[u8]) -> bool {
        Self::has(row_key) && RowKind::of(row_key) == Some(RowKind::Schema)
    }

    /// The earlier value of a row that now has this value.
    pub(in crate::storage) fn row(
        &self,
        snapshot: &Snapshot<'_>,
        row_key: &[u8],
        value: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        let row_of = |problem: String| ErrorDetail::corrupt("an index row of the store's log", problem);
        let earlier = match RowKind::of(row_key) {
            Some(RowKind::SchemaOrder) => {
                Earlier::kept(key::position(row_key).is_some_and(|position| position < self.end), value)
            }
            Some(RowKind::Schema) => {
                let row = SchemaRow::from_value(row_key, value).map_err(row_of)?;
                match self.changed.get(key::id(row_key).unwrap_or_default()) {
                    Some(earlier) if row.created == earlier.created => Earlier::changed(row_key, earlier, true)?,
                    _ => Earlier::kept(row.created < self.end, value),
                }
            }
            Some(RowKind::State) => {
                let mut row = StoreStateRow::from_value(row_key, value).map_err(row_of)?;
                let since = key::positions_from(STORE_LOG, RowKind::SchemaOrder, self.end);
                snapshot.rows::<IdRow>(&since, Direction::Ascending, &mut |_, _| {
                    row.schemas = row.schemas.saturating_sub(1);
                    Ok(true)
                })?;
                Earlier::changed(row_key, &row, true)?
            }
            _ => Earlier::kept(true, value),
        };
        Ok(earlier.value)
    }

    /// The earlier value of the witness of a schema version. Its row is compared with the present one first.
    pub(in crate::storage) fn witness(&self, snapshot: &Snapshot<'_>, row_key: &[u8]) -> Result<Option<Vec<u8>>> {
        let Some(row) = snapshot.witnessed::<SchemaRow>(row_key)? else { return Ok(None) };
        let row = match self.changed.get(key::id(row_key).unwrap_or_default()) {
            Some(earlier) if row.created == earlier.created => earlier.clone(),
            _ if row.created < self.end => row,
            _ => return Ok(None),
        };
        Ok(Earlier::changed(&key::witness(row_key), &row, true)?.value)
    }
}
