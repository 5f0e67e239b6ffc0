//! The long calls of a store with an observer, which is told how far they are and may stop them.

use std::fmt;
use std::io::BufRead;
use std::ops::ControlFlow;
use std::path::Path;

use super::PolicyStore;
use super::backup::Backup;
use super::copy::CopiedZones;
use super::stats::Compacted;
use crate::decide::replay::report::ReplayReport;
use crate::decide::replay::{ReplayOptions, replay};
use crate::preflight::{self, Candidate, Preflight};
use crate::storage::Report;
use crate::types::actor::Actor;
use crate::types::checkpoint::Checkpoint;
use crate::types::error::Result;
use crate::types::progress::{Observer, Progress, Watch};

impl PolicyStore {
    /// The long calls of this store with an observer. It is told how far a call is: when it begins, at most 200 times
    /// meanwhile, and when all is done. It stops the call by returning [`ControlFlow::Break`].
    ///
    /// ```
    /// # fn main() -> policy_store::Result<()> {
    /// use std::ops::ControlFlow;
    /// use policy_store::{Actor, PolicyStore};
    /// let store = PolicyStore::builder().in_memory()?;
    /// store.write(&Actor::customer("ann")?, |w| w.create_zone("acme").map(drop))?;
    ///
    /// let observed = store.watched(|progress| {
    ///     println!("{}: {} of {}", progress.work, progress.done, progress.total);
    ///     ControlFlow::Continue(())
    /// });
    /// assert!(observed.verify()?.is_clean());
    ///
    /// let stopped = store.watched(|_| ControlFlow::Break(())).rebuild_indexes();
    /// assert_eq!(stopped.unwrap_err().code(), "stopped");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// A call that is stopped fails with [`Stopped`](crate::ErrorDetail::Stopped) and changes nothing: a rebuild and a copy
    /// are rolled back, and a stopped `verify` says nothing about the store. If the observer panics, the call ends in
    /// the same way, and then the panic goes on.
    ///
    /// The observer may be called on another thread, but never on two at a time. It must not call the store's
    /// [`recover`](Self::recover), which waits for the call; [`compact`](Self::compact) is refused there.
    ///
    /// [`import`](Self::import) needs no observer: its closure is the caller's, who counts there, and stops it with an
    /// error.
    pub fn watched<'a>(&'a self, observer: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'a) -> Watched<'a> {
        Watched { store: self, observer: Box::new(observer) }
    }
}

/// The long calls of a [`PolicyStore`] with an observer. [`PolicyStore::watched`] makes one.
#[must_use = "it observes only the calls that are made through it"]
pub struct Watched<'a> {
    store: &'a PolicyStore,
    observer: Box<Observer<'a>>,
}

impl fmt::Debug for Watched<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(self.store).finish()
    }
}

impl Watched<'_> {
    /// Runs `work` with the observer.
    fn run<T>(&self, work: impl FnOnce(&PolicyStore, Watch<'_>) -> Result<T>) -> Result<T> {
        Watch::run(&*self.observer, |watch| work(self.store, watch))
    }

    /// [`PolicyStore::verify`]. One unit is an entry or a piece of content.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::verify`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn verify(&self) -> Result<Report> {
        self.run(PolicyStore::verify_watched)
    }

    /// [`PolicyStore::verify_since`]. One unit is an entry.
    ///
    /// # Errors
    ///
    /// As [`verify`](Self::verify).
    pub fn verify_since(&self, kept: &[Checkpoint]) -> Result<Report> {
        self.run(|store, watch| store.verify_since_watched(kept, watch))
    }

    /// [`PolicyStore::rebuild_indexes`]. One unit is an entry.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::rebuild_indexes`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn rebuild_indexes(&self) -> Result<()> {
        self.run(|store, watch| store.engine.storage.rebuild_indexes(watch))
    }

    /// [`PolicyStore::copy_zones`]. One unit is an entry.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::copy_zones`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn copy_zones(&self, actor: &Actor, zone_ids: &[impl AsRef<str>], into: &PolicyStore) -> Result<CopiedZones> {
        self.run(|store, watch| store.copy_watched(actor, zone_ids, into, watch))
    }

    /// [`PolicyStore::backup`]. One unit is a row; the verification of the copy follows as [`Work::Verify`](crate::Work).
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::backup`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it. No file is left then.
    pub fn backup(&self, path: impl AsRef<Path>) -> Result<Backup> {
        self.run(|store, watch| store.backup_watched(path.as_ref(), watch))
    }

    /// [`PolicyStore::compact`]. The storage engine does not say how far it is: the observer can stop the call while it
    /// waits for long reads.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::compact`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn compact(&self) -> Result<Compacted> {
        self.run(PolicyStore::compact_watched)
    }

    /// [`PolicyStore::replay_decisions`]. One unit is a byte of the input. Without
    /// [`ReplayOptions::input_bytes`], the total is not known before the end, and the observer is told more often.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::replay_decisions`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn replay_decisions(&self, input: impl BufRead, options: &ReplayOptions) -> Result<ReplayReport> {
        self.run(|store, watch| replay(&store.engine, input, options, watch))
    }

    /// [`PolicyStore::preflight`]. One unit is a text; their number is estimated before the zones are read.
    ///
    /// # Errors
    ///
    /// As [`PolicyStore::preflight`]; [`Stopped`](crate::ErrorKind::Stopped) if the observer stops it.
    pub fn preflight(&self, candidate: impl Into<Candidate>) -> Result<Preflight> {
        self.run(|store, watch| preflight::of_store(&store.engine, candidate.into(), watch))
    }
}
