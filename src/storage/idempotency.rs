//! Idempotency keys: the entries that a call wrote under its key, and the log as of the end of that call.
//!
//! Knows the input of a call only by its fingerprint.

use std::sync::Arc;

use super::as_of::Replayed;
use super::index::key::{self, LogNumber};
use super::index::row::IdempotencyRow;
use super::log_writer::{KeyedCall, LogWriter};
use super::snapshot::Snapshot;
use crate::record::{Idempotency, LogEntry, Unchanged};
use crate::types::error::{ErrorDetail, Result};
use crate::types::id::IdempotencyKey;

impl LogWriter<'_> {
    /// Answers a repeated call. If the log has the key, returns the result of `f` on the log as of the end of the first
    /// call and on that call's first entry, with the length of the log at that time. `None` if the log does not have
    /// the key. A known key with another fingerprint is a conflict.
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
            let reached = Replayed::new(log, end, replayed.take());
            let reached = replayed.insert(reached);
            f(&snapshot.as_of(&reached.over(&snapshot), log, end), &first).map(|answer| Some((answer, end)))
        });
        self.replayed = replayed;
        answer
    }

    /// Reads the log as of the length `end`: its present length, or the one of the last repeated call.
    pub(crate) fn read_as_of<T>(
        &self,
        log: LogNumber,
        end: u64,
        f: impl FnOnce(&Snapshot<'_>) -> Result<T>,
    ) -> Result<T> {
        self.guarded(|| {
            let snapshot = self.snapshot_unguarded();
            match self.replayed.as_ref().filter(|reached| (reached.log, reached.end) == (log, end)) {
                Some(reached) => f(&snapshot.as_of(&reached.over(&snapshot), log, end)),
                None if self.next_position(log)? == end => f(&snapshot),
                None => Err(ErrorDetail::corrupt("an earlier state of a log", "state is not available").into()),
            }
        })
    }

    /// Begins a call with an idempotency key: entries appended to `log` from here on belong to it.
    pub(crate) fn begin_keyed(&mut self, log: LogNumber, idempotency: Idempotency) -> Result<()> {
        let (_, first, _) = self.next(log)?;
        self.idempotency = Some(KeyedCall { log, idempotency, first });
        Ok(())
    }

    /// Whether a call with an idempotency key is running. Such a call always writes an entry.
    pub(crate) fn is_keyed(&self) -> bool {
        self.idempotency.is_some()
    }

    /// Ends the call. If it succeeded without writing, appends an entry for the key.
    pub(crate) fn end_keyed<T>(&mut self, result: Result<T>) -> Result<T> {
        let result = match (result, &self.idempotency) {
            (Ok(value), &Some(KeyedCall { log, first, .. })) => self.note_unchanged(log, first).map(|()| value),
            (result, _) => result,
        };
        self.idempotency = None;
        result
    }

    /// `begin_keyed` has checked the limit for one entry, so a call that succeeded is not refused here.
    fn note_unchanged(&mut self, log: LogNumber, first: u64) -> Result<()> {
        if self.guarded(|| self.next_position(log))? == first {
            self.append(log, Unchanged {})?;
        }
        Ok(())
    }
}

/// The first entry in a log that was written under an idempotency key.
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
