//! Points in time: microseconds since 1970 in UTC, printed as RFC 3339. The one use of the system clock is
//! [`Timestamp::now`].

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::Error;

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
///
/// ```
/// use policy_store_verify::Timestamp;
/// let time: Timestamp = "2026-02-24T13:20:00Z".parse()?;
/// assert_eq!(time.as_micros(), 1_771_939_200_000_000);
/// assert_eq!(time.to_string(), "2026-02-24T13:20:00.000000Z");
/// # Ok::<(), policy_store_verify::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(any(test, feature = "judge"), derive(bincode::Encode, bincode::Decode))]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest time: 9999-12-30T21:59:59.999999Z.
    pub const MAX: Self = Self(253_402_207_199_999_999);
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The time `micros` microseconds after 1970-01-01T00:00:00Z, clamped to [`Timestamp::EPOCH`] and
    /// [`Timestamp::MAX`].
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        if micros < 0 {
            Self::EPOCH
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Self(micros)
        }
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// The time of the system clock, which a store uses by default. Not on WebAssembly without an operating system, which
    /// has no clock.
    #[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that owns the system's clock")]
    pub fn now() -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let micros = since.map_or(0, |duration| duration.as_micros());
        Self::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }

    /// The next microsecond. None after [`Timestamp::MAX`].
    pub fn next(self) -> Option<Self> {
        (self < Self::MAX).then(|| Self(self.0 + 1))
    }

    /// The previous microsecond, or the epoch.
    pub fn previous(self) -> Self {
        Self::from_micros(self.0.saturating_sub(1))
    }

    /// Whether the value is in range.
    pub fn is_valid(self) -> bool {
        self == Self::from_micros(self.0)
    }
}

/// A sample date: the pattern of a date without a time.
const DATE: &str = "2026-02-24";

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        // No time is before 1970.
        Self::UNIX_EPOCH + Duration::from_micros(u64::try_from(time.0).unwrap_or_default())
    }
}

impl TryFrom<SystemTime> for Timestamp {
    type Error = Error;

    /// Truncates to microseconds.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) before 1970 and after [`Timestamp::MAX`].
    fn try_from(time: SystemTime) -> Result<Self, Error> {
        let micros = time.duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| i64::try_from(since.as_micros()));
        match micros {
            Some(Ok(micros)) if Self(micros).is_valid() => Ok(Self(micros)),
            _ => Err(Error::invalid("time", &format!("{time:?}"), "expected 1970 to 9999")),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time:.6}"),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339, such as `2026-02-24T13:20:00Z`, truncated to microseconds. A date without a time, such as
    /// `2026-02-24`, is the start of that day in UTC.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::Error::InvalidInput) for other text, and for times before 1970 or after [`Timestamp::MAX`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid("time", text, "expected RFC 3339, or a date such as `2026-02-24`");
        let is_date = text.len() == DATE.len()
            && text.bytes().zip(DATE.bytes()).all(
                |(byte, form)| {
                    if form == b'-' { byte == b'-' } else { byte.is_ascii_digit() }
                },
            );
        let with_time = if is_date { format!("{text}T00:00:00Z") } else { text.to_owned() };
        let time: jiff::Timestamp = with_time.parse().map_err(|_| wrong())?;
        let micros = time.as_microsecond();
        if !Self(micros).is_valid() {
            return Err(Error::invalid("time", text, "expected 1970 to 9999"));
        }
        Ok(Self(micros))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_rfc_3339_with_six_digits_and_reads_it_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_771_939_200_000_001, "2026-02-24T13:20:00.000001Z"),
            (Timestamp::MAX.0, "9999-12-30T21:59:59.999999Z"),
        ] {
            let time = Timestamp::from_micros(micros);
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), time);
        }
        assert!("1969-12-31T23:59:59Z".parse::<Timestamp>().is_err());
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn a_date_is_its_start_in_utc() {
        for (date, time) in [
            ("1970-01-01", "1970-01-01T00:00:00Z"),
            ("2026-02-24", "2026-02-24T00:00:00Z"),
            ("2024-02-29", "2024-02-29T01:00:00+01:00"),
        ] {
            assert_eq!(date.parse::<Timestamp>().unwrap(), time.parse().unwrap());
        }
        for wrong in
            ["2026-02-30", "2026-2-24", "20260224", "2026-02", "1969-12-31", "9999-12-31", "2026/02/24", "２026-02-2"]
        {
            let error = wrong.parse::<Timestamp>().unwrap_err();
            assert!(error.to_string().contains(wrong) && error.to_string().contains("expected"), "{error}");
        }
    }

    #[test]
    fn the_systems_time_is_taken_and_given() {
        let time: Timestamp = "2026-02-24T13:20:00.000001Z".parse().unwrap();
        let system = SystemTime::from(time);
        assert_eq!(system.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros(), 1_771_939_200_000_001);
        assert_eq!(Timestamp::try_from(system).unwrap(), time);
        assert_eq!(Timestamp::try_from(system + Duration::from_nanos(999)).unwrap(), time);
        for edge in [Timestamp::EPOCH, Timestamp::MAX] {
            assert_eq!(Timestamp::try_from(SystemTime::from(edge)).unwrap(), edge);
        }
        let micro = Duration::from_micros(1);
        for beyond in [SystemTime::UNIX_EPOCH - micro, SystemTime::from(Timestamp::MAX) + micro] {
            assert_eq!(Timestamp::try_from(beyond).unwrap_err().code(), "invalid_input");
        }
    }

    #[test]
    fn stays_in_its_range() {
        assert_eq!(Timestamp::from_micros(-1), Timestamp::EPOCH);
        assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
        assert_eq!(Timestamp::MAX.next(), None);
        assert_eq!(Timestamp::EPOCH.next(), Some(Timestamp::from_micros(1)));
        assert!(!Timestamp(-1).is_valid());
    }
}
