//! The age of a time that was signed: how old it is, and whether it is too old or of a wrong clock. Does not know objects.

use std::sync::Arc;
use std::time::Duration;

use policy_store::Timestamp;

use crate::error::{Error, Result};

/// The source of the present time.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How far the clock of a publisher may be ahead of a reader's.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// The age of a time; zero if it is in the future.
pub(crate) fn age(time: Timestamp, now: Timestamp) -> Duration {
    u64::try_from(since(time, now)).map_or(Duration::ZERO, Duration::from_micros)
}

/// Whether a time is so far in the future that one of the clocks is wrong.
pub(crate) fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    let since = since(time, now);
    since < 0 && Duration::from_micros(since.unsigned_abs()) > AHEAD
}

/// Refuses the time of an object that is older than `max_age`, or in the future.
pub(crate) fn check(object: String, time: Timestamp, now: Timestamp, max_age: Duration) -> Result<()> {
    if age(time, now) > max_age {
        return Err(Error::Frozen { object, time, now });
    }
    if is_ahead(time, now) { Err(Error::Clock { object, time, now }) } else { Ok(()) }
}

/// Microseconds from `time` to `now`.
fn since(time: Timestamp, now: Timestamp) -> i64 {
    now.as_micros().saturating_sub(time.as_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_their_limits() {
        let (now, limit) = (Timestamp::from_micros(1_000_000_000), Duration::from_secs(10));
        let code = |micros: i64| {
            let time = Timestamp::from_micros(now.as_micros() + micros);
            check("o".to_owned(), time, now, limit).map_err(|error| error.code())
        };
        for (micros, expected) in [
            (0, Ok(())),
            (-10_000_000, Ok(())),
            (-10_000_001, Err("frozen")),
            (300_000_000, Ok(())),
            (300_000_001, Err("clock")),
            (-1_000_000_000, Err("frozen")),
        ] {
            assert_eq!(code(micros), expected, "{micros}");
        }
        assert_eq!(age(Timestamp::EPOCH, now), Duration::from_secs(1_000));
        assert_eq!(age(now, Timestamp::EPOCH), Duration::ZERO);
        assert!(is_ahead(Timestamp::from_micros(i64::MAX), Timestamp::from_micros(i64::MIN)));
    }
}
