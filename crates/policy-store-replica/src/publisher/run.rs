//! The loop of a publisher: publishes what is committed, repeats heads, and tries again when the storage does not answer.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::time::Instant;

use super::reader::blocking;
use super::{Publisher, is_due};
use crate::error::{Error, Result};

/// The longest pause between two tries.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The longest wait for a commit. A thread waits, and goes on for this time at most after the loop has stopped.
const LONGEST_WAIT: Duration = Duration::from_millis(200);

impl Publisher {
    /// Publishes whatever is committed, at once unless a head was put just before, and repeats the newest head while nothing is, until `stop` is ready. While
    /// the storage does not answer, it tries again after pauses of up to 30 seconds.
    ///
    /// It stops at once: [`publish`](Self::publish) afterwards publishes the last entries.
    ///
    /// # Errors
    ///
    /// As `publish`, but for `unavailable`.
    pub async fn run(&mut self, stop: impl Future<Output = ()>) -> Result<()> {
        let mut stop = pin!(stop);
        let mut failures = 0;
        loop {
            let step = pin!(self.step(failures));
            failures = match select(stop.as_mut(), step).await {
                Either::Left(_) => return Ok(()),
                Either::Right((Ok(()), _)) => 0,
                Either::Right((Err(Error::Unavailable { .. }), _)) => failures.saturating_add(1),
                Either::Right((Err(error), _)) => return Err(error),
            };
        }
    }

    /// Waits, and publishes if there is a reason. `failures` in a row came before.
    async fn step(&mut self, failures: u32) -> Result<()> {
        if failures > 0 {
            let pause = self.config.poll_every.saturating_mul(2_u32.saturating_pow(failures));
            tokio::time::sleep(pause.min(LONGEST_PAUSE.max(self.config.poll_every))).await;
        }
        let published = match self.has_reason().await {
            Ok(false) => return Ok(()),
            Ok(true) => {
                // Commits that follow each other closely share a head.
                if let Some(last) = self.published_at {
                    tokio::time::sleep_until(last + self.look_every()).await;
                }
                let published = self.publish().await;
                self.published_at = Some(Instant::now());
                published
            }
            Err(error) => Err(error),
        };
        (self.config.observer)(&published);
        published.map(drop)
    }

    fn look_every(&self) -> Duration {
        self.config.poll_every.min(LONGEST_WAIT)
    }

    /// Whether to publish now. Without a reason, waits for one: up to a commit, or the next look at the clock.
    async fn has_reason(&self) -> Result<bool> {
        let newest = self.state.as_ref().and_then(|state| state.head.as_ref());
        let (Some(head), Some(commits)) = (newest, self.commits) else { return Ok(true) };
        let rules_wait = self.rules.iter().any(|rules| rules.waits(&self.config, head.time));
        if rules_wait || is_due(head.time, (self.config.clock)(), self.config.repeat_after) {
            return Ok(true);
        }
        let (store, wait) = (self.config.store.clone(), self.look_every());
        blocking(move || Ok(store.wait_for_commit(commits, wait)? != commits)).await
    }
}
