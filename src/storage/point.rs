//! A point in a zone's history, for many reads on any threads: the zone's log as of an earlier length, and the schema
//! versions of the store's log at that moment.
//!
//! Holds no state of the store. Rows are found again from those of the snapshot that each read gives. Only the few values
//! that take many steps are kept.

use std::fmt;
use std::ops::Range;
use std::sync::OnceLock;

use super::as_of::Replayed;
use super::index::key::{self, LogNumber, RowKind, STORE_LOG};
use super::index::row::SchemaRow;
use super::past::schemas::Schemas;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table, TableReader, Visit};
use super::{HeldSnapshot, Storage};
use crate::record::Body;
use crate::types::error::Result;

/// A point in a zone's history, of one held snapshot.
pub(crate) struct Point {
    zone: Replayed,
    /// Whether the zone's log has later entries.
    is_past: bool,
    /// The length of the store's log, by the times of the entries.
    written: u64,
    schemas: OnceLock<Schemas>,
}

impl fmt::Debug for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Point").field("length", &self.zone.end).field("store_length", &self.written).finish()
    }
}

impl Point {
    /// The zone's log as of the length `end`, and the store's log as of `written`, or of its next length that has the
    /// zone's default schema.
    pub(crate) fn new(snapshot: &Snapshot<'_>, log: LogNumber, end: u64, written: u64) -> Result<Self> {
        let is_past = end < snapshot.head(log)?.length;
        Ok(Self { zone: Replayed::to_read(log, end), is_past, written, schemas: OnceLock::new() })
    }

    /// The length of the store's log, by the times of the entries.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Reads the state at this point.
    fn read<T>(&self, snapshot: &Snapshot<'_>, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        let schemas = SchemasAsOf { point: self, snapshot };
        let snapshot = &snapshot.over(&schemas);
        self.read_zone(snapshot, f)
    }

    fn read_zone<T>(&self, snapshot: &Snapshot<'_>, f: impl FnOnce(&Snapshot<'_>) -> Result<T>) -> Result<T> {
        if !self.is_past {
            return f(snapshot);
        }
        let Replayed { log, end, .. } = self.zone;
        f(&snapshot.as_of(&self.zone.over(snapshot), log, end))
    }

    /// The schema versions at this point.
    fn schemas(&self, snapshot: &Snapshot<'_>) -> Result<&Schemas> {
        if let Some(schemas) = self.schemas.get() {
            return Ok(schemas);
        }
        let end = self.written.max(self.default_published(snapshot)?);
        let schemas = Schemas::at(snapshot, end)?;
        Ok(self.schemas.get_or_init(|| schemas))
    }

    /// The length of the store's log after the write that published the zone's default schema. Times cannot tell the order
    /// of two writes if the clock went back between them.
    fn default_published(&self, snapshot: &Snapshot<'_>) -> Result<u64> {
        let log = self.zone.log;
        let state = self.read_zone(snapshot, |snapshot| snapshot.zone_state(log))?;
        let Some(position) = state.and_then(|state| state.default_schema) else { return Ok(0) };
        let entry = snapshot.entry(log, position)?;
        let Body::DefaultSchemaChanged(body) = &entry.body else { return Ok(0) };
        let Some(schema) = &body.schema else { return Ok(0) };
        let row_key = key::by_id(STORE_LOG, RowKind::Schema, schema.version.as_str());
        match snapshot.witnessed::<SchemaRow>(&row_key)? {
            Some(row) => snapshot.whole_writes(STORE_LOG, row.created.saturating_add(1)),
            None => Ok(0),
        }
    }
}

impl Storage {
    /// Reads the state of a held snapshot as of an earlier point of a zone's history.
    pub(crate) fn read_point<T>(
        &self,
        held: &HeldSnapshot,
        point: &Point,
        check: impl FnOnce(&Snapshot<'_>) -> Result<()>,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        self.read_held(held, |snapshot| {
            check(snapshot)?;
            point.read(snapshot, f)
        })
    }
}

/// Tables with the schema versions of an earlier point.
struct SchemasAsOf<'a> {
    point: &'a Point,
    snapshot: &'a Snapshot<'a>,
}

impl SchemasAsOf<'_> {
    fn row(&self, row_key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>> {
        self.point.schemas(self.snapshot)?.row(self.snapshot, row_key, value)
    }
}

impl TableReader for SchemasAsOf<'_> {
    fn get(&self, table: Table, row_key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let source = self.snapshot.source();
        let value = match (table, key::witnessed(row_key)) {
            (Table::Index, _) if Schemas::has(row_key) => {
                let mut value = None;
                source.get(table, row_key, &mut |present| value = Some(present.to_vec()))?;
                match value {
                    Some(value) => self.row(row_key, &value)?,
                    None => None,
                }
            }
            (Table::Meta, Some(witnessed)) if Schemas::is_witnessed(witnessed) => {
                self.point.schemas(self.snapshot)?.witness(self.snapshot, witnessed)?
            }
            _ => return source.get(table, row_key, f),
        };
        Ok(value.as_deref().map(f).is_some())
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        self.snapshot.source().scan(table, range, direction, &mut |row_key, value| {
            if table != Table::Index || !Schemas::has(row_key) {
                return f(row_key, value);
            }
            self.row(row_key, value)?.map_or(Ok(true), |value| f(row_key, &value))
        })
    }

    fn is_committed(&self, table: Table, row_key: &[u8]) -> bool {
        self.snapshot.source().is_committed(table, row_key)
    }
}
