//! Times as text: RFC 3339 to the second, in UTC or in the local zone.

use jiff::tz::TimeZone;
use policy_store::Timestamp;

/// A time, to the second.
pub fn to_the_second(time: Timestamp, local: bool) -> String {
    let zone = if local { TimeZone::system() } else { TimeZone::UTC };
    in_zone(time, zone, local)
}

fn in_zone(time: Timestamp, zone: TimeZone, offset: bool) -> String {
    let Ok(moment) = jiff::Timestamp::from_microsecond(time.as_micros()) else { return time.to_string() };
    let format = if offset { "%Y-%m-%dT%H:%M:%S%:z" } else { "%Y-%m-%dT%H:%M:%SZ" };
    moment.to_zoned(zone).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_end_at_the_second_and_have_their_offset() {
        let time: Timestamp = "2026-02-24T13:20:05.999999Z".parse().unwrap();
        assert_eq!(in_zone(time, TimeZone::UTC, false), "2026-02-24T13:20:05Z");
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(in_zone(time, east, true), "2026-02-24T15:20:05+02:00");
    }
}
