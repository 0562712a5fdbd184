//! Times of the years 1970 to 9999 in UTC, in microseconds, as they are stored and returned to clients.

use chrono::{DateTime, SecondsFormat, Utc};
use std::time::Duration;

/// A time. Only the clock creates the current one; other code gets it as an argument. It is always within the bounds, so
/// that a client can send back each time that was returned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

/// The length of a day.
pub const DAY: Duration = Duration::from_hours(24);

/// The longest span that a client can specify, in days: about a century.
pub const MAX_SPAN_DAYS: u32 = 36_500;

/// The error message for a text that is not a time.
pub const EXPECTED: &str = "Write a time of the years 1970 to 9999 in UTC, such as 2026-11-23T09:30:00Z (RFC 3339).";

/// 9999-12-31T23:59:59.999999Z.
const LATEST: i64 = 253_402_300_799_999_999;

impl Time {
    /// Converts microseconds since 1970-01-01T00:00:00Z. A value out of bounds becomes the nearest bound.
    pub const fn from_micros(micros: i64) -> Self {
        match micros {
            ..0 => Self(0),
            0..=LATEST => Self(micros),
            _ => Self(LATEST),
        }
    }

    /// Returns the microseconds since 1970-01-01T00:00:00Z.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since 1970-01-01T00:00:00Z, as RFC 7662 requires.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Formats the time by RFC 3339 with microseconds: `2026-11-23T09:30:00.123456Z`.
    pub fn to_text(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Micros, true)
    }

    /// Formats the time by RFC 3339 in whole seconds: `2026-11-23T09:30:00Z`.
    pub fn to_text_in_seconds(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Secs, true)
    }

    /// Parses RFC 3339 with any offset and truncates to microseconds. The bounds apply to the time in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        let micros = DateTime::parse_from_rfc3339(text).ok()?.timestamp_micros();
        (0..=LATEST).contains(&micros).then_some(Self(micros))
    }

    /// Converts the time to the type of `chrono`.
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Adds a span.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Subtracts a span.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(i64::try_from(span.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl<Zone: chrono::TimeZone> From<DateTime<Zone>> for Time {
    fn from(time: DateTime<Zone>) -> Self {
        Self::from_micros(time.timestamp_micros())
    }
}

impl std::fmt::Debug for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_survives_conversion_to_text() {
        let time = Time::from_micros(1_795_426_200_123_456);
        assert_eq!(Time::parse(&time.to_text()), Some(time));
        assert_eq!(time.to_text(), "2026-11-23T09:30:00.123456Z");
        assert_eq!(time.to_text_in_seconds(), "2026-11-23T09:30:00Z");
        assert_eq!(Time::parse("2026-11-23T10:30:00.123456+01:00"), Some(time));
        assert_eq!(Time::parse("2026-11-23"), None);
    }

    #[test]
    fn times_are_bounded_in_utc() {
        for text in ["1970-01-01T00:00:00Z", "1969-12-31T23:00:00-01:00", "9999-12-31T23:59:59.999999Z"] {
            assert!(Time::parse(text).is_some(), "{text}");
        }
        for text in [
            "9999-12-31T23:59:59-12:00",
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59.9999995-00:01",
            "10000-01-01T00:00:00Z",
            "+10000-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "1970-01-01T00:00:00+00:01",
            "0000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
        ] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn any_time_can_be_sent_back() {
        let (first, last) = (Time::from_micros(i64::MIN), Time::from_micros(i64::MAX));
        let far = Duration::from_secs(u64::MAX);
        for time in [first, last, last.plus(far), first.minus(far), first.plus(far), last.minus(far)] {
            assert_eq!(Time::parse(&time.to_text()), Some(time), "{time:?}");
            assert!(Time::parse(&time.to_text_in_seconds()).is_some(), "{time:?}");
        }
        assert_eq!(first.to_text(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(last.to_text(), "9999-12-31T23:59:59.999999Z");
    }
}
