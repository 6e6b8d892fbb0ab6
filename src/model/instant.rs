//! Instants as tables and policies write them, in whole seconds since 1970.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// What messages say a text should have been.
pub const EXPECTED: &str = "an instant like `2026-01-31T08:00:00Z` or a date";

/// Reads RFC 3339, or a plain date: its midnight in UTC. A fraction of a second is dropped.
#[must_use]
pub fn parse(text: &str) -> Option<i64> {
    const DATE_BYTES: usize = "2026-01-31".len();
    let timestamp = if text.len() == DATE_BYTES {
        let midnight = text.parse::<Date>().ok()?.at(0, 0, 0, 0);
        TimeZone::UTC.to_timestamp(midnight).ok()?
    } else {
        text.parse::<Timestamp>().ok()?
    };
    Some(timestamp.as_second())
}

/// Writes RFC 3339 in UTC; nothing beyond the years that it knows.
#[must_use]
pub fn show(at_s: i64) -> Option<String> {
    Timestamp::from_second(at_s).ok().map(|timestamp| timestamp.to_string())
}

#[cfg(test)]
mod tests {
    use super::{parse, show};

    #[test]
    fn instants_are_read_and_written() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(parse(text).and_then(show).as_deref(), expected, "{text}");
        };
        check("2026-01-31", Some("2026-01-31T00:00:00Z"));
        check("2026-01-31T08:00:00.9Z", Some("2026-01-31T08:00:00Z"));
        check("2026-01-31T08:00:00+02:00", Some("2026-01-31T06:00:00Z"));
        check("2026-01-31T08:00:00", None);
        check("2026-02-30", None);
        check("soon", None);
        assert_eq!(show(i64::MAX), None);
    }
}
