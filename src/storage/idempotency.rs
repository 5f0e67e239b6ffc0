//! Requests: what was written under a request id, and the log as it was then.
//!
//! What was asked is known here only as a hash.

use std::sync::Arc;

use super::as_of::Replayed;
use super::index::derive::derive;
use super::index::key::{self, LogNumber};
use super::index::replay::{Replay, log_numbers};
use super::index::row::IdempotencyRow;
use super::log_writer::{KeyedCall, LogWriter};
use super::snapshot::Snapshot;
use crate::record::{Idempotency, LogEntry, Unchanged};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::IdempotencyKey;

impl LogWriter<'_> {
    /// What `f` makes of the log as it was when `request` had been carried out, and of the request's first entry, and where
    /// the log ended then; none if it never was. Another request under the same id is a conflict.
    pub(crate) fn answered<T>(
        &mut self,
        log: LogNumber,
        idempotency: &Idempotency,
        f: impl FnOnce(&Snapshot<'_>, &LogEntry) -> Result<T>,
    ) -> Result<Option<(T, u64)>> {
        let mut replayed = self.replayed.take();
        let answer = self.guarded(|| {
            let snapshot = self.snapshot_unguarded();
            let Some((row, first, known)) = find(&snapshot, log, idempotency.key)? else { return Ok(None) };
            if known.fingerprint != idempotency.fingerprint {
                return Err(ErrorDetail::IdempotencyConflict { idempotency_key: idempotency.key }.into());
            }
            let end = row.first.saturating_add(row.entries.into());
            if end == self.next_position(log)? {
                return f(&snapshot, &first).map(|answer| Some((answer, end)));
            }
            let mut reached = match replayed.take().filter(|reached| reached.log == log && reached.end <= end) {
                Some(reached) => reached,
                None => Replayed { log, end: 0, replay: Replay::new(log_numbers(&snapshot.heads()?)) },
            };
            for position in reached.end..end {
                derive(&mut reached.replay, log, &*snapshot.entry(log, position)?)?;
                reached.end = position + 1;
            }
            let reached = replayed.insert(reached);
            f(&snapshot.as_of(&reached.over(snapshot.source()), log, end), &first).map(|answer| Some((answer, end)))
        });
        self.replayed = replayed;
        answer
    }

    /// Reads the log as it was when it ended at `end`: where it ends now, or where the request that was answered last from the
    /// log had left it.
    pub(crate) fn read_as_of<T>(
        &self,
        log: LogNumber,
        end: u64,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        self.guarded(|| {
            let snapshot = self.snapshot_unguarded();
            match self.replayed.as_ref().filter(|reached| (reached.log, reached.end) == (log, end)) {
                Some(reached) => f(&snapshot.as_of(&reached.over(snapshot.source()), log, end)),
                None if self.next_position(log)? == end => f(&snapshot),
                None => Err(ErrorDetail::corrupt("an earlier state of a log", "state is not available").into()),
            }
        })
    }

    /// What is appended to `log` from here on is the work of `request`.
    pub(crate) fn begin_keyed(&mut self, log: LogNumber, idempotency: Idempotency) -> Result<()> {
        let (_, first, _) = self.next(log)?;
        self.idempotency = Some(KeyedCall { log, idempotency, first });
        Ok(())
    }

    /// Whether a request is being carried out: an entry is written then in any case.
    pub(crate) fn is_keyed(&self) -> bool {
        self.idempotency.is_some()
    }

    /// The request has been carried out, or was refused. If it was carried out and has written nothing, an entry says so.
    pub(crate) fn end_keyed<T>(&mut self, result: Result<T>) -> Result<T> {
        let result = match (result, &self.idempotency) {
            (Ok(value), &Some(KeyedCall { log, first, .. })) => self.note_unchanged(log, first).map(|()| value),
            (result, _) => result,
        };
        self.idempotency = None;
        result
    }

    /// There was room for an entry when the request began, so that what was carried out is not refused now.
    fn note_unchanged(&mut self, log: LogNumber, first: u64) -> Result<()> {
        if self.guarded(|| self.next_position(log))? == first {
            self.append(log, Unchanged {})?;
        }
        Ok(())
    }
}

/// The first entry that was written in a log under a request id.
pub(crate) fn first_entry(
    snapshot: &Snapshot<'_>,
    log: LogNumber,
    id: IdempotencyKey,
) -> Result<Option<Arc<LogEntry>>> {
    Ok(find(snapshot, log, id)?.map(|(_, first, _)| first))
}

fn find(
    snapshot: &Snapshot<'_>,
    log: LogNumber,
    id: IdempotencyKey,
) -> Result<Option<(IdempotencyRow, Arc<LogEntry>, Idempotency)>> {
    let Some(row) = snapshot.row::<IdempotencyRow>(&key::idempotency_key(log, id))? else { return Ok(None) };
    let first = snapshot.entry(log, row.first)?;
    match first.envelope.idempotency.filter(|known| known.key == id) {
        Some(known) => Ok(Some((row, first, known))),
        None => Err(super::wrong_row(key::RowKind::IdempotencyKey, &id.to_string())),
    }
}
