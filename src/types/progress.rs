//! How far long work is, and the caller's way to stop it. Does not know the work.

use policy_store_verify::text_enum;
use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::error::{Error, ErrorDetail, Result};

/// The long works of a store.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// The repair and the check at [opening](crate::Builder::observer); unit: percent.
    Open,
    /// [`verify`](crate::PolicyStore::verify); unit: entries and pieces of content.
    /// [`verify_since`](crate::PolicyStore::verify_since); unit: entries.
    Verify,
    /// [`rebuild_indexes`](crate::PolicyStore::rebuild_indexes); unit: entries.
    Rebuild,
    /// [`backup`](crate::PolicyStore::backup); unit: rows.
    Backup,
    /// [`copy_zones`](crate::PolicyStore::copy_zones); unit: entries.
    Copy,
    /// [`compact`](crate::PolicyStore::compact); unit: steps.
    Compact,
    /// [`preflight`](crate::PolicyStore::preflight); unit: texts.
    Preflight,
    /// [`replay_decisions`](crate::PolicyStore::replay_decisions); unit: bytes of the input.
    Replay,
}

text_enum!(Work, "work", {
    Open => "open",
    Verify => "verify",
    Rebuild => "rebuild",
    Backup => "backup",
    Copy => "copy",
    Compact => "compact",
    Preflight => "preflight",
    Replay => "replay",
});

/// How far long work is.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// The work.
    pub work: Work,
    /// The units that are done. [`Work`] names the unit.
    pub done: u64,
    /// All units, as far as they are known: it can change a little. At the last call, `done` is as large.
    pub total: u64,
}

/// The caller's function: it receives the progress, and may stop the work. Threads of the work call it one at a time.
pub(crate) type Observer<'a> = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync + 'a;

/// Calls in a work: at most this many, evenly spread.
const CALLS: u64 = 200;

/// Observes one work. Without a caller's function, it counts nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Watch<'a>(Option<&'a Watcher<'a>>);

/// The caller's function, and its panic: the work must end in order before the panic goes on.
struct Watcher<'a> {
    observer: &'a Observer<'a>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Watch<'a> {
    /// Work that nobody observes.
    pub(crate) const NONE: Self = Self(None);

    /// Runs work that `observer` observes. A panic of the observer goes on when the work has ended.
    pub(crate) fn run<T>(observer: &'a Observer<'a>, work: impl FnOnce(Watch<'_>) -> Result<T>) -> Result<T> {
        let watcher = Watcher { observer, panic: Mutex::default() };
        let result = work(Watch(Some(&watcher)));
        match watcher.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(panic) => resume_unwind(panic),
            None => result,
        }
    }

    /// Begins work of `total` units. Calls the observer with nothing done.
    pub(crate) fn begin(self, work: Work, total: u64) -> Result<Steps<'a>> {
        let steps = Steps {
            watch: self,
            work,
            total: AtomicU64::new(total),
            done: AtomicU64::default(),
            told: Mutex::default(),
            stopped: AtomicBool::default(),
        };
        steps.tell(0)?;
        Ok(steps)
    }
}

/// The units of one work. Several threads can count.
pub(crate) struct Steps<'a> {
    watch: Watch<'a>,
    work: Work,
    total: AtomicU64,
    done: AtomicU64,
    /// The units that the observer was told of last.
    told: Mutex<u64>,
    /// Set when the observer stops the work. It is not called again, and every thread of the work ends.
    stopped: AtomicBool,
}

impl Steps<'_> {
    /// Counts units that are done.
    ///
    /// # Errors
    ///
    /// `stopped`, if the observer stops the work.
    pub(crate) fn add(&self, units: u64) -> Result<()> {
        if self.watch.0.is_none() {
            return Ok(());
        }
        if self.stopped.load(Ordering::Relaxed) {
            return Err(self.stop());
        }
        let done = self.done.fetch_add(units, Ordering::Relaxed) + units;
        // Only a call that crosses a boundary tells, so that millions of small steps cost little.
        let every = (self.total.load(Ordering::Relaxed) / CALLS).max(1);
        if done / every == (done - units) / every { Ok(()) } else { self.tell(done) }
    }

    /// Tells how far the work is while it waits, so that it can be stopped.
    pub(crate) fn wait(&self) -> Result<()> {
        self.tell(self.done.load(Ordering::Relaxed))
    }

    /// Corrects the total: `expected` of its units turn out to be `found`.
    pub(crate) fn correct(&self, expected: u64, found: u64) {
        let corrected = |total: u64| Some(total.saturating_sub(expected).saturating_add(found));
        let _ = self.total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, corrected);
    }

    /// Tells that all is done.
    pub(crate) fn end(&self) -> Result<()> {
        self.tell(self.total.load(Ordering::Relaxed))
    }

    fn tell(&self, done: u64) -> Result<()> {
        let Some(watcher) = self.watch.0 else { return Ok(()) };
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stopped.load(Ordering::Relaxed) {
            return Err(self.stop());
        }
        *told = done.max(*told);
        let total = self.total.load(Ordering::Relaxed).max(*told);
        let progress = Progress { work: self.work, done: *told, total };
        tell(watcher.observer, progress).map_err(|Stop { panic }| {
            if let Some(panic) = panic {
                watcher.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
            }
            self.stop()
        })
    }

    fn stop(&self) -> Error {
        self.stopped.store(true, Ordering::Relaxed);
        ErrorDetail::Stopped { work: self.work }.into()
    }
}

/// The end of a work by its observer.
pub(crate) struct Stop {
    /// The observer's panic, if it did not stop the work in order.
    pub panic: Option<Box<dyn Any + Send>>,
}

/// Tells an observer.
pub(crate) fn tell(observer: &Observer<'_>, progress: Progress) -> Result<(), Stop> {
    match catch_unwind(AssertUnwindSafe(|| observer(progress))) {
        Ok(ControlFlow::Continue(())) => Ok(()),
        Ok(ControlFlow::Break(())) => Err(Stop { panic: None }),
        Err(panic) => Err(Stop { panic: Some(panic) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `steps` steps of one unit, and returns what the observer was told.
    fn told(steps: u64, stop_at: Option<u64>) -> (Result<()>, Vec<(u64, u64)>) {
        let told = Mutex::new(Vec::new());
        let observer = |progress: Progress| {
            told.lock().unwrap().push((progress.done, progress.total));
            match stop_at {
                Some(at) if progress.done >= at => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        };
        let result = Watch::run(&observer, |watch| {
            let counter = watch.begin(Work::Verify, steps)?;
            (0..steps).try_for_each(|_| counter.add(1))?;
            counter.end()
        });
        (result, told.into_inner().unwrap())
    }

    #[test]
    fn an_observer_is_told_evenly_and_of_the_end() {
        for steps in [0, 1, 3, 1_000, 100_003] {
            let (result, told) = told(steps, None);
            result.unwrap();
            assert_eq!((told[0], *told.last().unwrap()), ((0, steps), (steps, steps)));
            assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0));
            assert!(told.len() as u64 <= CALLS + 4, "{steps} steps: {} calls", told.len());
        }
    }

    #[test]
    fn an_observer_stops_the_work_at_once() {
        let (result, told) = told(1_000, Some(500));
        let error = result.unwrap_err();
        assert_eq!((error.code(), error.to_string().as_str()), ("stopped", "verify was stopped by its observer"));
        assert_eq!(told.last(), Some(&(500, 1_000)));
    }

    /// Each thread ends at its next step, and the observer is not asked again.
    #[test]
    fn all_threads_of_a_work_end_when_the_observer_stops_it() {
        let calls = Mutex::new(0);
        let observer = |progress: Progress| {
            *calls.lock().unwrap() += 1;
            if progress.done == 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let stopped = Watch::run(&observer, |watch| {
            let steps = watch.begin(Work::Verify, u64::from(u32::MAX))?;
            let count = || (0..u32::MAX).try_for_each(|_| steps.add(1 << 20));
            std::thread::scope(|scope| {
                let threads = [scope.spawn(count), scope.spawn(count)];
                Ok(threads.map(|thread| thread.join().unwrap().unwrap_err().code()))
            })
        });
        assert_eq!((stopped.unwrap(), *calls.lock().unwrap()), (["stopped"; 2], 2));
    }

    #[test]
    fn a_corrected_total_is_reached() {
        let told = Mutex::new(Vec::new());
        let observer = |progress: Progress| {
            told.lock().unwrap().push((progress.done, progress.total));
            ControlFlow::Continue(())
        };
        let counted = Watch::run(&observer, |watch| {
            let steps = watch.begin(Work::Preflight, 5)?;
            steps.correct(3, 1);
            (0..3).try_for_each(|_| steps.add(1))?;
            steps.end()
        });
        counted.unwrap();
        assert_eq!(*told.lock().unwrap(), [(0, 5), (1, 3), (2, 3), (3, 3), (3, 3)]);
    }

    #[test]
    fn a_panic_of_an_observer_goes_on_after_the_work_has_ended() {
        let ended = Mutex::new(false);
        let observer = |_: Progress| -> ControlFlow<()> { panic!("of the caller") };
        let run = catch_unwind(AssertUnwindSafe(|| {
            Watch::run(&observer, |watch| {
                let begun = watch.begin(Work::Backup, 1).map(drop);
                *ended.lock().unwrap() = true;
                begun
            })
        }));
        assert_eq!(run.unwrap_err().downcast_ref::<&str>(), Some(&"of the caller"));
        assert!(*ended.lock().unwrap());
    }
}
