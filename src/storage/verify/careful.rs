//! Reads for `verify`: every row of a scan must be in order, and a lookup by its key must find it. A damaged key in an
//! inner page misdirects lookups but not scans, so scans alone would miss the damage.

use std::cell::RefCell;
use std::ops::Range;

use super::spread;
use crate::record::LogEntry;
use crate::storage::tables::{Direction, Table, TableReader, Visit};
use crate::storage::walk::{Step, Walk};
use crate::types::error::{ErrorKind, Result};

/// A misplaced row.
pub(in crate::storage) struct Misplaced {
    pub table: Table,
    pub key: Vec<u8>,
    pub problem: String,
}

/// Tables that check each row of a scan again.
pub(in crate::storage) struct Careful<'a> {
    source: &'a (dyn TableReader + Sync),
    /// The number of threads that work on a long scan.
    threads: usize,
    found: RefCell<Vec<Misplaced>>,
}

impl<'a> Careful<'a> {
    pub(in crate::storage) fn new(source: &'a (dyn TableReader + Sync), threads: usize) -> Self {
        Self { source, threads, found: RefCell::default() }
    }

    /// The misplaced rows since the last call.
    pub(in crate::storage) fn take(&self) -> Vec<Misplaced> {
        self.found.take()
    }

    fn note(&self, table: Table, key: &[u8], problem: impl Into<String>) {
        self.found.borrow_mut().push(Misplaced { table, key: key.to_vec(), problem: problem.into() });
    }

    /// Scans a range on several threads. Passes each row to `take`, in order, with the result of `work` on it.
    pub(in crate::storage) fn scan_with<T: Send>(
        &self,
        table: Table,
        range: Range<&[u8]>,
        work: &spread::Work<'_, T>,
        take: &mut spread::Take<'_, T>,
    ) -> Result<()> {
        let (source, mut order) = (self.source, InOrder::default());
        let work = |row_key: &[u8], value: &[u8]| {
            let problem = look_up(source, table, row_key, value)?;
            Ok((problem, work(row_key, value)))
        };
        spread::scan(source, (table, range), self.threads, &work, &mut |row_key, value, worked| {
            self.note_order(table, &mut order, row_key, Direction::Ascending);
            let (problem, worked) = worked?;
            problem.into_iter().for_each(|problem| self.note(table, row_key, problem));
            take(row_key, value, worked)
        })
    }

    /// Walks a log on several threads.
    pub(in crate::storage) fn walk(
        &self,
        mut walk: Walk<'_>,
        visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
    ) -> Result<()> {
        let range = walk.range();
        let range = range.start.as_slice()..range.end.as_slice();
        // The walk reads a damaged entry again, for its problem.
        let read = |_: &[u8], value: &[u8]| LogEntry::from_stored(value).ok();
        self.scan_with(Table::Log, range, &read, &mut |row_key, value, read| walk.row(row_key, value, read, visit))?;
        walk.end(visit)
    }

    fn note_order(&self, table: Table, order: &mut InOrder, row_key: &[u8], direction: Direction) {
        if !order.follows(row_key, direction) {
            self.note(table, row_key, "row is out of order");
        }
    }
}

/// The problem with the look-up of a row by its key.
fn look_up(source: &dyn TableReader, table: Table, key: &[u8], value: &[u8]) -> Result<Option<String>> {
    let mut same = false;
    match source.get(table, key, &mut |found| same = found == value) {
        Ok(true) if same => Ok(None),
        Ok(true) => Ok(Some("lookup by key finds a different row".to_owned())),
        Ok(false) => Ok(Some("lookup by key finds no row".to_owned())),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The order of the rows of a scan.
#[derive(Default)]
struct InOrder(Option<Vec<u8>>);

impl InOrder {
    /// Whether `key` comes after the row before it.
    fn follows(&mut self, key: &[u8], direction: Direction) -> bool {
        let in_order = self.0.as_deref().is_none_or(|before| match direction {
            Direction::Ascending => before < key,
            Direction::Descending => before > key,
        });
        let kept = self.0.get_or_insert_default();
        kept.clear();
        kept.extend_from_slice(key);
        in_order
    }
}

impl TableReader for Careful<'_> {
    fn get(&self, table: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
        self.source.get(table, key, f)
    }

    fn scan(&self, table: Table, range: Range<&[u8]>, direction: Direction, f: &mut Visit<'_>) -> Result<()> {
        let mut order = InOrder::default();
        self.source.scan(table, range, direction, &mut |key, value| {
            self.note_order(table, &mut order, key, direction);
            look_up(self.source, table, key, value)?.into_iter().for_each(|problem| self.note(table, key, problem));
            f(key, value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::index::row::Head;
    use crate::storage::key;
    use crate::storage::walk::walk;
    use crate::types::id::LogId;

    /// A damaged table: its scan returns `rows`, and a lookup does not find the keys in `unfound`.
    struct Damaged {
        rows: Vec<(Vec<u8>, Vec<u8>)>,
        unfound: Vec<Vec<u8>>,
    }

    impl TableReader for Damaged {
        fn get(&self, _: Table, key: &[u8], f: &mut dyn FnMut(&[u8])) -> Result<bool> {
            let row = self.rows.iter().find(|(known, _)| known == key && !self.unfound.contains(known));
            Ok(row.map(|(_, value)| f(value)).is_some())
        }

        fn scan(&self, _: Table, _: Range<&[u8]>, _: Direction, f: &mut Visit<'_>) -> Result<()> {
            self.rows.iter().try_for_each(|(key, value)| f(key, value).map(drop))
        }
    }

    fn damaged(keys: &[&[u8]], unfound: &[&[u8]]) -> Damaged {
        let rows = keys.iter().map(|key| (key.to_vec(), key.to_vec())).collect();
        Damaged { rows, unfound: unfound.iter().map(|key| key.to_vec()).collect() }
    }

    fn found(source: &Damaged) -> Vec<(Vec<u8>, String)> {
        let careful = Careful::new(source, 1);
        let all: (&[u8], &[u8]) = (&[], &[0xff]);
        careful.scan(Table::Index, all.0..all.1, Direction::Ascending, &mut |_, _| Ok(true)).unwrap();
        careful.take().into_iter().map(|misplaced| (misplaced.key, misplaced.problem)).collect()
    }

    #[test]
    fn every_row_of_a_scan_is_looked_up_and_lies_in_its_order() {
        assert_eq!(found(&damaged(&[b"a", b"b", b"c"], &[])), []);
        let unfound = "lookup by key finds no row".to_owned();
        assert_eq!(found(&damaged(&[b"a", b"b", b"c"], &[b"b"])), [(b"b".to_vec(), unfound)]);
        let out_of_order = "row is out of order".to_owned();
        assert_eq!(found(&damaged(&[b"a", b"c", b"b"], &[])), [(b"b".to_vec(), out_of_order.clone())]);
        let doubled = found(&damaged(&[b"a", b"a"], &[]));
        assert_eq!(doubled, [(b"a".to_vec(), out_of_order)]);
        let mut other = damaged(&[b"a"], &[]);
        other.rows.insert(0, (b"a".to_vec(), b"other".to_vec()));
        assert_eq!(found(&other).len(), 2, "its order, and another value");
    }

    /// The position is correct in both cases; the log number is not.
    #[test]
    fn a_walk_compares_the_log_in_the_key_of_each_row() {
        let head = Head { length: 1, ..Head::empty(LogId([1; 16])) };
        let problems = |log| {
            let source = damaged(&[&key::entry(log, 0)], &[]);
            let mut problems = Vec::new();
            let walked = walk(&source, 7, &head, &mut |step| {
                problems.push(match step {
                    Step::Entry(_) => "an entry".to_owned(),
                    Step::BadEntry(position, _) => format!("entry {position}"),
                    Step::BadLog(problem) => problem,
                });
                Ok(())
            });
            walked.unwrap();
            problems
        };
        assert_eq!(problems(7)[0], "entry 0");
        assert_eq!(problems(3)[0], "row 000000030000000000000000 is out of place");
    }
}
