//! Rebuilds: drops all index and witness rows, and derives them again from the logs.
//!
//! Refuses a log that contradicts its head: rows derived from it would be outdated or wrong.

use std::collections::BTreeMap;

use super::Storage;
use super::cache::RecordCache;
use super::index::derive::GENERATION;
use super::index::key::{self, STORE_LOG};
use super::index::replay::{Replay, log_numbers};
use super::index::row::IndexRow;
use super::snapshot::Snapshot;
use super::tables::{Direction, Table, TableReader, TableWriter, WriteTables};
use super::walk::{refuse, walk};
use super::zones::{Zones, check_erased};
use crate::record::{ContentId, Plain};
use crate::types::error::Result;
use crate::types::progress::{Watch, Work};

impl Storage {
    /// Drops and derives all index and witness rows, in one write.
    pub(crate) fn rebuild_indexes(&self, watch: Watch<'_>) -> Result<()> {
        span!(INFO, "rebuild", store = self.place());
        let _writer = self.lock_writer_alone()?;
        // Allowed after damage was found: a rebuild reads no index row.
        let opened = self.opened()?;
        self.check_writable(&opened)?;
        self.check_file(&opened)?;
        self.commit_tables(&opened, |tables| rebuild_in(tables, &opened.cache, watch))?;
        self.failed.forget_damage();
        Ok(())
    }

    /// Rebuilds if the file has another generation of index rows.
    pub(super) fn refresh_index(&self) -> Result<()> {
        if self.options.read_only {
            return self.read(|snapshot| self.check_generation(snapshot));
        }
        let row = self.read(|snapshot| snapshot.meta::<IndexRow>(key::META_INDEX))?;
        if row == Some(IndexRow { generation: GENERATION }) { Ok(()) } else { self.rebuild_indexes(Watch::NONE) }
    }
}

fn rebuild_in(tables: &mut WriteTables<'_>, cache: &RecordCache, watch: Watch<'_>) -> Result<()> {
    let steps = watch.begin(Work::Rebuild, tables.len(Table::Log)?)?;
    let snapshot = Snapshot::new(&*tables, cache, None);
    let (heads, may_lack) = (snapshot.heads()?, snapshot.may_lack_logs()?);
    let mut zones = Zones::default();
    tables.clear_index()?;
    let (contents, doubled) = numbers_of_content(&*tables)?;
    for number in doubled {
        tables.remove(Table::Content, &key::content(number))?;
    }
    for (id, number) in &contents {
        tables.put(Table::Addresses, key::address(&id.key(), *number), Vec::new())?;
    }
    let log_numbers = log_numbers(&*tables, &heads)?;
    // The store's log comes first.
    for (log, head) in heads {
        if let Some(erased) = zones.erased(head.log_id) {
            check_erased(&*tables, (log, &head), erased, may_lack)?;
            continue;
        }
        let mut replay = Replay::new(log_numbers.clone());
        walk(&*tables, log, &head, &mut |step| {
            let recorded = refuse(log, step)?;
            steps.add(1)?;
            let forms = recorded.body.forms().and_then(|id| contents.get(&id).copied());
            replay.entry(None, log, recorded, forms)?;
            if log == STORE_LOG { zones.take(recorded) } else { Ok(()) }
        })?;
        for (row_key, value) in replay.rows {
            tables.put(Table::Index, row_key, value)?;
        }
        for (meta_key, value) in replay.witnesses {
            tables.put(Table::Meta, meta_key, value)?;
        }
    }
    tables.put_meta(key::META_INDEX, &IndexRow { generation: GENERATION })?;
    steps.end()
}

/// The numbers of all intact content, by its hashes; and those of content that is stored a second time, since its
/// address was lost.
fn numbers_of_content(source: &dyn TableReader) -> Result<(BTreeMap<ContentId, u64>, Vec<u64>)> {
    let (mut numbers, mut doubled) = (BTreeMap::new(), Vec::new());
    source.scan(Table::Content, key::ALL_CONTENT, Direction::Ascending, &mut |row_key, value| {
        if let (Some(number), Ok(plain)) = (key::content_number(row_key), Plain::unpack(value))
            && *numbers.entry(plain.id()).or_insert(number) != number
        {
            doubled.push(number);
        }
        Ok(true)
    })?;
    Ok((numbers, doubled))
}
