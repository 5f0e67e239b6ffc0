//! Measures commits: their number, and a histogram of their durations. Does not know what is committed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;

/// Buckets for each power of two: a quantile is right to an eighth.
const STEPS: usize = 8;
/// Powers of two above the first eight values: up to 13 days in microseconds.
const POWERS: usize = 37;
const BUCKETS: usize = STEPS * (POWERS + 1);

/// The commits of a handle since it was opened.
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommitStats {
    /// The writes that became durable. Several writes can share a commit.
    pub writes: u64,
    /// The commits that became durable.
    pub commits: u64,
    /// The commits that failed.
    pub failed: u64,
    /// The time of all durable commits.
    pub total: Duration,
    /// The shortest durable commit.
    pub min: Duration,
    /// The median, rounded up by at most an eighth.
    pub median: Duration,
    /// The 99th percentile, rounded up by at most an eighth.
    pub p99: Duration,
    /// The longest durable commit.
    pub max: Duration,
}

/// Counters that threads share. A reader sees counters of slightly different moments.
#[derive(Debug)]
pub(super) struct Meter {
    writes: AtomicU64,
    commits: AtomicU64,
    failed: AtomicU64,
    total: AtomicU64,
    min: AtomicU64,
    max: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            writes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            total: AtomicU64::new(0),
            min: AtomicU64::new(u64::MAX),
            max: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }
}

impl Meter {
    /// Counts writes that are durable.
    pub(super) fn wrote(&self, writes: u64) {
        self.writes.fetch_add(writes, Ordering::Relaxed);
    }

    /// Counts a commit.
    pub(super) fn committed(&self, succeeded: bool, took: Duration) {
        if !succeeded {
            self.failed.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.total.fetch_add(micros, Ordering::Relaxed);
        self.min.fetch_min(micros, Ordering::Relaxed);
        self.max.fetch_max(micros, Ordering::Relaxed);
        if let Some(bucket) = self.buckets.get(bucket(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn stats(&self) -> CommitStats {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts: Vec<u64> = self.buckets.iter().map(load).collect();
        let (commits, longest) = (counts.iter().sum::<u64>(), load(&self.max));
        let quantile = |part: u64| Duration::from_micros(quantile(&counts, commits, part).min(longest));
        CommitStats {
            writes: load(&self.writes),
            commits,
            failed: load(&self.failed),
            total: Duration::from_micros(load(&self.total)),
            min: Duration::from_micros(if commits == 0 { 0 } else { load(&self.min) }),
            median: quantile(50),
            p99: quantile(99),
            max: Duration::from_micros(longest),
        }
    }
}

/// The bucket of a value.
fn bucket(micros: u64) -> usize {
    let power = (u64::BITS - micros.leading_zeros()).saturating_sub(4) as usize;
    let step = (micros >> power) as usize;
    (power * STEPS + step).min(BUCKETS - 1)
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < 2 * STEPS {
        return bucket as u64;
    }
    let (power, step) = (bucket / STEPS - 1, bucket % STEPS + STEPS);
    ((step as u64 + 1) << power) - 1
}

/// The largest value of the bucket that holds the given percentile.
fn quantile(counts: &[u64], all: u64, percent: u64) -> u64 {
    let rank = (u128::from(all) * u128::from(percent)).div_ceil(100);
    let mut seen = 0;
    let found = counts.iter().position(|count| {
        seen += u128::from(*count);
        seen >= rank && seen > 0
    });
    found.map_or(0, upper)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_its_bucket_to_an_eighth() {
        let mut before = 0;
        for micros in (0..4_096).chain((12..40).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])) {
            let bucket = bucket(micros);
            assert!(bucket >= before, "{micros}");
            before = bucket;
            assert!(upper(bucket) >= micros && upper(bucket) <= micros + micros / 8, "{micros}: {}", upper(bucket));
            assert!(bucket == 0 || upper(bucket - 1) < micros, "{micros}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_commits() {
        let meter = Meter::default();
        assert_eq!(meter.stats(), CommitStats::default());
        for millis in 1..=100 {
            meter.committed(true, Duration::from_millis(millis));
        }
        meter.committed(false, Duration::from_secs(9));
        meter.wrote(1);
        let stats = meter.stats();
        let millis = |duration: Duration| duration.as_millis();
        assert_eq!((stats.writes, stats.commits, stats.failed), (1, 100, 1));
        assert_eq!((millis(stats.min), millis(stats.max), millis(stats.total)), (1, 100, 5_050));
        assert!((50..57).contains(&millis(stats.median)), "{stats:?}");
        assert!((99..=100).contains(&millis(stats.p99)), "{stats:?}");
    }
}
