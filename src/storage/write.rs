//! Writes and their commits. A write runs its closure over the newest state in memory, joins a group of writes, and
//! returns when the group is durable. A write that is too large for memory runs alone, in a transaction of its own.
//!
//! Does not know what is written.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, PoisonError};

use redb::WriteTransaction;

use super::Storage;
use super::batch::{Batch, Overlay};
use super::cache::RecordCache;
use super::failure::{contained, storage_error};
use super::group::Ticket;
use super::log_writer::{Author, LogWriter};
use super::opened::Opened;
use super::snapshot::Snapshot;
use super::sync::Ordering;
use super::tables::{TableWriter, WriteTables};
use crate::types::concurrency::Concurrency;
use crate::types::environment::Stopwatch;
use crate::types::error::{ErrorDetail, ErrorKind, Result};

/// The kind of a write that runs alone.
#[derive(Clone, Copy)]
enum Kind {
    /// Entries of this store.
    Own,
    /// The same, and it removes data.
    Removes,
    /// Entries of the store that a replica follows.
    Replicates { forget: bool },
}

impl Kind {
    /// Whether reads that begin after it must not see older cached values.
    fn forgets(self) -> bool {
        matches!(self, Self::Removes | Self::Replicates { forget: true })
    }
}

impl Storage {
    fn opened_for(&self, kind: Kind) -> Result<Arc<Opened>> {
        match kind {
            Kind::Own | Kind::Removes => self.opened_to_write(),
            Kind::Replicates { .. } => self.opened_to_replicate(),
        }
    }

    /// Runs one write: all entries of `f` become durable, or none. The commit can have other writes in it.
    ///
    /// `f` also sees earlier writes that are not durable yet. So every answer waits until they are, even if `f` wrote
    /// nothing or was refused. If `f` panics, its changes are dropped and the panic resumes.
    pub(crate) fn write<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<T> {
        span!(DEBUG, "write", store = self.place());
        if self.options.concurrency == Concurrency::MultiWriter {
            // Another process may commit between the closure and a shared commit.
            return self.write_direct(author, f, Kind::Own);
        }
        let (answer, ticket) = self.prepare(author, f)?;
        let Some(ticket) = ticket else { return answer };
        let durable = self.groups.wait(&ticket, &self.failed, |batch| self.commit_batch(batch));
        match (durable, answer) {
            (Ok(()), answer) => answer,
            // A refused call wrote nothing, so its own outcome is known.
            (Err(error), Err(_)) if error.kind() == ErrorKind::OutcomeUnknown => {
                Err(ErrorDetail::RecoveryNeeded.into())
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Runs the closure of a write. Returns its answer, and the group that must be durable before it is given.
    fn prepare<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<(Result<T>, Option<Ticket>)> {
        let _writer = self.lock_writer()?;
        self.opened_to_write()?;
        // In this order: a group that becomes durable in between is in both, with the same rows, and never in neither.
        let mut seen = self.groups.seen();
        let (opened, tables) = self.begin_read()?;
        let author = author();
        let mut overlay = Overlay::new(&*tables, std::mem::take(&mut seen.batches));
        let run = catch_unwind(AssertUnwindSafe(|| self.run(&mut overlay, &opened, author, f)));
        let batch = overlay.into_own();
        match run {
            Ok(Ok((value, true))) => {
                // Check again: the closure may have ignored an error about damage.
                self.opened_to_write()?;
                Ok((Ok(value), Some(self.groups.join(&seen, batch)?)))
            }
            // Rests on the disk, not on rows. Its cause must not be lost if the group fails for the same cause.
            Ok(Err(error)) if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Corrupt) => Err(error),
            Ok(answer) => Ok((answer.map(|(value, _)| value), seen.newest().cloned())),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs one write alone, directly in a transaction. For writes that memory cannot hold.
    pub(crate) fn write_alone<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_direct(author, f, Kind::Own)
    }

    /// Runs one write that removes data, alone. Reads that begin after it do not see older cached values.
    pub(crate) fn write_and_forget<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<T> {
        self.write_direct(author, f, Kind::Removes)
    }

    /// Runs one write of a replica, alone: entries of the store that it follows. With `forget`, reads that begin after it do
    /// not see older cached values.
    pub(super) fn write_of_replica<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
        forget: bool,
    ) -> Result<T> {
        self.write_direct(author, f, Kind::Replicates { forget })
    }

    fn write_direct<T>(
        &self,
        author: impl FnOnce() -> Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
        kind: Kind,
    ) -> Result<T> {
        span!(DEBUG, "write_alone", store = self.place());
        let _writer = self.lock_writer_alone()?;
        let opened = self.opened_for(kind)?;
        let transaction = self.failed.guard(|| opened.database.begin_write())?;
        let author = author();
        let run = catch_unwind(AssertUnwindSafe(|| {
            let mut tables = self.failed.guard(|| open_tables(&transaction))?;
            let opened = self.followed_write(&tables, opened)?;
            let (value, written) = self.run(&mut tables, &opened, author, f)?;
            let count = if written { Some(self.failed.guard(|| tables.count_commit())?) } else { None };
            Ok((value, count))
        }));
        match run {
            // Check again: the closure may have ignored an error about damage.
            Ok(Ok((value, Some(count)))) => match self.opened_for(kind) {
                Ok(_) => self.commit(transaction, count, kind.forgets()).map(|()| {
                    self.meter.wrote(1);
                    value
                }),
                Err(error) => {
                    let _ = self.abort(transaction);
                    Err(error)
                }
            },
            Ok(Ok((value, None))) => self.abort(transaction).map(|()| value),
            Ok(Err(error)) => {
                // Return the first error. A failed abort has marked the handle.
                let _ = self.abort(transaction);
                Err(error)
            }
            Err(panic) => {
                let _ = self.abort(transaction);
                resume_unwind(panic)
            }
        }
    }

    /// Runs the closure of a write over `tables`. The second value is `false` if it wrote nothing.
    fn run<T>(
        &self,
        tables: &mut dyn TableWriter,
        opened: &Opened,
        author: Author,
        f: impl FnOnce(&mut LogWriter<'_>) -> Result<T>,
    ) -> Result<(T, bool)> {
        let (cache, counted): (&RecordCache, _) = (&opened.cache, opened.counted);
        self.failed.guard(|| Snapshot::new(&*tables, cache, None).not_before(counted).check_commits())?;
        let mut writer = LogWriter::new(tables, cache, &self.failed, author);
        let value = f(&mut writer)?;
        Ok((value, writer.finish()?))
    }

    /// Commits the batch of a group. Unless the error is `outcome_unknown`, nothing of it was written.
    fn commit_batch(&self, batch: &Batch) -> Result<()> {
        let opened = self.opened_to_write()?;
        self.commit_tables(&opened, |tables| batch.apply(tables))?;
        self.meter.wrote(batch.writes);
        Ok(())
    }

    /// Commits what `f` does to the tables, or nothing. `f` runs no code of a caller.
    pub(super) fn commit_tables(
        &self,
        opened: &Opened,
        f: impl FnOnce(&mut WriteTables<'_>) -> Result<()>,
    ) -> Result<()> {
        let transaction = self.failed.guard(|| opened.database.begin_write())?;
        let done = self.failed.guard(|| {
            let mut tables = open_tables(&transaction)?;
            f(&mut tables)?;
            tables.count_commit()
        });
        match done {
            Ok(count) => self.commit(transaction, count, false),
            Err(error) => {
                // Return the first error. A failed abort has marked the handle.
                let _ = self.abort(transaction);
                Err(error)
            }
        }
    }

    /// Commits, and shows the new state to reads. With `forget`, replaces the record cache too, and no read can begin
    /// meanwhile. So each read has the old state with the old cache, or the new state with the new one.
    fn commit(&self, transaction: WriteTransaction, count: u64, forget: bool) -> Result<()> {
        span!(DEBUG, "commit", store = self.place(), commit = count);
        let lock = || self.opened.write().unwrap_or_else(PoisonError::into_inner);
        let before = forget.then(lock);
        // The counter is odd during a commit: other threads may already see the new state, so values cached at an
        // earlier count may be outdated, and values read now belong to either state. A failed commit counts too,
        // because it may be durable.
        self.commits.fetch_add(1, Ordering::Release);
        let watch = Stopwatch::start();
        let committed = contained(|| transaction.commit().map_err(|error| storage_error("commit", error)));
        self.meter.committed(committed.is_ok(), watch.elapsed());
        match &committed {
            Ok(()) => {
                let mut opened = before.unwrap_or_else(lock);
                let replaced = opened.take();
                *opened = replaced.as_ref().map(|old| {
                    let cache = if forget { Arc::new(RecordCache::new(self.cache)) } else { old.cache.clone() };
                    Arc::new(old.after_commit(count, cache))
                });
                drop(opened);
                drop(replaced);
                if forget {
                    (self.forget.0)();
                }
            }
            Err(error) => self.failed.engine_failed(error),
        }
        self.commits.fetch_add(1, Ordering::Release);
        self.signal.give();
        committed.map_err(|error| ErrorDetail::OutcomeUnknown { source: Box::new(error) }.into())
    }

    /// Rolls back a write. If that fails, the storage engine's state in memory is unknown.
    fn abort(&self, transaction: WriteTransaction) -> Result<()> {
        let aborted = contained(|| transaction.abort().map_err(|error| storage_error("roll back the write", error)));
        if let Err(error) = &aborted {
            self.failed.engine_failed(error);
        }
        aborted
    }
}

fn open_tables(transaction: &WriteTransaction) -> Result<WriteTables<'_>> {
    WriteTables::open(transaction).map_err(|error| storage_error("begin the write", error))
}
