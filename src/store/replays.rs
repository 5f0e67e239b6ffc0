//! Replays: of the decision of one receipt, and of recorded decisions.

use std::io::BufRead;

use cedar_policy::{Entities, Request};

use super::PolicyStore;
use crate::decide::answer::Answer;
use crate::decide::authorizer::Authorizer;
use crate::decide::receipt::{Receipt, check_inputs};
use crate::decide::replay::report::ReplayReport;
use crate::decide::replay::{ReplayOptions, replay};
use crate::types::error::Result;
use crate::types::progress::Watch;

impl PolicyStore {
    /// Decides again by exactly the rules that a receipt names, after comparing them with the receipt. The same request
    /// and entities give the same answer: [`Answer::agrees_with`] compares it with the receipt. Other inputs are refused by
    /// their SHA-256, except for receipts of forms 1 and 2, which do not have it.
    ///
    /// # Errors
    ///
    /// [`Conflict`](crate::ErrorKind::Conflict) if the receipt and the store or the inputs disagree;
    /// [`NotFound`](crate::ErrorKind::NotFound) if the store does not have the zone or version;
    /// [`Invalid`](crate::ErrorKind::Invalid) if the receipt is malformed;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if this build does not know the receipt's version, or if its Cedar
    /// no longer parses a pinned policy.
    pub fn replay(&self, receipt: &Receipt, request: &Request, entities: &Entities) -> Result<Answer> {
        check_inputs(receipt, request, entities)?;
        self.authorizer_of_receipt(receipt)?.is_authorized(request, entities)
    }

    /// Decides recorded decisions again: each by the rules of its receipt, which must give the same answer, or all
    /// [by others](ReplayOptions::with), to see the difference. `input` are lines as from [`Answer::write_record`] or a
    /// [`DecisionLog`](crate::DecisionLog), on all cores and in bounded memory: some MiB for each thread, and up to 0.5 GiB
    /// of caches. Lines that cannot be decided are named, and left out of the counts.
    ///
    /// ```
    /// # use policy_store::{PolicyStore, ReplayOptions, Result, Target};
    /// /// What a shadow would change, by the decisions of a day.
    /// fn change(store: &PolicyStore, zone: &str, day: std::fs::File) -> Result<()> {
    ///     let shadow = store.zone(zone)?.shadow_authorizer(Target::Zone)?;
    ///     let report = store.replay_decisions(std::io::BufReader::new(day), &ReplayOptions::new().with(shadow))?;
    ///     for flips in &report.flips_by_statement {
    ///         println!("{} decisions to {:?} by {}", flips.count, flips.to, flips.statement);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the input cannot be read; as a read for the store.
    pub fn replay_decisions(&self, input: impl BufRead, options: &ReplayOptions) -> Result<ReplayReport> {
        replay(&self.engine, input, options, Watch::NONE)
    }

    /// The authorizer that a receipt names, after the same checks as [`replay`](PolicyStore::replay). It reads requests
    /// and entities with the schema of the receipt.
    ///
    /// # Errors
    ///
    /// As [`replay`](Self::replay).
    pub fn authorizer_of_receipt(&self, receipt: &Receipt) -> Result<Authorizer> {
        Authorizer::of_receipt(&self.engine, receipt)
    }
}
