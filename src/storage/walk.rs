//! Walks a log from its first entry. Checks that every entry is intact, in its place and chained to the previous one,
//! and that the log ends at its head.

use std::ops::Range;

use super::index::key::{self, LogNumber};
use super::index::row::{BEFORE_ALL, Head};
use super::snapshot::unusable;
use super::tables::{Direction, Table, TableReader};
use crate::record::{Body, Entry, EntryProblem, Envelope, Frontier, LogEntry, NodeHash};
use crate::types::error::{ErrorDetail, Result};
use crate::types::hash::{EntryHash, hex};
use crate::types::id::LogId;
use crate::types::time::Timestamp;

/// A step of a walk.
pub(super) enum Step<'a> {
    /// An intact entry, in its place and chained.
    Entry(&'a LogEntry),
    /// A problem with the entry at a position.
    BadEntry(u64, String),
    /// A problem with the log as a whole.
    BadLog(String),
}

/// Passes every entry and every problem of the log to `visit`. Nothing is skipped: an entry of an unknown kind ends the
/// walk with an error.
pub(super) fn walk(
    source: &dyn TableReader,
    log: LogNumber,
    head: &Head,
    visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
) -> Result<()> {
    walk_on(source, Walk::new(log, head), visit)
}

/// The same, for the rest of a walk.
pub(super) fn walk_on(
    source: &dyn TableReader,
    mut walk: Walk<'_>,
    visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
) -> Result<()> {
    let range = walk.range();
    let range = range.start.as_slice()..range.end.as_slice();
    source.scan(Table::Log, range, Direction::Ascending, &mut |row_key, value| {
        walk.row(row_key, value, None, visit)?;
        Ok(true)
    })?;
    walk.end(visit)
}

/// A walk under way. The caller gives it the rows in their order.
pub(super) struct Walk<'a> {
    log: LogNumber,
    head: &'a Head,
    chain: Chain,
}

impl<'a> Walk<'a> {
    /// A walk from the first entry.
    pub(super) fn new(log: LogNumber, head: &'a Head) -> Self {
        Self { log, head, chain: Chain::default() }
    }

    /// A walk from the entry after `last`, up to which the tree has this frontier.
    pub(super) fn after(log: LogNumber, head: &'a Head, last: &LogEntry, frontier: Frontier) -> Self {
        Self { log, head, chain: Chain::after(last, frontier) }
    }

    /// The keys of its rows.
    pub(super) fn range(&self) -> Range<Vec<u8>> {
        match self.chain.next {
            0 => key::all_of(self.log),
            next => key::entries_from(self.log, next),
        }
    }

    /// Takes the next row. `read` has its entry, if the caller has already decoded it.
    pub(super) fn row(
        &mut self,
        row_key: &[u8],
        value: &[u8],
        read: Option<LogEntry>,
        visit: &mut dyn FnMut(Step<'_>) -> Result<()>,
    ) -> Result<()> {
        let Self { log, head, chain } = self;
        // A scan also returns rows with damaged keys, which may belong to another log.
        let Some(position) = key::entry_place(row_key).filter(|place| place.0 == *log).map(|place| place.1) else {
            return visit(Step::BadLog(format!("row {} is out of place", hex::encode(row_key))));
        };
        if position < chain.next {
            return visit(Step::BadLog(format!("entry {position} is stored after entry {}", chain.next - 1)));
        }
        if position > chain.next {
            visit(Step::BadLog(format!("entries {} to {} are missing", chain.next, position.saturating_sub(1))))?;
            chain.skip_to(position);
        }
        if let Some(recorded) = read {
            for problem in chain.follow(&recorded.envelope, recorded.hash, position, head) {
                visit(Step::BadEntry(position, problem.to_owned()))?;
            }
            if let Some(problem) = chain.note(&recorded) {
                visit(Step::BadEntry(position, problem.to_owned()))?;
            }
            return visit(Step::Entry(&recorded));
        }
        let (entry, hash) = match Entry::from_stored(value) {
            Ok(read) => read,
            Err(EntryProblem::Damaged(problem)) => {
                chain.skip_to(position.saturating_add(1));
                return visit(Step::BadEntry(position, problem));
            }
            Err(newer) => return Err(unusable(newer, *log, position)),
        };
        for problem in chain.follow(&entry.envelope, hash, position, head) {
            visit(Step::BadEntry(position, problem.to_owned()))?;
        }
        match LogEntry::from_entry(entry, hash) {
            Ok(recorded) => {
                if let Some(problem) = chain.note(&recorded) {
                    visit(Step::BadEntry(position, problem.to_owned()))?;
                }
                visit(Step::Entry(&recorded))
            }
            Err(EntryProblem::Damaged(problem)) => visit(Step::BadEntry(position, problem)),
            Err(newer) => Err(unusable(newer, *log, position)),
        }
    }

    /// Compares the end of the log with its head.
    pub(super) fn end(&self, visit: &mut dyn FnMut(Step<'_>) -> Result<()>) -> Result<()> {
        self.chain.end(self.head).into_iter().try_for_each(|problem| visit(Step::BadLog(problem)))
    }
}

/// Turns a problem into an error, for callers that need an intact log.
pub(super) fn refuse(log: LogNumber, step: Step<'_>) -> Result<&LogEntry> {
    match step {
        Step::Entry(recorded) => Ok(recorded),
        Step::BadEntry(position, problem) => {
            Err(ErrorDetail::corrupt(super::snapshot::EntryPlace(log, position), problem).into())
        }
        Step::BadLog(problem) => Err(ErrorDetail::corrupt(format_args!("log {log}"), problem).into()),
    }
}

/// A log under its former id.
struct Renamed {
    from: LogId,
    last: Option<EntryHash>,
    root: Option<NodeHash>,
}

/// The state that the next entry must match.
struct Chain {
    next: u64,
    /// The id of the log; `None` before the first entry, and after an unreadable one.
    log_id: Option<LogId>,
    /// Whether the id before the newest entry is known, and its log under that id if the entry has another.
    before: (bool, Option<Renamed>),
    /// The hash of the previous entry; `None` after an unreadable one.
    previous: Option<EntryHash>,
    last_time: Timestamp,
    /// The first position and the end of the group; `None` after an unreadable entry.
    group: Option<(u64, u64)>,
    /// The last entry that bound or unbound anything; the outer `None` after an unreadable entry.
    last_binding: Option<Option<u64>>,
    /// The tree so far; `None` after an unreadable entry.
    frontier: Option<Frontier>,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            next: 0,
            log_id: None,
            before: (false, None),
            previous: Some(EntryHash::NONE),
            last_time: BEFORE_ALL,
            group: None,
            last_binding: Some(None),
            frontier: Some(Frontier::default()),
        }
    }
}

impl Chain {
    /// The state after an entry.
    fn after(last: &LogEntry, frontier: Frontier) -> Self {
        let LogEntry { envelope, hash, .. } = last;
        let mut chain = Self {
            next: envelope.position.saturating_add(1),
            log_id: Some(envelope.log_id),
            before: (false, None),
            previous: Some(*hash),
            last_time: envelope.created_at,
            group: Some((envelope.group_start(), envelope.group_end())),
            last_binding: Some(envelope.last_binding),
            frontier: Some(frontier),
        };
        chain.note(last);
        chain
    }

    /// Returns the problems with the next entry's place in the chain.
    fn follow(&mut self, envelope: &Envelope, hash: EntryHash, position: u64, head: &Head) -> Vec<&'static str> {
        let group = (envelope.group_start(), envelope.group_end());
        let group_fits = match self.group {
            Some(before) if position < before.1 => group == before,
            Some(_) => group.0 == position,
            None => group.0 <= position,
        };
        let checks = [
            (envelope.position == position, "position does not match the key"),
            (self.previous.is_none_or(|hash| envelope.previous == hash), "does not chain to the previous entry"),
            (position == 0 || envelope.created_at > self.last_time, "not later than the previous entry"),
            (group_fits && position < group.1, "group does not match the surrounding entries"),
            (group.1 <= head.length, "group extends beyond the head"),
            (
                self.last_binding.is_none_or(|last| last == envelope.last_binding),
                "does not name the last binding before it",
            ),
        ];
        let renamed = |from: LogId| (from != envelope.log_id).then(|| self.renamed_from(from));
        self.before = (self.log_id.is_some(), self.log_id.and_then(renamed));
        self.log_id = Some(envelope.log_id);
        (self.next, self.previous, self.last_time) = (position.saturating_add(1), Some(hash), envelope.created_at);
        self.group = Some(group);
        self.last_binding = Some(envelope.last_binding);
        if let Some(frontier) = &mut self.frontier {
            frontier.append(position, hash);
        }
        checks.into_iter().filter_map(|(fine, problem)| (!fine).then_some(problem)).collect()
    }

    fn renamed_from(&self, from: LogId) -> Renamed {
        Renamed { from, last: self.previous, root: self.frontier.as_ref().map(Frontier::root) }
    }

    /// Notes the body of the entry that follows. Returns the problem with its log id: only a fork changes it.
    fn note(&mut self, recorded: &LogEntry) -> Option<&'static str> {
        if recorded.body.is_binding() {
            self.last_binding = Some(Some(recorded.envelope.position));
        }
        match (&recorded.body, std::mem::take(&mut self.before)) {
            (Body::LogForked(body), (_, Some(Renamed { from, last, root }))) => {
                let fits = body.from == from
                    && body.length == recorded.envelope.position
                    && last.is_none_or(|last| body.last == last)
                    && root.is_none_or(|root| body.root == root);
                (!fits).then_some("does not name the log that it continues")
            }
            (Body::LogForked(_), (true, None)) => Some("does not give the log another id"),
            (_, (_, Some(_))) => Some("log id does not match the log"),
            _ => None,
        }
    }

    /// Continues at `position`, without the requirements of earlier entries.
    fn skip_to(&mut self, position: u64) {
        *self = Self {
            next: position,
            log_id: None,
            before: (false, None),
            previous: None,
            last_time: self.last_time,
            group: None,
            last_binding: None,
            frontier: None,
        };
    }

    /// Returns the problems with the end of the log.
    fn end(&self, head: &Head) -> Vec<String> {
        if self.next != head.length {
            return vec![format!("log has {} entries, expected {} by its head", self.next, head.length)];
        }
        if self.log_id.is_some_and(|id| id != head.log_id) {
            return vec!["log id of the last entry does not match the head".to_owned()];
        }
        if self.previous.is_some_and(|hash| hash != head.last) {
            return vec!["hash of the last entry does not match the head".to_owned()];
        }
        if self.frontier.as_ref().is_some_and(|frontier| *frontier != head.frontier) {
            return vec!["tree over the entries does not match the head".to_owned()];
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::record::{Group, LogForked, Unchanged};
    use crate::storage::tables::Visit;
    use crate::types::actor::Actor;

    /// The rows of one log.
    struct Rows(Vec<(Vec<u8>, Vec<u8>)>);

    impl TableReader for Rows {
        fn get(&self, _: Table, _: &[u8], _: &mut dyn FnMut(&[u8])) -> Result<bool> {
            Ok(false)
        }

        fn scan(&self, _: Table, _: Range<&[u8]>, _: Direction, f: &mut Visit<'_>) -> Result<()> {
            self.0.iter().try_for_each(|(row_key, value)| f(row_key, value).map(drop))
        }
    }

    const FROM: LogId = LogId([1; 16]);
    const TO: LogId = LogId([2; 16]);

    /// The problems of a log of two entries, of which the second has the id `id`.
    fn problems(id: LogId, second: impl FnOnce(LogForked) -> Body) -> Vec<String> {
        let (mut head, mut rows) = (Head::empty(FROM), Vec::new());
        let mut append = |head: &mut Head, body: Body| {
            let envelope = Envelope {
                log_id: head.log_id,
                position: head.length,
                previous: head.last,
                created_at: Timestamp::from_micros(i64::try_from(head.length).unwrap() + 1),
                clock_offset: 0,
                actor: Actor::platform("ops").unwrap(),
                imported_by: None,
                idempotency: None,
                group: Group { index: 0, size: 1 },
                rationale: None,
                last_binding: None,
                extensions: Vec::new(),
            };
            let (bytes, hash) = Entry::new(envelope, &body).and_then(|entry| entry.encode()).unwrap();
            rows.push((key::entry(7, head.length).to_vec(), Entry::stored(&bytes, hash)));
            head.append(hash);
        };
        append(&mut head, Unchanged {}.into());
        let right = LogForked { from: FROM, length: 1, last: head.last, root: head.frontier.root() };
        head.log_id = id;
        append(&mut head, second(right));
        let mut problems = Vec::new();
        walk(&Rows(rows), 7, &head, &mut |step| {
            match step {
                Step::Entry(_) => {}
                Step::BadEntry(position, problem) => problems.push(format!("{position}: {problem}")),
                Step::BadLog(problem) => problems.push(problem),
            }
            Ok(())
        })
        .unwrap();
        problems
    }

    /// Only an entry that names the log as it was gives it another id.
    #[test]
    fn a_fork_names_the_log_that_it_continues() {
        assert_eq!(problems(TO, Body::LogForked), [""; 0]);
        let wrong: [fn(&mut LogForked); 4] = [
            |body| body.from = TO,
            |body| body.length = 2,
            |body| body.last = EntryHash([3; 32]),
            |body| body.root = [4; 32],
        ];
        for change in wrong {
            let found = problems(TO, |mut body| {
                change(&mut body);
                body.into()
            });
            assert_eq!(found, ["1: does not name the log that it continues"]);
        }
        assert_eq!(problems(TO, |_| Unchanged {}.into()), ["1: log id does not match the log"]);
        assert_eq!(problems(FROM, Body::LogForked), ["1: does not give the log another id"]);
    }
}
