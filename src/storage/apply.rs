//! Writes a batch into the tables of a transaction, in the order of the keys.
//!
//! Uses redb's cursor for runs of new rows: it fills pages one after the other, and is two to three times as fast as
//! single inserts in a large batch.

use std::collections::BTreeMap;
use std::ops::Bound;

use redb::CursorError;

use super::batch::{Batch, Change};
use super::failure::storage_error;
use super::tables::{Bytes, Table, WriteTables};
use crate::types::error::Result;

/// Fewer rows are inserted singly: moving the cursor costs more than it saves.
const MANY: usize = 32;

impl Batch {
    /// Writes all changes into `tables`.
    pub(super) fn apply(&self, tables: &mut WriteTables<'_>) -> Result<()> {
        for table in Table::ALL {
            let rows = self.rows(table);
            let applied = if rows.len() < MANY {
                rows.iter().try_for_each(|(key, change)| put(tables.table(table), key, change))
            } else {
                put_runs(tables.table(table), rows)
            };
            applied.map_err(|error| storage_error("write", error))?;
        }
        Ok(())
    }
}

/// Writes one change.
fn put(table: &mut redb::Table<'_, Bytes, Bytes>, key: &[u8], change: &Change) -> Result<(), redb::StorageError> {
    match change {
        Some(value) => table.insert(key, value.as_slice()).map(drop),
        None => table.remove(key).map(drop),
    }
}

/// Writes the changes, runs of new rows at once.
fn put_runs(
    table: &mut redb::Table<'_, Bytes, Bytes>,
    rows: &BTreeMap<Vec<u8>, Change>,
) -> Result<(), redb::StorageError> {
    let mut rows = rows.iter().peekable();
    while let Some(&(key, change)) = rows.peek() {
        if let Some(value) = change {
            // The run goes on while each key is new and nothing in the table lies between it and the key before.
            let mut cursor = table.lower_bound_mut(Bound::Included(key.as_slice()))?;
            let mut next = Some((key, value));
            while let Some((key, value)) = next {
                match cursor.insert_before(key.as_slice(), value.as_slice()) {
                    Ok(()) => {}
                    Err(CursorError::Storage(error)) => return Err(error),
                    // The row exists, or lies beyond the next row of the table.
                    Err(_) => break,
                }
                rows.next();
                next = rows.peek().and_then(|&(key, change)| Some((key, change.as_ref()?)));
            }
            cursor.close()?;
        }
        if let Some((key, change)) = rows.next() {
            put(table, key, change)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use redb::backends::InMemoryBackend;

    use crate::storage::batch::Batch;
    use crate::storage::tables::{Direction, Table, TableReader, TableWriter, WriteTables};

    fn rows(tables: &WriteTables<'_>, table: Table) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut rows = BTreeMap::new();
        let all: std::ops::Range<&[u8]> = &[]..&[u8::MAX; 4];
        tables
            .scan(table, all, Direction::Ascending, &mut |key, value| {
                rows.insert(key.to_vec(), value.to_vec());
                Ok(true)
            })
            .unwrap();
        rows
    }

    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(0_u8..8, 1..4)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// A batch of any size, in runs and singly, has the effect of its changes on a map.
        #[test]
        fn a_batch_has_the_effect_of_its_changes(
            before in btree_map(key(), vec(any::<u8>(), 0..3), 0..60),
            changes in btree_map(key(), proptest::option::weighted(0.8, vec(any::<u8>(), 0..3)), 0..150),
        ) {
            let database = redb::Database::builder().create_with_backend(InMemoryBackend::new()).unwrap();
            let transaction = database.begin_write().unwrap();
            let mut tables = WriteTables::open(&transaction).unwrap();
            let (mut model, mut batch) = (before.clone(), Batch::default());
            for (key, value) in before {
                tables.put(Table::Log, key, value).unwrap();
            }
            for (key, change) in changes {
                match &change {
                    Some(value) => drop(model.insert(key.clone(), value.clone())),
                    None => drop(model.remove(&key)),
                }
                batch.change(Table::Log, key, change);
            }
            batch.apply(&mut tables).unwrap();
            prop_assert_eq!(rows(&tables, Table::Log), model);
            prop_assert!(rows(&tables, Table::Index).is_empty());
        }
    }
}
