//! The store's only source of time and randomness. With a fixed clock and a seed, a run is deterministic.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::error::{ErrorDetail, Result};
use super::id::LogId;
use super::time::Timestamp;

/// The clock and the source of random bytes of a store.
pub(crate) struct Environment {
    clock: Box<dyn Fn() -> Timestamp + Send + Sync>,
    seed: [u8; 32],
    drawn: AtomicU64,
}

/// A running measurement of time, for statistics. Nothing that is stored or decided depends on it.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "the one place that measures time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl Environment {
    /// Without `seed`, the operating system supplies one.
    #[expect(clippy::disallowed_methods, reason = "the one place that owns the system's randomness")]
    pub(crate) fn new(clock: Box<dyn Fn() -> Timestamp + Send + Sync>, seed: Option<u64>) -> Result<Self> {
        let mut bytes = [0; 32];
        match seed {
            Some(seed) => bytes = blake3::derive_key("policy-store 1 id seed", &seed.to_be_bytes()),
            None => getrandom::fill(&mut bytes).map_err(|error| ErrorDetail::failed("get random bytes", error))?,
        }
        Ok(Self { clock, seed: bytes, drawn: AtomicU64::new(0) })
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Random bytes: a function of the seed, of `place` and of the number of earlier draws. `place` keeps the draws of
    /// a reopened seeded store from repeating.
    pub(crate) fn random(&self, place: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&self.seed);
        hasher.update(&self.drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        hasher.update(place);
        *hasher.finalize().as_bytes()
    }

    /// A UUIDv7 with the millisecond of `time`, for the entry at `position` of the log `log_id`.
    pub(crate) fn uuid(&self, time: Timestamp, log_id: LogId, position: u64) -> String {
        let random = self.random(&[log_id.0.as_slice(), &position.to_be_bytes()].concat());
        let mut ten = [0; 10];
        ten.copy_from_slice(random.first_chunk::<10>().unwrap_or(&[0; 10]));
        let millis = u64::try_from(time.as_micros() / 1_000).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &ten).into_uuid().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(seed: Option<u64>) -> Environment {
        Environment::new(Box::new(|| Timestamp::from_micros(1_771_939_200_000_000)), seed).unwrap()
    }

    #[test]
    fn ids_are_version_7_uuids_of_the_time_given() {
        let environment = environment(Some(1));
        let id = environment.uuid(environment.now(), LogId([0; 16]), 0);
        let uuid = uuid::Uuid::parse_str(&id).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(id[..13].replace('-', ""), format!("{:012x}", 1_771_939_200_000_u64));
    }

    #[test]
    fn a_seed_repeats_itself_but_no_draw_repeats_another() {
        let (first, again, other, real) =
            (environment(Some(1)), environment(Some(1)), environment(Some(2)), environment(None));
        let draw = |environment: &Environment, position| environment.uuid(environment.now(), LogId([0; 16]), position);
        let id = draw(&first, 0);
        assert_eq!(id, draw(&again, 0));
        assert_ne!(id, draw(&first, 0));
        assert_ne!(id, draw(&other, 0));
        assert_ne!(draw(&environment(Some(1)), 1), id, "a reopened store stands at a later position");
        assert_ne!(draw(&real, 0), draw(&environment(None), 0));
    }
}
