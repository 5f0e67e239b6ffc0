//! The part of `verify` about rows: each is in its place and matches the logs, and no row or content is without an
//! owner.

use std::collections::BTreeMap;
use std::ops::Range;

use super::careful::Misplaced;
use super::check::Check;
use super::compare::compare;
use super::report::Place;
use crate::storage::index::key::{self, LogNumber, STORE_LOG};
use crate::storage::tables::{Direction, Table, TableReader};
use crate::types::error::Result;
use crate::types::hash::hex;

impl Check<'_> {
    /// Reports misplaced rows.
    pub(in crate::storage) fn misplaced(&mut self) {
        for Misplaced { table, key: row_key, problem } in self.source.take() {
            let place = match table {
                Table::Meta => Place::Meta,
                Table::Content => key::content_number(&row_key).map_or(Place::Meta, |number| Place::Content { number }),
                Table::Addresses => Place::Meta,
                Table::Index => {
                    let log = row_key.first_chunk().map_or(STORE_LOG, |log| LogNumber::from_be_bytes(*log));
                    Place::Index { log: self.name(log), key: hex::encode(&row_key) }
                }
                Table::Log => match key::entry_place(&row_key) {
                    Some((log, position)) => Place::Entry { log: self.name(log), position },
                    None => Place::Meta,
                },
            };
            self.find(place, problem);
        }
    }

    pub(in crate::storage) fn compare_rows(
        &mut self,
        log: LogNumber,
        name: &str,
        derived: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<()> {
        let (rows, wrong) = compare(self.source, Table::Index, &key::all_of(log), derived)?;
        self.report.index_rows += rows;
        for (row_key, problem) in wrong {
            self.find(Place::Index { log: name.to_owned(), key: hex::encode(&row_key) }, problem);
        }
        Ok(())
    }

    pub(in crate::storage) fn compare_witnesses(
        &mut self,
        log: LogNumber,
        name: &str,
        derived: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Result<()> {
        let (_, wrong) = compare(self.source, Table::Meta, &key::witnesses(log), derived)?;
        for (row_key, problem) in wrong {
            self.find(Place::Meta, format_args!("row `{}` of log `{name}`: {problem}", row_key.escape_ascii()));
        }
        Ok(())
    }

    /// Reports rows that belong to no log.
    pub(in crate::storage) fn strays(&mut self) -> Result<()> {
        for table in [Table::Log, Table::Index] {
            let mut strays = 0_u64;
            for range in self.between_logs() {
                let range = range.start.as_slice()..range.end.as_slice();
                self.source.scan(table, range, Direction::Ascending, &mut |_, _| {
                    strays += 1;
                    Ok(true)
                })?;
            }
            if strays > 0 {
                self.find(Place::Meta, format_args!("{strays} {table:?} rows belong to no log that has a head"));
            }
        }
        Ok(())
    }

    /// The key ranges between the logs.
    fn between_logs(&self) -> Vec<Range<Vec<u8>>> {
        let mut ranges = Vec::new();
        let mut start = Vec::new();
        for log in self.heads.keys() {
            let of_log = key::all_of(*log);
            ranges.push(start..of_log.start);
            start = of_log.end;
        }
        ranges.push(start..vec![0xff; 5]);
        ranges
    }
}
