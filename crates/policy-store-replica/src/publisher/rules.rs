//! The signed rules of chosen targets: made at the newest head, and put after it. Does not put heads, and never stops them.

use std::sync::Arc;

use policy_store::evidence::VerifiedRules;
use policy_store::{EntryHash, ErrorKind, LogId, Target, Timestamp, ZoneId};
use tokio::time::Instant;

use super::reader::blocking;
use super::run::LONGEST_PAUSE;
use super::sizes::Sizes;
use super::{Config, Outcome, Publisher, is_due};
use crate::error::{Error, Result};
use crate::head::Head;
use crate::object::rules::name;
use crate::rules::{self, Rules};

/// The signed rules of one target after a call of [`Publisher::publish`].
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct PublishedRules {
    /// The zone.
    pub zone_id: ZoneId,
    /// The target.
    pub target: Target,
    /// The effect of the call.
    pub outcome: RulesOutcome,
}

/// The effect of a call of [`Publisher::publish`] on the signed rules of one target.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum RulesOutcome {
    /// They were put.
    Put,
    /// Nothing was put: they are there, and young.
    Unchanged,
    /// Nothing was put: nothing is in force for the target at the head. An earlier object stays.
    NotBound,
    /// They were not put: there is no such zone (`store` with the detail `not_found`), they are too large (`too_large`), or the
    /// storage does not answer (`unavailable`). The next call tries again.
    Failed(Arc<Error>),
}

/// A target whose signed rules are put.
pub(super) struct ChosenRules {
    zone_id: ZoneId,
    target: Target,
    /// The object.
    name: String,
    /// None if the object may be another one: then it is put.
    last: Option<Last>,
    /// Failures in a row, and the time of the next try.
    failures: u32,
    again: Option<Instant>,
}

/// The signed rules that were made last.
struct Last {
    log_id: LogId,
    /// The size of the zone's log in the newest seal.
    size: Option<u64>,
    /// None if nothing was in force.
    put: Option<(InForce, Timestamp)>,
}

/// The parts that decide whether two signed rules of one log are the same.
#[derive(PartialEq, Eq)]
struct InForce {
    binding: EntryHash,
    guardrail: Option<EntryHash>,
    attestations: usize,
}

impl InForce {
    fn of(rules: &VerifiedRules) -> Self {
        Self {
            binding: rules.rules().binding_entry,
            guardrail: rules.guardrail().map(|guardrail| guardrail.binding_entry),
            attestations: rules.attestations().len(),
        }
    }
}

impl Publisher {
    /// Puts the signed rules that the newest head has changed, or that have become old.
    pub(super) async fn put_rules(&mut self, outcome: Outcome) -> Vec<PublishedRules> {
        let Some((head, sizes)) = self.state.as_ref().and_then(|state| Some((state.head.as_ref()?, &state.sizes)))
        else {
            return Vec::new();
        };
        let mut published = Vec::with_capacity(self.rules.len());
        for rules in &mut self.rules {
            let outcome = rules.put(&self.config, head, sizes, outcome == Outcome::Repeated).await;
            published.push(PublishedRules { zone_id: rules.zone_id.clone(), target: rules.target.clone(), outcome });
        }
        published
    }
}

impl ChosenRules {
    pub(super) fn new(zone_id: String, target: Target) -> Result<Self> {
        let zone_id = ZoneId::new(zone_id).map_err(policy_store::Error::from)?;
        target.check().map_err(policy_store::Error::from)?;
        let name = name(&zone_id, &target);
        Ok(Self { zone_id, target, name, last: None, failures: 0, again: None })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Puts the object with the next call.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// Whether a call would try to put the object, although there is no new head.
    pub(super) fn waits(&self, config: &Config, head: Timestamp) -> bool {
        match &self.last {
            Some(last) => last.is_old(config, head),
            None => self.again.is_none_or(|again| Instant::now() >= again),
        }
    }

    async fn put(&mut self, config: &Arc<Config>, head: &Head, sizes: &Sizes, is_repeated: bool) -> RulesOutcome {
        match self.try_put(config, head, sizes, is_repeated).await {
            Ok(outcome) => {
                (self.failures, self.again) = (0, None);
                outcome
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let pause = config.poll_every.saturating_mul(2_u32.saturating_pow(self.failures));
                self.again = Instant::now().checked_add(pause.min(LONGEST_PAUSE.max(config.poll_every)));
                RulesOutcome::Failed(Arc::new(error))
            }
        }
    }

    async fn try_put(
        &mut self,
        config: &Arc<Config>,
        head: &Head,
        sizes: &Sizes,
        is_repeated: bool,
    ) -> Result<RulesOutcome> {
        let size = |log_id: LogId| sizes.zones.get(&log_id).map(|zone| zone.size);
        let is_due =
            self.last.as_ref().is_none_or(|last| last.put.is_some() && is_repeated || last.is_old(config, head.time));
        let has_grown = |last: &Last| last.size.is_none() || last.size != size(last.log_id);
        if let Some(last) = self.last.as_ref().filter(|last| !is_due && !has_grown(last)) {
            return Ok(if last.put.is_some() { RulesOutcome::Unchanged } else { RulesOutcome::NotBound });
        }
        // An error, or a dropped future, leaves none: then it is put again.
        let last = self.last.take();
        let (log_id, made) = self.make(config, head).await?;
        let size = size(log_id);
        let Some((text, rules)) = made else {
            self.last = Some(Last { log_id, size, put: None });
            return Ok(RulesOutcome::NotBound);
        };
        let in_force = InForce::of(&rules.verified);
        let before = last.filter(|last| !is_due && last.log_id == log_id).and_then(|last| last.put);
        if let Some(before) = before.filter(|(before, _)| *before == in_force) {
            self.last = Some(Last { log_id, size, put: Some(before) });
            return Ok(RulesOutcome::Unchanged);
        }
        config.bucket.put(&self.name, text.into()).await?;
        self.last = Some(Last { log_id, size, put: Some((in_force, rules.time)) });
        Ok(RulesOutcome::Put)
    }

    /// The signed rules at a head, verified as an edge does; none if nothing is in force. Also the zone's log.
    async fn make(&self, config: &Arc<Config>, head: &Head) -> Result<(LogId, Option<(String, Rules)>)> {
        let (config, head) = (config.clone(), head.clone());
        let (zone_id, target, name) = (self.zone_id.clone(), self.target.clone(), self.name.clone());
        blocking(move || {
            let zone = config.store.zone(&zone_id)?;
            let log_id = zone.info()?.log_id;
            let rules = match zone.signed_rules_with(target, &head.signed()?) {
                Ok(rules) => rules.to_string(),
                Err(error) if error.kind() == ErrorKind::NotBound => return Ok((log_id, None)),
                Err(error) => return Err(error.into()),
            };
            let verified = rules::read(&config.trust, &name, rules.as_bytes())?;
            Ok((log_id, Some((rules, verified))))
        })
        .await
    }
}

impl Last {
    /// Whether the object is to be put again at a head with this time.
    fn is_old(&self, config: &Config, head: Timestamp) -> bool {
        self.put.as_ref().is_some_and(|(_, time)| is_due(*time, head, config.repeat_after))
    }
}
