//! The loop of a publisher: publishes what is committed, repeats heads, and tries again when the storage does not answer.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::reader::blocking;
use super::{Publisher, is_due};
use crate::error::{Error, Result};

/// The longest pause between two tries.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

impl Publisher {
    /// Publishes whatever is committed, soon after, and repeats the newest head while nothing is, until `stop` is ready. While
    /// the storage does not answer, it tries again after pauses of up to 30 seconds.
    ///
    /// It stops at once: [`publish`](Self::publish) afterwards publishes the last entries.
    ///
    /// # Errors
    ///
    /// As `publish`, but for `unavailable`.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let mut stop = pin!(stop);
        let mut failures = None;
        loop {
            let step = pin!(self.step(failures));
            failures = match select(stop.as_mut(), step).await {
                Either::Left(_) => return Ok(()),
                Either::Right((Ok(()), _)) => Some(0),
                Either::Right((Err(Error::Unavailable { .. }), _)) => Some(failures.unwrap_or(0).saturating_add(1)),
                Either::Right((Err(error), _)) => return Err(error),
            };
        }
    }

    /// Waits, and publishes if there is a reason. `failures` in a row came before; none at the start.
    async fn step(&mut self, failures: Option<u32>) -> Result<()> {
        if let Some(failures) = failures {
            let pause = self.config.poll_every.saturating_mul(2_u32.saturating_pow(failures));
            tokio::time::sleep(pause.min(LONGEST_PAUSE.max(self.config.poll_every))).await;
        }
        let published = match self.has_reason().await {
            Ok(false) => return Ok(()),
            Ok(true) => self.publish().await,
            Err(error) => Err(error),
        };
        (self.config.observer)(&published);
        published.map(drop)
    }

    async fn has_reason(&self) -> Result<bool> {
        let newest = self.state.as_ref().and_then(|state| state.head.as_ref());
        let (Some(head), Some(entries)) = (newest, self.entries) else { return Ok(true) };
        let rules_wait = self.rules.iter().any(|rules| rules.waits(&self.config, head.time));
        if rules_wait || is_due(head.time, (self.config.clock)(), self.config.repeat_after) {
            return Ok(true);
        }
        let store = self.config.store.clone();
        blocking(move || Ok(store.stats()?.entries != entries)).await
    }
}
