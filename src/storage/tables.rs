//! The tables of the file, for reads and for writes. A read opens only the tables that it uses.
//!
//! Keys and values are bytes here. The modules `key`, `row` and `record` define their meaning.

use std::fmt;
use std::ops::{Bound, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use redb::{ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, WriteTransaction};

use super::failure::storage_error;
use super::index::key::{META_COMMITS, all_witnesses};
use super::index::row::{CommitsRow, Row};
use crate::types::error::{ErrorDetail, Result};

pub(super) type Bytes = &'static [u8];

/// More rows than a page can have: an address, the smallest, takes 29 bytes of 4,096.
const MORE_THAN_A_PAGE: u64 = 256;
/// Beyond every key.
const END: &[u8] = &[0xff; 64];

/// Rows that no log holds (format, ids, cursor key, heads), and the witness rows.
const META: TableDefinition<Bytes, Bytes> = TableDefinition::new("meta");
/// (log number, position) → the start of the entry's hash, and the entry.
const LOG: TableDefinition<Bytes, Bytes> = TableDefinition::new("log");
/// Number → kind, encoding and payload.
const CONTENT: TableDefinition<Bytes, Bytes> = TableDefinition::new("content");
/// Kind, start of the address, number → nothing.
const ADDRESSES: TableDefinition<Bytes, Bytes> = TableDefinition::new("addresses");
/// Rows that are derived from the logs.
const INDEX: TableDefinition<Bytes, Bytes> = TableDefinition::new("index");

/// One of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Meta,
    Log,
    Content,
    Addresses,
    Index,
}

impl Table {
    pub(super) const ALL: [Self; 5] = [Self::Meta, Self::Log, Self::Content, Self::Addresses, Self::Index];
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Log => "log",
            Self::Content => "content",
            Self::Addresses => "addresses",
            Self::Index => "index",
        }
    }
}

fn definition(table: Table) -> TableDefinition<'static, Bytes, Bytes> {
    match table {
        Table::Meta => META,
        Table::Log => LOG,
        Table::Content => CONTENT,
        Table::Addresses => ADDRESSES,
        Table::Index => INDEX,
    }
}

/// The direction of a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// One value for each table.
#[derive(Clone, Debug, Default)]
pub(super) struct Each<T> {
    meta: T,
    log: T,
    content: T,
    addresses: T,
    index: T,
}

impl<T> Each<T> {
    pub(super) fn of(&self, table: Table) -> &T {
        match table {
            Table::Meta => &self.meta,
            Table::Log => &self.log,
            Table::Content => &self.content,
            Table::Addresses => &self.addresses,
            Table::Index => &self.index,
        }
    }

    pub(super) fn of_mut(&mut self, table: Table) -> &mut T {
        match table {
            Table::Meta => &mut self.meta,
            Table::Log => &mut self.log,
            Table::Content => &mut self.content,
            Table::Addresses => &mut self.addresses,
            Table::Index => &mut self.index,
        }
    }
}

/// The tables of a read.
pub(super) struct ReadTables {
    /// `None` only while it is dropped.
    transaction: Option<ReadTransaction>,
    /// Opened on first use: opening a table costs as much as a lookup.
    opened: Each<OnceLock<ReadOnlyTable<Bytes, Bytes>>>,
}

impl fmt::Debug for ReadTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadTables").finish_non_exhaustive()
    }
}

/// The tables of a write.
pub(super) struct WriteTables<'txn>(Each<redb::Table<'txn, Bytes, Bytes>>);

/// Receives a key and a value; `false` ends the scan.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool> + 'a;

/// Reads of the tables, in a read or a write.
pub(crate) trait TableReader {
    /// Passes the value under `key` to `f`. Returns `false` if there is none.
    fn get(&self, table: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool>;

    /// Passes the rows with keys in `range` to `f`, in `direction`, until `f` returns `false`.
    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()>;

    /// Whether the row under `key` is of a committed state, so that it may enter a cache.
    fn is_committed(&self, _table: Table, _key: &[u8]) -> bool {
        true
    }
}

/// Writes to the tables. Later reads through the same value see them.
pub(super) trait TableWriter: TableReader {
    /// Stores a row.
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<()>;

    /// Removes a row. Only for derived rows and for an erased zone.
    fn remove(&mut self, table: Table, key: &[u8]) -> Result<()>;

    /// Removes the rows with keys in `range`.
    fn remove_range(&mut self, table: Table, range: &Range<Vec<u8>>) -> Result<()>;
}

/// Writes a meta row and its check.
pub(super) fn put_meta(tables: &mut dyn TableWriter, row_key: &[u8], row: &impl Row) -> Result<()> {
    let value = row.to_value(row_key).map_err(|problem| ErrorDetail::corrupt("a meta row", problem))?;
    tables.put(Table::Meta, row_key.to_vec(), value)
}

impl ReadTables {
    pub(super) fn of(transaction: ReadTransaction) -> Self {
        Self { transaction: Some(transaction), opened: Each::default() }
    }

    /// The rows with keys after `last`, until they have `bytes` bytes.
    pub(super) fn rows_after(
        &self,
        table: Table,
        last: Option<&[u8]>,
        bytes: usize,
    ) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let table = self.open(table).map_err(|error| storage_error("read", error))?;
        let from = last.map_or(Bound::Unbounded, Bound::Excluded);
        let rows = table.range::<&[u8]>((from, Bound::Unbounded)).map_err(|error| storage_error("read", error))?;
        let (mut found, mut size) = (Vec::new(), 0);
        for row in rows {
            let (key, value) = row.map_err(|error| storage_error("read", error))?;
            let (key, value) = (key.value().to_vec(), value.value().to_vec());
            size += key.len() + value.len();
            found.push((key, value));
            if size >= bytes {
                break;
            }
        }
        Ok(found)
    }

    /// Opens all tables, to check that they exist.
    pub(super) fn open_all(&self) -> Result<(), redb::TableError> {
        Table::ALL.into_iter().try_for_each(|table| self.open(table).map(drop))
    }

    /// Compares the first rows of each table with its length. If a page of few rows took the place of the table's root,
    /// look-ups would find its rows only, and every other row would be absent.
    pub(super) fn check_roots(&self) -> Result<()> {
        for table in Table::ALL {
            let rows = self.open(table).map_err(|error| storage_error("read", error))?;
            let expected = rows.len().map_err(|error| storage_error("read", error))?.min(MORE_THAN_A_PAGE);
            let mut found = 0;
            scan(rows, &[]..END, Direction::Ascending, &mut |_, _| {
                found += 1;
                Ok(found < MORE_THAN_A_PAGE)
            })?;
            if found != expected {
                let problem = format_args!("has {found} of its first {expected} rows");
                return Err(ErrorDetail::corrupt(format_args!("the table {table:?}"), problem).into());
            }
        }
        Ok(())
    }

    pub(super) fn open(&self, table: Table) -> Result<&ReadOnlyTable<Bytes, Bytes>, redb::TableError> {
        let cell = self.opened.of(table);
        if let Some(table) = cell.get() {
            return Ok(table);
        }
        let Some(transaction) = &self.transaction else { return Err(redb::StorageError::DatabaseClosed.into()) };
        let table = transaction.open_table(definition(table))?;
        Ok(cell.get_or_init(|| table))
    }

    /// The number of rows, as the storage engine counts them.
    pub(super) fn len(&self, table: Table) -> Result<u64> {
        len(self.open(table).map_err(|error| storage_error("read", error))?)
    }
}

impl Drop for ReadTables {
    /// redb may panic when a transaction on a damaged file ends.
    fn drop(&mut self) {
        let (opened, transaction) = (std::mem::take(&mut self.opened), self.transaction.take());
        let _ = catch_unwind(AssertUnwindSafe(|| drop((opened, transaction))));
    }
}

impl TableReader for ReadTables {
    fn get(&self, table: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        get(self.open(table).map_err(|error| storage_error("read", error))?, key, f)
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        scan(self.open(table).map_err(|error| storage_error("read", error))?, range, direction, f)
    }
}

impl<'txn> WriteTables<'txn> {
    pub(super) fn open(transaction: &'txn WriteTransaction) -> Result<Self, redb::TableError> {
        Ok(Self(Each {
            meta: transaction.open_table(META)?,
            log: transaction.open_table(LOG)?,
            content: transaction.open_table(CONTENT)?,
            addresses: transaction.open_table(ADDRESSES)?,
            index: transaction.open_table(INDEX)?,
        }))
    }

    /// The table itself, for a batch.
    pub(super) fn table(&mut self, table: Table) -> &mut redb::Table<'txn, Bytes, Bytes> {
        self.0.of_mut(table)
    }

    /// Writes a meta row and its check.
    pub(super) fn put_meta(&mut self, row_key: &[u8], row: &impl Row) -> Result<()> {
        put_meta(self, row_key, row)
    }

    /// The number of rows, as the storage engine counts them.
    pub(super) fn len(&self, table: Table) -> Result<u64> {
        len(self.0.of(table))
    }

    /// Increments the commit count and returns it.
    pub(super) fn count_commit(&mut self) -> Result<u64> {
        let mut row = None;
        self.get(Table::Meta, META_COMMITS, &mut |value| row = Some(CommitsRow::from_value(META_COMMITS, value)))?;
        let row = row.transpose().map_err(|problem| ErrorDetail::corrupt("the number of commits", problem))?;
        let count = row.map_or(0, |row| row.count).saturating_add(1);
        self.put_meta(META_COMMITS, &CommitsRow { count })?;
        Ok(count)
    }

    /// Removes all derived rows, at the start of a rebuild.
    pub(super) fn clear_index(&mut self) -> Result<()> {
        for table in [&mut self.0.index, &mut self.0.addresses] {
            table.retain(|_, _| false).map_err(|error| storage_error("write", error))?;
        }
        self.remove_range(Table::Meta, &all_witnesses())
    }
}

impl TableReader for WriteTables<'_> {
    fn get(&self, table: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        get(self.0.of(table), key, f)
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        scan(self.0.of(table), range, direction, f)
    }

    fn is_committed(&self, _: Table, _: &[u8]) -> bool {
        false
    }
}

impl TableWriter for WriteTables<'_> {
    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> Result<()> {
        let stored = self.table(table).insert(key.as_slice(), value.as_slice());
        stored.map_err(|error| storage_error("write", error))?;
        Ok(())
    }

    fn remove(&mut self, table: Table, key: &[u8]) -> Result<()> {
        self.table(table).remove(key).map_err(|error| storage_error("write", error))?;
        Ok(())
    }

    fn remove_range(&mut self, table: Table, range: &Range<Vec<u8>>) -> Result<()> {
        let range = range.start.as_slice()..range.end.as_slice();
        self.table(table).retain_in::<&[u8], _>(range, |_, _| false).map_err(|error| storage_error("erase", error))
    }
}

fn len(table: &impl ReadableTableMetadata) -> Result<u64> {
    table.len().map_err(|error| storage_error("read", error))
}

fn get(table: &impl ReadableTable<Bytes, Bytes>, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
    let value = table.get(key).map_err(|error| storage_error("read", error))?;
    Ok(value.map(|value| f(value.value())).is_some())
}

fn scan(
    table: &impl ReadableTable<Bytes, Bytes>,
    range: Range<&[u8]>,
    direction: Direction,
    f: &mut Visit<'_>,
) -> Result<()> {
    if range.is_empty() {
        return Ok(());
    }
    let mut rows = table.range::<&[u8]>(range).map_err(|error| storage_error("read", error))?;
    loop {
        let row = match direction {
            Direction::Ascending => rows.next(),
            Direction::Descending => rows.next_back(),
        };
        let Some(row) = row else { return Ok(()) };
        let (key, value) = row.map_err(|error| storage_error("read", error))?;
        if !f(key.value(), value.value())? {
            return Ok(());
        }
    }
}

/// Tables without rows.
#[cfg(test)]
pub(super) struct Nothing;

#[cfg(test)]
impl TableReader for Nothing {
    fn get(&self, _: Table, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<bool> {
        Ok(false)
    }

    fn scan(&self, _: Table, _: Range<&[u8]>, _: Direction, _: &mut Visit<'_>) -> Result<()> {
        Ok(())
    }
}
