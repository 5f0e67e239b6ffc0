//! Groups of writes that share a commit. While one group is committed, the next one gathers.
//!
//! A thread that waits for its group commits it, if no commit is under way; there is no thread of its own for it. Does
//! not know how a batch is committed.

use std::sync::{Arc, OnceLock, PoisonError};

use super::batch::Batch;
use super::failure::{Failed, again, contained, outcome_unknown};
use super::sync::{Condvar, Mutex, MutexGuard};
use crate::types::error::{Error, ErrorDetail, ErrorKind, Result};

/// The group that is committed, and the one that gathers.
#[derive(Debug, Default)]
pub(super) struct Groups {
    state: Mutex<State>,
    /// Notified after each commit, for [`drain`](Self::drain).
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The group that a thread commits now.
    committing: Option<Group>,
    /// The group that the next write joins.
    waiting: Option<Group>,
    /// The number of groups that were not acknowledged, and the error of what was built on the last of them.
    failures: u64,
    reason: Option<Arc<Error>>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    batch: Arc<Batch>,
    ticket: Ticket,
}

/// The outcome of a group, once it is known, and the threads that wait for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Ticket(Arc<Done>);

#[derive(Debug, Default)]
struct Done {
    outcome: OnceLock<Outcome>,
    /// All are notified of the outcome. One is notified when no commit is under way, to commit the group.
    turn: Condvar,
}

impl Ticket {
    fn end(&self, outcome: Outcome) {
        // One thread ends a group.
        let _ = self.0.outcome.set(outcome);
        self.0.turn.notify_all();
    }
}

#[derive(Debug)]
enum Outcome {
    Durable,
    /// The commit failed: the group may or may not be durable.
    Unknown(Arc<Error>),
    /// The group was not committed.
    NotWritten(Arc<Error>),
}

impl Outcome {
    fn result(&self) -> Result<()> {
        match self {
            Self::Durable => Ok(()),
            Self::Unknown(error) => Err(outcome_unknown(error)),
            Self::NotWritten(error) => Err(again(error)),
        }
    }
}

/// The groups that are not durable yet, as a write sees them when it begins.
pub(super) struct Seen {
    /// Their batches, the newest first.
    pub batches: Vec<Arc<Batch>>,
    /// The newest of them.
    newest: Option<Ticket>,
    failures: u64,
}

impl Groups {
    /// The groups that are not durable yet. The caller holds the writer's lock, so no other write joins one.
    pub(super) fn seen(&self) -> Seen {
        let state = self.state();
        let groups = || [&state.waiting, &state.committing].into_iter().flatten();
        Seen {
            batches: groups().map(|group| group.batch.clone()).collect(),
            newest: groups().next().map(|group| group.ticket.clone()),
            failures: state.failures,
        }
    }

    /// Adds a write to the group that gathers. Refuses it if a group that it has seen failed meanwhile. The caller
    /// still holds the writer's lock, and no clone of a batch.
    pub(super) fn join(&self, seen: &Seen, batch: Batch) -> Result<Ticket> {
        let mut state = self.state();
        if state.failures != seen.failures {
            return Err(state.reason.as_ref().map_or_else(|| ErrorDetail::RecoveryNeeded.into(), again));
        }
        let group = state.waiting.get_or_insert_default();
        Arc::make_mut(&mut group.batch).absorb(batch);
        Ok(group.ticket.clone())
    }

    /// Waits until the group of the ticket has an outcome. Commits it, if no other thread commits a group meanwhile.
    pub(super) fn wait(&self, ticket: &Ticket, failed: &Failed, commit: impl Fn(&Batch) -> Result<()>) -> Result<()> {
        let mut state = self.state();
        loop {
            if let Some(outcome) = ticket.0.outcome.get() {
                return outcome.result();
            }
            // Without a commit under way, it is the group of the ticket that waits.
            let group = if state.committing.is_none() { state.waiting.take() } else { None };
            let Some(group) = group else {
                state = ticket.0.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            state.committing = Some(group.clone());
            drop(state);
            // The group must not wait for ever after a panic. The commit contains those of redb.
            let committed = contained(|| Ok(commit(&group.batch))).unwrap_or_else(|panic| {
                failed.engine_failed(&panic);
                Err(ErrorDetail::OutcomeUnknown { source: Box::new(panic) }.into())
            });
            state = self.state();
            state.end(&group.ticket, committed);
            self.ended.notify_all();
        }
    }

    /// Waits until no commit is under way and no group waits. The caller holds the writer's lock, so none follows.
    pub(super) fn drain(&self) {
        let mut state = self.state();
        while state.committing.is_some() || state.waiting.is_some() {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ends the commit. If it failed, so does the group that waits: it was built on rows that may not be there.
    fn end(&mut self, ticket: &Ticket, committed: Result<()>) {
        self.committing = None;
        let outcome = match committed {
            Ok(()) => Outcome::Durable,
            Err(error) => {
                let error = Arc::new(error);
                let (outcome, reason) = match error.kind() {
                    ErrorKind::OutcomeUnknown => {
                        (Outcome::Unknown(error), Arc::new(ErrorDetail::RecoveryNeeded.into()))
                    }
                    _ => (Outcome::NotWritten(error.clone()), error),
                };
                self.failures += 1;
                if let Some(waiting) = self.waiting.take() {
                    waiting.ticket.end(Outcome::NotWritten(reason.clone()));
                }
                self.reason = Some(reason);
                outcome
            }
        };
        ticket.end(outcome);
        if let Some(waiting) = &self.waiting {
            waiting.ticket.0.turn.notify_one();
        }
    }
}

impl Seen {
    /// The ticket of the newest group that the write has seen.
    pub(super) fn newest(&self) -> Option<&Ticket> {
        self.newest.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A panic in the commit of the leader is an error of its whole group, and of the group that waits.
    #[test]
    fn a_panicking_commit_leaves_no_thread_waiting() {
        let (groups, failed) = (Groups::default(), Failed::default());
        let join = || groups.join(&groups.seen(), Batch::default()).unwrap();
        let (first, second) = (join(), join());
        let later = Mutex::new(None);
        let commit = |_: &Batch| {
            // The next group gathers during the commit.
            *later.lock().unwrap() = Some((groups.seen(), join()));
            panic!("a defect");
        };
        let codes = [&first, &second].map(|ticket| groups.wait(ticket, &failed, commit).unwrap_err().code());
        assert_eq!(codes, ["outcome_unknown"; 2]);
        assert_eq!(failed.check().unwrap_err().code(), "recovery_needed");
        let (seen, ticket) = later.lock().unwrap().take().unwrap();
        // Its group has an outcome, so nothing is committed.
        assert_eq!(groups.wait(&ticket, &failed, |_| Ok(())).unwrap_err().code(), "recovery_needed");
        // A write that saw the group joins no other.
        assert_eq!(groups.join(&seen, Batch::default()).unwrap_err().code(), "recovery_needed");
        groups.drain();
    }

    /// So it is for the group that waits, which was built on it.
    #[test]
    fn a_refused_commit_is_a_definite_error_of_each() {
        let (groups, failed) = (Groups::default(), Failed::default());
        let join = || groups.join(&groups.seen(), Batch::default()).unwrap();
        let tickets = [join(), join()];
        let later = OnceLock::new();
        let stopped = |_: &Batch| {
            later.set(join()).unwrap();
            Err(ErrorDetail::WritesStopped { found: "damage".to_owned() }.into())
        };
        for ticket in &tickets {
            assert_eq!(groups.wait(ticket, &failed, stopped).unwrap_err().code(), "writes_stopped");
        }
        let later = groups.wait(later.get().unwrap(), &failed, |_| Ok(()));
        assert_eq!(later.unwrap_err().code(), "writes_stopped");
        groups.wait(&join(), &failed, |_| Ok(())).unwrap();
        failed.check().unwrap();
    }
}
