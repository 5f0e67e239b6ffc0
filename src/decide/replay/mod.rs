//! Replays of recorded decisions: decides each again, by the rules of its receipt or by others, and counts what differs.
//!
//! Does not write.

mod batch;
pub(crate) mod left_out;
pub(crate) mod report;
mod rules;
mod sets;
mod threads;

use std::io::BufRead;
use std::num::NonZeroUsize;

use super::answer::Decided;
use super::authorizer::Authorizer;
use super::receipt::{Receipt, check_form, check_input_shas, request_sha};
use super::record::line::{DecisionLine, EntitiesOf};
use crate::cedar;
use crate::engine::Engine;
use crate::types::error::Result;
use crate::types::progress::{Steps, Watch, Work};
use batch::{Batch, Given, Lines};
use left_out::{Halt, LeftOut, Refusal};
use report::{ReplayReport, Tally};
use rules::RulesOf;
use sets::{Anew, ReadSets};

/// The rules, threads and size of a [replay](crate::PolicyStore::replay_decisions).
///
/// ```
/// # use policy_store::{ReplayOptions, Result, Zone};
/// /// A policy set version that is not in force, on one thread.
/// fn options(zone: &Zone, version: &str) -> Result<ReplayOptions> {
///     Ok(ReplayOptions::new().with(zone.authorizer_of_version(version)?).threads(1))
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct ReplayOptions {
    with: Option<Authorizer>,
    as_given: bool,
    threads: Option<NonZeroUsize>,
    bytes: u64,
}

impl ReplayOptions {
    /// Each decision by the rules of its receipt, on all cores.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decides by these rules instead: those of another version, of a shadow, of another time. They must be of the zone of
    /// the receipts. If their schema is not the receipt's, requests and entities are read by their schema.
    pub fn with(mut self, authorizer: Authorizer) -> Self {
        self.with = Some(authorizer);
        self
    }

    /// Reads entities by another schema [as given](Authorizer::entities_as_given), without validation.
    pub fn entities_as_given(mut self) -> Self {
        self.as_given = true;
        self
    }

    /// The number of threads; all cores without this option. The report is the same for any number.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = NonZeroUsize::new(threads);
        self
    }

    /// The size of the input, for an observer's progress.
    pub fn input_bytes(mut self, bytes: u64) -> Self {
        self.bytes = bytes;
        self
    }
}

/// Replays the lines of `input`.
pub(crate) fn replay(
    store: &Engine,
    input: impl BufRead,
    options: &ReplayOptions,
    watch: Watch<'_>,
) -> Result<ReplayReport> {
    let threads = options.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let steps = watch.begin(Work::Replay, options.bytes)?;
    let replay = Replay { rules: RulesOf::new(store)?, sets: ReadSets::new()?, options, steps: &steps };
    let mut lines = Lines::new(input);
    let tallies =
        cedar::with_room(|| threads::run(threads, || lines.batch(), |tally, batch| replay.batch(tally, &batch)))?;
    steps.end()?;
    let mut all = Tally::default();
    tallies.into_iter().for_each(|tally| all.merge(tally));
    Ok(all.into_report())
}

/// The parts of a replay that its threads share.
struct Replay<'a> {
    rules: RulesOf<'a>,
    sets: ReadSets,
    options: &'a ReplayOptions,
    steps: &'a Steps<'a>,
}

impl Replay<'_> {
    fn batch(&self, tally: &mut Tally, batch: &Batch) -> Result<()> {
        for line in batch.lines() {
            let number = line.number;
            match self.line(line) {
                Ok((receipt, decided)) => self.compare(tally, number, &receipt, &decided),
                Err(Halt::Line(refusal)) => tally.leave_out(number, refusal),
                Err(Halt::Replay(error)) => return Err(error),
            }
        }
        self.steps.add(batch.bytes)
    }

    /// Decides a line again.
    fn line(&self, given: Given<'_>) -> Result<(Receipt, Decided), Halt> {
        let DecisionLine { receipt, request: asked, entities } = decision(given.text?)?;
        Refusal::of(LeftOut::Malformed, check_form(&receipt))??;
        let own = self.rules.of(&receipt)??;
        let with = self.options.with.as_ref();
        let anew = with.filter(|with| !with.has_schema_of(&receipt));
        let reader = anew.map(|authorizer| Anew { authorizer, as_given: self.options.as_given });
        let named = if let EntitiesOf::Earlier(sha) = entities { Some(sha) } else { None };
        let set = match (entities, given.earlier) {
            (EntitiesOf::Inline(json), _) => self.sets.inline(json, reader)?,
            (EntitiesOf::Earlier(_), Some(set)) => self.sets.earlier(set, reader)?,
            (EntitiesOf::Earlier(sha), None) => {
                let message = format!("no earlier line has the entities `{sha}`");
                return Err(Refusal::new(LeftOut::MissingEntities, &message).into());
            }
        };
        let (mut entities, sha) =
            set.recorded.as_ref().map(|(entities, sha)| (entities, *sha)).map_err(Refusal::clone)?;
        if let Some(named) = named.filter(|named| *named != sha) {
            let message = format!("the line names entities `{named}`, and those under this hash have `{sha}`");
            return Err(Refusal::new(LeftOut::OtherInputs, &message).into());
        }
        let recorded = cedar::exact_request(asked.uids(), asked.context());
        let mut request = Refusal::of(LeftOut::Malformed, recorded)??;
        let asked_sha = Refusal::of(LeftOut::Malformed, request_sha(&request))??;
        Refusal::of(LeftOut::OtherInputs, check_input_shas(&receipt, asked_sha, sha))??;
        let authorizer = with.unwrap_or(&own);
        if !authorizer.is_of_the_log_of(&own) {
            let message = format!("the receipt is of zone `{}`, and the rules are of another one", receipt.zone_id);
            return Err(Refusal::new(LeftOut::OtherRules, &message).into());
        }
        if let Some(anew) = anew {
            let [principal, action, resource] = asked.uids();
            request = Refusal::of(LeftOut::Unreadable, anew.request(principal, action, resource, asked.context()))??;
            entities = set.anew.as_ref().map_err(Refusal::clone)?;
        }
        let decided = Refusal::of(LeftOut::Failed, authorizer.decide(&request, entities))??;
        // Groups of flips may be under the statements of the receipt.
        if let Some(unknown) = receipt.determining.iter().find(|statement| !own.has(statement)) {
            let message = format!("the rules of the receipt have no {unknown}");
            return Err(Refusal::new(LeftOut::OtherRules, &message).into());
        }
        Ok((receipt, decided))
    }

    fn compare(&self, tally: &mut Tally, line: u64, receipt: &Receipt, decided: &Decided) {
        if receipt.decision != decided.decision {
            let caused = &decided.determining;
            let statements = if caused.is_empty() { &receipt.determining } else { caused };
            return tally.flip(line, decided.decision, statements);
        }
        // By the rules of the receipt, the same statements must have failed, too.
        let failed_differ = || !receipt.failed.iter().eq(decided.errors.iter().map(|error| &error.statement));
        let differ = receipt.determining != decided.determining || (self.options.with.is_none() && failed_differ());
        tally.same(line, differ);
    }
}

/// The decision of a line.
fn decision(text: &str) -> Result<DecisionLine<'_>, Halt> {
    let read = Refusal::of(LeftOut::Malformed, DecisionLine::read(text))??;
    // The reader has taken the lines of entities.
    read.ok_or_else(|| Refusal::new(LeftOut::Malformed, "unexpected line of entities").into())
}
