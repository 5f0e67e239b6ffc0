//! Scans that several threads work on: this thread reads the rows and takes the results in the order of the rows; in
//! between, each row is worked on by any thread. So the outcome is that of one thread.
//!
//! The threads live within one scan. Does not know the work.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use crate::storage::failure::contained;
use crate::storage::tables::{Direction, Table, TableReader};
use crate::types::error::Result;

/// Rows that a thread works on at a time. A scan of fewer rows needs no other thread.
const ROWS: usize = if cfg!(test) { 8 } else { 512 };
/// Batches that may wait, for each thread.
const WAITING: usize = 8;
/// Batches that are worked on before their turn.
const AHEAD: usize = 32;
/// More threads would wait for this one.
const MOST: usize = 4;

/// The number of threads that a check uses, this one included.
pub(super) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST)
}

/// A row, its key and its value.
type Row = (Box<[u8]>, Box<[u8]>);

/// The work on a row: its key and its value. Any thread does it.
pub(super) type Work<'a, T> = dyn Fn(&[u8], &[u8]) -> T + Sync + 'a;

/// Receives the rows in their order: the key, the value, and the result of the work.
pub(super) type Take<'a, T> = dyn FnMut(&[u8], &[u8], T) -> Result<()> + 'a;

/// Rows with the results of their work.
struct Done<T> {
    rows: Vec<Row>,
    results: Vec<Result<T>>,
}

/// The batches of one scan.
struct Batches<T> {
    state: Mutex<State<T>>,
    /// Notified when a batch waits, and at the end.
    waiting: Condvar,
    /// Notified when a batch is done.
    done: Condvar,
}

struct State<T> {
    waiting: VecDeque<(u64, Vec<Row>)>,
    done: BTreeMap<u64, Done<T>>,
    ended: bool,
}

/// Passes the rows of a range to `take` in their order, each with the result of `work` on it. A panic of `work` is an
/// error, as one of the scan.
pub(super) fn scan<T: Send>(
    source: &(dyn TableReader + Sync),
    (table, range): (Table, Range<&[u8]>),
    threads: usize,
    work: &Work<'_, Result<T>>,
    take: &mut Take<'_, Result<T>>,
) -> Result<()> {
    if threads <= 1 {
        return source.scan(table, range, Direction::Ascending, &mut |row_key, value| {
            take(row_key, value, contained(|| work(row_key, value)))?;
            Ok(true)
        });
    }
    let batches = Batches {
        state: Mutex::new(State { waiting: VecDeque::new(), done: BTreeMap::new(), ended: false }),
        waiting: Condvar::new(),
        done: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let _end = End(&batches);
        let mut reader =
            Reader { batches: &batches, scope, helpers: None, work, take, taking: false, given: 0, taken: 0 };
        let (mut rows, mut refused) = (Vec::with_capacity(ROWS), None);
        let scanned = contained(|| {
            source.scan(table, range, Direction::Ascending, &mut |row_key, value| {
                rows.push((row_key.into(), value.into()));
                if rows.len() == ROWS
                    && let Err(error) = reader.give(std::mem::replace(&mut rows, Vec::with_capacity(ROWS)), threads - 1)
                {
                    refused = Some(error);
                }
                Ok(refused.is_none())
            })
        });
        if let Some(error) = refused {
            return Err(error);
        }
        if reader.taking {
            return scanned;
        }
        // The rows before the end of the scan come before its error.
        reader.finish(rows)?;
        scanned
    })
}

/// The thread that reads the rows and takes the results.
struct Reader<'scope, 'env, 'a, T> {
    batches: &'scope Batches<T>,
    scope: &'scope Scope<'scope, 'env>,
    /// The number of other threads, once there is a batch for them.
    helpers: Option<usize>,
    work: &'scope Work<'scope, Result<T>>,
    take: &'a mut Take<'a, Result<T>>,
    /// Whether `take` runs, or has panicked.
    taking: bool,
    given: u64,
    taken: u64,
}

impl<T: Send> Reader<'_, '_, '_, T> {
    /// Gives a batch to the other threads, or works on it if they have enough. Takes the results that are in turn.
    fn give(&mut self, rows: Vec<Row>, helpers: usize) -> Result<()> {
        let helpers = match self.helpers {
            Some(helpers) => helpers,
            None => self.start(helpers),
        };
        let number = self.given;
        self.given += 1;
        let mut state = self.batches.state();
        if state.waiting.len() < WAITING * helpers {
            state.waiting.push_back((number, rows));
            drop(state);
            self.batches.waiting.notify_one();
        } else {
            drop(state);
            self.batches.work_on(number, rows, self.work);
        }
        self.take_until(|reader, state| !state.done.contains_key(&reader.taken) && state.done.len() <= AHEAD)
    }

    /// Starts the other threads. The system may refuse some.
    fn start(&mut self, helpers: usize) -> usize {
        let (batches, work) = (self.batches, self.work);
        let start = |_: &usize| Builder::new().spawn_scoped(self.scope, move || batches.help(work)).is_ok();
        let started = (0..helpers).filter(start).count();
        self.helpers = Some(started);
        started
    }

    /// Works on the last rows, and takes all results.
    fn finish(&mut self, rows: Vec<Row>) -> Result<()> {
        let number = self.given;
        self.given += 1;
        self.batches.work_on(number, rows, self.work);
        self.take_until(|reader, _| reader.taken == reader.given)
    }

    /// Takes results in their order until `is_enough`. Works on a batch that waits if the next result is not there.
    fn take_until(&mut self, is_enough: impl Fn(&Self, &State<T>) -> bool) -> Result<()> {
        let batches = self.batches;
        let mut state = batches.state();
        while !is_enough(self, &state) {
            if let Some(Done { rows, results }) = state.done.remove(&self.taken) {
                drop(state);
                self.taken += 1;
                self.taking = true;
                for ((row_key, value), result) in rows.into_iter().zip(results) {
                    (self.take)(&row_key, &value, result)?;
                }
                self.taking = false;
                state = batches.state();
            } else if let Some((number, rows)) = state.waiting.pop_front() {
                drop(state);
                batches.work_on(number, rows, self.work);
                state = batches.state();
            } else {
                state = batches.done.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
        Ok(())
    }
}

impl<T: Send> Batches<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_on(&self, number: u64, rows: Vec<Row>, work: &Work<'_, Result<T>>) {
        let results = rows.iter().map(|(row_key, value)| contained(|| work(row_key, value))).collect();
        self.state().done.insert(number, Done { rows, results });
        self.done.notify_one();
    }

    /// Another thread: works on batches until the end.
    fn help(&self, work: &Work<'_, Result<T>>) {
        let mut state = self.state();
        while !state.ended {
            if let Some((number, rows)) = state.waiting.pop_front() {
                drop(state);
                self.work_on(number, rows, work);
                state = self.state();
            } else {
                state = self.waiting.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
        }
    }
}

/// Ends the other threads, in a panic too: the scope waits for them.
struct End<'a, T>(&'a Batches<T>);

impl<T> Drop for End<'_, T> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.0.waiting.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::thread::ThreadId;

    use super::*;
    use crate::storage::tables::Visit;
    use crate::types::error::ErrorDetail;

    /// A table of this many rows. Its scan panics at one of them.
    struct Numbered(u32, Option<u32>);

    impl TableReader for Numbered {
        fn get(&self, _: Table, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<bool> {
            Ok(false)
        }

        fn scan(&self, _: Table, _: Range<&[u8]>, _: Direction, f: &mut Visit<'_>) -> Result<()> {
            for number in 0..self.0 {
                assert!(self.1 != Some(number), "a damaged page");
                if !f(&number.to_be_bytes(), b"value")? {
                    break;
                }
            }
            Ok(())
        }
    }

    /// The rows that were taken, with their results, and the result of the scan; and the threads that worked.
    fn scanned(
        table: &Numbered,
        threads: usize,
        fails: impl Fn(u32) -> bool + Sync,
        stops: Option<u32>,
    ) -> (Vec<(u32, String)>, String, HashSet<ThreadId>) {
        let (mut taken, seen) = (Vec::new(), Mutex::new(HashSet::new()));
        let number = |row_key: &[u8]| u32::from_be_bytes(row_key.try_into().unwrap());
        let work = |row_key: &[u8], _: &[u8]| {
            seen.lock().unwrap().insert(std::thread::current().id());
            assert!(number(row_key) != 5_000, "a damaged row");
            if fails(number(row_key)) {
                Err(ErrorDetail::corrupt("a row", "wrong").into())
            } else {
                Ok(number(row_key))
            }
        };
        let mut take = |row_key: &[u8], _: &[u8], result: Result<u32>| {
            taken.push((number(row_key), format!("{result:?}")));
            if stops == Some(number(row_key)) { Err(ErrorDetail::RecoveryNeeded.into()) } else { Ok(()) }
        };
        let all: Range<&[u8]> = &[]..&[0xff];
        let result = contained(|| scan(table, (Table::Log, all), threads, &work, &mut take));
        (taken, format!("{result:?}"), seen.into_inner().unwrap())
    }

    #[test]
    fn rows_are_taken_in_order_with_their_results_on_any_number_of_threads() {
        for rows in [0, 1, 7, 8, 9, 500, 6_000] {
            for (panics, stops) in [(None, None), (Some(rows * 2 / 3), None), (None, Some(rows / 2))] {
                let table = Numbered(rows, panics);
                let one = scanned(&table, 1, |number| number % 70 == 3, stops);
                for threads in [2, 4] {
                    let several = scanned(&table, threads, |number| number % 70 == 3, stops);
                    assert_eq!((&several.0, &several.1), (&one.0, &one.1), "{rows} rows, {threads} threads");
                }
            }
        }
    }

    #[test]
    fn other_threads_work_on_a_long_scan_only_and_end_with_it() {
        assert_eq!(scanned(&Numbered(7, None), 4, |_| false, None).2.len(), 1);
        let work = |number| {
            std::thread::sleep(std::time::Duration::from_micros(number as u64 % 2));
            false
        };
        assert!(scanned(&Numbered(4_000, None), 2, work, None).2.len() > 1);
        // A panic of the thread that takes the results ends them too: otherwise this test would not end.
        let all: Range<&[u8]> = &[]..&[0xff];
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut take = |_: &[u8], _: &[u8], _: Result<()>| -> Result<()> { panic!("while taking") };
            scan(&Numbered(4_000, None), (Table::Log, all), 3, &|_, _| Ok(()), &mut take)
        }));
        assert!(panicked.unwrap().unwrap_err().to_string().contains("while taking"));
    }
}
