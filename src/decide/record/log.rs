//! Logs of decisions: a writer that several threads share, and that writes each set of entities once in a while.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use cedar_policy::Entities;

use super::{RequestText, line, write_line};
use crate::cedar;
use crate::decide::answer::Answer;
use crate::decide::receipt::{Receipt, entities_sha};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::Sha256;
use crate::types::limits;

/// Bytes of later entities after which a log writes a set again. A reader keeps four times as much, so several logs can
/// write to one file.
const REPEAT_BYTES: usize = limits::RECORDED_ENTITIES_KEPT_BYTES / 4;
/// Sets that a log remembers.
const REMEMBERED: usize = 65_536;

/// A writer of recorded decisions, for all threads of a service. It writes entities on a line of their own, and again only
/// after many others, so decisions with the same entities take little space. Begin each file with a log of its own.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use policy_store::{Answer, DecisionLog, cedar_policy::Entities};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("decisions.jsonl");
/// let log = DecisionLog::new(std::fs::File::options().create(true).append(true).open(path)?);
/// let decided = |answer: &Answer, entities: &Entities| log.write(answer, entities);
/// # Ok(())
/// # }
/// ```
pub struct DecisionLog<W> {
    state: Mutex<State<W>>,
}

struct State<W> {
    writer: W,
    written: Written,
    /// Whether a call of the writer failed, perhaps within a line.
    is_broken: bool,
}

/// The sets of entities that a reader still has.
#[derive(Default)]
struct Written {
    known: HashSet<Sha256>,
    /// Oldest first, with their bytes.
    order: VecDeque<(Sha256, usize)>,
    bytes: usize,
}

impl<W> fmt::Debug for DecisionLog<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DecisionLog").finish_non_exhaustive()
    }
}

impl Written {
    fn add(&mut self, sha: Sha256, bytes: usize) {
        self.known.insert(sha);
        self.order.push_back((sha, bytes));
        self.bytes += bytes;
        while self.bytes > REPEAT_BYTES || self.order.len() > REMEMBERED {
            let Some((sha, bytes)) = self.order.pop_front() else { return };
            self.known.remove(&sha);
            self.bytes -= bytes;
        }
    }
}

impl<W: Write> DecisionLog<W> {
    /// A log that begins at the writer's place.
    pub fn new(writer: W) -> Self {
        Self { state: Mutex::new(State { writer, written: Written::default(), is_broken: false }) }
    }

    /// Writes an answer and the entities that it was decided with, and returns its receipt. Each line is one call of the
    /// writer, under a lock.
    ///
    /// # Errors
    ///
    /// As [`Answer::record`]; [`Unavailable`](crate::ErrorKind::Unavailable) if the writer fails: the next call begins a
    /// new line.
    pub fn write(&self, answer: &Answer, entities: &Entities) -> Result<Receipt> {
        self.write_known(answer, entities, entities_sha(entities)?)
    }

    /// As [`write`](Self::write), with the [SHA-256](crate::inputs::entities_sha) of the entities, computed before: for
    /// many decisions with the same entities.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn write_known(&self, answer: &Answer, entities: &Entities, entities_sha: Sha256) -> Result<Receipt> {
        let receipt = answer.receipt(entities_sha)?;
        let json = serde_json::to_string(&receipt)
            .map_err(|error| ErrorDetail::Json { what: "receipt", message: error.to_string() })?;
        let decision = line::decision(&json, &RequestText::of(&answer.request)?.json()?, None, &entities_sha);
        let is_known = |state: &State<W>| state.written.known.contains(&entities_sha);
        // Large entities are written out without the lock.
        let mut text = None;
        if !is_known(&self.state()) {
            text = Some(cedar::entities_text(entities)?);
        }
        let mut state = self.state();
        if !is_known(&state) {
            let text = text.map_or_else(|| cedar::entities_text(entities), Ok)?;
            state.line(line::entities(&entities_sha, &text))?;
            state.written.add(entities_sha, text.len() + line::SET_BYTES);
        }
        state.line(decision)?;
        Ok(receipt)
    }

    /// The writer.
    pub fn into_inner(self) -> W {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).writer
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W: Write> State<W> {
    fn line(&mut self, line: String) -> Result<()> {
        // After a failure, the last line may be a part of one. An empty line is skipped.
        let begun = if std::mem::replace(&mut self.is_broken, true) { "\n" } else { "" };
        write_line(format!("{begun}{line}"), &mut self.writer)?;
        self.is_broken = false;
        Ok(())
    }
}
