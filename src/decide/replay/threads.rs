//! Threads of a replay: the thread of the call reads batches, and any thread works on them. The threads end with the call.
//!
//! Does not know the work.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};

use crate::types::error::{Error, ErrorDetail, Result};

/// Batches that may wait, for each thread.
const WAITING: usize = 2;
/// Address space of a thread's stack, so that no decision makes a stack of its own.
const STACK: usize = 32 * 1024 * 1024;

struct Queue<B> {
    state: Mutex<State<B>>,
    /// Notified when a batch waits, and at the end.
    changed: Condvar,
}

struct State<B> {
    waiting: VecDeque<B>,
    ended: bool,
    /// The first error of a thread. It ends all.
    failed: Option<Error>,
}

impl<B> Queue<B> {
    fn state(&self) -> MutexGuard<'_, State<B>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next batch of the input; none at its end, or when a thread has failed.
    fn read(&self, read: impl FnOnce() -> Result<Option<B>>) -> Result<Option<B>> {
        let has_failed = self.state().failed.is_some();
        if has_failed { Ok(None) } else { read() }
    }

    /// Lets a batch wait for any thread, or gives it back if `most` are waiting.
    fn give(&self, batch: B, most: usize) -> Option<B> {
        let mut state = self.state();
        if state.waiting.len() >= most {
            return Some(batch);
        }
        state.waiting.push_back(batch);
        drop(state);
        self.changed.notify_one();
        None
    }

    fn fail(&self, error: Error) {
        let mut state = self.state();
        state.failed.get_or_insert(error);
        state.waiting.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// The next batch; none when there will be no more.
    fn next(&self) -> Option<B> {
        let mut state = self.state();
        loop {
            if let Some(batch) = state.waiting.pop_front() {
                return Some(batch);
            }
            if state.ended || state.failed.is_some() {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Ends the threads, also after a panic of the reader.
struct End<'a, B>(&'a Queue<B>);

impl<B> Drop for End<'_, B> {
    fn drop(&mut self) {
        self.0.state().ended = true;
        self.0.changed.notify_all();
    }
}

/// Works on the batches that `read` gives, on up to `threads` threads with a state of their own each, and returns the states.
/// The first error of any thread ends the work.
pub(super) fn run<B: Send, T: Default + Send>(
    threads: usize,
    mut read: impl FnMut() -> Result<Option<B>>,
    work: impl Fn(&mut T, B) -> Result<()> + Sync,
) -> Result<Vec<T>> {
    let queue = Queue {
        state: Mutex::new(State { waiting: VecDeque::new(), ended: false, failed: None }),
        changed: Condvar::new(),
    };
    std::thread::scope(|scope| {
        let end = End(&queue);
        let helpers: Vec<_> = (1..threads).filter_map(|_| start(scope, &queue, &work)).collect();
        let mut own = T::default();
        let all = || {
            while let Some(batch) = queue.read(&mut read)? {
                if let Some(batch) = queue.give(batch, WAITING * helpers.len()) {
                    work(&mut own, batch)?;
                }
            }
            drop(end);
            while let Some(batch) = queue.next() {
                work(&mut own, batch)?;
            }
            Ok(())
        };
        if let Err(error) = all() {
            queue.fail(error);
        }
        let mut states = vec![own];
        for helper in helpers {
            let ended = helper.join();
            states.push(ended.map_err(|_| ErrorDetail::failed("replay decisions", "a thread panicked"))?);
        }
        queue.state().failed.take().map_or(Ok(states), Err)
    })
}

type Helper<'scope, T> = std::thread::ScopedJoinHandle<'scope, T>;

/// Starts a thread. None if the system refuses it.
fn start<'scope, B: Send, T: Default + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    queue: &'scope Queue<B>,
    work: &'scope (impl Fn(&mut T, B) -> Result<()> + Sync),
) -> Option<Helper<'scope, T>> {
    let help = move || {
        let mut own = T::default();
        while let Some(batch) = queue.next() {
            if let Err(error) = work(&mut own, batch) {
                queue.fail(error);
                break;
            }
        }
        own
    };
    Builder::new().stack_size(STACK).spawn_scoped(scope, help).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Works on the numbers below 1,000.
    fn sum(threads: usize, refused: Option<u64>, read: Option<u64>) -> Result<Vec<Vec<u64>>> {
        let mut next = 0..1_000;
        let stop = || ErrorDetail::failed("test", "stop").into();
        let read = || match next.next() {
            Some(number) if Some(number) == read => Err(stop()),
            number => Ok(number),
        };
        run(threads, read, |seen: &mut Vec<u64>, number| {
            seen.push(number);
            if Some(number) == refused { Err(stop()) } else { Ok(()) }
        })
    }

    #[test]
    fn each_batch_is_worked_on_once_by_any_number_of_threads() {
        for threads in [1, 2, 5] {
            let states = sum(threads, None, None).unwrap();
            assert_eq!(states.len(), threads);
            let mut all = states.concat();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..1_000));
        }
    }

    #[test]
    fn the_first_error_of_a_thread_or_of_the_reader_ends_all() {
        for threads in [1, 2, 5] {
            assert_eq!(sum(threads, Some(500), None).unwrap_err().code(), "storage");
            assert_eq!(sum(threads, Some(999), None).unwrap_err().code(), "storage");
            assert_eq!(sum(threads, None, Some(500)).unwrap_err().code(), "storage");
        }
    }
}
