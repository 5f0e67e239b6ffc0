//! Times as text: RFC 3339 to the microsecond, in UTC or in the local zone. A copied time means the same moment.

use jiff::tz::TimeZone;
use policy_store::Timestamp;

/// A time, to the microsecond: the same moment if it is given back, with all digits so that columns stay even.
pub fn in_full(time: Timestamp, local: bool) -> String {
    let zone = if local { TimeZone::system() } else { TimeZone::UTC };
    in_zone(time, zone, local)
}

fn in_zone(time: Timestamp, zone: TimeZone, offset: bool) -> String {
    let Ok(moment) = jiff::Timestamp::from_microsecond(time.as_micros()) else { return time.to_string() };
    let format = if offset { "%Y-%m-%dT%H:%M:%S%.6f%:z" } else { "%Y-%m-%dT%H:%M:%S%.6fZ" };
    moment.to_zoned(zone).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_microseconds_and_their_offset() {
        let time: Timestamp = "2026-02-24T13:20:05.999999Z".parse().unwrap();
        assert_eq!(in_zone(time, TimeZone::UTC, false), "2026-02-24T13:20:05.999999Z");
        let whole: Timestamp = "2026-02-24T13:20:05Z".parse().unwrap();
        assert_eq!(in_zone(whole, TimeZone::UTC, false), "2026-02-24T13:20:05.000000Z");
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(in_zone(time, east, true), "2026-02-24T15:20:05.999999+02:00");
    }
}
