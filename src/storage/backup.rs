//! Backs a store up: copies one committed state into a new file while writes go on, and verifies the copy before the file
//! gets its name.
//!
//! Copies rows and does not interpret them: the verification does.

use std::ops::Bound;
use std::path::Path;

use redb::{CursorError, WriteTransaction};

use super::failure::{contained, storage_error};
use super::file::create::{Named, Unfinished, remove_left_over, removed};
use super::file::format::marked;
use super::file::handle::{database_error, io_error, is_taken};
use super::index::key;
use super::tables::{ReadTables, Table, WriteTables};
use super::{Forget, Location, OpenOptions, Report, Storage};
use crate::types::concurrency::Concurrency;
use crate::types::environment::Environment;
use crate::types::error::{ErrorDetail, Result};
use crate::types::progress::{Watch, Work};

/// Bytes of rows that are read at once.
const CHUNK: usize = 1 << 20;
/// The page cache of the verification, in bytes.
const PAGE_CACHE: usize = 16 << 20;

/// A row.
type KeyAndValue = (Vec<u8>, Vec<u8>);

impl Storage {
    /// Copies the newest committed state into a new file at `path`. Returns the bytes of the file, and the report of the
    /// verification of the copy.
    pub(crate) fn backup(&self, path: &Path, environment: &Environment, watch: Watch<'_>) -> Result<(u64, Report)> {
        span!(INFO, "backup", store = self.place(), into = path.display());
        if is_taken(path)? {
            return Err(ErrorDetail::FileExists { path: path.display().to_string() }.into());
        }
        remove_left_over(path);
        // Keeps the state, and the file open.
        let (_opened, tables) = self.begin_read()?;
        let action = format!("{ACTION} `{}`", path.display());
        let file = Unfinished::new(path, ACTION)?;
        let options = OpenOptions {
            page_cache: PAGE_CACHE,
            create: false,
            restores: false,
            replica: false,
            observer: None,
            ..self.options.clone()
        };
        let Some(mut database) = contained(|| file.database(&options))? else {
            return Err(removed(ACTION, path));
        };
        let transaction = contained(|| database.begin_write().map_err(|error| storage_error(action.as_str(), error)))?;
        self.copy_rows(&tables, &action, transaction, watch)?;
        contained(|| {
            // The storage engine grows a file ahead of its rows.
            database.compact().map_err(|error| storage_error(action.as_str(), error))?;
            database.close().map_err(|error| database_error(ACTION, path, error))
        })?;
        if !file.lock_to_read() {
            return Err(removed(ACTION, path));
        }
        let options = OpenOptions { read_only: true, concurrency: Concurrency::Exclusive, ..options };
        let temporary = file.temporary_path().to_owned();
        let bytes = temporary.metadata().map_err(|error| io_error(ACTION, path, error))?.len();
        let copy = Storage::open(Location::File(temporary), options, 0, Forget::nothing(), environment)
            .map_err(|error| ErrorDetail::failed(action, error))?;
        let report = copy.verify(watch)?;
        drop(copy);
        if let Some(finding) = report.findings.first() {
            return Err(ErrorDetail::corrupt("the backup", format_args!("{finding}: run `verify` on the store")).into());
        }
        match file.give_name()? {
            Named::Given => Ok((bytes, report)),
            Named::Taken => Err(ErrorDetail::FileExists { path: path.display().to_string() }.into()),
            Named::Removed => Err(removed(ACTION, path)),
        }
    }

    /// Copies all rows in one commit. Reads and writes alternate, so that a failure of the new file is not taken for one of
    /// the store.
    fn copy_rows(
        &self,
        from: &ReadTables,
        action: &str,
        mut transaction: WriteTransaction,
        watch: Watch<'_>,
    ) -> Result<()> {
        transaction.set_two_phase_commit(true);
        let rows = Table::ALL.into_iter().map(|table| self.failed.guard(|| from.len(table))).sum::<Result<u64>>()?;
        let steps = watch.begin(Work::Backup, rows)?;
        for table in Table::ALL {
            let mut last: Option<Vec<u8>> = None;
            loop {
                let chunk = self.failed.guard(|| from.rows_after(table, last.as_deref(), CHUNK))?;
                let Some((key, _)) = chunk.last() else { break };
                last = Some(key.clone());
                contained(|| append(&transaction, action, table, &chunk))?;
                steps.add(u64::try_from(chunk.len()).unwrap_or(u64::MAX))?;
            }
        }
        contained(|| {
            // A table without rows exists, too.
            WriteTables::open(&transaction).map_err(|error| storage_error(action, error))?;
            transaction.commit().map_err(|error| storage_error(action, error))
        })?;
        steps.end()
    }
}

const ACTION: &str = "back up to";

/// Adds rows behind those of the table.
fn append(transaction: &WriteTransaction, action: &str, table: Table, rows: &[KeyAndValue]) -> Result<()> {
    let mut tables = WriteTables::open(transaction).map_err(|error| storage_error(action, error))?;
    let failed = |error: redb::StorageError| storage_error(action, error);
    let mut cursor = tables.table(table).upper_bound_mut(Bound::<&[u8]>::Unbounded).map_err(failed)?;
    for (row_key, value) in rows {
        let value = match (table, row_key.as_slice()) {
            (Table::Meta, key::META_FORMAT) => &marked(value)?,
            _ => value,
        };
        cursor.insert_before(row_key.as_slice(), value.as_slice()).map_err(|error| match error {
            CursorError::Storage(error) => failed(error),
            _ => ErrorDetail::corrupt(format_args!("table {table:?}"), "rows are out of order").into(),
        })?;
    }
    cursor.close().map_err(failed)
}
