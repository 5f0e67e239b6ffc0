//! The rules of an edge: verifies newer ones, compares them with its own, and takes them over. Does not know storage.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use policy_store::evidence::VerifiedRules;
use policy_store::{Authorizer, Checkpoint, ErrorDetail, LiveAuthorizer, Timestamp};

use super::Settings;
use crate::age;
use crate::error::{Error, Result};
use crate::rules::{self, Rules};

#[derive(Default)]
pub(super) struct State {
    live: OnceLock<LiveAuthorizer>,
    /// The checkpoint of the zone's log that the rules are of, and their time.
    newest: Mutex<Option<(Checkpoint, Timestamp)>>,
}

impl State {
    pub(super) fn authorizer(&self) -> Option<Arc<Authorizer>> {
        self.live.get().map(LiveAuthorizer::current)
    }

    pub(super) fn newest(&self) -> Option<(Checkpoint, Timestamp)> {
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over the rules in the bytes of an object. False if they are those that it has. A dropped poll may still be in here
    /// while the next one is.
    pub(super) fn take(&self, settings: &Settings, bytes: &[u8], now: Timestamp) -> Result<bool> {
        let Rules { verified, time } = rules::read(&settings.trust, &settings.object, bytes)?;
        check_asked_for(settings, &verified)?;
        let is_newer = self.reload(settings, &verified)?;
        self.note(verified.checkpoint(), time, now);
        Ok(is_newer)
    }

    fn reload(&self, settings: &Settings, rules: &VerifiedRules) -> Result<bool> {
        let reload = |live: &LiveAuthorizer| live.reload(rules).map_err(|error| named(error, settings));
        if let Some(live) = self.live.get() {
            return reload(live);
        }
        let mut live = LiveAuthorizer::new(rules)?;
        if settings.deny_on_forbid_error {
            live = live.deny_on_forbid_error();
        }
        match self.live.set(live) {
            Ok(()) => Ok(true),
            Err(_) => self.live.get().map_or(Ok(false), reload),
        }
    }

    /// Equal checkpoints have equal rules, so an earlier time of one takes nothing from the later one, unless that is of a wrong
    /// clock.
    fn note(&self, checkpoint: Checkpoint, time: Timestamp, now: Timestamp) {
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_kept = newest.is_some_and(|(seen, seen_time)| {
            seen.size > checkpoint.size || seen == checkpoint && seen_time > time && !age::is_ahead(seen_time, now)
        });
        if !is_kept {
            *newest = Some((checkpoint, time));
        }
    }
}

/// Refuses rules of another zone or target: somebody has put them under this name.
fn check_asked_for(settings: &Settings, rules: &VerifiedRules) -> Result<()> {
    let zones = ("zone", rules.zone_id().to_string(), settings.zone_id.to_string());
    let targets = ("target", rules.target().to_string(), settings.target.to_string());
    for (field, found, expected) in [zones, targets] {
        if found != expected {
            let problem = format!("rules of another {field}: {found}, expected {expected}");
            return Err(Error::damaged(&settings.object, problem));
        }
    }
    Ok(())
}

/// The error of this crate for rules that contradict those in use.
fn named(error: policy_store::Error, settings: &Settings) -> Error {
    let (object, problem) = (settings.object.clone(), error.to_string());
    match error.detail() {
        ErrorDetail::OlderRules { .. } => Error::Rollback { object, problem },
        ErrorDetail::OtherRules { .. } | ErrorDetail::ForkedRules { .. } => Error::Fork { object, problem },
        _ => Error::Store(error),
    }
}
